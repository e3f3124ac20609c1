"""One connection against every way that bytes can come, without a socket between."""

import asyncio
from typing import Any

import pytest
from byteserver import HEAD, write_chunks, write_reply

from trunkline.errors import Garbled, UpstreamError
from trunkline.ports import Origin, UpstreamRequest
from trunkline.upstream.connection import Connection
from trunkline.upstream.head import MAX_HEAD_BYTES, MAX_HEADERS
from trunkline.upstream.reply import Reply

REQUEST = UpstreamRequest(Origin("http", "api.example.com", 80), HEAD)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Line(asyncio.Transport):
    """A transport that remembers whether it was cut."""

    def __init__(self) -> None:
        super().__init__()
        self.is_cut = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Has no buffer."""

    def write(self, data: Any) -> None:
        """Goes nowhere."""

    def abort(self) -> None:
        self.is_cut = True


class Home:
    """A pool that remembers who came back."""

    origin = REQUEST.origin
    idle_seconds = 4.0

    def __init__(self) -> None:
        self.released: list[Connection] = []

    def now(self) -> float:
        return 0.0

    def release(self, connection: Connection) -> None:
        self.released.append(connection)

    def lost(self, connection: Connection) -> None:
        """Is told of the end."""


def start() -> tuple[Connection, Reply, Home]:
    home = Home()
    connection = Connection(home, asyncio.get_running_loop())
    connection.connection_made(Line())
    return connection, connection.start(REQUEST, 0.0, 60.0), home


async def receive(*reads: bytes) -> tuple[Reply, Home]:
    connection, reply, home = start()
    for read in reads:
        connection.data_received(read)
    await reply.head
    return reply, home


def split(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


@pytest.mark.parametrize(
    "answer",
    [
        write_reply(b"hello", b"Content-Type: text/plain"),
        CHUNKED + write_chunks(b"he", b"l", b"lo"),
        b"HTTP/1.1 100 Continue\r\n\r\n" + CHUNKED + write_chunks(b"hello"),
        CHUNKED + b"5;ext=1\r\nhello\r\n0\r\nX-Trailer: yes\r\n\r\n",
    ],
    ids=["length", "chunked", "interim", "trailer"],
)
async def test_any_splitting_gives_the_same(answer: bytes) -> None:
    """Whole, byte by byte, or cut in two at every place: the same reply, and the connection is kept."""
    ways = [[answer], split(answer), *([answer[:at], answer[at:]] for at in range(1, len(answer)))]
    for reads in ways:
        reply, home = await receive(*reads)
        assert (reply.status, await reply.read(100)) == (200, b"hello")
        assert b"x-trailer" not in reply.headers
        assert len(home.released) == 1


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"hello\r\n\r\n", "not HTTP/1.1"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "not HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "not HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\na: b\r\n folded: c\r\n\r\n", "not HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\na: \x00\r\n\r\n", "not HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "not HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", "not HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", "not HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n", "transfer encoding other than chunked"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\n", "transfer encoding other than chunked"),
        (b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "switched to a protocol"),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "switched to a protocol"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\n\r\n", "`content-encoding` that was not asked for"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: " + b"x" * MAX_HEAD_BYTES, "head or trailer of more than"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: " + b"x" * MAX_HEAD_BYTES + b"\r\n\r\n", "head of more than"),
        (b"HTTP/1.1 200 " + b"x" * 70_000, "head or trailer of more than"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 3_000, "head or trailer of more than"),
        (
            b"HTTP/1.1 200 OK\r\n" + b"".join(b"a%d: b\r\n" % n for n in range(MAX_HEADERS + 1)) + b"\r\n",
            "more than 200 headers",
        ),
    ],
)
@pytest.mark.parametrize("size", [1_000_000, 1_000], ids=["at once", "in pieces"])
async def test_heads_that_are_not_taken(sent: bytes, words: str, size: int) -> None:
    """A malformed or oversized head is `Garbled`, in our own words, and the connection is cut."""
    connection, reply, home = start()
    for at in range(0, len(sent), size):
        connection.data_received(sent[at : at + size])
    with pytest.raises(Garbled, match=words):
        await reply.head
    assert connection.closed
    assert not home.released


async def test_as_many_headers_as_are_allowed() -> None:
    """The limit itself is inside."""
    lines = b"".join(b"a%d: b\r\n" % number for number in range(MAX_HEADERS - 1))
    reply, _ = await receive(b"HTTP/1.1 200 OK\r\n" + lines + b"content-length: 0\r\n\r\n")
    assert len(reply.headers) == MAX_HEADERS


async def test_large_first_read_is_no_large_head() -> None:
    """A small head whose body comes in the same read is judged by itself."""
    reply, _ = await receive(write_reply(b"x" * 200_000))
    assert len(await reply.read(200_000)) == 200_000


@pytest.mark.parametrize(
    "endless",
    [b"a: b\r\n", b"x" * 1000],
    ids=["trailers", "one trailer"],
)
async def test_endless_trailers_are_cut(endless: bytes) -> None:
    """What comes after the last chunk has a bound too."""
    connection, reply, _ = start()
    connection.data_received(CHUNKED + b"1\r\na\r\n0\r\n")
    await reply.head
    sent = 0
    while not connection.closed:
        connection.data_received(endless)
        sent += len(endless)
        assert sent < 10 * MAX_HEAD_BYTES
    with pytest.raises(UpstreamError):
        await reply.read(10)


async def test_good_chunks_before_a_bad_one_are_fed() -> None:
    """What was sound is delivered, then the error."""
    connection, reply, _ = start()
    told: list[object] = []
    connection.data_received(CHUNKED)
    reply.pour(told.append, told.append)
    connection.data_received(b"2\r\nok\r\nzz\r\n")
    assert told[0] == b"ok"
    assert isinstance(told[1], Garbled)


@pytest.mark.parametrize("surplus", [b"HTTP/1.1 200 OK\r\n\r\n", b"HT", b"garbage", write_reply(b"more")])
async def test_surplus_is_noticed(surplus: bytes) -> None:
    """Anything after a complete reply keeps the connection out of the pool, and out of the body."""
    reply, home = await receive(write_reply(b"mine") + surplus)
    assert await reply.read(100) == b"mine"
    assert not home.released


async def test_idle_connection_that_ends_is_closed() -> None:
    """An end between two requests marks the connection as closed at once."""
    connection, _, home = start()
    connection.data_received(write_reply())
    connection.eof_received()
    assert home.released == [connection]
    assert connection.closed
