"""A gateway that does as a test says, behind either lane, and a client that sends the bytes it is given."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import msgspec
import uvicorn
from uvicorn.server import ServerState

from trunkline.call import Call, Reply, Sink, Stream
from trunkline.errors import TrunklineError, Unauthenticated
from trunkline.serve.app import App
from trunkline.serve.face import Face
from trunkline.serve.http import HotProtocol
from trunkline.serve.limits import Limits

JSON = (b"content-type", b"application/json")
Answer = Callable[[Call], Awaitable[Reply]]


async def echo(call: Call) -> Reply:
    """What was understood, as JSON."""
    seen = {
        "method": call.method,
        "path": call.path,
        "query": call.query.decode(),
        "headers": {name.decode(): value.decode("latin-1") for name, value in call.headers.items()},
        "body": call.body.decode("latin-1"),
        "peer": call.peer,
    }
    return Reply(status=200, headers=[JSON], body=msgspec.json.encode(seen))


class FakeGateway:
    """Answers with `answer`; remembers the calls, and the errors it was asked to draw."""

    def __init__(self) -> None:
        self.answer: Answer = echo
        self.calls: list[Call] = []
        self.drawn: list[TrunklineError] = []
        self.drains = 0

    async def handle(self, call: Call) -> Reply:
        self.calls.append(call)
        return await self.answer(call)

    def draw(self, error: TrunklineError, call: Call) -> Reply:
        self.drawn.append(error)
        body = {"error": {"message": error.message, "code": error.code, "param": error.param}, "path": call.path}
        return Reply(status=error.status, headers=[JSON], body=msgspec.json.encode(body))

    def authenticate(self, call: Call) -> None:
        if call.headers.get(b"authorization") != b"Bearer right":
            raise Unauthenticated("no such key")

    def leave(self) -> None:
        """There is nothing without an end."""

    def drain(self) -> None:
        self.drains += 1


class Script(Stream):
    """A stream whose pouring is a function; `ended` says how it went."""

    def __init__(self, pour: Callable[[Sink], Awaitable[None]]) -> None:
        self._pour = pour
        self.ended = ""
        self.is_over = asyncio.Event()

    async def pour(self, sink: Sink) -> None:
        try:
            await self._pour(sink)
            self.ended = "well"
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise
        finally:
            self.is_over.set()

    def close(self) -> None:
        self.ended = "closed"
        self.is_over.set()


class Tap:
    """A source that counts how often it was asked to hold on."""

    def __init__(self) -> None:
        self.pauses = 0
        self.resumes = 0
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.is_shut = asyncio.Event()

    def pause(self) -> None:
        self.pauses += 1
        self.is_open.clear()
        self.is_shut.set()

    def resume(self) -> None:
        self.resumes += 1
        self.is_open.set()


@dataclass
class Response:
    """A reply as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes
    raw_head: bytes = field(repr=False, default=b"")

    @property
    def json(self) -> dict[str, object]:
        return msgspec.json.decode(self.body, type=dict)

    @property
    def error(self) -> dict[str, str]:
        error = self.json["error"]
        assert isinstance(error, dict)
        return error


class Client:
    """One connection. Every wait has an end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def line(self) -> bytes:
        async with asyncio.timeout(5):
            return await self.reader.readline()

    async def head(self) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(5):
            raw = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = raw.decode("latin-1").split("\r\n")[:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return int(first.split(" ")[1]), headers, raw

    async def response(self, method: str = "GET") -> Response:
        """The next reply, unchunked."""
        status, headers, raw = await self.head()
        body = b""
        async with asyncio.timeout(5):
            if method == "HEAD" or status in (204, 304):
                pass
            elif "content-length" in headers:
                body = await self.reader.readexactly(int(headers["content-length"]))
            elif headers.get("transfer-encoding") == "chunked":
                body = b"".join([chunk async for chunk in self.chunks()])
            else:
                body = await self.reader.read()
        return Response(status, headers, body, raw)

    async def chunks(self) -> AsyncIterator[bytes]:
        while chunk := await self.chunk():
            yield chunk

    async def chunk(self) -> bytes:
        """The next chunk; empty for the last."""
        async with asyncio.timeout(5):
            size = int(await self.reader.readline(), 16)
            data = await self.reader.readexactly(size)
            assert await self.reader.readexactly(2) == b"\r\n"
        return data

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        async with asyncio.timeout(5):
            return await self.reader.read()

    async def ask(self, data: bytes, method: str = "GET") -> Response:
        self.send(data)
        return await self.response(method)

    def abort(self) -> None:
        transport = self.writer.transport
        assert transport is not None
        transport.abort()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


class Door:
    """A listening lane: `hot`, or `asgi` under the server's stock protocol."""

    def __init__(self, lane: str, gateway: FakeGateway, limits: Limits, base_path: str) -> None:
        self.lane = lane
        self.gateway = gateway
        self.face = Face(gateway, limits=limits, base_path=base_path)
        self.state = ServerState()
        # uvicorn's server puts it there once a second; here is only its protocol.
        self.state.default_headers = [(b"date", b"Sun, 06 Nov 1994 08:49:37 GMT")]
        self.port = 0
        self._clients: list[Client] = []
        is_hot = lane == "hot"
        self._config = uvicorn.Config(
            App(self.face),
            http=HotProtocol if is_hot else "httptools",
            ws="none" if is_hot else "websockets-sansio",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
        self._config.load()

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        make = self._config.http_protocol_class
        self._server = await loop.create_server(
            lambda: make(config=self._config, server_state=self.state, app_state={}), "127.0.0.1", 0
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._sweep = asyncio.create_task(self.face.sweep.run())

    async def connect(self, limit: int = 2**20) -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=limit)
        self._clients.append(Client(reader, writer))
        return self._clients[-1]

    async def ask(self, data: bytes, method: str = "GET") -> Response:
        """One request on a connection of its own."""
        client = await self.connect()
        return await client.ask(data, method)

    async def close(self) -> None:
        self._sweep.cancel()
        self._server.close()
        for client in self._clients:
            client.abort()
        for _ in range(1_000):
            if not self.state.connections and not self.state.tasks:
                return
            await asyncio.sleep(0.001)
        raise AssertionError(f"left over: {self.state.connections} {self.state.tasks}")


def get(path: str = "/v1/models", *lines: str) -> bytes:
    return request("GET", path, *lines)


def post(path: str = "/v1/responses", *lines: str, body: bytes = b"") -> bytes:
    return request("POST", path, f"Content-Length: {len(body)}", *lines) + body


def request(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: here", *lines, "", ""]).encode("latin-1")


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
