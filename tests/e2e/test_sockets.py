"""The whole gateway over true sockets: who leaves is noticed, who is slow is waited for, who is down is named."""

import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from real_gateway import KEY, make_fakes, running, running_gateway, upstream_environment
from trunkline.build.gateway import open_gateway
from trunkline.build.servers import make_server
from trunkline.config.config import Config, ServerConfig
from trunkline.engine.gateway import Gateway
from trunkline.keyring import Keyring
from trunkline.ports import Timeouts
from trunkline.providers.account import make_account
from trunkline.providers.directory import load_provider
from trunkline.providers.model_rules import ModelRules
from trunkline.records import Record
from trunkline.upstream.fake.script import Script, ScriptedError
from trunkline.upstream.fake.server import FakeServer

PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
WITHIN_SECONDS = 1.0

HELLO = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m",'
    b'"choices":[{"index":0,"delta":{"role":"assistant","content":"Hello"},"finish_reason":null}]}\n\n'
).decode()

SCRIPTS = {
    "talks": Script(chunks=[HELLO], ending="silence"),
    "opens": Script(chunks=[": hello\n\n"], ending="silence"),
    "sleeps": Script(wait=60.0),
    "busy": Script(status=429, error=ScriptedError("Slow down."), headers={"retry-after": "7"}),
    "denied": Script(status=401, error=ScriptedError("Incorrect API key provided: upstream-key.")),
}


@dataclass
class Running:
    """A gateway that serves, the upstream behind it, and what it recorded."""

    port: int
    gateway: Gateway
    upstream: FakeServer
    records: list[Record]

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def until(holds: Callable[[], Any], seconds: float = WITHIN_SECONDS) -> None:
    """Wait until it holds, and no longer than a client's leaving may take to arrive."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is awaited is on the other side of a socket
            await asyncio.sleep(0.01)


class Ledger:
    is_short = False

    def __init__(self) -> None:
        self.records: list[Record] = []

    def record(self, record: Record) -> None:
        self.records.append(record)

    def check(self) -> float:
        """There is room."""
        return 0.0


@contextlib.asynccontextmanager
async def serving(folder: Path, base_url: str) -> AsyncIterator[tuple[int, Gateway, list[Record]]]:
    """A gateway before one upstream of every dialect's name, on a port of its own, open to all."""
    models = ModelRules(extra=frozenset({"m", *SCRIPTS}), only=True)
    accounts = (
        make_account(load_provider("compatible"), base_url=base_url, api_key="upstream-key", models=models),
        make_account(
            load_provider("openai"),
            base_url=base_url,
            api_key="upstream-key",
            speaks=("chat",),
            models=ModelRules(only=True),
        ),
        make_account(
            load_provider("anthropic"), base_url=base_url, api_key="upstream-key", models=ModelRules(only=True)
        ),
    )
    config = Config(
        data_dir=folder,
        server=ServerConfig(host="127.0.0.1", port=0, drain_seconds=0.1),
        timeouts=Timeouts(),
        accounts=accounts,
        aliases={},
        proxies={},
        auth=False,
    )
    ledger = Ledger()
    async with open_gateway(config, Keyring([bytes(32)], None, bytes(32)), ledger, keeps=False) as gateway:
        server = make_server(config, gateway, lambda _: None)
        task = asyncio.create_task(server.serve())
        try:
            await until(lambda: server.is_started, 10)
            yield server.addresses[0].port, gateway, ledger.records
        finally:
            server.stop()
            await task


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Running]:
    async with (
        FakeServer(SCRIPTS, models=["m", *SCRIPTS]) as upstream,
        serving(tmp_path, upstream.base_url) as (port, gateway, records),
    ):
        yield Running(port, gateway, upstream, records)


def request(caller: str, model: str, *, is_stream: bool = True, **members: Any) -> bytes:
    messages = [{"role": "user", "content": "Hi"}]
    asked: dict[str, Any] = {"input": "Hi"} if caller == "responses" else {"messages": messages}
    if caller == "messages":
        asked["max_tokens"] = 100
    body = json.dumps({"model": model, "stream": is_stream, **asked, **members}).encode()
    head = (
        f"POST {PATHS[caller]} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    )
    return head.encode() + b"\r\n" + body


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    async with asyncio.timeout(5):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    status, *lines = head.rstrip().split("\r\n")
    return int(status.split(" ")[1]), dict(line.lower().split(": ", 1) for line in lines)


async def read_reply(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """A whole reply, by its length or by its chunks."""
    status, headers = await read_head(reader)
    async with asyncio.timeout(5):
        if "content-length" in headers:
            return status, headers, await reader.readexactly(int(headers["content-length"]))
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
        return status, headers, body


# --- leaving ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize(
    ("model", "is_stream"), [("talks", True), ("opens", True), ("sleeps", True), ("sleeps", False)]
)
@pytest.mark.parametrize("caller", list(PATHS))
async def test_a_client_that_leaves_closes_the_upstream(
    served: Running, caller: str, model: str, is_stream: bool, how: str
) -> None:
    """Within a second: in the middle of a silent stream, before its content, and before the upstream's head."""
    async with served.connect() as (reader, writer):
        writer.write(request(caller, model, is_stream=is_stream))
        if model == "talks":
            assert (await read_head(reader))[0] == 200
            await reader.readuntil(b"Hello")
        await until(lambda: served.upstream.open_connections)
        await asyncio.sleep(0.05)
        assert served.upstream.open_connections == 1
        if how == "reset":
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            writer.transport.abort()
    await until(lambda: not served.upstream.open_connections)
    await until(lambda: served.records)
    assert [record.outcome for record in served.records] == ["cancelled"]


# --- connections ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", list(PATHS))
async def test_connections_are_kept(served: Running, caller: str) -> None:
    """One from the client and one to the upstream serve many requests, streamed and not."""
    async with served.connect() as (reader, writer):
        for is_stream in (False, True, False, True, True):
            writer.write(request(caller, "m", is_stream=is_stream))
            status, headers, body = await read_reply(reader)
            assert status == 200
            assert body
            assert headers.get("connection", "keep-alive") == "keep-alive"
    assert len(served.upstream.stage.received) == 5
    assert served.upstream.open_connections == 1
    assert [record.outcome for record in served.records] == ["ok"] * 5


async def test_a_stream_that_broke_does_not_serve_again(served: Running) -> None:
    """What is left of an answer must not be read as the next one."""
    for _ in range(3):
        async with served.connect() as (reader, writer):
            writer.write(request("chat", "talks"))
            await read_head(reader)
            await reader.readuntil(b"Hello")
        await until(lambda: not served.upstream.open_connections)
        async with served.connect() as (reader, writer):
            writer.write(request("chat", "m", is_stream=False))
            status, _, body = await read_reply(reader)
            assert status == 200
            assert json.loads(body)["choices"]


async def test_silence_is_spoken_into(served: Running) -> None:
    """After ten ticks of the second hand."""
    async with served.connect() as (reader, writer):
        writer.write(request("responses", "talks"))
        await read_head(reader)
        await reader.readuntil(b"Hello")
        for _ in range(10):
            served.gateway.tick()
        async with asyncio.timeout(1):
            await reader.readuntil(b": ping\n\n")


async def test_many_clients_at_once(served: Running) -> None:
    """Each gets its own answer."""

    async def ask(number: int) -> None:
        caller = list(PATHS)[number % 3]
        async with served.connect() as (reader, writer):
            for is_stream in (True, False):
                text = f"Reply with exactly N{number}."
                members: dict[str, Any] = (
                    {"input": text} if caller == "responses" else {"messages": [{"role": "user", "content": text}]}
                )
                writer.write(request(caller, "m", is_stream=is_stream, **members))
                status, _, body = await read_reply(reader)
                assert status == 200
                assert f"N{number}".encode() in body

    await asyncio.gather(*(ask(number) for number in range(40)))
    assert len(served.records) == 80


# --- slow readers -----------------------------------------------------------------------------------------------


class Flood:
    """An upstream that streams text for as long as it is read."""

    def __init__(self) -> None:
        self.sent_bytes = 0
        self.is_closed = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
            event = HELLO.encode() * 50
            while True:
                writer.write(event)
                await writer.drain()
                self.sent_bytes += len(event)
        except OSError:
            self.is_closed = True
        finally:
            writer.close()


@pytest.mark.slow
@pytest.mark.parametrize("model", ["compatible/m", "openai/m"])
@pytest.mark.parametrize("caller", ["chat", "responses"])
async def test_a_slow_reader_holds_the_upstream(tmp_path: Path, caller: str, model: str) -> None:
    """What it does not read is not fetched: no more is on the way than sockets hold; then it goes on, or leaves."""
    flood = Flood()
    listening = await asyncio.start_server(flood.serve, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    async with serving(tmp_path, base_url) as (port, _, records):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=client, limit=65_536)
        writer.write(request(caller, model))
        await read_head(reader)
        before = -1
        async with asyncio.timeout(20):
            while flood.sent_bytes != before:
                before = flood.sent_bytes
                await asyncio.sleep(0.5)
        assert flood.sent_bytes < 24_000_000
        for _ in range(400):
            assert await reader.read(65_536)
        async with asyncio.timeout(5):
            while flood.sent_bytes == before:
                await asyncio.sleep(0.01)
                await reader.read(65_536)
        writer.transport.abort()
        await until(lambda: flood.is_closed and records, 2)
        assert records[0].outcome == "cancelled"
    listening.close()
    await listening.wait_closed()


# --- upstreams that fail ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("caller", list(PATHS))
async def test_a_provider_that_is_down(tmp_path: Path, caller: str, is_stream: bool) -> None:
    """503, and truly worth another try: nothing was sent."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{probe.getsockname()[1]}/v1"
    async with serving(tmp_path, base_url) as (port, _, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(caller, "m", is_stream=is_stream))
        status, headers, body = await read_reply(reader)
        writer.close()
        await writer.wait_closed()
    assert status == 503
    assert headers["x-should-retry"] == "true"
    assert int(headers["retry-after"]) >= 1
    assert "error" in json.loads(body)


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("caller", list(PATHS))
async def test_a_provider_that_refuses(served: Running, caller: str, is_stream: bool) -> None:
    """Its 401 is our 502; its 429 is passed on with its hint."""
    async with served.connect() as (reader, writer):
        writer.write(request(caller, "denied", is_stream=is_stream))
        status, headers, body = await read_reply(reader)
        assert (status, headers["x-should-retry"]) == (502, "false")
        assert b"upstream-key" not in body
        writer.write(request(caller, "busy", is_stream=is_stream))
        status, headers, body = await read_reply(reader)
        assert (status, headers["x-should-retry"], headers["retry-after"]) == (429, "true", "7")
        assert b"Slow down." in body


# --- the end ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", list(PATHS))
async def test_a_drain_ends_a_stream_with_an_error_event(tmp_path: Path, caller: str) -> None:
    """When its time is up; the client has a whole stream to its last chunk."""
    async with FakeServer(SCRIPTS, models=["m", *SCRIPTS]) as upstream:
        async with serving(tmp_path, upstream.base_url) as (port, _, records):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request(caller, "talks"))
            reading = asyncio.create_task(read_reply(reader))
            await until(lambda: upstream.open_connections)
            await asyncio.sleep(0.05)
        _, _, body = await reading
        assert b"shutting down" in body
        assert [record.outcome for record in records] == ["error"]
        writer.close()
        await writer.wait_closed()


@pytest.mark.slow
def test_a_signal_ends_streams_and_then_the_process(tmp_path: Path) -> None:
    """SIGTERM: the drain's time for streams, an error event, and the end that the signal asks for."""
    fakes = make_fakes()
    with running(fakes), running_gateway(tmp_path, **upstream_environment(fakes)) as gateway:
        data = request("responses", "chat-silent", input="one two three four five").replace(
            b"host: x", b"authorization: Bearer " + KEY.encode()
        )
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as client:
            client.sendall(data.replace(b"\r\n", b"\r\nhost: x\r\n", 1))
            received = b""
            while b"output_text.delta" not in received:
                received += client.recv(65_536)
            gateway.process.send_signal(signal.SIGTERM)
            while piece := client.recv(65_536):
                received += piece
        assert b"event: response.failed" in received
        assert b"shutting down" in received
        assert received.endswith(b"0\r\n\r\n")
        assert gateway.process.wait(10) == -signal.SIGTERM
