"""One request on a connection, from its last byte to the reply's last byte. One task each, and it is the sink."""

import asyncio
from typing import Protocol

import msgspec

from trunkline.call import Call, Reply, Source, Stream
from trunkline.errors import TrunklineError, Unavailable
from trunkline.serve.body import decode
from trunkline.serve.bugs import log_bug
from trunkline.serve.face import Face
from trunkline.serve.head import CHUNKED, CLOSE, has_body, write_head

# More than this is not gathered for one write.
_FULL_BYTES = 65_536


class Line(Protocol):
    """The connection, as a request on it sees it."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    face: Face
    is_leaving: bool

    @property
    def is_write_paused(self) -> bool: ...

    def answered(self, cycle: "HotCycle") -> None:
        """The cycle's task is at its end."""


class HotCycle:
    """`has_left` is set by the connection when the client is gone; nothing is written from then on."""

    __slots__ = (
        "_has_begun",
        "_head",
        "_parts",
        "_pending_bytes",
        "call",
        "coding",
        "has_left",
        "is_first_edition",
        "keep_alive",
        "line",
        "source",
        "task",
    )

    def __init__(self, line: Line, call: Call, coding: bytes, keep_alive: bool, is_first_edition: bool) -> None:
        self.line = line
        self.call = call
        self.coding = coding
        self.keep_alive = keep_alive
        # HTTP/1.0, which knows no chunks: a stream ends with the connection.
        self.is_first_edition = is_first_edition
        self.has_left = False
        self.source: Source | None = None
        self.task: asyncio.Task[None] | None = None
        # What the next write to the transport takes along: the head, and what was poured since the last one.
        self._head = b""
        self._parts: list[bytes] = []
        self._pending_bytes = 0
        self._has_begun = False

    async def run(self) -> None:
        line = self.line
        try:
            try:
                if self.coding:
                    self.call = await self._decoded()
                reply = await line.face.gateway.handle(self.call)
            except TrunklineError as error:
                reply = line.face.gateway.draw(error, self.call)
            except Exception as error:  # noqa: BLE001  # whatever it is, the caller gets a reply
                reply = line.face.draw_bug(error, self.call)
            body = reply.body
            if isinstance(body, bytes):
                if not self.has_left:
                    self._write_whole(reply, body)
            elif self.has_left:
                body.close()
            elif has_body(reply.status, self.call.method):
                await self._pour(reply, body)
            else:
                body.close()
                self._write_whole(reply, b"")
        except asyncio.CancelledError:
            if not self.has_left:
                self._cut_off()
            raise
        except Exception as error:  # noqa: BLE001  # the connection's last resort
            # Part of a reply may be out already: a cut connection is the only honest end.
            log_bug(error)
            line.transport.abort()
        finally:
            self.source = None
            line.answered(self)

    async def _decoded(self) -> Call:
        body = await decode(self.coding, self.call.body, self.line.face.limits.body_bytes)
        return msgspec.structs.replace(self.call, body=body)

    def _write_whole(self, reply: Reply, body: bytes) -> None:
        """Head and body in one write."""
        line = self.line
        self._has_begun = True
        if line.is_leaving:
            self.keep_alive = False
        line.transport.write(whole(reply, body, line.face.sweep.date, self.call.method, self.keep_alive))

    async def _pour(self, reply: Reply, body: Stream) -> None:
        line = self.line
        if self.is_first_edition or line.is_leaving:
            self.keep_alive = False
        framing = b"" if self.is_first_edition else CHUNKED
        if not self.keep_alive:
            framing += CLOSE
        self._has_begun = True
        self._head = write_head(reply.status, reply.headers, line.face.sweep.date, framing)
        # In silence the head goes alone, when the loop turns.
        line.loop.call_soon(self._flush)
        await body.pour(self)
        self._flush(b"" if self.is_first_edition else b"0\r\n\r\n")

    def _flush(self, end: bytes = b"") -> None:
        """One write and one chunk for all that was poured in this turn of the loop.

        A write to the transport is a system call, ten times dearer than all else about an event; events that come
        together leave together, and one that comes alone waits for nothing but the turn's end.
        """
        parts = self._parts
        if self.has_left:
            parts.clear()
            return
        out = self._head
        self._head = b""
        if parts:
            data = parts[0] if len(parts) == 1 else b"".join(parts)
            parts.clear()
            self._pending_bytes = 0
            out += data if self.is_first_edition else b"%x\r\n%b\r\n" % (len(data), data)
        if out or end:
            self.line.transport.write(out + end)

    def attach(self, source: Source) -> None:
        self.source = source
        if self.line.is_write_paused:
            source.pause()

    def write(self, data: bytes) -> None:
        # An empty chunk would end the body.
        if self.has_left or not data:
            return
        if not self._parts:
            self.line.loop.call_soon(self._flush)
        self._parts.append(data)
        self._pending_bytes += len(data)
        # At once, so that a source that is too fast is told so.
        if self._pending_bytes >= _FULL_BYTES:
            self._flush()

    def _cut_off(self) -> None:
        """The server stops and cannot wait: a stream is cut, a request that waits is told to come back."""
        if self._has_begun:
            self.line.transport.abort()
            return
        error = Unavailable("the server is shutting down; send the request again")
        reply = self.line.face.gateway.draw(error, self.call)
        if isinstance(reply.body, bytes):
            self.keep_alive = False
            self._write_whole(reply, reply.body)


def whole(reply: Reply, body: bytes, date: bytes, method: str, keep_alive: bool) -> bytes:
    """A reply of known length as bytes; to HEAD the length is told and the body is not sent."""
    status = reply.status
    framing = b"" if status in (204, 304) else b"content-length: %d\r\n" % len(body)
    if not keep_alive:
        framing += CLOSE
    head = write_head(status, reply.headers, date, framing)
    return head + body if has_body(status, method) else head
