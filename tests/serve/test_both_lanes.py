"""What a client sees, whichever lane serves it."""

import asyncio
import gzip
import zlib

import pytest
from backports import zstd
from doorstep import JSON, Client, Door, FakeGateway, Script, Tap, chunked, get, post, request

from trunkline.call import Call, Reply, Sink
from trunkline.errors import NotFound

SSE = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]


def stream(*parts: bytes) -> Script:
    async def pour(sink: Sink) -> None:
        for part in parts:
            sink.write(part)

    return Script(pour)


def pours(gateway: FakeGateway, script: Script) -> None:
    async def answer(call: Call) -> Reply:
        return Reply(status=200, headers=SSE, body=script)

    gateway.answer = answer


async def test_call_as_it_came(door: Door) -> None:
    """Method, path, query, headers, body and peer reach the gateway as they were sent."""
    answer = await door.ask(post("/v1/responses?a=1&b=%2F", "X-Thing: One  two", body=b'{"model":"m"}'))
    assert answer.status == 200
    assert answer.json["method"] == "POST"
    assert answer.json["path"] == "/v1/responses"
    assert answer.json["query"] == "a=1&b=%2F"
    assert answer.json["headers"] == {"host": "here", "content-length": "13", "x-thing": "One  two"}
    assert answer.json["body"] == '{"model":"m"}'
    assert answer.json["peer"] == "127.0.0.1"


async def test_reply_head(door: Door) -> None:
    """A reply tells its length and the date, and not who serves it."""
    answer = await door.ask(get())
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["date"].endswith(" GMT")
    assert "server" not in answer.headers
    assert "connection" not in answer.headers


async def test_keep_alive(door: Door) -> None:
    """A connection serves one request after the other."""
    client = await door.connect()
    for number in range(3):
        answer = await client.ask(post(body=b"%d" % number))
        assert answer.json["body"] == str(number)


async def test_connection_close(door: Door) -> None:
    """A client that says so gets its answer, and then the end."""
    client = await door.connect()
    answer = await client.ask(get("/v1/models", "Connection: close"))
    assert answer.headers["connection"] == "close"
    assert await client.rest() == b""


async def test_http_1_0(door: Door) -> None:
    """HTTP/1.0 needs no host, and closes."""
    client = await door.connect()
    answer = await client.ask(b"GET /v1/models HTTP/1.0\r\n\r\n")
    assert answer.json["path"] == "/v1/models"
    assert await client.rest() == b""


async def test_head(door: Door) -> None:
    """HEAD gets the head of the reply and no body."""
    client = await door.connect()
    answer = await client.ask(request("HEAD", "/health"), "HEAD")
    assert answer.status == 200
    assert int(answer.headers["content-length"]) > 0
    assert (await client.ask(get())).status == 200


async def test_head_of_a_stream(door: Door, gateway: FakeGateway) -> None:
    """A stream that nobody asked to see is closed, not poured."""
    script = stream(b"data: never\n\n")
    pours(gateway, script)
    client = await door.connect()
    await client.ask(request("HEAD", "/health"), "HEAD")
    await script.is_over.wait()
    assert script.ended == "closed"


async def test_no_content(door: Door, gateway: FakeGateway) -> None:
    """A 204 has neither body nor length."""

    async def answer(call: Call) -> Reply:
        return Reply(status=204, headers=[])

    gateway.answer = answer
    client = await door.connect()
    reply = await client.ask(get())
    assert reply.status == 204
    assert "content-length" not in reply.headers
    assert (await client.ask(get())).status == 204


async def test_body_in_pieces(door: Door) -> None:
    """A body may come byte by byte, and so may the head."""
    client = await door.connect()
    for byte in post(body=b"hello"):
        client.send(bytes([byte]))
        await asyncio.sleep(0)
    assert (await client.response()).json["body"] == "hello"


async def test_chunked_body(door: Door) -> None:
    """A chunked body arrives whole, in any pieces."""
    client = await door.connect()
    head = request("POST", "/v1/responses", "Transfer-Encoding: chunked")
    whole = head + chunked(b"he", b"l" * 300, b"o")
    assert (await client.ask(whole)).json["body"] == "he" + "l" * 300 + "o"
    for start in range(0, len(whole), 7):
        client.send(whole[start : start + 7])
        await asyncio.sleep(0)
    assert (await client.response()).json["body"] == "he" + "l" * 300 + "o"


async def test_expect_continue(door: Door) -> None:
    """A client that asks first is told to send its body."""
    client = await door.connect()
    client.send(request("POST", "/v1/responses", "Expect: 100-continue", "Content-Length: 2"))
    assert await client.line() == b"HTTP/1.1 100 Continue\r\n"
    assert await client.line() == b"\r\n"
    assert (await client.ask(b"ok")).json["body"] == "ok"


async def test_expect_continue_too_large(door: Door) -> None:
    """A body that would be refused is not asked for."""
    answer = await door.ask(request("POST", "/v1/responses", "Expect: 100-continue", "Content-Length: 100001"))
    assert answer.status == 413


async def test_pipelining(door: Door, gateway: FakeGateway) -> None:
    """Requests sent ahead are answered in their order, however long each takes."""

    async def answer(call: Call) -> Reply:
        await asyncio.sleep(0.02 if call.body == b"first" else 0)
        return Reply(status=200, headers=[JSON], body=call.body + call.path.encode())

    gateway.answer = answer
    client = await door.connect()
    middle = request("POST", "/b", "Transfer-Encoding: chunked") + chunked(b"sec", b"ond")
    client.send(post("/a", body=b"first") + middle + get("/c") + get("/d", "Connection: close"))
    bodies = [(await client.response()).body for _ in range(4)]
    assert bodies == [b"first/a", b"second/b", b"/c", b"/d"]
    assert await client.rest() == b""


# --- streams ---


async def test_stream(door: Door, gateway: FakeGateway) -> None:
    """A stream is chunked, says what the gateway said, tells no length, and leaves the connection usable."""
    pours(gateway, stream(b"data: 1\n\n", b"data: 2\n\n"))
    client = await door.connect()
    for _ in range(2):
        answer = await client.ask(post(body=b"{}"))
        assert answer.body == b"data: 1\n\ndata: 2\n\n"
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["x-accel-buffering"] == "no"
        assert "content-length" not in answer.headers


async def test_stream_arrives_as_it_is_made(door: Door, gateway: FakeGateway) -> None:
    """The head comes before the first event, and each event when it is written."""
    step = asyncio.Event()

    async def pour(sink: Sink) -> None:
        for part in (b"one", b"two"):
            await step.wait()
            step.clear()
            sink.write(part)

    pours(gateway, Script(pour))
    client = await door.connect()
    client.send(post(body=b"{}"))
    assert (await client.head())[0] == 200
    step.set()
    assert await client.chunk() == b"one"
    step.set()
    assert await client.chunk() == b"two"
    assert await client.chunk() == b""


async def test_empty_stream(door: Door, gateway: FakeGateway) -> None:
    """A stream without an event is a complete reply, and an empty write is not its end."""
    pours(gateway, stream(b"", b""))
    client = await door.connect()
    assert (await client.ask(post(body=b"{}"))).body == b""
    assert (await client.ask(post(body=b"{}"))).body == b""


async def test_broken_stream(door: Door, gateway: FakeGateway) -> None:
    """A stream that fails, against its promise, is cut: it never looks complete."""

    async def pour(sink: Sink) -> None:
        sink.write(b"half")
        raise ValueError

    pours(gateway, Script(pour))
    client = await door.connect()
    client.send(post(body=b"{}"))
    try:
        received = await client.rest()
    except ConnectionError:
        received = b""
    assert not received.endswith(b"0\r\n\r\n")


async def leave(client: Client, how: str) -> None:
    if how == "reset":
        client.abort()
    else:
        await client.close()


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_client_leaves_stream(door: Door, gateway: FakeGateway, how: str) -> None:
    """A client that leaves ends the pouring at once, even while the upstream is silent."""

    async def pour(sink: Sink) -> None:
        sink.write(b"data: 1\n\n")
        await asyncio.sleep(60)

    script = Script(pour)
    pours(gateway, script)
    client = await door.connect()
    client.send(post(body=b"{}"))
    await client.head()
    assert await client.chunk() == b"data: 1\n\n"
    await leave(client, how)
    async with asyncio.timeout(1):
        await script.is_over.wait()
    assert script.ended == "cancelled"


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_client_leaves_before_the_reply(door: Door, gateway: FakeGateway, how: str) -> None:
    """A client that leaves while the gateway is still at it cancels that."""
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def answer(call: Call) -> Reply:
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return Reply(status=200, headers=[])

    gateway.answer = answer
    client = await door.connect()
    client.send(post(body=b"x" * 70_000))
    await started.wait()
    await leave(client, how)
    async with asyncio.timeout(1):
        await cancelled.wait()


async def test_slow_reader(door: Door, gateway: FakeGateway) -> None:
    """A client that does not read pauses the source, and resumes it when it reads on; no byte is lost."""
    tap = Tap()
    part = b"x" * 65_536
    written = 0

    async def pour(sink: Sink) -> None:
        nonlocal written
        sink.attach(tap)
        for _ in range(400):
            await tap.is_open.wait()
            sink.write(part)
            written += len(part)
            await asyncio.sleep(0)

    pours(gateway, Script(pour))
    client = await door.connect(limit=65_536)
    client.send(post(body=b"{}"))
    await client.head()
    async with asyncio.timeout(5):
        await tap.is_shut.wait()
    # What the kernel's buffers hold is not ours to bound; the rest stays with the source.
    assert written < 400 * len(part)
    received = 0
    async with asyncio.timeout(20):
        while chunk := await client.chunk():
            received += len(chunk)
    assert received == 400 * len(part)
    assert tap.resumes >= 1


# --- errors ---


async def test_gateway_raises(door: Door, gateway: FakeGateway) -> None:
    """An error that the gateway lets fly is drawn all the same."""

    async def answer(call: Call) -> Reply:
        raise NotFound("no such thing")

    gateway.answer = answer
    answer_ = await door.ask(get("/nowhere"))
    assert (answer_.status, answer_.error["message"]) == (404, "no such thing")


async def test_bug(door: Door, gateway: FakeGateway, caplog: pytest.LogCaptureFixture) -> None:
    """A bug is a 500 that says nothing, and a log line that says where but not what."""

    async def answer(call: Call) -> Reply:
        raise ValueError(call.body)

    gateway.answer = answer
    reply = await door.ask(post(body=b"secret"))
    assert (reply.status, reply.error["message"]) == (500, "internal error")
    assert "ValueError" in caplog.text
    assert "secret" not in caplog.text


# --- limits ---


async def test_declared_body_too_large(door: Door, gateway: FakeGateway) -> None:
    """A body that says it is too large is refused before it is sent, and the connection ends."""
    client = await door.connect()
    answer = await client.ask(request("POST", "/v1/responses", "Content-Length: 100001"))
    assert (answer.status, answer.error["code"]) == (413, "request_too_large")
    assert answer.headers["connection"] == "close"
    assert await client.rest() == b""
    assert gateway.calls == []


async def test_body_of_exactly_the_limit(door: Door) -> None:
    """The limit itself is allowed."""
    assert (await door.ask(post(body=b"x" * 100_000))).status == 200


async def test_chunked_body_too_large(door: Door, gateway: FakeGateway) -> None:
    """A body that does not say its length is counted as it comes."""
    client = await door.connect()
    client.send(request("POST", "/v1/responses", "Transfer-Encoding: chunked"))
    client.send(chunked(*[b"x" * 10_000] * 11))
    assert (await client.response()).status == 413
    assert gateway.calls == []


async def test_refused_sender_reads_the_answer(door: Door) -> None:
    """A client in the middle of sending a body that is refused still gets to read why."""
    client = await door.connect()
    client.send(request("POST", "/v1/responses", "Content-Length: 1000000") + b"x" * 1_000_000)
    assert (await client.response()).status == 413


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(b"hello " * 1000, mtime=0)),
        ("x-gzip", gzip.compress(b"hello " * 1000, mtime=0)),
        ("GZIP", gzip.compress(b"hello " * 500, mtime=0) + gzip.compress(b"hello " * 500, mtime=0)),
        ("deflate", zlib.compress(b"hello " * 1000)),
        ("deflate", zlib.compress(b"hello " * 1000, wbits=-15)),
        ("zstd", zstd.compress(b"hello " * 1000)),
        ("identity", b"hello " * 1000),
    ],
)
async def test_compressed_body(door: Door, coding: str, packed: bytes) -> None:
    """A compressed body reaches the gateway decoded."""
    answer = await door.ask(post("/v1/responses", f"Content-Encoding: {coding}", body=packed))
    assert answer.json["body"] == "hello " * 1000


@pytest.mark.parametrize(
    ("coding", "packed"),
    [("gzip", gzip.compress(b"x" * 200_000, mtime=0)), ("zstd", zstd.compress(b"x" * 200_000))],
)
async def test_compression_bomb(door: Door, coding: str, packed: bytes) -> None:
    """The limit holds for what a body becomes."""
    answer = await door.ask(post("/v1/responses", f"Content-Encoding: {coding}", body=packed))
    assert answer.status == 413


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "compress"])
async def test_unknown_coding(door: Door, coding: str) -> None:
    """A coding that is not known here is a 415 that names the header."""
    answer = await door.ask(post("/v1/responses", f"Content-Encoding: {coding}", body=b"x"))
    assert (answer.status, answer.error["param"]) == (415, "content-encoding")


@pytest.mark.parametrize("packed", [b"no gzip", gzip.compress(b"hello", mtime=0)[:-3]])
async def test_broken_coding(door: Door, packed: bytes) -> None:
    """A body that is not what it says is a 400."""
    answer = await door.ask(post("/v1/responses", "Content-Encoding: gzip", body=packed))
    assert (answer.status, answer.error["param"]) == (400, "content-encoding")


async def test_too_many_headers(door: Door) -> None:
    """A hundred header fields are enough."""
    assert (await door.ask(get("/", *[f"X-{n}: 1" for n in range(99)]))).status == 200
    answer = await door.ask(get("/", *[f"X-{n}: 1" for n in range(100)]))
    assert (answer.status, answer.error["code"]) == (431, "headers_too_large")
    answer = await door.ask(get("/", *["X-Same: 1" for _ in range(100)]))
    assert answer.status == 431


async def test_head_too_large(door: Door) -> None:
    """A head may have 64 KiB, in one field or in many."""
    assert (await door.ask(get("/", *[f"X-{n}: {'v' * 6000}" for n in range(10)]))).status == 200
    assert (await door.ask(get("/", *[f"X-{n}: {'v' * 7000}" for n in range(10)]))).status == 431
    assert (await door.ask(get("/", *[f"X-Same: {'v' * 7000}" for n in range(10)]))).status == 431
    assert (await door.ask(get("/", f"X-One: {'v' * 66_000}"))).status == 431


async def test_target_too_long(door: Door) -> None:
    """A target may have 8 KiB."""
    assert (await door.ask(get("/" + "a" * 8191))).status == 200
    answer = await door.ask(get("/" + "a" * 8192))
    assert (answer.status, answer.error["code"]) == (414, "target_too_long")


# --- what is refused ---


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "X-Api-Key",
        "Content-Type",
        "Content-Encoding",
        "X-Goog-Api-Key",
        "Host",
        "X-Trunkline-Path",
        "X-Trunkline-Labels",
    ],
)
async def test_repeated_header(door: Door, gateway: FakeGateway, name: str) -> None:
    """A header that decides something may not come twice; the error names it."""
    answer = await door.ask(get("/v1/models", f"{name}: a", f"{name.lower()}: a"))
    assert (answer.status, answer.error["param"]) == (400, name.lower())
    assert answer.headers["connection"] == "close"
    assert gateway.calls == []


async def test_harmless_repeat(door: Door) -> None:
    """Of other headers the last value is kept."""
    answer = await door.ask(get("/v1/models", "X-Thing: 1", "X-Thing: 2"))
    assert answer.json["headers"]["x-thing"] == "2"


@pytest.mark.parametrize(
    "path",
    [
        "//v1/models",
        "/v1//models",
        "/v1/models/",
        "/v1/../admin",
        "/v1/./models",
        "/..",
        "/v1%2fmodels",
        "/v1%2Fmodels",
        "/v1/files/a%2Fb",
        "/v1%5cmodels",
        "/v1/%2e%2e/admin",
        "/v1/models%00",
        "/v1/models%0a",
        "/v1/models%0D%0Ax",
        "/v1/models%7f",
        "/v1/%252e%252e/admin",
        "/v1/models/a%2F%2Fb",
        "/v1/models/a%2F..%2Fb",
        "/v1/models/a%5Cb",
        "/v1/models%",
        "/v1/models%2",
        "/v1/models%zz",
        "/v1\\models",
    ],
)
async def test_refused_path(door: Door, gateway: FakeGateway, path: str) -> None:
    """A path that somebody else may read as another one is refused, as JSON."""
    answer = await door.ask(get(path))
    if path == "/v1/models/":
        assert answer.status == 200
    else:
        assert answer.status == 400
        assert answer.headers["content-type"] == "application/json"
        assert gateway.calls == []


@pytest.mark.parametrize("path", ["/v1/models/openai%2Fgpt-5-mini", "/models/openai%2fgpt-5-mini", "/v1/caf%C3%A9"])
async def test_accepted_escape(door: Door, path: str) -> None:
    """An encoded slash in a model's id passes as it is, and so does what is not ASCII."""
    assert (await door.ask(get(path))).json["path"] == path


@pytest.mark.parametrize("line", ["Expect: tea", "Content-Length: 5\r\nTransfer-Encoding: chunked"])
async def test_refused_head(door: Door, line: str) -> None:
    """What cannot be met or can be read in two ways is a 400."""
    assert (await door.ask(get("/v1/models", line))).status == 400


@pytest.mark.parametrize("coding", ["gzip, chunked", "identity", "chunked, identity", "xchunked"])
async def test_refused_transfer_coding(door: Door, gateway: FakeGateway, coding: str) -> None:
    """A body comes chunked or by length, and in no other way."""
    client = await door.connect()
    answer = await client.ask(request("POST", "/v1/responses", f"Transfer-Encoding: {coding}") + b"0\r\n\r\n")
    assert answer.status == 400
    await client.rest()
    assert gateway.calls == []


async def test_missing_host(door: Door) -> None:
    """HTTP/1.1 names its host."""
    answer = await door.ask(b"GET /v1/models HTTP/1.1\r\n\r\n")
    assert (answer.status, answer.error["param"]) == (400, "host")


# --- base path ---


@pytest.mark.parametrize("base_path", ["/llm", "/llm/"])
async def test_base_path(door: Door) -> None:
    """The base path is taken off, and what is outside is not found."""
    assert (await door.ask(get("/llm/v1/models?x=1"))).json["path"] == "/v1/models"
    assert (await door.ask(get("/llm/v1/models/a%2Fb"))).json["path"] == "/v1/models/a%2Fb"
    for outside in ("/v1/models", "/llmv1/models", "/"):
        assert (await door.ask(get(outside))).status == 404
    answer = await door.ask(get("/llm//x"))
    assert (answer.status, answer.json["path"]) == (400, "//x")
    assert (await door.ask(get("/llm"))).json["path"] == "/"


# --- WebSocket ---

UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


@pytest.mark.parametrize("path", ["/v1/responses", "/responses"])
async def test_upgrade_by_the_javascript_sdk(door: Door, path: str) -> None:
    """The SDK that hangs on a refusal is let in, told to use HTTP, and sent away with 1008."""
    client = await door.connect()
    client.send(get(path, *UPGRADE, "Authorization: Bearer right", "User-Agent: Agents/JavaScript 0.20.0"))
    status, headers, _ = await client.head()
    assert status == 101
    assert headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    frames = await client.rest() if door.lane == "hot" else await client.reader.read(65_536)
    assert frames[0] == 0x81
    assert frames[1] == 126
    size = int.from_bytes(frames[2:4], "big")
    event = frames[4 : 4 + size].decode()
    assert '"websocket_not_supported"' in event
    if len(frames) == 4 + size:
        frames += await client.reader.read(100)
    assert frames[4 + size] == 0x88
    assert int.from_bytes(frames[6 + size : 8 + size], "big") == 1008


async def test_upgrade_by_others(door: Door) -> None:
    """Everybody else gets a 426 that says what to use."""
    answer = await door.ask(get("/v1/responses", *UPGRADE, "Authorization: Bearer right", "User-Agent: codex"))
    assert (answer.status, answer.error["code"]) == (426, "websocket_not_supported")
    assert answer.headers["upgrade"] == "HTTP/1.1"


async def test_upgrade_with_a_wrong_key(door: Door) -> None:
    """Who may not come in is told that first."""
    for agent in ("codex", "Agents/JavaScript 0.20.0"):
        answer = await door.ask(get("/v1/responses", *UPGRADE, "Authorization: Bearer wrong", f"User-Agent: {agent}"))
        assert answer.status == 401


async def test_upgrade_elsewhere(door: Door) -> None:
    """On any other route the wish for a WebSocket is not heard, and the route answers."""
    answer = await door.ask(get("/v1/models", *UPGRADE))
    assert answer.status == 200
    assert answer.json["path"] == "/v1/models"
