"""The connections to one origin: those that wait for a request, and the requests that wait for a connection.

Knows counts and order, not how a connection is opened.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from trunkline.errors import Unavailable, Unreachable
from trunkline.ports import Origin
from trunkline.upstream.connection import Connection
from trunkline.upstream.proxy import Proxy

Open = Callable[["Pool", float], Awaitable[Connection]]


class Pool:
    """Last in, first out, so that in quiet times the surplus connections grow old and are swept.

    A waiter is given a connection, or `None` for the right to open one; who does not use it gives it back.
    """

    def __init__(
        self,
        origin: Origin,
        proxy: Proxy | None,
        open: Open,
        now: Callable[[], float],
        *,
        limit: int,
        max_waiting: int,
        idle_seconds: float,
    ) -> None:
        self.origin = origin
        self.proxy = proxy
        self.idle_seconds = idle_seconds
        self.now = now
        self.connections: set[Connection] = set()
        self._open = open
        self._limit = limit
        self._max_waiting = max_waiting
        self._idle: list[Connection] = []
        self._waiting: deque[tuple[float, asyncio.Future[Connection | None]]] = deque()
        self._taken = 0
        self._closed = False

    @property
    def is_empty(self) -> bool:
        return not (self._taken or self._waiting)

    def pop(self, now: float) -> Connection | None:
        """The connection used last, if it is still good."""
        idle = self._idle
        while idle:
            connection = idle.pop()
            if connection.expires_at > now:
                return connection
            connection.abort()
        return None

    async def take(self, connect_seconds: float) -> Connection:
        """A connection ready to use: an idle one, a new one, or the next that becomes free.

        Raises `Unreachable`; `Unavailable` when too many wait already or none becomes free within `connect_seconds`.
        """
        while True:
            connection = self.pop(self.now())
            if connection is None and self._taken >= self._limit:
                connection = await self._wait(self.now() + connect_seconds)
            elif connection is None:
                self._taken += 1
            if connection is None:
                return await self._open_slot(connect_seconds)
            if not connection.closed:
                return connection

    async def take_fresh(self, connect_seconds: float) -> Connection:
        """A new connection, even if others are idle: after one kept connection was dead, the rest may be too."""
        if self._taken < self._limit:
            self._taken += 1
            return await self._open_slot(connect_seconds)
        for connection in self._idle:
            connection.abort()
        self._idle.clear()
        return await self.take(connect_seconds)

    def release(self, connection: Connection) -> None:
        """Take a connection back that can serve another request."""
        if self._closed or connection.idle_seconds <= 0:
            connection.abort()
        elif not (self._waiting and self._hand(connection)):
            connection.expires_at = self.now() + connection.idle_seconds
            self._idle.append(connection)

    def lost(self, connection: Connection) -> None:
        """A connection is gone; its slot is free, if it ever was one of ours."""
        if connection in self.connections:
            self.connections.discard(connection)
            self._free_slot()

    def sweep(self, now: float) -> None:
        """Enforce every deadline: of requests, of idle connections, of those who wait."""
        for connection in list(self.connections):
            connection.check(now)
        kept = [connection for connection in self._idle if connection.expires_at > now]
        if len(kept) < len(self._idle):
            for connection in set(self._idle).difference(kept):
                connection.abort()
            self._idle[:] = kept
        while self._waiting and (self._waiting[0][0] <= now or self._waiting[0][1].done()):
            _, waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(self._full())

    def close(self) -> None:
        """Cut all connections; whoever waits for one is told."""
        self._closed = True
        for connection in list(self.connections):
            connection.cut()
        self._idle.clear()
        while self._waiting:
            _, waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(_shutting_down())

    # --- within ---

    async def _open_slot(self, connect_seconds: float) -> Connection:
        try:
            connection = await self._open(self, connect_seconds)
            if self._closed:
                connection.abort()
                raise _shutting_down()
            if connection.closed:
                raise Unreachable(f"`{self.origin.host}` closed the connection at once")
        except BaseException:
            self._free_slot()
            raise
        self.connections.add(connection)
        return connection

    async def _wait(self, until: float) -> Connection | None:
        if len(self._waiting) >= self._max_waiting:
            raise self._full()
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        entry = (until, waiter)
        self._waiting.append(entry)
        try:
            return await waiter
        except asyncio.CancelledError:
            if entry in self._waiting:
                self._waiting.remove(entry)
            elif not waiter.cancelled() and waiter.exception() is None:
                self._give_back(waiter.result())
            raise

    def _give_back(self, connection: Connection | None) -> None:
        if connection is None:
            self._free_slot()
        elif not connection.closed:
            self.release(connection)

    def _free_slot(self) -> None:
        if not self._hand(None):
            self._taken -= 1

    def _hand(self, connection: Connection | None) -> bool:
        """Give the first who still waits a connection, or the right to open one."""
        while self._waiting:
            _, waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False

    def _full(self) -> Unavailable:
        message = f"all {self._limit} connections to `{self.origin.host}` are in use"
        return Unavailable(message, code="upstream_pool_full", retry_after_seconds=1)


def _shutting_down() -> Unavailable:
    return Unavailable("the gateway is shutting down")
