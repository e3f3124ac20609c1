"""The fake upstream on a loopback socket: a small HTTP/1.1 server that plays what the stage says, faults included.

For tests with true sockets and for trying out a gateway. It is no server for anything else.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Self

from trunkline.upstream.fake.script import Performance, Script
from trunkline.upstream.fake.stage import EVERYTHING, Received, Stage

_HEAD_LIMIT = 1 << 16
# A client that says nothing for so long is gone.
_IDLE_SECONDS = 60.0
# `silence` ends when the client leaves, or after this.
_SILENT_SECONDS = 600.0


class FakeServer:
    """`async with FakeServer() as server:` serves at `server.base_url` until the block ends."""

    def __init__(
        self,
        scripts: Mapping[str, Script] | None = None,
        *,
        key: str | None = None,
        speaks: Collection[str] = EVERYTHING,
        models: Collection[str] = ("scripted-model",),
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.stage = Stage(scripts, key=key, speaks=speaks, models=models)
        self.port = port
        self._host = host
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._playing = 0

    @property
    def url(self) -> str:
        """Its address without a path: what a Messages SDK takes."""
        return f"http://{self._host}:{self.port}"

    @property
    def base_url(self) -> str:
        """Its address with `/v1`: what an OpenAI SDK takes."""
        return f"{self.url}/v1"

    @property
    def open_connections(self) -> int:
        """How many clients are connected now, those between two requests included."""
        return len(self._connections)

    @property
    def playing(self) -> int:
        """How many replies are under way."""
        return self._playing

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, self._host, self.port, limit=_HEAD_LIMIT)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while (request := await _read_request(reader)) is not None:
                if not await self._answer(request, reader, writer):
                    break
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            pass
        except asyncio.CancelledError:
            # The server stops. Ending quietly here is the whole of it: nobody awaits this task for its result.
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        self._playing += 1
        try:
            return await _play(self.stage.perform(request), reader, writer)
        finally:
            self._playing -= 1


async def _read_request(reader: asyncio.StreamReader) -> Received | None:
    """The next request of a connection; `None` when the client has left."""
    try:
        async with asyncio.timeout(_IDLE_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
            start, *lines = head.decode("latin-1").split("\r\n")
            method, path, _ = start.split(" ")
            headers = {
                name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
            }
            return Received(method, path, headers, await _read_body(reader, headers))
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
        return None


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return bytes(body)


async def _play(reply: Performance, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Send a reply, until its end or the client's; returns whether the connection may serve another request."""
    playing = asyncio.create_task(_send(reply, writer))
    # A client sends nothing while it waits, so whatever can be read now is its leaving.
    leaving = asyncio.create_task(_wait_for_leaving(reader))
    try:
        await asyncio.wait({playing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return playing.result() if playing.done() else False
    finally:
        for task in (playing, leaving):
            task.cancel()
        await asyncio.gather(playing, leaving, return_exceptions=True)


async def _wait_for_leaving(reader: asyncio.StreamReader) -> None:
    # Looking is not reading: a byte read here would be missing from the next request. A connection that is reset, as
    # one is when it is closed with bytes unread, has no end but an exception.
    while not reader.at_eof() and reader.exception() is None:  # noqa: ASYNC110 - a stream reader has no event for its end
        await asyncio.sleep(0.02)


async def _send(reply: Performance, writer: asyncio.StreamWriter) -> bool:
    await asyncio.sleep(reply.wait)
    is_stream = reply.headers["content-type"].startswith("text/event-stream") or reply.ending != "end"
    if not is_stream:
        body = reply.body
        writer.write(_write_head(reply, f"content-length: {len(body)}") + body)
        await writer.drain()
        return True
    writer.write(_write_head(reply, "transfer-encoding: chunked"))
    for step in reply.steps:
        if isinstance(step, bytes):
            writer.write(b"%x\r\n%b\r\n" % (len(step), step))
            await writer.drain()
            # Let each piece travel by itself.
            await asyncio.sleep(0)
        else:
            await asyncio.sleep(step)
    return await _end(reply, writer)


async def _end(reply: Performance, writer: asyncio.StreamWriter) -> bool:
    match reply.ending:
        case "end":
            writer.write(b"0\r\n\r\n")
            await writer.drain()
            return True
        case "reset":
            # Closing at once with a linger time of nothing is what makes the system send a reset.
            raw = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        case "silence":
            await asyncio.sleep(_SILENT_SECONDS)
        case "cut":
            pass
    return False


def _write_head(reply: Performance, framing: str) -> bytes:
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{name}: {value}" for name, value in reply.headers.items())]
    return "\r\n".join([*lines, framing, "", ""]).encode("latin-1")
