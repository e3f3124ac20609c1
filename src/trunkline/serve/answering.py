"""The answering half of a connection: one request after the other, in one task for all of them."""

import asyncio
from typing import Protocol

import msgspec
from msgspec import Struct

from trunkline.call import Call, Reply, Stream
from trunkline.errors import TrunklineError, Unavailable
from trunkline.serve.body import decode
from trunkline.serve.bugs import log_bug
from trunkline.serve.face import Face
from trunkline.serve.head import CHUNKED, CLOSE, has_body, write_head, write_whole
from trunkline.serve.pouring import Pouring
from trunkline.serve.uploads import Arriving


class Asked(Struct, frozen=True):
    """A whole request whose body is still in `coding`, unless that is empty.

    `is_first_edition` is HTTP/1.0, which knows no chunks: a stream ends with the connection.
    """

    call: Call
    coding: bytes = b""
    keep_alive: bool = True
    is_first_edition: bool = False


# In the place of what has been answered: a connection may wait long for its next request, and a body is large.
_NOTHING = Asked(Call(method="GET", path="/", headers={}))


class Line(Protocol):
    """The connection, as its answering half sees it."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    tasks: set[asyncio.Task[None]]
    face: Face
    upload: Arriving | None
    is_leaving: bool
    is_lost: bool

    @property
    def is_write_paused(self) -> bool: ...

    def answered(self, keep_alive: bool) -> None:
        """The reply is out, or never will be. May ask for the next one."""


class Answering:
    """`pouring` is the stream that is being sent. The task is one of the server's, and ends with the connection."""

    __slots__ = ("_asked", "_has_begun", "_keep_alive", "_line", "_task", "_wake", "is_busy", "pouring")

    def __init__(self, line: Line) -> None:
        self.is_busy = False
        self.pouring: Pouring | None = None
        self._line = line
        self._asked = _NOTHING
        self._task: asyncio.Task[None] | None = None
        self._wake: asyncio.Future[None] | None = None

    def start(self, asked: Asked) -> None:
        """Answer it. Only when not busy."""
        self.is_busy = True
        self._asked = asked
        self._keep_alive = asked.keep_alive
        self._has_begun = False
        if self._wake is not None:
            self._wake.set_result(None)
            self._wake = None
        elif self._task is None:
            self._task = task = self._line.loop.create_task(self._run())
            self._line.tasks.add(task)
            task.add_done_callback(self._line.tasks.discard)

    def end(self) -> None:
        """The client is gone: cancels what is under way."""
        # Of what a cancelled task was about it remembers where it stood, this connection and its request included.
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    async def _run(self) -> None:
        # One task for each request would cost as much as reading it.
        line = self._line
        try:
            while not line.is_lost:
                await self._answer(self._asked)
                self._asked = _NOTHING
                self.pouring = None
                self.is_busy = False
                line.answered(self._keep_alive)
                if not (self.is_busy or line.is_lost):
                    self._wake = line.loop.create_future()
                    await self._wake
        except asyncio.CancelledError:
            if self.is_busy and not line.is_lost:
                self._cut_off()
            raise
        except Exception as error:  # noqa: BLE001  # the connection's last resort
            # Part of a reply may be out already: a cut connection is the only honest end.
            log_bug(error)
            line.transport.abort()
        finally:
            self._asked = _NOTHING
            self.pouring = None
            # Nobody would answer another request.
            if not line.is_lost:
                line.transport.close()

    async def _answer(self, asked: Asked) -> None:
        line = self._line
        gateway = line.face.gateway
        call = asked.call
        try:
            if asked.coding:
                call = await self._decoded(asked)
            reply = await gateway.handle(call)
        except TrunklineError as error:
            reply = gateway.draw(error, call)
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller gets a reply
            reply = line.face.draw_bug(error, call)
        body = reply.body
        if isinstance(body, bytes):
            if not line.is_lost:
                self._write_whole(reply, body)
        elif line.is_lost:
            body.close()
        elif has_body(reply.status, call.method):
            await self._pour(reply, body)
        else:
            body.close()
            self._write_whole(reply, b"")

    async def _decoded(self, asked: Asked) -> Call:
        body = await decode(asked.coding, asked.call.body, self._line.face.limits.body_bytes)
        return msgspec.structs.replace(asked.call, body=body)

    def _write_whole(self, reply: Reply, body: bytes) -> None:
        """Head and body in one write."""
        line = self._line
        self._has_begun = True
        # What would follow an upload that was not taken whole is the rest of it.
        if line.is_leaving or line.upload is not None:
            self._keep_alive = False
        date, method = line.face.sweep.date, self._asked.call.method
        line.transport.write(write_whole(reply, body, date, method, self._keep_alive))

    async def _pour(self, reply: Reply, body: Stream) -> None:
        line = self._line
        is_chunked = not self._asked.is_first_edition
        if line.is_leaving or not is_chunked:
            self._keep_alive = False
        framing = CHUNKED if is_chunked else b""
        if not self._keep_alive:
            framing += CLOSE
        self._has_begun = True
        head = write_head(reply.status, reply.headers, line.face.sweep.date, framing)
        self.pouring = pouring = Pouring(line, head, is_chunked)
        await body.pour(pouring)
        pouring.end()

    def _cut_off(self) -> None:
        """The server stops and cannot wait: a stream is cut, a request that waits is told to come back."""
        if self._has_begun:
            self._line.transport.abort()
            return
        error = Unavailable("the server is shutting down; send the request again")
        reply = self._line.face.gateway.draw(error, self._asked.call)
        if isinstance(reply.body, bytes):
            self._keep_alive = False
            self._write_whole(reply, reply.body)
