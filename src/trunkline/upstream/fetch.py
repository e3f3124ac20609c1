"""`ports.Fetch` over real sockets: what a caller's URL points to, without being led into our own network.

Every hop resolves its name once, judges the addresses, and connects to one of those judged: there is no second look-up
that a rebinding name could answer otherwise, and in TLS the certificate must still be the name's. Redirects are
followed by hand, each judged anew. A proxy resolves by itself, so behind one only listed hosts are fetched from. No
header of the caller's, no credential and no cookie is sent, and no connection is kept.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urljoin

from trunkline.clock import SystemClock
from trunkline.errors import InvalidRequest, Unavailable, UpstreamError
from trunkline.ports import Fetched, Origin, Timeouts, UpstreamRequest
from trunkline.upstream.connection import Connection
from trunkline.upstream.dial import AddressInfo, resolve
from trunkline.upstream.opening import open_connection
from trunkline.upstream.proxy import NO_PROXIES, Proxies, Proxy, write_absolute
from trunkline.upstream.reach import NO_HOSTS, Hosts, Place, is_private, is_public, read_place
from trunkline.upstream.reply import Reply
from trunkline.upstream.tls import TlsContexts

MAX_REDIRECTS = 3

# One gateway's fetches at a time: with the limit of 20 MB each, what they can hold in memory is bounded.
_MAX_PARALLEL = 16
_MAX_WAITING = 256

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Storage says this of everything whose type nobody told it; the bytes will tell.
_UNTOLD = ("", "application/octet-stream", "binary/octet-stream")

# One sentence for a name that does not exist and for one that leads into our network: which is which is not the
# caller's to learn.
_NOT_PUBLIC = "its host has no public address"

Resolve = Callable[[str, int], Awaitable[list[AddressInfo]]]


class Fetcher:
    """Fetches what callers point to. `hosts` are the operator's, `resolve` is the name service."""

    def __init__(
        self,
        *,
        proxies: Proxies = NO_PROXIES,
        hosts: Hosts = NO_HOSTS,
        ca_file: str | None = None,
        resolve: Resolve | None = None,
        max_parallel: int = _MAX_PARALLEL,
        max_waiting: int = _MAX_WAITING,
    ) -> None:
        self._proxies = proxies
        self._hosts = hosts
        self._tls = TlsContexts(ca_file)
        self._resolve = _system_resolve if resolve is None else resolve
        self._slots = asyncio.Semaphore(max_parallel)
        self._most = max_parallel + max_waiting
        self._running = 0

    async def fetch(self, url: str, size_bytes: int, seconds: float, types: Sequence[str]) -> Fetched:
        if self._running >= self._most:
            raise Unavailable("too many URLs are being fetched at the moment", retry_after_seconds=1)
        self._running += 1
        try:
            async with asyncio.timeout(seconds), self._slots:
                return await self._follow(url, size_bytes, seconds, types)
        except TimeoutError:
            raise InvalidRequest(f"it did not arrive within {seconds:g} s") from None
        except UpstreamError as error:
            raise InvalidRequest(error.message, detail=error.detail) from None
        finally:
            self._running -= 1

    async def _follow(self, url: str, size_bytes: int, seconds: float, types: Sequence[str]) -> Fetched:
        place = read_place(url, self._hosts)
        for _ in range(MAX_REDIRECTS + 1):
            reply, connection = await self._ask(place, seconds)
            try:
                if reply.status not in _REDIRECTS:
                    return await _read(reply, place, size_bytes, types)
                place = self._read_redirect(reply, place)
            finally:
                reply.close()
                connection.abort()
        raise InvalidRequest(f"it redirects more than {MAX_REDIRECTS} times")

    def _read_redirect(self, reply: Reply, place: Place) -> Place:
        location = reply.headers.get(b"location", b"").decode("latin-1")
        if not location:
            raise InvalidRequest(f"`{place.host}` redirects without saying where")
        try:
            url = urljoin(f"{place.scheme}://{place.authority}{place.path}", location)
        except ValueError:
            raise InvalidRequest(f"`{place.host}` redirects to a URL that is malformed") from None
        following = read_place(url, self._hosts)
        if place.scheme == "https" and following.scheme != "https":
            raise InvalidRequest(f"`{place.host}` redirects from https to http")
        return following

    async def post(self, url: str, body: bytes, headers: bytes, seconds: float) -> int:
        """Send a body and give the status that it is answered with; what else is answered is nobody's concern.

        `headers` are lines. Raises `InvalidRequest` whose message says why nothing could be sent.
        """
        try:
            async with asyncio.timeout(seconds):
                place = read_place(url, self._hosts)
                reply, connection = await self._ask(place, seconds, b"POST", headers, body)
                reply.close()
                connection.abort()
                return reply.status
        except TimeoutError:
            raise InvalidRequest(f"it did not answer within {seconds:g} s") from None
        except UpstreamError as error:
            raise InvalidRequest(error.message, detail=error.detail) from None

    async def _ask(
        self, place: Place, seconds: float, method: bytes = b"GET", headers: bytes = b"", body: bytes = b""
    ) -> tuple[Reply, Connection]:
        """A reply whose head has come, and the connection to end with it."""
        loop = asyncio.get_running_loop()
        origin = Origin(place.scheme, place.host, place.port)
        proxy = self._proxies.find(origin)
        addresses = None
        if proxy is None:
            addresses = await self._find_addresses(place)
        elif not self._hosts.covers(place.host, place.port):
            raise InvalidRequest("its host is not among those that this gateway may fetch from through its proxy")
        connection = Connection(_Nowhere(origin), loop)
        try:
            await open_connection(connection, origin, proxy, self._tls, loop, seconds, addresses)
            timeouts = Timeouts(connect=seconds, first_byte=seconds, idle=seconds, total=seconds)
            head = _write_head(method, place, origin, proxy) + headers
            request = UpstreamRequest(origin, head, body, timeouts)
            reply = connection.start(request, 0.0, seconds)
            await reply.head
        except BaseException:
            connection.abort()
            raise
        return reply, connection

    async def _find_addresses(self, place: Place) -> list[AddressInfo]:
        """The addresses of a host that may be connected to. Raises `InvalidRequest` when there is none."""
        try:
            found = await self._resolve(place.host, place.port)
        except (OSError, UnicodeError):
            raise InvalidRequest(_NOT_PUBLIC) from None
        is_listed = self._hosts.covers(place.host, place.port)
        open_ = [address for address in found if _may_connect(address, is_listed)]
        if not open_:
            raise InvalidRequest(_NOT_PUBLIC)
        return open_


class _Nowhere:
    """Where a connection goes that serves one request: it is cut."""

    idle_seconds = 0.0

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.now = SystemClock().monotonic

    def release(self, connection: Connection) -> None:
        connection.abort()

    def lost(self, connection: Connection) -> None:
        """Does nothing: these connections are not counted."""


async def _system_resolve(host: str, port: int) -> list[AddressInfo]:
    return await resolve(asyncio.get_running_loop(), host, port)


def _may_connect(found: AddressInfo, is_listed: bool) -> bool:
    family, _, _, _, where = found
    if family not in (socket.AF_INET, socket.AF_INET6):
        return False
    # A scope (`fe80::1%eth0`) belongs to an address that is closed anyway.
    address = ipaddress.ip_address(str(where[0]).partition("%")[0])
    return is_public(address) or (is_listed and is_private(address))


def _write_head(method: bytes, place: Place, origin: Origin, proxy: Proxy | None) -> bytes:
    head = method + (
        f" {place.path} HTTP/1.1\r\nhost: {place.authority}\r\nuser-agent: trunkline\r\naccept: */*\r\n"
        "accept-encoding: identity\r\nconnection: close\r\n"
    ).encode("ascii")
    return head if proxy is None or place.scheme == "https" else write_absolute(head, origin, proxy)


async def _read(reply: Reply, place: Place, size_bytes: int, types: Sequence[str]) -> Fetched:
    if reply.status != 200:
        raise InvalidRequest(f"`{place.host}` answered with status {reply.status}")
    told, charset = _read_type(reply.headers.get(b"content-type", b"").decode("latin-1"))
    if types and told not in _UNTOLD and not told.startswith(tuple(types)):
        raise InvalidRequest(f"it is of type `{told[:64]}` but should be {' or '.join(f'`{kind}…`' for kind in types)}")
    length = reply.headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > size_bytes:
        raise InvalidRequest(f"it has {int(length)} bytes, which is more than the {size_bytes} that are fetched")
    data = await reply.read(size_bytes)
    if not data:
        raise InvalidRequest("it is empty")
    return Fetched(told, data, charset)


def _read_type(text: str) -> tuple[str, str]:
    """A `content-type` as media type and charset."""
    told, *parameters = (piece.strip().lower() for piece in text.split(";"))
    found = next((piece[8:].strip("\"'") for piece in parameters if piece.startswith("charset=")), "")
    return told, "" if found in ("utf-8", "utf8") else found
