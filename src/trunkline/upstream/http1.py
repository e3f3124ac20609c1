"""The pooled HTTP/1.1 client: `ports.Upstream` over real sockets.

Knows origins, kept connections and the one retry; not how a connection is opened, nor what the bodies mean.
"""

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from trunkline.clock import SystemClock
from trunkline.errors import Failed, Unavailable, Unreachable
from trunkline.ports import Origin, UpstreamRequest
from trunkline.upstream.connection import Connection, Stale
from trunkline.upstream.opening import open_connection
from trunkline.upstream.pool import Pool
from trunkline.upstream.proxy import NO_PROXIES, Proxies, Proxy, write_absolute
from trunkline.upstream.reply import Reply
from trunkline.upstream.tls import TlsContexts

# A kept connection is closed after these seconds unused, unless the server names its own time: local servers (uvicorn,
# Node) close after 5, the load balancers in front of providers after 60 and more.
IDLE_SECONDS = {"http": 4.0, "https": 60.0}

# How many turns of the loop `close` waits for the transports to tell of their end; they need two or three.
_CLOSING_TURNS = 50


class HttpClient:
    """Sends requests over kept connections, one pool for each origin.

    One timer for the whole client looks once in `sweep_seconds` after all deadlines, so a timeout may come that much
    late. Belongs to the event loop of its first `send`; ends with `close`.
    """

    def __init__(
        self,
        *,
        max_connections: int = 1024,
        max_waiting: int = 1024,
        idle_seconds: Mapping[str, float] = IDLE_SECONDS,
        proxies: Proxies = NO_PROXIES,
        ca_file: str | None = None,
        now: Callable[[], float] | None = None,
        sweep_seconds: float = 1.0,
    ) -> None:
        self._max_connections = max_connections
        self._max_waiting = max_waiting
        self._idle_seconds = idle_seconds
        self._proxies = proxies
        self._tls = TlsContexts(ca_file)
        self._now = SystemClock().monotonic if now is None else now
        self._sweep_seconds = sweep_seconds
        self._pools: dict[Origin, Pool] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def send(self, request: UpstreamRequest) -> Reply:
        pool = self._pools.get(request.origin) or self._add_pool(request.origin)
        if pool.proxy is not None:
            request = _detour(request, pool.proxy)
        timeouts = request.timeouts
        now = self._now()
        ends_at = now + timeouts.total
        connection = pool.pop(now)
        if connection is None:
            self._arm()
            connection = await pool.take(timeouts.connect)
            now = self._now()
        reply = connection.start(request, now, ends_at)
        try:
            await reply.head
        except Stale:
            return await self._send_again(request, pool, ends_at)
        except BaseException:
            reply.close()
            raise
        return reply

    async def close(self) -> None:
        """Cut every connection and end the sweep. Idempotent."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        pools = list(self._pools.values())
        self._pools.clear()
        for pool in pools:
            pool.close()
        for _ in range(_CLOSING_TURNS):
            if not any(pool.connections for pool in pools):
                break
            await asyncio.sleep(0)

    async def _send_again(self, request: UpstreamRequest, pool: Pool, ends_at: float) -> Reply:
        """The one retry, on a new connection. Its failure is never `Unreachable`: the first may have been executed."""
        self._arm()
        try:
            connection = await pool.take_fresh(request.timeouts.connect)
        except Unreachable as error:
            raise Failed(error.message, detail=error.detail) from error
        reply = connection.start(request, self._now(), ends_at)
        try:
            await reply.head
        except BaseException:
            reply.close()
            raise
        return reply

    def _add_pool(self, origin: Origin) -> Pool:
        if self._closed:
            raise Unavailable("the gateway is shutting down")
        pool = self._pools[origin] = Pool(
            origin,
            self._proxies.find(origin),
            self._open,
            self._now,
            limit=self._max_connections,
            max_waiting=self._max_waiting,
            idle_seconds=self._idle_seconds[origin.scheme],
        )
        return pool

    async def _open(self, pool: Pool, connect_seconds: float) -> Connection:
        loop = asyncio.get_running_loop()
        connection = Connection(pool, loop)
        await open_connection(connection, pool.origin, pool.proxy, self._tls, loop, connect_seconds)
        return connection

    def _arm(self) -> None:
        """Start the sweep, which ends by itself when there is nothing left to watch."""
        if self._timer is None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(self._sweep_seconds, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        if not all(pool.is_empty for pool in self._pools.values()):
            self._arm()
        now = self._now()
        for pool in list(self._pools.values()):
            pool.sweep(now)


def _detour(request: UpstreamRequest, proxy: Proxy) -> UpstreamRequest:
    """The request as its way wants it: through a tunnel nothing changes."""
    if request.origin.scheme == "https":
        return request
    return msgspec.structs.replace(request, head=write_absolute(request.head, request.origin, proxy))
