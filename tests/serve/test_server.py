"""Listening, and stopping."""

import asyncio
import contextlib
import signal
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import trustme
from doorstep import Client, FakeGateway, get

from trunkline.errors import ConfigError
from trunkline.serve import server as server_module
from trunkline.serve.face import Face
from trunkline.serve.limits import Limits
from trunkline.serve.server import Address, Server
from trunkline.serve.sockets import listen

HAS_IPV6 = socket.has_ipv6 and Path("/proc/net/if_inet6").exists()


@contextlib.asynccontextmanager
async def running(server: Server) -> AsyncIterator[Server]:
    task = asyncio.create_task(server.serve())
    try:
        for _ in range(500):
            if server.addresses and server.is_started:
                break
            await asyncio.sleep(0.01)
        yield server
    finally:
        server.stop()
        await asyncio.wait_for(task, 10)


async def connect(host: str, port: int, context: ssl.SSLContext | None = None) -> Client:
    return Client(*await asyncio.open_connection(host, port, ssl=context))


async def test_localhost(gateway: FakeGateway) -> None:
    """`localhost` listens on both loopback addresses, on one port, and says so once."""
    told: list[Sequence[Address]] = []
    async with running(Server(Face(gateway), port=0, on_started=told.append)) as server:
        assert [list(addresses) for addresses in told] == [server.addresses]
        hosts = [address.host for address in server.addresses]
        assert hosts == (["127.0.0.1", "::1"] if HAS_IPV6 else ["127.0.0.1"])
        assert len({address.port for address in server.addresses}) == 1
        for address in server.addresses:
            client = await connect(*address)
            assert (await client.ask(get())).status == 200
            await client.close()


async def test_stop_is_swift(gateway: FakeGateway) -> None:
    """A server with idle connections alone does not wait for the drain."""
    started = time.monotonic()
    async with running(Server(Face(gateway), port=0)) as server:
        client = await connect(*server.addresses[0])
        assert (await client.ask(get())).status == 200
    assert await client.rest() == b""
    assert time.monotonic() - started < 2
    await client.close()


async def test_tls(gateway: FakeGateway, tmp_path: Path) -> None:
    """With a certificate the same lane speaks TLS, refusals included."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    face = Face(gateway, limits=Limits(linger_seconds=0.1, sweep_seconds=0.05))
    server = Server(face, port=0, certfile=str(tmp_path / "cert.pem"), keyfile=str(tmp_path / "key.pem"))
    async with running(server):
        client = await connect("localhost", server.addresses[0].port, context)
        assert (await client.ask(get())).status == 200
        assert (await client.ask(get("//"))).status == 400
        await client.rest()
        await client.close()


async def test_port_in_use(gateway: FakeGateway) -> None:
    """A port that somebody holds is an error that names it and what to set."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port}.*set PORT"):
            await Server(Face(gateway), port=port).serve()


def test_unknown_host() -> None:
    """A host that cannot be resolved is an error that names the setting."""
    with pytest.raises(ConfigError, match="TRUNKLINE_HOST"):
        listen("no such host", 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_one_address(host: str) -> None:
    """An address is listened on alone."""
    sockets = listen(host, 0)
    names = [opened.getsockname()[0] for opened in sockets]
    for opened in sockets:
        opened.close()
    assert names == [host]


class Program:
    """The server of `program.py` in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port

    async def end(self) -> tuple[int, str]:
        """Its exit code and last lines."""
        out, _ = await asyncio.wait_for(self.process.communicate(), 20)
        assert self.process.returncode is not None
        return self.process.returncode, out.decode()


@contextlib.asynccontextmanager
async def program(drain_seconds: float) -> AsyncIterator[Program]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("program.py")),
        str(drain_seconds),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            yield Program(process, int(await process.stdout.readline()))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_signal(number: signal.Signals) -> None:
    """A signal ends an idle server at once, after everything is closed, with that signal's exit code."""
    async with program(30) as server:
        client = await connect("127.0.0.1", server.port)
        assert (await client.ask(get())).status == 200
        server.process.send_signal(number)
        assert await client.rest() == b""
        code, out = await server.end()
        assert code == -number
        assert out.startswith("closed\n")
        await client.close()


@pytest.mark.slow
async def test_drain_lets_requests_finish() -> None:
    """What is under way at SIGTERM is answered, with `connection: close`, and nobody new is let in."""
    async with program(30) as server:
        client = await connect("127.0.0.1", server.port)
        client.send(get("/slow?0.5"))
        await asyncio.sleep(0.1)
        server.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.2)
        with pytest.raises(ConnectionRefusedError):
            await connect("127.0.0.1", server.port)
        answer = await client.response()
        assert (answer.body, answer.headers["connection"]) == (b"slow", "close")
        assert (await server.end())[0] == -signal.SIGTERM
        await client.close()


@pytest.mark.slow
async def test_drain_ends_streams() -> None:
    """A stream that outlives the drain ends with the gateway's error event, completely."""
    async with program(0.4) as server:
        client = await connect("127.0.0.1", server.port)
        client.send(get("/stream"))
        await client.head()
        assert await client.chunk() == b"data: 1\n\n"
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert await client.chunk() == b"event: error\n\n"
        assert 0.3 < time.monotonic() - started < 3
        assert await client.chunk() == b""
        assert await client.rest() == b""
        assert (await server.end())[0] == -signal.SIGTERM
        await client.close()


@pytest.mark.slow
async def test_second_signal() -> None:
    """A second SIGTERM does not wait for anybody."""
    async with program(60) as server:
        client = await connect("127.0.0.1", server.port)
        client.send(get("/deaf"))
        await client.head()
        server.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.3)
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        code, out = await server.end()
        assert time.monotonic() - started < 2
        assert (code, out[:7]) == (-signal.SIGTERM, "closed\n")
        await client.close()


async def test_last_deadline(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that neither ends nor hears the drain is told that the server goes away."""
    monkeypatch.setattr(server_module, "_LAST_WORDS_SECONDS", 0.1)

    async def answer(call: object) -> object:
        return await asyncio.sleep(60)

    gateway.answer = answer  # type: ignore[assignment]  # it never answers
    async with running(Server(Face(gateway, limits=Limits(drain_seconds=0.1)), port=0)) as server:
        client = await connect(*server.addresses[0])
        client.send(get())
        await asyncio.sleep(0.05)
        server.stop()
        answered = await client.response()
    assert (answered.status, answered.headers["connection"]) == (503, "close")
    assert gateway.drains == 1
    await client.close()
