"""Opening a connection to an origin: straight or through a proxy, plain or in TLS.

Knows the order of the steps and says in safe words which one failed. Everything that goes wrong here is `Unreachable`:
no byte of a request has been sent yet.
"""

import asyncio
import socket
import ssl

from trunkline.errors import Unreachable
from trunkline.ports import Origin
from trunkline.upstream.connection import Connection
from trunkline.upstream.dial import AddressInfo, connect_any, dial
from trunkline.upstream.proxy import Proxy
from trunkline.upstream.tls import TlsContexts, describe_tls_error
from trunkline.upstream.tunnel import Tunnel


async def open_connection(
    connection: Connection,
    origin: Origin,
    proxy: Proxy | None,
    contexts: TlsContexts,
    loop: asyncio.AbstractEventLoop,
    timeout_seconds: float,
    addresses: list[AddressInfo] | None = None,
) -> None:
    """Connect `connection` within `timeout_seconds`. Raises `Unreachable`.

    With `addresses` it goes straight to one of these, whatever the origin's name stands for by now.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            if proxy is not None and origin.scheme == "https":
                await _open_through(connection, origin, proxy, contexts, loop)
            else:
                await _open_straight(connection, origin, proxy, contexts, loop, addresses)
    except TimeoutError as error:
        raise Unreachable(f"`{origin.host}` did not accept a connection within {timeout_seconds:g} s") from error
    except (OSError, UnicodeError) as error:
        whom = origin.host if proxy is None else proxy.host
        raise Unreachable(_describe(error, whom, origin), detail=type(error).__name__) from error


async def _open_straight(
    connection: Connection,
    origin: Origin,
    proxy: Proxy | None,
    contexts: TlsContexts,
    loop: asyncio.AbstractEventLoop,
    addresses: list[AddressInfo] | None,
) -> None:
    host, port = (origin.host, origin.port) if proxy is None else (proxy.host, proxy.port)
    opened = await (dial(loop, host, port) if addresses is None else connect_any(loop, addresses))
    if origin.scheme == "https":
        context = contexts.context(origin.tls_verify)
        await loop.create_connection(lambda: connection, sock=opened, ssl=context, server_hostname=origin.host)
    else:
        await loop.create_connection(lambda: connection, sock=opened)


async def _open_through(
    connection: Connection, origin: Origin, proxy: Proxy, contexts: TlsContexts, loop: asyncio.AbstractEventLoop
) -> None:
    tunnel = Tunnel(origin, proxy, loop)
    opened = await dial(loop, proxy.host, proxy.port)
    plain, _ = await loop.create_connection(lambda: tunnel, sock=opened)
    try:
        await tunnel.opened
        context = contexts.context(origin.tls_verify)
        secured = await loop.start_tls(plain, connection, context, server_hostname=origin.host)
    except BaseException:
        plain.abort()
        raise
    if secured is None:
        raise Unreachable(f"`{origin.host}` closed the connection during the TLS handshake")
    connection.connection_made(secured)


def _describe(error: OSError | UnicodeError, host: str, origin: Origin) -> str:
    if isinstance(error, socket.gaierror | UnicodeError):
        return f"the name `{host}` could not be resolved"
    if isinstance(error, ConnectionRefusedError):
        return f"`{host}` refused the connection"
    if isinstance(error, ssl.SSLError | ssl.CertificateError):
        return f"no secure connection to `{origin.host}`: {describe_tls_error(error)}"
    if isinstance(error, ConnectionError):
        return f"`{host}` closed the connection while it was being made"
    return f"`{host}` could not be reached"
