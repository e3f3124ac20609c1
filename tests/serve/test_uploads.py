"""Bodies that are handed over as they come, whichever lane serves them."""

import asyncio

import pytest
from doorstep import JSON, Client, Door, FakeGateway, chunked, post, request

from trunkline.call import Call, Reply
from trunkline.errors import Forbidden, TrunklineError
from trunkline.serve.limits import Limits

KEY = "Authorization: Bearer right"
ROUTE = "/v1/files"


class Taker:
    """Reads uploads whole, one piece after the other, when it is let; remembers how that ended."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.has_read = asyncio.Event()
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.is_started = asyncio.Event()
        self.is_over = asyncio.Event()
        self.ended = ""

    async def __call__(self, call: Call) -> Reply:
        self.is_started.set()
        assert call.upload is not None
        try:
            await self.may_read.wait()
            while piece := await call.upload.read():
                self.pieces.append(piece)
                self.has_read.set()
            self.ended = "well"
        except TrunklineError as error:
            self.ended = type(error).__name__
            raise
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise
        finally:
            self.is_over.set()
        return Reply(status=200, headers=[JSON], body=b"%d" % sum(map(len, self.pieces)))

    async def over(self) -> str:
        async with asyncio.timeout(5):
            await self.is_over.wait()
        return self.ended


@pytest.fixture
def limits() -> Limits:
    return Limits(body_bytes=1_000, upload_bytes=4_000_000, sweep_seconds=0.02, linger_seconds=0.2)


@pytest.fixture
def taker(gateway: FakeGateway) -> Taker:
    gateway.answer = taker = Taker()
    return taker


def head(*lines: str, length: int | None = None) -> bytes:
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return request("POST", ROUTE, KEY, framing, *lines)


async def _send_slowly(client: Client, data: bytes) -> None:
    client.send(data)
    await client.writer.drain()


async def test_larger_than_a_body(door: Door, taker: Taker) -> None:
    """An upload may be larger than any other body."""
    answer = await door.ask(post(ROUTE, KEY, body=b"x" * 50_000))
    assert answer.body == b"50000"
    assert b"".join(taker.pieces) == b"x" * 50_000


async def test_chunked(door: Door, taker: Taker) -> None:
    """A chunked upload arrives without its framing."""
    answer = await door.ask(head() + chunked(b"one", b"two"))
    assert answer.body == b"6"
    assert b"".join(taker.pieces) == b"onetwo"


async def test_empty(door: Door, taker: Taker) -> None:
    """An upload without a byte has an end all the same."""
    assert (await door.ask(post(ROUTE, KEY))).body == b"0"


async def test_handed_over_as_it_comes(door: Door, taker: Taker) -> None:
    """What has come can be read before the rest is there."""
    client = await door.connect()
    client.send(head(length=6) + b"one")
    async with asyncio.timeout(5):
        await taker.has_read.wait()
    assert taker.pieces == [b"one"]
    client.send(b"two")
    assert (await client.response()).body == b"6"


async def test_connection_goes_on(door: Door, taker: Taker) -> None:
    """Behind an upload that was taken whole the connection serves the next request."""
    client = await door.connect()
    assert (await client.ask(post(ROUTE, KEY, body=b"one"))).body == b"3"
    assert (await client.ask(post(ROUTE, KEY, body=b"two"))).body == b"6"


async def test_sent_ahead(hot: Door, taker: Taker) -> None:
    """An upload that was sent before the last answer came waits for it."""
    taker.may_read.clear()
    client = await hot.connect()
    client.send(post(ROUTE, KEY, body=b"one") + post(ROUTE, KEY, body=b"two"))
    await taker.is_started.wait()
    taker.may_read.set()
    assert (await client.response()).body == b"3"
    assert (await client.response()).body == b"6"


async def test_no_key(door: Door, gateway: FakeGateway) -> None:
    """Of a caller who is not known the body is not read, however small."""
    client = await door.connect()
    client.send(request("POST", ROUTE, "Content-Length: 4000000"))
    answer = await client.response()
    assert answer.status == 401
    assert answer.headers["connection"] == "close"
    assert not gateway.calls


async def test_other_methods(door: Door, gateway: FakeGateway) -> None:
    """Only a post brings an upload there."""
    assert (await door.ask(request("GET", ROUTE))).status == 200
    assert gateway.calls[0].upload is None


async def test_length_over_the_limit(door: Door, gateway: FakeGateway) -> None:
    """An upload that says that it is too large is refused before its first byte."""
    client = await door.connect()
    client.send(head(length=4_000_001))
    answer = await client.response()
    assert answer.status == 413
    assert "4000000" in answer.error["message"]
    assert not gateway.calls


async def test_grown_over_the_limit(door: Door, taker: Taker) -> None:
    """An upload of unknown length is refused when it has grown too large, before all of it was read."""
    client = await door.connect()
    client.send(head())
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    for _ in range(62):
        await _send_slowly(client, chunk)
    answer = await client.response()
    assert answer.status == 413
    assert await taker.over() == "TooLarge"
    assert sum(map(len, taker.pieces)) <= 4_000_000


async def test_compressed(door: Door, gateway: FakeGateway) -> None:
    """A compressed upload is refused."""
    answer = await door.ask(post(ROUTE, KEY, "Content-Encoding: gzip", body=b"x"))
    assert answer.status == 415
    assert not gateway.calls


async def test_refused_unread(door: Door, gateway: FakeGateway) -> None:
    """A refusal goes out while the client is still sending, and ends the connection."""

    async def refuse(call: Call) -> Reply:
        return gateway.draw(Forbidden("not here"), call)

    gateway.answer = refuse
    client = await door.connect()
    client.send(head(length=3_000_000) + b"x" * 10)
    answer = await client.response()
    assert answer.status == 403
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("limits", [Limits(upload_bytes=30_000_000)])
async def test_back_pressure(door: Door, taker: Taker) -> None:
    """While nobody reads, the client has to wait, and what came is kept within bounds."""
    taker.may_read.clear()
    client = await door.connect()
    client.send(head(length=30_000_000))

    async def send() -> None:
        for _ in range(300):
            await _send_slowly(client, b"x" * 100_000)

    sending = asyncio.create_task(send())
    # The kernel's buffers at both ends hold a few megabytes.
    assert await asyncio.wait({sending}, timeout=0.3) == (set(), {sending})
    taker.may_read.set()
    await sending
    assert (await client.response()).body == b"30000000"
    assert max(map(len, taker.pieces)) < 1_000_000


async def test_client_gone(door: Door, taker: Taker) -> None:
    """A client that leaves half-way cancels who reads."""
    client = await door.connect()
    client.send(head(length=1_000) + b"x" * 10)
    await taker.is_started.wait()
    client.abort()
    assert await taker.over() == "cancelled"


@pytest.mark.parametrize("limits", [Limits(body_idle_seconds=0.1, sweep_seconds=0.02, linger_seconds=0.2)])
async def test_silent_client(door: Door, taker: Taker) -> None:
    """A body that stops coming is not waited for without end."""
    client = await door.connect()
    client.send(head(length=1_000) + b"x" * 10)
    answer = await client.response()
    assert answer.status == 408
    assert await taker.over() == "Slow"


async def test_broken_chunk(hot: Door, taker: Taker) -> None:
    """A body that is no HTTP is told so, through whoever reads it."""
    client = await hot.connect()
    client.send(head() + b"3\r\none\r\n")
    await taker.is_started.wait()
    client.send(b"zz\r\n")
    answer = await client.response()
    assert answer.status == 400
    assert await taker.over() == "InvalidRequest"
    assert await client.rest() == b""


async def test_invited_by_its_reader(hot: Door, taker: Taker) -> None:
    """A client that waits to be invited is, as soon as its body is wanted."""
    taker.may_read.clear()
    client = await hot.connect()
    client.send(head("Expect: 100-continue", length=3))
    await taker.is_started.wait()
    taker.may_read.set()
    assert (await client.head())[0] == 100
    client.send(b"one")
    assert (await client.response()).body == b"3"


async def test_refused_uninvited(hot: Door, gateway: FakeGateway) -> None:
    """A client that waits to be invited and may not is told so instead."""
    client = await hot.connect()
    client.send(request("POST", ROUTE, "Content-Length: 3", "Expect: 100-continue"))
    assert (await client.response()).status == 401
