"""Which connection serves a request, how many there are, and who waits."""

import asyncio
from collections.abc import Callable

import pytest
from byteserver import ByteServer, write_reply

from trunkline.errors import Unavailable
from trunkline.ports import Timeouts
from trunkline.upstream.http1 import HttpClient
from trunkline.upstream.reply import Reply

Connect = Callable[..., HttpClient]
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


async def fetch(client: HttpClient, server: ByteServer) -> bytes:
    return await (await client.send(server.request())).read(1000)


async def open_replies(client: HttpClient, server: ByteServer, count: int) -> list[Reply]:
    server.answers = [CHUNKED]
    return [await client.send(server.request()) for _ in range(count)]


async def finish(server: ByteServer, index: int, reply: Reply) -> None:
    server.peers[index].send(END)
    assert await reply.read(10) == b""


async def test_last_used_serves_first(server: ByteServer, connect: Connect) -> None:
    """Of several idle connections the youngest is taken, so that the others may grow old."""
    client = connect()
    replies = await open_replies(client, server, 3)
    for index in (0, 2, 1):
        await finish(server, index, replies[index])
    server.answers = [write_reply()]
    await fetch(client, server)
    assert [len(peer.requests) for peer in server.peers] == [1, 2, 1]


async def test_origins_do_not_share(server: ByteServer, connect: Connect) -> None:
    """Host, port, scheme and verification name a pool of their own."""
    other = ByteServer()
    await other.open()
    client = connect(max_connections=1)
    await fetch(client, server)
    await fetch(client, other)
    assert (len(server.peers), len(other.peers)) == (1, 1)
    await other.close()


async def test_waiters_are_served_in_order(server: ByteServer, connect: Connect) -> None:
    """Over the limit requests wait, first come, first served, and use the connection that becomes free."""
    client = connect(max_connections=1)
    (busy,) = await open_replies(client, server, 1)
    server.answers = [write_reply(b"first"), write_reply(b"second"), write_reply(b"third")]
    waiting = [asyncio.create_task(fetch(client, server)) for _ in range(3)]
    await asyncio.sleep(0.01)
    assert len(server.requests) == 1
    await finish(server, 0, busy)
    assert await asyncio.gather(*waiting) == [b"first", b"second", b"third"]
    assert len(server.peers) == 1


async def test_waiter_opens_its_own_when_one_is_lost(server: ByteServer, connect: Connect) -> None:
    """A connection that is cut leaves its place to the first who waits."""
    client = connect(max_connections=1)
    (busy,) = await open_replies(client, server, 1)
    server.answers = [write_reply()]
    waiting = asyncio.create_task(fetch(client, server))
    await asyncio.sleep(0.01)
    busy.close()
    assert await asyncio.wait_for(waiting, 1) == b"{}"
    assert len(server.peers) == 2


async def test_too_many_waiters(server: ByteServer, connect: Connect) -> None:
    """The queue has a bound; over it the answer is `Unavailable`, at once."""
    client = connect(max_connections=1, max_waiting=1)
    (busy,) = await open_replies(client, server, 1)
    waiting = asyncio.create_task(client.send(server.request()))
    await asyncio.sleep(0.01)
    with pytest.raises(Unavailable, match=r"all 1 connections to `127.0.0.1` are in use"):
        await client.send(server.request())
    busy.close()
    (await waiting).close()


async def test_waiting_has_a_deadline(server: ByteServer, connect: Connect) -> None:
    """Who finds no connection within the connect timeout hears so."""
    client = connect(max_connections=1)
    await open_replies(client, server, 1)
    with pytest.raises(Unavailable):
        await client.send(server.request(timeouts=Timeouts(connect=0.03)))


async def test_cancelled_waiter_leaves_the_queue(server: ByteServer, connect: Connect) -> None:
    """Its place is free for another, and the next in line is served."""
    client = connect(max_connections=1, max_waiting=2)
    (busy,) = await open_replies(client, server, 1)
    server.answers = [write_reply()]
    gone, stays = (asyncio.create_task(fetch(client, server)) for _ in range(2))
    await asyncio.sleep(0.01)
    gone.cancel()
    await asyncio.sleep(0)
    await finish(server, 0, busy)
    assert await asyncio.wait_for(stays, 1) == b"{}"
    assert gone.cancelled()


@pytest.mark.parametrize("cut", [False, True], ids=["a connection", "the right to open one"])
async def test_waiter_cancelled_as_it_is_served(server: ByteServer, connect: Connect, cut: bool) -> None:
    """What a waiter was given and could not use any more goes to the next."""
    client = connect(max_connections=1)
    (busy,) = await open_replies(client, server, 1)
    server.answers = [write_reply()]
    gone, stays = (asyncio.create_task(fetch(client, server)) for _ in range(2))
    await asyncio.sleep(0.01)
    pool = client._pools[server.origin]
    waiter = pool._waiting[0][1]
    waiter.add_done_callback(lambda _: gone.cancel())
    if cut:
        busy.close()
    else:
        await finish(server, 0, busy)
    assert await asyncio.wait_for(stays, 1) == b"{}"
    assert pool._taken == 1


async def test_failed_connect_gives_its_place_back(server: ByteServer, connect: Connect) -> None:
    """Attempts that found nobody do not use up the limit."""
    client = connect(max_connections=1)
    origin = server.origin
    await server.close()
    for _ in range(3):
        with pytest.raises(Exception, match="refused the connection"):
            await client.send(server.request())
    assert client._pools[origin].is_empty


async def test_idle_connections_are_closed(server: ByteServer, connect: Connect) -> None:
    """The client closes first, before the server's own time is up."""
    client = connect(idle_seconds={"http": 0.03})
    await fetch(client, server)
    await asyncio.wait_for(server.peers[0].lost, 1)
    await fetch(client, server)
    assert len(server.peers) == 2


async def test_expired_connection_is_not_used_before_the_sweep(server: ByteServer, connect: Connect) -> None:
    """An idle connection past its time is passed over even if the sweep has not come round."""
    now = [100.0]
    client = connect(now=lambda: now[0], sweep_seconds=60)
    await fetch(client, server)
    now[0] += 4.5
    await fetch(client, server)
    assert len(server.peers) == 2


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (b"Keep-Alive: timeout=30", 29.0),
        (b"keep-alive: max=5, Timeout=2", 1.0),
        (b"Keep-Alive: timeout=1", 0.5),
        (b"Keep-Alive: timeout=x", 4.0),
        (b"Keep-Alive: max=100", 4.0),
        (b"X: y", 4.0),
    ],
)
async def test_servers_own_time_is_kept(server: ByteServer, connect: Connect, header: bytes, seconds: float) -> None:
    """`Keep-Alive: timeout` less a margin, else the default."""
    now = [100.0]
    server.answers = [write_reply(b"", header)]
    client = connect(now=lambda: now[0], sweep_seconds=60)
    await fetch(client, server)
    now[0] += seconds - 0.1
    await fetch(client, server)
    assert len(server.peers) == 1
    now[0] += seconds + 0.1
    await fetch(client, server)
    assert len(server.peers) == 2


@pytest.mark.parametrize("header", [b"Connection: close", b"Keep-Alive: timeout=0"])
async def test_server_that_keeps_nothing(server: ByteServer, connect: Connect, header: bytes) -> None:
    """A connection that the server is about to close is not kept."""
    server.answers = [write_reply(b"", header)]
    client = connect()
    await fetch(client, server)
    await asyncio.wait_for(server.peers[0].lost, 1)
    await fetch(client, server)
    assert len(server.peers) == 2
