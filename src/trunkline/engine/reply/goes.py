"""A reply that pauses and is taken up again: towards the relay it is one reply, in as many goes as it takes.

The next go is asked for in a task of its own, since the bytes of a stream come by callback and nobody waits for them.
"""

import asyncio
from collections.abc import Awaitable, Callable

from trunkline.ports import UpstreamReply

More = Callable[[], bytes | None]
Send = Callable[[bytes], Awaitable[UpstreamReply]]


class Goes:
    """An `UpstreamReply`: `first`, and whatever `send` gives for what there is `more` to ask."""

    __slots__ = ("_done", "_feed", "_is_closed", "_is_paused", "_more", "_reply", "_send", "_task", "headers", "status")

    def __init__(self, first: UpstreamReply, more: More, send: Send) -> None:
        self.status = first.status
        self.headers = first.headers
        self._reply = first
        self._more = more
        self._send = send
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False
        self._is_paused = False

    async def read(self, limit_bytes: int) -> bytes:
        return await self._reply.read(limit_bytes)

    def pour(self, feed: Callable[[bytes], None], done: Callable[[Exception | None], None]) -> None:
        self._feed = feed
        self._done = done
        self._reply.pour(feed, self._end_go)

    def _end_go(self, error: Exception | None) -> None:
        try:
            body = self._more() if error is None else None
        except Exception as bug:  # noqa: BLE001 - raised here it would tear down the upstream's connection
            body, error = None, bug
        if body is None or self._is_closed:
            self._done(error)
        else:
            self._task = asyncio.get_running_loop().create_task(self._go_on(body))

    async def _go_on(self, body: bytes) -> None:
        self._reply.close()
        try:
            self._reply = await self._send(body)
        except Exception as error:  # noqa: BLE001 - nobody waits for this task: whoever reads the stream must hear of it
            self._done(error)
            return
        if self._is_closed:
            self._reply.close()
            return
        if self._is_paused:
            self._reply.pause()
        self._reply.pour(self._feed, self._end_go)

    def pause(self) -> None:
        self._is_paused = True
        self._reply.pause()

    def resume(self) -> None:
        self._is_paused = False
        self._reply.resume()

    def close(self) -> None:
        self._is_closed = True
        if self._task is not None and not self._task.done() and self._task is not asyncio.current_task():
            self._task.cancel()
        self._reply.close()
        # They lead back to whoever holds this, and a request of megabytes with them.
        self._feed = self._done = _hear_no_more


def _hear_no_more(_: object) -> None:
    """Stands in the place of the callbacks of a reader that has closed."""
