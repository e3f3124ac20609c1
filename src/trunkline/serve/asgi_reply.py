"""A reply on its way to an ASGI server: whole, or poured as the server takes it."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from trunkline.call import Reply, Source, Stream
from trunkline.serve.head import has_body

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

# A stream's source is asked to hold on when this much waits for the server, to go on when nothing does.
_HIGH_WATER_BYTES = 65_536


async def send_reply(reply: Reply, method: str, send: Send) -> None:
    body = reply.body
    headers = list(reply.headers)
    if isinstance(body, bytes) and reply.status not in (204, 304):
        headers.append((b"content-length", b"%d" % len(body)))
    start = {"type": "http.response.start", "status": reply.status, "headers": headers}
    if isinstance(body, bytes):
        await send(start)
        sent = body if has_body(reply.status, method) else b""
        await send({"type": "http.response.body", "body": sent})
        return
    try:
        await send(start)
    except BaseException:
        body.close()
        raise
    if not has_body(reply.status, method):
        body.close()
    else:
        await _pour(body, send)
    await send({"type": "http.response.body", "body": b""})


async def _pour(stream: Stream, send: Send) -> None:
    sink = _AsgiSink()
    pouring = asyncio.create_task(stream.pour(sink))
    pouring.add_done_callback(lambda _: sink.wake.set())
    try:
        while not pouring.done() or sink.waiting_bytes:
            await sink.wake.wait()
            if data := sink.take():
                await send({"type": "http.response.body", "body": data, "more_body": True})
                sink.resume()
        await pouring
    finally:
        pouring.cancel()
        await asyncio.wait({pouring})
        if sink.source is None:
            # Called off before it had begun: it has let go of nothing.
            stream.close()


class _AsgiSink:
    """Gathers what is poured until the server takes it."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.waiting_bytes = 0
        self._parts: list[bytes] = []
        self.source: Source | None = None
        self._is_paused = False

    def attach(self, source: Source) -> None:
        self.source = source

    def write(self, data: bytes) -> None:
        self._parts.append(data)
        self.waiting_bytes += len(data)
        self.wake.set()
        if self.waiting_bytes > _HIGH_WATER_BYTES and self.source is not None and not self._is_paused:
            self._is_paused = True
            self.source.pause()

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        self.waiting_bytes = 0
        self.wake.clear()
        return data

    def resume(self) -> None:
        if self._is_paused and self.source is not None and not self.waiting_bytes:
            self._is_paused = False
            self.source.resume()
