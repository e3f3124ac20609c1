"""The servers in front of a gateway: the public one, that of administrators, and both until a signal."""

import asyncio
from collections.abc import Callable, Sequence

import uvloop

from trunkline.build.gateway import open_gateway
from trunkline.build.memory import giving_back, settle
from trunkline.config.config import Config, ServerConfig
from trunkline.engine.gateway import Gateway
from trunkline.keyring import Keyring
from trunkline.serve.face import Face
from trunkline.serve.gateway import Gateway as Served
from trunkline.serve.limits import Limits
from trunkline.serve.proxies import TrustedProxies
from trunkline.serve.server import Address, Server
from trunkline.serve.sides import AdminSide, PublicSide

Listening = Callable[[Sequence[Address]], None]
"""Told once where a server listens."""

Started = Callable[[Sequence[Address], Sequence[Address]], None]
"""Told once where the gateway listens, and where for administrators alone."""


def make_server(config: Config, gateway: Gateway, on_started: Listening) -> Server:
    """The HTTP server in front of a gateway; what administrators ask for is left out where it has one of its own."""
    server = config.server
    limits = Limits(
        body_bytes=server.body_limit_bytes,
        upload_bytes=server.upload_limit_bytes,
        drain_seconds=server.drain_seconds,
    )
    side = gateway if server.admin_port is None else PublicSide(gateway)
    return _make_server(server, _make_face(server, side, limits), server.host, server.port, on_started)


def make_admin_server(config: Config, gateway: Gateway, on_started: Listening) -> Server | None:
    """The server for administrators alone, where there is one. It has no signals and no time of its own: it ends when
    the other one has."""
    server = config.server
    if server.admin_port is None:
        return None
    face = _make_face(server, AdminSide(gateway), Limits(body_bytes=server.body_limit_bytes, drain_seconds=0.0))
    return _make_server(server, face, server.admin_host, server.admin_port, on_started, hears_signals=False)


def _make_face(server: ServerConfig, side: Served, limits: Limits) -> Face:
    proxies = TrustedProxies(server.trusted_proxies)
    return Face(side, limits=limits, base_path=server.base_path, proxies=proxies)


def _make_server(
    server: ServerConfig, face: Face, host: str, port: int, on_started: Listening, *, hears_signals: bool = True
) -> Server:
    return Server(
        face,
        host=host,
        port=port,
        certfile=str(server.tls_cert) if server.tls_cert else None,
        keyfile=str(server.tls_key) if server.tls_key else None,
        on_started=on_started,
        hears_signals=hears_signals,
    )


def serve(config: Config, keyring: Keyring, on_started: Started) -> None:
    """Serve until a signal. Ends the process by that signal once everything is closed."""

    async def run() -> Server:
        async with open_gateway(config, keyring) as gateway:
            is_admin_there = asyncio.Event()
            admin = make_admin_server(config, gateway, lambda _: is_admin_there.set())
            server = make_server(
                config, gateway, lambda addresses: on_started(addresses, [] if admin is None else admin.addresses)
            )
            settle()
            async with giving_back():
                await (server.serve() if admin is None else _serve_both(server, admin, is_admin_there))
            return server

    uvloop.run(run()).repeat_signal()


async def _serve_both(server: Server, admin: Server, is_admin_there: asyncio.Event) -> None:
    """The administrators' is there before the other one, and until that has ended. Raises what either of them does."""
    serving = asyncio.create_task(admin.serve(), name="admin server")
    waiting = asyncio.create_task(is_admin_there.wait())
    await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    try:
        if not serving.done():
            await server.serve()
    finally:
        admin.stop()
        await serving
