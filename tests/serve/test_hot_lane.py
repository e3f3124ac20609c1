"""What only the hot lane sees: the bytes themselves, and the time they take."""

import asyncio
import contextlib
import random
import time

import pytest
from doorstep import JSON, Door, FakeGateway, Script, chunked, get, post, request

from trunkline.call import Call, Reply, Sink
from trunkline.serve.http import HotProtocol
from trunkline.serve.limits import Limits

# --- what is refused ---


@pytest.mark.parametrize(
    "data",
    [
        b"GET http://here/v1/models HTTP/1.1\r\nHost: here\r\n\r\n",
        b"GET /v1/models#x HTTP/1.1\r\nHost: here\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: here\r\n\r\n",
        b"CONNECT here:80 HTTP/1.1\r\nHost: here\r\n\r\n",
        b"GET /v1/models HTTP/2.0\r\nHost: here\r\n\r\n",
        b"GET /v1/models HTTP/0.9\r\nHost: here\r\n\r\n",
        b"GET /v1/models HTTP/1.2\r\nHost: here\r\n\r\n",
        b"GET /v1/models\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /v1/models HTTP/1.1\nHost: here\n\n",
        b"GET /v1/models HTTP/1.1\r\nHost: here\nX: 1\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: here\rX: 1\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: here\r\nX: 1\r\n folded\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost : here\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: here\r\nX: a\0b\r\n\r\n",
        b"GET /v1/mo\xffdels HTTP/1.1\r\nHost: here\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1, 1\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: +1\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: -1\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 0x1\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 99999999999999999999\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n1;name=value\r\na\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0;x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000001\r\na\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"EHLO here\r\n",
    ],
)
@pytest.mark.parametrize("piece", [1, 10_000])
async def test_refused(hot: Door, gateway: FakeGateway, data: bytes, piece: int) -> None:
    """Bytes that are not one plain request are a 400 in JSON, the end of the connection, and never a call."""
    client = await hot.connect()
    for start in range(0, len(data), piece):
        client.send(data[start : start + piece])
        await asyncio.sleep(0)
    answer = await client.response()
    assert (answer.status, answer.headers["connection"]) == (400, "close") or answer.status == 413
    assert answer.headers["content-type"] == "application/json"
    assert await client.rest() == b""
    assert gateway.calls == []


async def test_nothing_is_read_behind_a_refusal(hot: Door, gateway: FakeGateway) -> None:
    """What follows a refused request is never taken for a request."""
    client = await hot.connect()
    client.send(get("/v1//models") + get("/v1/secret"))
    assert (await client.response()).status == 400
    client.send(get("/v1/secret"))
    assert await client.rest() == b""
    assert gateway.calls == []


async def test_nothing_is_read_behind_a_close(hot: Door, gateway: FakeGateway) -> None:
    """What follows a request that announced the end is never taken for a request."""
    client = await hot.connect()
    client.send(get("/one", "Connection: close") + get("/two"))
    assert (await client.response()).status == 200
    await client.rest()
    assert [call.path for call in gateway.calls] == ["/one"]


async def test_refusal_waits_for_its_turn(hot: Door, gateway: FakeGateway) -> None:
    """A bad request behind a good one is refused after the good one's answer."""

    async def answer(call: Call) -> Reply:
        await asyncio.sleep(0.02)
        return Reply(status=200, headers=[JSON], body=b"{}")

    gateway.answer = answer
    client = await hot.connect()
    client.send(get("/one") + get("/two") + b"rubbish\r\n\r\n")
    assert [(await client.response()).status for _ in range(3)] == [200, 200, 400]
    assert await client.rest() == b""


async def test_trailers_are_dropped(hot: Door) -> None:
    """What stands behind a chunked body cannot change who is calling."""
    head = request("POST", "/v1/responses", "Transfer-Encoding: chunked", "Authorization: Bearer one")
    answer = await hot.ask(head + b"1\r\na\r\n0\r\nAuthorization: Bearer two\r\nX-More: 1\r\n\r\n")
    headers = answer.json["headers"]
    assert isinstance(headers, dict)
    assert headers["authorization"] == "Bearer one"
    assert "x-more" not in headers


async def test_chunk_beyond_the_limit(hot: Door) -> None:
    """A chunk that says it is too large is refused before it is sent."""
    client = await hot.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n")
    assert (await client.response()).status == 413


async def test_endless_trailer(hot: Door) -> None:
    """A trailer that does not end is refused."""
    client = await hot.connect()
    client.send(request("POST", "/v1/responses", "Transfer-Encoding: chunked") + b"0\r\nX: ")
    client.send(b"x" * 70_000)
    assert (await client.response()).status == 431


@pytest.mark.parametrize("piece", [1, 3, 16])
async def test_endless_head(hot: Door, piece: int) -> None:
    """A header or a target that does not end is refused while it comes."""
    client = await hot.connect()
    client.send(b"GET / HTTP/1.1\r\nHost: here\r\nX: ")
    for _ in range(piece):
        await asyncio.sleep(0.001)
        client.send(b"x" * (80_000 // piece))
    assert (await client.response()).status == 431
    client = await hot.connect()
    client.send(b"GET /")
    for _ in range(piece):
        await asyncio.sleep(0.001)
        client.send(b"x" * (9_000 // piece))
    assert (await client.response()).status == 414


async def test_header_injection(hot: Door, gateway: FakeGateway) -> None:
    """A line break in a header's value does not begin another header."""

    async def answer(call: Call) -> Reply:
        return Reply(status=200, headers=[(b"x-route", b"tee a\r\nx-evil: 1\0"), JSON], body=b"{}")

    gateway.answer = answer
    reply = await hot.ask(get())
    assert "x-evil" not in reply.headers
    assert reply.headers["x-route"] == "tee a  x-evil: 1 "


# --- upgrades ---


@pytest.mark.parametrize("wish", ["h2c", "websocket", "TLS/1.0"])
async def test_upgrade_is_not_heard(hot: Door, wish: str) -> None:
    """A request that would rather speak something else is served as it is, body and successors included."""
    client = await hot.connect()
    body = chunked(b"he", b"llo")
    lines = ("Connection: Upgrade, HTTP2-Settings", f"Upgrade: {wish}", "HTTP2-Settings: AAMAAABk")
    client.send(post("/v1/chat/completions", *lines, body=b"hello") + get("/next"))
    answer = await client.response()
    assert answer.json["body"] == "hello"
    assert (await client.response()).json["path"] == "/next"
    head = request("POST", "/v1/responses", *lines, "Transfer-Encoding: chunked")
    for start in range(0, len(head + body), 9):
        client.send((head + body)[start : start + 9])
        await asyncio.sleep(0)
    assert (await client.response()).json["body"] == "hello"


async def test_upgrade_and_close(hot: Door) -> None:
    """A wish that is not heard does not hide the wish to close."""
    client = await hot.connect()
    answer = await client.ask(get("/v1/models", "Connection: close, upgrade", "Upgrade: h2c"))
    assert answer.headers["connection"] == "close"
    assert await client.rest() == b""


@pytest.mark.parametrize("key", ["", "c2hvcnQ=", "dGhlIHNhbXBsZSBub25jZQ", "not base64 at all!!!!!!="])
async def test_malformed_handshake(hot: Door, key: str) -> None:
    """A handshake without a sound key is a 400."""
    lines = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}")
    who = ("Authorization: Bearer right", "User-Agent: Agents/JavaScript 0.20.0")
    assert (await hot.ask(get("/v1/responses", *lines, *who))).status == 400


async def test_farewell_waits_for_the_first_frame(hot: Door) -> None:
    """A WebSocket client is told as soon as it has spoken, however large its frame, and reads it in peace."""
    client = await hot.connect()
    lines = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    who = ("Authorization: Bearer right", "User-Agent: Agents/JavaScript 0.20.0")
    client.send(get("/v1/responses", *lines, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *who))
    assert (await client.head())[0] == 101
    client.send(b"\x81\xff" + b"x" * 1_000_000)
    frames = await client.rest()
    assert b"websocket_not_supported" in frames
    assert frames.endswith(b"\x03\xf0use HTTP")


# --- writing ---


async def test_what_was_answered_is_let_go(hot: Door) -> None:
    """A connection may wait long for its next request, and bodies are large."""
    client = await hot.connect()
    await client.ask(post(body=b"x" * 50_000))
    [connection] = hot.face.sweep.connections
    assert isinstance(connection, HotProtocol)
    assert connection.answering._asked.call.body == b""


async def test_what_nobody_waits_for_is_let_go(hot: Door, gateway: FakeGateway) -> None:
    """A cancelled task remembers where it stood: nobody must remember the task."""
    is_asked = asyncio.Event()

    async def answer(call: Call) -> Reply:
        is_asked.set()
        await asyncio.sleep(60)
        raise AssertionError

    gateway.answer = answer
    client = await hot.connect()
    client.send(post())
    async with asyncio.timeout(5):
        await is_asked.wait()
        [connection] = hot.face.sweep.connections
        client.abort()
        while hot.face.sweep.connections:  # noqa: ASYNC110 - a lost connection has no event
            await asyncio.sleep(0.001)
    assert isinstance(connection, HotProtocol)
    assert connection.answering._task is None


async def test_stream_shares_the_first_write(hot: Door, gateway: FakeGateway) -> None:
    """Head and first event leave together when the event is there at once."""

    async def pour(sink: Sink) -> None:
        sink.write(b"data: 1\n\n")
        await asyncio.sleep(0.05)

    async def answer(call: Call) -> Reply:
        return Reply(status=200, headers=[], body=Script(pour))

    gateway.answer = answer
    client = await hot.connect()
    client.send(get())
    first = await client.reader.read(65_536)
    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert first.endswith(b"\r\n\r\n9\r\ndata: 1\n\n\r\n")


async def test_events_that_come_together(hot: Door, gateway: FakeGateway) -> None:
    """What is poured at once is one write and one chunk, with the end if it is known."""

    async def pour(sink: Sink) -> None:
        sink.write(b"one")
        sink.write(b"two")

    async def answer(call: Call) -> Reply:
        return Reply(status=200, headers=[], body=Script(pour))

    gateway.answer = answer
    client = await hot.connect()
    client.send(get())
    assert (await client.reader.read(65_536)).endswith(b"\r\n\r\n6\r\nonetwo\r\n0\r\n\r\n")


async def test_stream_to_http_1_0(hot: Door, gateway: FakeGateway) -> None:
    """HTTP/1.0 knows no chunks: the stream ends with the connection."""

    async def pour(sink: Sink) -> None:
        sink.write(b"data: 1\n\n")
        sink.write(b"data: 2\n\n")

    async def answer(call: Call) -> Reply:
        return Reply(status=200, headers=[], body=Script(pour))

    gateway.answer = answer
    client = await hot.connect()
    reply = await client.ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert reply.body == b"data: 1\n\ndata: 2\n\n"
    assert "transfer-encoding" not in reply.headers


async def test_reading_ahead_is_bounded(hot: Door, gateway: FakeGateway) -> None:
    """A client that sends far ahead of the answers is held back, and served in the end."""
    go = asyncio.Event()

    async def answer(call: Call) -> Reply:
        await go.wait()
        return Reply(status=200, headers=[], body=call.body[:1])

    gateway.answer = answer
    client = await hot.connect()
    client.send(post(body=b"0"))
    await asyncio.sleep(0.01)
    for number in range(1, 10):
        client.send(post(body=b"%d" % number * 99_000))
    await asyncio.sleep(0.05)
    (connection,) = hot.state.connections
    assert connection.flow.read_paused
    go.set()
    assert [(await client.response()).body for _ in range(10)] == [b"%d" % n for n in range(10)]


async def test_next_request_waits_for_the_reader(hot: Door, gateway: FakeGateway) -> None:
    """Large replies do not pile up for a client that asks and does not read."""

    async def answer(call: Call) -> Reply:
        return Reply(status=200, headers=[], body=b"x" * 8_000_000)

    gateway.answer = answer
    client = await hot.connect(limit=1_000)
    client.send(get() * 20)
    await asyncio.sleep(0.1)
    assert len(gateway.calls) <= 2
    async with asyncio.timeout(20):
        for _ in range(20):
            await client.head()
            await client.reader.readexactly(8_000_000)


@pytest.mark.parametrize("limits", [Limits(body_bytes=1_000, linger_bytes=1_000_000)])
async def test_refused_sender(hot: Door) -> None:
    """A refused sender is not read without end, however fast it sends."""
    client = await hot.connect()
    answer = await client.ask(request("POST", "/", "Content-Length: 500000000"))
    assert answer.status == 413

    async def go_on() -> None:
        for _ in range(1_000):
            client.send(bytes(100_000))
            await client.writer.drain()

    with pytest.raises(ConnectionError):
        await go_on()


# --- time ---

TICK = 0.02


@pytest.mark.parametrize("limits", [Limits(sweep_seconds=TICK, head_seconds=0.1, linger_seconds=0.1)])
class TestSlowHead:
    async def test_slow_head(self, hot: Door) -> None:
        """A head that does not end in time is a 408, however steadily it drips."""
        client = await hot.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: here\r\n")
        started = time.monotonic()
        while not client.reader.at_eof() and time.monotonic() - started < 2:
            client.send(b"X: 1\r\n")
            await asyncio.sleep(TICK)
            if hot.gateway.drawn:
                break
        answer = await client.response()
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert await client.rest() == b""

    async def test_silent_connection(self, hot: Door) -> None:
        """A connection on which nothing is ever asked is closed without a word."""
        client = await hot.connect()
        assert await client.rest() == b""

    async def test_blank_lines(self, hot: Door) -> None:
        """Blank lines are no request, and do not keep a connection open."""
        client = await hot.connect()
        for _ in range(100):
            if client.writer.is_closing() or client.reader.at_eof():
                return
            client.send(b"\r\n")
            await asyncio.sleep(TICK)
        raise AssertionError("still open")


@pytest.mark.parametrize("limits", [Limits(sweep_seconds=TICK, body_idle_seconds=0.1, linger_seconds=0.1)])
class TestSlowBody:
    async def test_silent_body(self, hot: Door, gateway: FakeGateway) -> None:
        """A body that stops coming is a 408, and never a call."""
        client = await hot.connect()
        answer = await client.ask(request("POST", "/", "Content-Length: 10") + b"12345")
        assert answer.status == 408
        assert gateway.calls == []

    async def test_dripping_body(self, hot: Door) -> None:
        """A body that comes too slowly on the whole is a 408 as well."""
        client = await hot.connect()
        client.send(request("POST", "/", "Content-Length: 1000"))
        for _ in range(100):
            client.send(b"x")
            await asyncio.sleep(TICK)
            if hot.gateway.drawn:
                break
        assert (await client.response()).status == 408

    async def test_slow_answer(self, hot: Door, gateway: FakeGateway) -> None:
        """The gateway may take its time: deadlines are for what the client sends."""

        async def answer(call: Call) -> Reply:
            await asyncio.sleep(0.3)
            return Reply(status=200, headers=[], body=b"late")

        gateway.answer = answer
        assert (await hot.ask(post(body=b"x"))).body == b"late"


@pytest.mark.parametrize("limits", [Limits(sweep_seconds=TICK, keep_alive_seconds=0.1)])
async def test_idle_connection(hot: Door) -> None:
    """A connection that has been idle long enough is closed, after its last answer and not before."""
    client = await hot.connect()
    for _ in range(4):
        assert (await client.ask(get())).status == 200
        await asyncio.sleep(0.05)
    assert await client.rest() == b""


@pytest.mark.parametrize("limits", [Limits(sweep_seconds=TICK, write_idle_seconds=0.1)])
async def test_client_that_never_reads(hot: Door, gateway: FakeGateway) -> None:
    """A client that leaves a full buffer untouched is cut, and its stream with it."""

    async def pour(sink: Sink) -> None:
        for _ in range(200):
            sink.write(b"x" * 100_000)
        await asyncio.sleep(60)

    script = Script(pour)

    async def answer(call: Call) -> Reply:
        return Reply(status=200, headers=[], body=script)

    gateway.answer = answer
    client = await hot.connect(limit=1_000)
    client.send(get())
    async with asyncio.timeout(2):
        await script.is_over.wait()
    assert script.ended == "cancelled"


@pytest.mark.parametrize("when", ["reply", "stream"])
async def test_gateway_that_does_not_hear(
    hot: Door, gateway: FakeGateway, caplog: pytest.LogCaptureFixture, when: str
) -> None:
    """A gateway that goes on after the client has left writes to nobody, without a fuss."""
    started, ended = asyncio.Event(), asyncio.Event()

    async def deaf() -> None:
        started.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)

    async def pour(sink: Sink) -> None:
        await deaf()
        sink.write(b"late")
        ended.set()

    script = Script(pour)

    async def answer(call: Call) -> Reply:
        if when == "reply":
            await deaf()
            ended.set()
        return Reply(status=200, headers=[], body=script)

    gateway.answer = answer
    client = await hot.connect()
    client.send(get())
    await started.wait()
    client.abort()
    async with asyncio.timeout(1):
        await ended.wait()
        await script.is_over.wait()
    assert script.ended == ("closed" if when == "reply" else "well")
    assert "bug" not in caplog.text


async def test_cancelled_between_requests(hot: Door) -> None:
    """A connection whose task the server cancels while it is idle is closed: nobody would answer on it."""
    client = await hot.connect()
    assert (await client.ask(get())).status == 200
    (task,) = hot.state.tasks
    task.cancel()
    assert await client.rest() == b""


async def test_many_clients_leave(hot: Door, gateway: FakeGateway) -> None:
    """Clients that leave at every moment leave nothing behind."""

    async def answer(call: Call) -> Reply:
        await asyncio.sleep(0.005)
        return Reply(status=200, headers=[], body=b"x" * 10_000)

    gateway.answer = answer
    data = post(body=b"x" * 100)
    for cut in range(0, len(data) * 3, 17):
        client = await hot.connect()
        client.send((data * 3)[:cut])
        await asyncio.sleep(0.001 * (cut % 5))
        client.abort()
    assert (await hot.ask(get())).status == 200


# --- everything at once ---

SEEDS = [
    get(),
    get("/", "Connection: close"),
    post(body=b"hello"),
    post("/x", "Connection: Upgrade", "Upgrade: h2c", body=b"abc"),
    request("POST", "/", "Transfer-Encoding: chunked") + chunked(b"he", b"llo"),
    request("POST", "/", "Expect: 100-continue", "Content-Length: 3") + b"abc",
    b"GET / HTTP/1.0\r\n\r\n",
]
TOKENS = [b"\r\n", b"\n", b":", b" ", b"\0", b";", b"%2f", b"Upgrade: h2c\r\n", b"Content-Length: 5\r\n", b"HTTP/1.1"]


def mutated(chance: random.Random) -> bytes:
    data = bytearray(b"".join(chance.choices(SEEDS, k=chance.randint(1, 4))))
    for _ in range(chance.randint(0, 4)):
        at = chance.randrange(len(data))
        match chance.randrange(3):
            case 0:
                data[at:at] = chance.choice(TOKENS)
            case 1:
                del data[at : at + chance.randint(1, 6)]
            case _:
                data[at] = chance.randrange(256)
    return bytes(data)


@pytest.mark.parametrize(
    "limits", [Limits(sweep_seconds=TICK, head_seconds=0.2, body_idle_seconds=0.2, keep_alive_seconds=0.2)]
)
@pytest.mark.parametrize("seed", range(3))
async def test_mutations(hot: Door, caplog: pytest.LogCaptureFixture, seed: int) -> None:
    """Whatever is sent, in whatever pieces, the connection comes to an end and no bug shows."""
    chance = random.Random(seed)

    async def visit() -> None:
        client = await hot.connect()
        data = mutated(chance)
        piece = chance.choice([1, 7, 50, 10_000])
        for start in range(0, len(data), piece):
            if client.writer.is_closing():
                break
            client.send(data[start : start + piece])
            await asyncio.sleep(0)
        with contextlib.suppress(ConnectionError):
            await client.rest()

    await asyncio.gather(*[visit() for _ in range(100)])
    assert "bug" not in caplog.text
