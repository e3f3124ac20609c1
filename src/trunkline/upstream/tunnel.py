"""The way through a proxy to a TLS origin: CONNECT, and then nothing but the origin's bytes.

Knows one exchange of heads with a proxy; the TLS inside the tunnel is begun by whoever asked for it.
"""

import asyncio
import re
from typing import cast

from trunkline.errors import Unreachable
from trunkline.ports import Origin
from trunkline.upstream.proxy import Proxy, write_authority, write_credentials

# A proxy's answer is a line and a few headers; squid's error pages come after the head and are not read.
_MAX_ANSWER_BYTES = 16_384

_ACCEPTED = re.compile(rb"HTTP/1\.[01] 2\d\d[ \r]")
_NEEDS_CREDENTIALS = re.compile(rb"HTTP/1\.[01] 407[ \r]")


class Tunnel(asyncio.Protocol):
    """Asks a proxy for a way to `origin`; `opened` resolves to the transport, or to `Unreachable`."""

    def __init__(self, origin: Origin, proxy: Proxy, loop: asyncio.AbstractEventLoop) -> None:
        self.opened: asyncio.Future[asyncio.Transport] = loop.create_future()
        self._origin = origin
        self._proxy = proxy
        self._answer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        authority = write_authority(self._origin.host, self._origin.port).encode()
        head = b"CONNECT %b HTTP/1.1\r\nhost: %b\r\n" % (authority, authority)
        self._transport.write(head + write_credentials(self._proxy) + b"\r\n")

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end, surplus = self._answer.partition(b"\r\n\r\n")
        if not end:
            if len(self._answer) > _MAX_ANSWER_BYTES:
                self._refuse("answered with too long a head")
        elif _NEEDS_CREDENTIALS.match(head):
            self._refuse("wants other credentials")
        elif not _ACCEPTED.match(head):
            self._refuse("refused to connect")
        elif surplus:
            # In TLS the client speaks first: bytes before that are not the origin's.
            self._refuse("sent bytes that nobody asked for")
        elif self._transport is not None and not self.opened.done():
            self.opened.set_result(self._transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._refuse("closed the connection")

    def _refuse(self, what: str) -> None:
        if not self.opened.done():
            message = f"the proxy `{self._proxy.host}` {what} on the way to `{self._origin.host}`"
            self.opened.set_exception(Unreachable(message))
        if self._transport is not None:
            self._transport.abort()
