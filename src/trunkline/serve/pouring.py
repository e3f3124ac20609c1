"""The sink of one streamed reply: framing, back-pressure, and as few writes as can be."""

import asyncio
from typing import Protocol

from trunkline.call import Source

# More than this is not gathered for the first write.
_FULL_BYTES = 65_536


class Outlet(Protocol):
    """The connection, as a stream on it sees it. Nothing is written once it `is_lost`."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    is_lost: bool

    @property
    def is_write_paused(self) -> bool: ...


class Pouring:
    """`trunkline.call.Sink`. The head waits for the end of the loop's turn, so that what is there already goes with it.

    From then on each piece is written as it comes, one chunk and one system call: what arrives together from upstream
    is handed on together, and a timer or callback for each would cost more than it gathers.
    """

    __slots__ = ("_gathered", "_gathered_bytes", "_head", "_is_chunked", "_outlet", "_write", "source")

    def __init__(self, outlet: Outlet, head: bytes, is_chunked: bool) -> None:
        self.source: Source | None = None
        self._outlet = outlet
        self._write = outlet.transport.write
        self._is_chunked = is_chunked
        self._head = head
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        # In silence the head goes alone.
        outlet.loop.call_soon(self._begin)

    def attach(self, source: Source) -> None:
        self.source = source
        if self._outlet.is_write_paused:
            source.pause()

    def write(self, data: bytes) -> None:
        # An empty chunk would end the body.
        if not data or self._outlet.is_lost:
            return
        if not self._head:
            self._write(b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data)
            return
        self._gathered.append(data)
        self._gathered_bytes += len(data)
        # At once, so that a source that is too fast is told so.
        if self._gathered_bytes >= _FULL_BYTES:
            self._begin()

    def end(self) -> None:
        end = b"0\r\n\r\n" if self._is_chunked else b""
        if self._head:
            self._begin(end)
        elif end and not self._outlet.is_lost:
            self._write(end)

    def _begin(self, end: bytes = b"") -> None:
        """The head, and behind it in one chunk what was gathered; once."""
        head, self._head = self._head, b""
        data = b"".join(self._gathered)
        self._gathered.clear()
        if not head or self._outlet.is_lost:
            return
        if data and self._is_chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        self._write(head + data + end)
