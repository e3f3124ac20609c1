"""The client over real sockets: one request, its reply, and everything that can go wrong with the two."""

import asyncio
from collections.abc import Callable

import pytest
from byteserver import HEAD, ByteServer, Peer, Poured, write_chunks, write_reply

from trunkline.errors import Failed, Garbled, TimedOut, Unavailable, Unreachable
from trunkline.ports import Origin, Timeouts, UpstreamRequest
from trunkline.upstream.http1 import HttpClient

Connect = Callable[..., HttpClient]
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LIMIT = 1_000_000


async def fetch(client: HttpClient, request: UpstreamRequest, limit_bytes: int = LIMIT) -> bytes:
    reply = await client.send(request)
    try:
        return await reply.read(limit_bytes)
    finally:
        reply.close()


# --- what goes out ---


async def test_head_length_and_body_go_out_as_given(server: ByteServer, connect: Connect) -> None:
    """The request on the wire is the head, the length and the body."""
    await fetch(connect(), server.request(b"hello"))
    assert server.requests == [HEAD + b"content-length: 5\r\n\r\nhello"]


async def test_empty_post_says_so(server: ByteServer, connect: Connect) -> None:
    """A POST without a body has a length of 0."""
    await fetch(connect(), server.request(b""))
    assert server.requests == [HEAD + b"content-length: 0\r\n\r\n"]


async def test_get_has_no_length(server: ByteServer, connect: Connect) -> None:
    """A GET carries no length."""
    await fetch(connect(), server.request(b"", head=b"GET /v1/models HTTP/1.1\r\nhost: a\r\n"))
    assert server.requests == [b"GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n"]


async def test_large_body_goes_out_whole(server: ByteServer, connect: Connect) -> None:
    """Eight megabytes, far more than the kernel takes at once, arrive as they were."""
    body = bytes(range(256)) * 32_768
    assert await fetch(connect(), server.request(body)) == b"{}"
    assert server.requests[0].endswith(b"content-length: 8388608\r\n\r\n" + body)


# --- what comes back ---


async def test_status_and_headers_are_read(server: ByteServer, connect: Connect) -> None:
    """Names are lower-case; of a repeated header the last value counts."""
    server.answers = [write_reply(b"no", b"X-Thing: one", b"x-thing: two", status=b"429 Too Many Requests")]
    reply = await connect().send(server.request())
    assert (reply.status, reply.headers[b"x-thing"]) == (429, b"two")
    assert await reply.read(LIMIT) == b"no"


@pytest.mark.parametrize(
    "answer",
    [
        write_reply(b"hello"),
        CHUNKED + write_chunks(b"he", b"llo"),
        CHUNKED + b"5;why=not\r\nhello\r\n0\r\nx-trailer: 1\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + write_reply(b"hello"),
        b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + write_reply(b"hello"),
    ],
    ids=["length", "chunked", "trailers", "continue", "hints"],
)
async def test_bodies_with_an_end_leave_the_connection_usable(
    server: ByteServer, connect: Connect, answer: bytes
) -> None:
    """Every framing that tells its end gives the body and keeps the connection."""
    server.answers = [answer]
    client = connect()
    assert [await fetch(client, server.request()) for _ in range(3)] == [b"hello"] * 3
    assert len(server.peers) == 1


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_replies_that_never_have_a_body(server: ByteServer, connect: Connect, status: bytes) -> None:
    """204 and 304 are complete with their head, and the connection is kept."""
    server.answers = [b"HTTP/1.1 " + status + b"\r\n\r\n"]
    client = connect()
    assert [await fetch(client, server.request()) for _ in range(2)] == [b"", b""]
    assert len(server.peers) == 1


async def test_head_has_no_body(server: ByteServer, connect: Connect) -> None:
    """The reply to HEAD tells a length and sends nothing."""
    server.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\nContent-Encoding: gzip\r\n\r\n"]
    assert await fetch(connect(), server.request(b"", head=b"HEAD / HTTP/1.1\r\nhost: a\r\n")) == b""


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_body_until_close(server: ByteServer, connect: Connect, version: bytes) -> None:
    """Without any framing the body ends with the connection."""

    def answer(peer: Peer) -> None:
        peer.send(b"HTTP/" + version + b" 200 OK\r\n\r\nhel")
        peer.send(b"lo")
        peer.end()

    server.answers = [answer]
    client = connect()
    assert await fetch(client, server.request()) == b"hello"
    assert await fetch(client, server.request()) == b"hello"
    assert len(server.peers) == 2


async def test_body_until_reset_is_a_failure(server: ByteServer, connect: Connect) -> None:
    """A reset is no end: the body may have been longer."""
    server.answers = [lambda peer: peer.send(b"HTTP/1.1 200 OK\r\n\r\nhel")]
    reply = await connect().send(server.request())
    server.peers[0].reset()
    with pytest.raises(Failed, match="before the end of its reply"):
        await reply.read(LIMIT)


async def test_reply_may_overtake_its_request(server: ByteServer, connect: Connect) -> None:
    """An error that comes before the upload is through is taken, and the connection is not used again."""

    def refuse(peer: Peer) -> None:
        if not peer.requests:
            peer.requests.append(b"")
            assert peer.transport is not None
            peer.transport.pause_reading()
            peer.send(write_reply(b"too large", status=b"413 Too Large"))

    server.on_bytes = refuse
    client = connect()
    for _ in range(2):
        reply = await client.send(server.request(b"x" * 20_000_000))
        assert (reply.status, await reply.read(LIMIT)) == (413, b"too large")
    assert len(server.peers) == 2


async def test_pour_feeds_what_came_before(server: ByteServer, connect: Connect) -> None:
    """A body that is complete before anybody asks is fed, and ended, before `pour` returns."""
    server.answers = [CHUNKED + write_chunks(b"a", b"b", b"c")]
    reply = await connect().send(server.request())
    await asyncio.sleep(0.01)
    poured = Poured()
    reply.pour(poured.feed, poured.done)
    assert poured.pieces == [b"abc"]
    assert poured.ended.result() is None


async def test_pour_feeds_once_for_each_read(server: ByteServer, connect: Connect) -> None:
    """The chunks of one read come as one piece, in the call that brings them."""
    server.answers = [lambda peer: peer.send(CHUNKED)]
    reply = await connect().send(server.request())
    poured = Poured()
    reply.pour(poured.feed, poured.done)
    server.peers[0].send(write_chunks(b"one ", b"two ", b"three"))
    assert await poured.ended is None
    assert poured.pieces == [b"one two three"]
    reply.close()


async def test_holder_may_close_while_being_fed(server: ByteServer, connect: Connect) -> None:
    """After `close` nothing is fed and no end is told."""
    server.answers = [lambda peer: peer.send(CHUNKED)]
    reply = await connect().send(server.request())
    pieces: list[bytes] = []

    def feed(data: bytes) -> None:
        pieces.append(data)
        reply.close()

    reply.pour(feed, lambda error: pieces.append(b"end"))
    server.peers[0].send(b"1\r\na\r\n")
    await asyncio.wait_for(server.peers[0].lost, 1)
    assert pieces == [b"a"]


async def test_slow_reader_bounds_memory(server: ByteServer, connect: Connect) -> None:
    """While nobody takes a body of 32 MB, the client takes no more than its buffer from the wire."""
    size = 32_000_000
    server.answers = [write_reply(b"x" * size)]
    reply = await connect().send(server.request())
    await asyncio.sleep(0.1)
    transport = server.peers[0].transport
    assert transport is not None
    assert transport.get_write_buffer_size() > size // 2
    assert sum(map(len, reply._parts)) < 1_000_000
    poured = Poured()
    reply.pour(poured.feed, poured.done)
    reply.pause()
    await asyncio.sleep(0.05)
    so_far = len(poured.body)
    assert so_far < 2_000_000
    await asyncio.sleep(0.05)
    assert len(poured.body) == so_far
    reply.resume()
    assert await asyncio.wait_for(poured.ended, 5) is None
    assert len(poured.body) == size


# --- what can go wrong ---


async def test_nobody_listens(server: ByteServer, connect: Connect) -> None:
    """A refused connection is `Unreachable`, naming the host."""
    await server.close()
    with pytest.raises(Unreachable, match=r"^`127.0.0.1` refused the connection$"):
        await connect().send(server.request())


async def test_unknown_name(server: ByteServer, connect: Connect) -> None:
    """A name that does not resolve is `Unreachable`, also one that is no name at all."""
    for host in ("nowhere.invalid", "a" * 70 + ".com"):
        with pytest.raises(Unreachable, match="could not be resolved"):
            await connect().send(UpstreamRequest(Origin("http", host, 80), HEAD))


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"", Failed),
        (b"HTTP/1.1 2", Failed),
        (b"HTTP/1.1 200 OK\r\ncontent-le", Failed),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", Failed),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcd", Failed),
        (CHUNKED, Failed),
        (CHUNKED + b"5\r\nabcd", Failed),
        (CHUNKED + b"4\r\nabcd\r\n", Failed),
        (CHUNKED + b"4\r\nabcd\r\n0\r\n", Failed),
        (b"SSH-2.0-OpenSSH\r\n", Garbled),
        (CHUNKED + b"4\r\nabcd\r\nzz\r\n", Garbled),
    ],
)
async def test_early_end_in_each_phase(
    server: ByteServer, connect: Connect, sent: bytes, kind: type[Exception]
) -> None:
    """A connection that ends early is a failure wherever it ends, and never a short success."""

    def answer(peer: Peer) -> None:
        peer.send(sent)
        peer.end()

    server.answers = [answer]
    with pytest.raises(kind):
        await fetch(connect(), server.request())


async def test_poured_body_that_is_cut(server: ByteServer, connect: Connect) -> None:
    """What came is fed; then the end is told with its error."""
    server.answers = [lambda peer: peer.send(CHUNKED + b"4\r\nabcd\r\n")]
    reply = await connect().send(server.request())
    poured = Poured()
    reply.pour(poured.feed, poured.done)
    server.peers[0].end()
    assert isinstance(await poured.ended, Failed)
    assert poured.body == b"abcd"
    reply.close()


async def test_messages_hold_no_bytes_of_the_peer(server: ByteServer, connect: Connect) -> None:
    """What a garbled reply said is nowhere in the error."""
    server.answers = [b"HTTP/1.1 200 OK\r\nsecret\x00: sk-secret\r\n\r\n"]
    with pytest.raises(Garbled) as caught:
        await connect().send(server.request())
    assert "secret" not in f"{caught.value!r} {caught.value.message} {caught.value.detail}"


async def test_body_over_the_limit(server: ByteServer, connect: Connect) -> None:
    """`read` stops at its limit, whether the body is there already or still coming."""
    server.answers = [write_reply(b"x" * 101), CHUNKED + write_chunks(*[b"x" * 10] * 50)]
    for _ in range(2):
        with pytest.raises(Garbled, match="longer than 100 bytes"):
            await fetch(connect(), server.request(), limit_bytes=100)


async def test_surplus_ends_the_connection(server: ByteServer, connect: Connect) -> None:
    """Bytes after a complete reply are nobody's: the reply stands, the connection goes."""
    server.answers = [write_reply(b"mine") + write_reply(b"poison"), write_reply(b"yours")]
    client = connect()
    assert await fetch(client, server.request()) == b"mine"
    assert await fetch(client, server.request()) == b"yours"
    assert len(server.peers) == 2


async def test_bytes_between_requests_end_the_connection(server: ByteServer, connect: Connect) -> None:
    """Bytes on an idle connection are not taken for the next reply."""
    client = connect()
    assert await fetch(client, server.request()) == b"{}"
    server.peers[0].send(write_reply(b"poison"))
    await asyncio.wait_for(server.peers[0].lost, 1)
    assert await fetch(client, server.request()) == b"{}"


# --- time ---


@pytest.mark.parametrize(
    ("sent", "timeouts", "words"),
    [
        (b"", Timeouts(first_byte=0.03), "did not begin to reply within 0.03 s"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200", Timeouts(first_byte=0.03), "did not begin to reply"),
        (CHUNKED + b"1\r\na\r\n", Timeouts(idle=0.03), "paused its reply for 0.03 s"),
        (CHUNKED + b"1\r\na\r\n", Timeouts(total=0.03), "did not finish its reply within 0.03 s"),
    ],
    ids=["first_byte", "half a head", "idle", "total"],
)
async def test_silence_is_cut(
    server: ByteServer, connect: Connect, sent: bytes, timeouts: Timeouts, words: str
) -> None:
    """Each timeout ends the request and closes the connection."""
    server.answers = [lambda peer: peer.send(sent)]
    with pytest.raises(TimedOut, match=words):
        await fetch(connect(), server.request(timeouts=timeouts))
    await asyncio.wait_for(server.peers[0].lost, 1)


async def test_upload_that_stalls_is_cut(server: ByteServer, connect: Connect) -> None:
    """A server that stops reading the request does not hold it for ever."""

    def stall(peer: Peer) -> None:
        assert peer.transport is not None
        peer.transport.pause_reading()

    server.on_bytes = stall
    with pytest.raises(TimedOut, match="stopped taking the request"):
        await connect().send(server.request(b"x" * 20_000_000, timeouts=Timeouts(idle=0.05)))


async def test_slow_holder_is_not_the_providers_silence(server: ByteServer, connect: Connect) -> None:
    """While the holder has paused the reply, its silence is our own doing."""
    server.answers = [lambda peer: peer.send(CHUNKED + b"1\r\na\r\n")]
    reply = await connect().send(server.request(timeouts=Timeouts(idle=0.05)))
    poured = Poured()
    reply.pour(poured.feed, poured.done)
    reply.pause()
    await asyncio.sleep(0.12)
    assert not poured.ended.done()
    reply.resume()
    server.peers[0].send(b"1\r\nb\r\n0\r\n\r\n")
    assert await poured.ended is None
    assert poured.body == b"ab"


@pytest.mark.parametrize("sent", [b"", CHUNKED + b"1\r\na\r\n"], ids=["before the head", "in the body"])
async def test_cancellation_closes_the_connection(server: ByteServer, connect: Connect, sent: bytes) -> None:
    """Who stops waiting takes the connection along, at once."""
    server.answers = [lambda peer: peer.send(sent)]
    task = asyncio.create_task(fetch(connect(), server.request()))
    await asyncio.sleep(0.03)
    assert server.requests
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.peers[0].lost, 1)


async def test_closing_an_open_reply_closes_the_connection(server: ByteServer, connect: Connect) -> None:
    """`close` before the end cuts; a second `close` does nothing."""
    server.answers = [lambda peer: peer.send(CHUNKED)]
    reply = await connect().send(server.request())
    reply.close()
    reply.close()
    await asyncio.wait_for(server.peers[0].lost, 1)


async def test_closing_an_old_reply_leaves_the_next_alone(server: ByteServer, connect: Connect) -> None:
    """A reply that is complete has let go of its connection."""
    client = connect()
    first = await client.send(server.request())
    await first.read(LIMIT)
    server.answers = [lambda peer: peer.send(CHUNKED)]
    second = await client.send(server.request())
    first.close()
    first.pause()
    first.resume()
    server.peers[0].send(write_chunks(b"still here"))
    assert await second.read(LIMIT) == b"still here"
    assert len(server.peers) == 1


# --- kept connections that turn out dead ---


async def test_stale_connection_is_replaced_once(server: ByteServer, connect: Connect) -> None:
    """A kept connection that closes on the second request without a byte: it is sent again on a new one."""
    server.answers = [write_reply(b"one"), Peer.end, write_reply(b"two")]
    client = connect()
    assert await fetch(client, server.request()) == b"one"
    assert await fetch(client, server.request()) == b"two"
    assert [len(peer.requests) for peer in server.peers] == [2, 1]


async def test_stale_connection_that_is_reset(server: ByteServer, connect: Connect) -> None:
    """A reset counts as much as an orderly end."""
    server.answers = [write_reply(b"one"), Peer.reset, write_reply(b"two")]
    client = connect(max_connections=1)
    assert await fetch(client, server.request()) == b"one"
    assert await fetch(client, server.request()) == b"two"


async def test_new_connection_is_not_retried(server: ByteServer, connect: Connect) -> None:
    """A new connection that closes without a byte may have executed the request."""
    server.answers = [Peer.end]
    with pytest.raises(Failed, match="without a reply"):
        await connect().send(server.request())
    assert len(server.requests) == 1


async def test_second_stale_connection_is_a_failure(server: ByteServer, connect: Connect) -> None:
    """One retry, not two."""
    server.answers = [write_reply(b"one"), Peer.end]
    client = connect()
    await fetch(client, server.request())
    with pytest.raises(Failed):
        await client.send(server.request())
    assert len(server.requests) == 3


async def test_nothing_is_retried_after_a_byte(server: ByteServer, connect: Connect) -> None:
    """Half a head, or an interim reply, shows that the request arrived."""

    def half(peer: Peer) -> None:
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        peer.end()

    server.answers = [write_reply(b"one"), half]
    client = connect()
    await fetch(client, server.request())
    with pytest.raises(Failed):
        await client.send(server.request())
    assert len(server.requests) == 2


async def test_retry_that_cannot_connect_may_have_been_executed(server: ByteServer, connect: Connect) -> None:
    """When the server is gone after a stale connection, the error is `Failed` and not `Unreachable`."""
    client = connect()
    await fetch(client, server.request())

    def leave(peer: Peer) -> None:
        assert server._server is not None
        server._server.close()
        peer.end()

    server.answers = [leave]
    with pytest.raises(Failed, match="refused the connection"):
        await client.send(server.request())


# --- the end ---


async def test_close_cuts_everything(server: ByteServer, connect: Connect) -> None:
    """`close` ends idle and busy connections, tells the holders, and refuses what comes after."""
    client = connect()
    await fetch(client, server.request())
    server.answers = [lambda peer: peer.send(CHUNKED)]
    reply = await client.send(server.request())
    poured = Poured()
    reply.pour(poured.feed, poured.done)
    await client.close()
    assert isinstance(poured.ended.result(), Failed)
    with pytest.raises(Unavailable):
        await client.send(server.request())
    assert all([await asyncio.wait_for(peer.lost, 1) is None for peer in server.peers])


async def test_timer_ends_with_the_last_connection(server: ByteServer, connect: Connect) -> None:
    """A client with nothing to watch wakes nobody."""
    client = connect(idle_seconds={"http": 0.01})
    await fetch(client, server.request())
    await asyncio.wait_for(server.peers[0].lost, 1)
    await asyncio.sleep(0.05)
    assert client._timer is None
    assert await fetch(client, server.request()) == b"{}"
