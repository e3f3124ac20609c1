"""Opening a TCP connection to a host with several addresses, without waiting long for a dead one.

Knows names and sockets, not TLS or HTTP. The loops' own `happy_eyeballs_delay` will not do: uvloop has none.
"""

import asyncio
import itertools
import socket
from typing import Any

AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]

# RFC 8305: how long one attempt may keep the next from starting beside it.
STAGGER_SECONDS = 0.25

# Networks on the way forget a silent connection after a few minutes, and a model may think for longer.
_PROBE_AFTER_SECONDS = 60


async def dial(loop: asyncio.AbstractEventLoop, host: str, port: int) -> socket.socket:
    """A connected socket. Raises `OSError`, of the name service (`socket.gaierror`) or of the last address tried."""
    return await connect_any(loop, await resolve(loop, host, port))


async def resolve(loop: asyncio.AbstractEventLoop, host: str, port: int) -> list[AddressInfo]:
    """The addresses of a host, one at least. Raises `socket.gaierror`."""
    return [*await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


async def connect_any(loop: asyncio.AbstractEventLoop, addresses: list[AddressInfo]) -> socket.socket:
    """A socket connected to one of these very addresses: no name is looked up again. Raises the last `OSError`."""
    addresses = interleave(addresses)
    if len(addresses) == 1:
        return await _connect(loop, addresses[0])
    return await _race(loop, addresses)


def interleave(addresses: list[AddressInfo]) -> list[AddressInfo]:
    """Alternate the address families, the system's first choice in front, so that one dead family costs one delay."""
    first = [address for address in addresses if address[0] == addresses[0][0]]
    second = [address for address in addresses if address[0] != addresses[0][0]]
    pairs = itertools.zip_longest(first, second)
    return [address for pair in pairs for address in pair if address is not None]


async def _race(loop: asyncio.AbstractEventLoop, addresses: list[AddressInfo]) -> socket.socket:
    """Start one attempt after another, each when the one before has failed or been slow; the first to connect wins."""
    waiting = list(reversed(addresses))
    running: set[asyncio.Task[socket.socket]] = set()
    failure: BaseException = OSError("no address")
    try:
        while waiting or running:
            if waiting:
                running.add(loop.create_task(_connect(loop, waiting.pop())))
            delay = STAGGER_SECONDS if waiting else None
            done, _ = await asyncio.wait(running, timeout=delay, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                running.discard(task)
                error = task.exception()
                if error is None:
                    running |= done - {task}  # A second winner in the same moment is closed below.
                    return task.result()
                failure = error
        raise failure
    finally:
        for task in running:
            task.add_done_callback(_close_loser)
            task.cancel()


def _close_loser(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


async def _connect(loop: asyncio.AbstractEventLoop, address: AddressInfo) -> socket.socket:
    family, kind, protocol, _, where = address
    connection = socket.socket(family, kind, protocol)
    try:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _PROBE_AFTER_SECONDS)
        await loop.sock_connect(connection, where)
    except BaseException:
        connection.close()
        raise
    return connection
