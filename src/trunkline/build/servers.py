"""The servers in front of a gateway: the public one, that of administrators, and both until a signal."""

import asyncio
import gc
from collections.abc import Callable, Sequence

import uvloop

from trunkline.build.gateway import open_gateway
from trunkline.config.config import Config
from trunkline.engine.gateway import Gateway
from trunkline.keyring import Keyring
from trunkline.serve.face import Face
from trunkline.serve.limits import Limits
from trunkline.serve.proxies import TrustedProxies
from trunkline.serve.server import Address, Server
from trunkline.serve.sides import AdminSide, PublicSide

Started = Callable[[Sequence[Address], Sequence[Address]], None]
"""Told once where the gateway listens, and where for administrators alone."""


def make_server(config: Config, gateway: Gateway, on_started: Callable[[Sequence[Address]], None]) -> Server:
    """The HTTP server in front of a gateway; what administrators ask for is left out where it has one of its own."""
    limits = Limits(
        body_bytes=config.server.body_limit_bytes,
        upload_bytes=config.server.upload_limit_bytes,
        drain_seconds=config.server.drain_seconds,
    )
    return Server(
        Face(
            gateway if config.server.admin_port is None else PublicSide(gateway),
            limits=limits,
            base_path=config.server.base_path,
            proxies=TrustedProxies(config.server.trusted_proxies),
        ),
        host=config.server.host,
        port=config.server.port,
        certfile=str(config.server.tls_cert) if config.server.tls_cert else None,
        keyfile=str(config.server.tls_key) if config.server.tls_key else None,
        on_started=on_started,
    )


def make_admin_server(
    config: Config, gateway: Gateway, on_started: Callable[[Sequence[Address]], None]
) -> Server | None:
    """The server for administrators alone, where there is one. It has no signals and no time of its own: it ends when
    the other one has."""
    if config.server.admin_port is None:
        return None
    limits = Limits(body_bytes=config.server.body_limit_bytes, drain_seconds=0.0)
    return Server(
        Face(
            AdminSide(gateway),
            limits=limits,
            base_path=config.server.base_path,
            proxies=TrustedProxies(config.server.trusted_proxies),
        ),
        host=config.server.admin_host,
        port=config.server.admin_port,
        certfile=str(config.server.tls_cert) if config.server.tls_cert else None,
        keyfile=str(config.server.tls_key) if config.server.tls_key else None,
        on_started=on_started,
        hears_signals=False,
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
            # What is there by now stays to the end: nobody need look through it again for what is not used any more.
            gc.collect()
            gc.freeze()
            # Records wait in thousands for their database, and are no garbage: looking through them for it again and again
            # took a tenth of a request's time. Hardly anything here refers to itself, so little waits to be found.
            gc.set_threshold(50_000, 20, 50)
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
