"""One connection to a Redis, on which commands follow one another without waiting for each other's replies.

Whatever is asked within one turn of the event loop leaves together, so a request costs one round trip and seldom a
write of its own. When the connection is lost, everybody who waits is told at once, and it is made anew.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio.connection import Connection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, AuthorizationError, InvalidResponse, ResponseError

from trunkline.errors import ConfigError

# Whoever waits longer for so small a thing is better served without it.
DEADLINE_SECONDS = 0.5
_AGAIN_SECONDS = 0.5

# More than any process can have under way; what comes on top is answered as if nobody were there.
_MOST_WAITING = 10_000

Abandoned = Callable[[Any], None]
Run = Callable[..., Awaitable[Any]]

_log = logging.getLogger("trunkline")


class Away(Exception):
    """There is no Redis to ask, or it did not answer. Whether it has done what it was asked is not known."""


class _Waiting:
    """A command that has been asked; `reply` is `None` where nobody waits for it. `abandoned` is told the reply if
    somebody did, and does not any more."""

    __slots__ = ("abandoned", "asked_at", "reply")

    def __init__(self, reply: asyncio.Future[Any] | None, asked_at: float, abandoned: Abandoned | None) -> None:
        self.reply = reply
        self.asked_at = asked_at
        self.abandoned = abandoned


class Line:
    """`open` once, `close` at the end. `prepare` is run on every new connection, before anybody else may ask; `found`
    is called when they may, `lost` when the connection is lost."""

    def __init__(
        self,
        url: str,
        prepare: Callable[[Run], Awaitable[None]],
        found: Callable[[], None],
        lost: Callable[[], None],
    ) -> None:
        try:
            self._pool = ConnectionPool.from_url(
                url, socket_timeout=None, socket_connect_timeout=DEADLINE_SECONDS, retry=Retry(NoBackoff(), 0)
            )
        except ValueError as error:
            raise ConfigError(f"`redis_url` cannot be understood: {error}") from None
        self.place = _describe(url)
        self.is_up = False
        self._prepare = prepare
        self._found = found
        self._lost = lost
        self._connection: Connection | None = None
        self._out: list[bytes] = []
        self._has_out = asyncio.Event()
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._refusal: BaseException | None = None

    # --- asking -------------------------------------------------------------------------------------------------

    async def ask(self, command: bytes, abandoned: Abandoned | None = None) -> Any:
        """The reply to a packed command. Raises `Away`."""
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if not self._put(command, reply, abandoned):
            raise Away
        try:
            return await reply
        except asyncio.CancelledError:
            # It may have come in the very turn in which its caller was called off.
            if abandoned is not None and not reply.cancelled() and reply.exception() is None:
                abandoned(reply.result())
            raise

    def tell(self, command: bytes) -> bool:
        """Have something done that nobody waits for. `False`: there is nobody to do it."""
        return self._put(command, None, None)

    def _put(self, command: bytes, reply: asyncio.Future[Any] | None, abandoned: Abandoned | None) -> bool:
        if not self.is_up or len(self._waiting) >= _MOST_WAITING:
            return False
        self._waiting.append(_Waiting(reply, asyncio.get_running_loop().time(), abandoned))
        self._out.append(command)
        self._has_out.set()
        return True

    # --- the connection -----------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect, and stay so. Raises `ConfigError` for a Redis that lets nobody in; one that is away may come yet."""
        first = asyncio.Event()
        self._task = asyncio.create_task(self._run(first), name="redis")
        await first.wait()
        if self._refusal is not None:
            await self.close()
            raise ConfigError(f"the Redis at {self.place} does not let us in: {self._refusal}")

    async def close(self) -> None:
        """Whoever still waits is told that nobody will answer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._fall()

    async def _run(self, tried: asyncio.Event) -> None:
        was_up: bool | None = None
        while True:
            try:
                async with asyncio.timeout(2 * DEADLINE_SECONDS):
                    connection = await self._connect()
                if was_up is not True:
                    _log.info("Redis at %s answers: limits and budgets are counted there", self.place)
                was_up = self.is_up = True
                self._found()
                tried.set()
                await self._serve(connection)
            except Exception as error:  # noqa: BLE001 - whatever it was, the next connection may be better
                if was_up is not False:
                    _log.warning(
                        "Redis at %s is away (%s): until it is back this process counts alone",
                        self.place,
                        type(error).__name__,
                    )
                was_up = False
                self._refusal = _find_refusal(error)
            finally:
                await self._hang_up()
                tried.set()
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _connect(self) -> Connection:
        connection: Connection = self._pool.make_connection()  # type: ignore[no-untyped-call]  # the library's own
        self._connection = connection
        await connection.connect()  # type: ignore[no-untyped-call]  # likewise

        async def run(*words: Any) -> Any:
            await connection.send_command(*words)
            return await connection.read_response(disable_decoding=True)

        await self._prepare(run)
        return connection

    async def _serve(self, connection: Connection) -> None:
        """Send and read until something goes wrong."""
        tasks = [asyncio.create_task(work) for work in (self._send(connection), self._read(connection), self._watch())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, connection: Connection) -> None:
        while True:
            await self._has_out.wait()
            self._has_out.clear()
            out, self._out = self._out, []
            await connection.send_packed_command(out, check_health=False)

    async def _read(self, connection: Connection) -> None:
        while True:
            error: ResponseError | None = None
            reply: Any = None
            try:
                reply = await connection.read_response(disable_decoding=True)
            except ResponseError as refusal:
                error = refusal
            if not self._waiting:
                raise InvalidResponse("a reply to nothing that was asked")
            _answer(self._waiting.popleft(), reply, error)
            if error is not None:
                # It does not know our scripts any more, or has become a copy that may not write: see who is there now.
                self._fall()
                raise error

    async def _watch(self) -> None:
        """One look at the oldest of those who wait, instead of a timer for each of them."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(DEADLINE_SECONDS / 5)
            if self._waiting and loop.time() - self._waiting[0].asked_at > DEADLINE_SECONDS:
                raise TimeoutError

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        self._fall()
        if connection is not None:
            await connection.disconnect(nowait=True)

    def _fall(self) -> None:
        was_up, self.is_up = self.is_up, False
        waiting, self._waiting = self._waiting, deque()
        self._out = []
        for each in waiting:
            if each.reply is not None and not each.reply.done():
                each.reply.set_exception(Away())
        if was_up:
            self._lost()


def _answer(waiting: _Waiting, reply: Any, error: ResponseError | None) -> None:
    future = waiting.reply
    if future is None:
        return
    if not future.done():
        future.set_exception(Away()) if error is not None else future.set_result(reply)
    elif waiting.abandoned is not None and error is None:
        waiting.abandoned(reply)


def _find_refusal(error: BaseException) -> BaseException | None:
    """The error of a Redis that lets nobody in, which may stand behind another one."""
    for each in (error, error.__cause__):
        if isinstance(each, (AuthenticationError, AuthorizationError)):
            return each
    return None


def _describe(url: str) -> str:
    """Where it is, without what opens it."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}"
