"""TLS to providers, straight and through a proxy, with certificates of our own making."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

import pytest
import trustme
from byteserver import HEAD, ByteServer, Peer, write_chunks, write_reply

from trunkline.errors import Failed, TimedOut, Unreachable
from trunkline.ports import Origin, Timeouts, UpstreamRequest
from trunkline.upstream.http1 import HttpClient
from trunkline.upstream.proxy import Proxies, Proxy
from trunkline.upstream.tls import TlsContexts

Connect = Callable[..., HttpClient]
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
API = "api.example.com"
SECRET = b"Basic c2VjcmV0"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
async def secure(authority: trustme.CA) -> AsyncIterator[ByteServer]:
    """A TLS server whose certificate is for 127.0.0.1 and the API's name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", API).configure_cert(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    server = ByteServer(context)
    await server.open()
    yield server
    await server.close()


class Relay(asyncio.Protocol):
    """One end of a tunnel: hands everything to the other end."""

    def __init__(self) -> None:
        self.other: asyncio.Transport | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        self.other.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self.other is not None:
            self.other.close()


def tunnel_to(port: int) -> Callable[[Peer], None]:
    """The answer of a proxy that connects everybody to `port`, whatever name was asked for."""

    async def connect(peer: Peer) -> None:
        relay = Relay()
        await asyncio.get_running_loop().create_connection(lambda: relay, "127.0.0.1", port)
        relay.other = peer.transport
        back = Relay()
        back.other = relay.transport
        assert peer.transport is not None
        peer.transport.set_protocol(back)
        peer.lost.set_result(None)
        peer.send(b"HTTP/1.1 200 Connection established\r\nvia: test\r\n\r\n")

    tasks: set[asyncio.Task[None]] = set()

    def answer(peer: Peer) -> None:
        task = asyncio.get_running_loop().create_task(connect(peer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    return answer


def through(server: ByteServer, authorization: bytes = b"") -> Proxies:
    proxy = Proxy("127.0.0.1", server.port, authorization)
    return Proxies(http=proxy, https=proxy)


async def fetch(client: HttpClient, request: UpstreamRequest) -> bytes:
    reply = await client.send(request)
    try:
        return await reply.read(10_000_000)
    finally:
        reply.close()


async def test_good_certificate(secure: ByteServer, connect: Connect, ca_file: str) -> None:
    """A trusted certificate for this host: replies come, ALPN names HTTP/1.1, and the connection is kept."""
    client = connect(ca_file=ca_file)
    assert [await fetch(client, secure.request()) for _ in range(2)] == [b"{}", b"{}"]
    assert len(secure.peers) == 1
    transport = secure.peers[0].transport
    assert transport is not None
    assert transport.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"


async def test_untrusted_certificate(secure: ByteServer, connect: Connect) -> None:
    """A certificate of an unknown authority is refused before a byte of the request is sent."""
    with pytest.raises(Unreachable, match=r"no secure connection to `127.0.0.1`: its certificate was not accepted"):
        await connect().send(secure.request())
    assert not secure.requests


async def test_certificate_of_another_host(secure: ByteServer, connect: Connect, ca_file: str) -> None:
    """A trusted certificate for another name is refused as well."""
    client = connect(ca_file=ca_file)
    with pytest.raises(Unreachable, match="certificate was not accepted"):
        await client.send(UpstreamRequest(Origin("https", "localhost", secure.port), HEAD))


async def test_verification_can_be_off(secure: ByteServer, connect: Connect) -> None:
    """An origin that says so is taken without a look at its certificate."""
    origin = Origin("https", "127.0.0.1", secure.port, tls_verify=False)
    assert await fetch(connect(), UpstreamRequest(origin, HEAD)) == b"{}"


async def test_server_without_tls(server: ByteServer, connect: Connect) -> None:
    """Plain HTTP on a TLS port is no secure connection."""
    server.on_bytes = lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(Unreachable, match="the TLS handshake failed"):
        await connect().send(UpstreamRequest(Origin("https", "127.0.0.1", server.port), HEAD))


async def test_handshake_that_hangs(server: ByteServer, connect: Connect) -> None:
    """The connect timeout covers the handshake."""
    server.on_bytes = lambda peer: None
    request = UpstreamRequest(Origin("https", "127.0.0.1", server.port), HEAD, timeouts=Timeouts(connect=0.05))
    with pytest.raises(Unreachable, match=r"did not accept a connection within 0.05 s"):
        await connect().send(request)
    await asyncio.wait_for(server.peers[0].lost, 1)


async def test_cancellation_while_connecting(server: ByteServer, connect: Connect) -> None:
    """Who gives up during the handshake leaves neither a connection nor a place taken."""
    server.on_bytes = lambda peer: None
    client = connect(max_connections=1)
    origin = Origin("https", "127.0.0.1", server.port)
    task = asyncio.create_task(client.send(UpstreamRequest(origin, HEAD)))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.peers[0].lost, 1)
    assert client._pools[origin].is_empty


async def test_large_bodies_both_ways(secure: ByteServer, connect: Connect, ca_file: str) -> None:
    """Megabytes pass through TLS as they were, and the connection is kept."""
    body = bytes(range(256)) * 16_384
    secure.answers = [CHUNKED + write_chunks(body)]
    client = connect(ca_file=ca_file)
    for _ in range(2):
        assert await fetch(client, secure.request(body)) == body
    assert secure.requests[0].endswith(body)
    assert len(secure.peers) == 1


async def test_stalled_upload_and_silence(secure: ByteServer, connect: Connect, ca_file: str) -> None:
    """Timeouts work in TLS as they do outside it."""
    secure.answers = [CHUNKED]
    with pytest.raises(TimedOut, match="paused"):
        await fetch(connect(ca_file=ca_file), secure.request(timeouts=Timeouts(idle=0.05)))


async def test_body_until_an_orderly_end(secure: ByteServer, connect: Connect, ca_file: str) -> None:
    """A body without a length ends with TLS's own end."""

    def answer(peer: Peer) -> None:
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
        peer.end()

    secure.answers = [answer]
    assert await fetch(connect(ca_file=ca_file), secure.request()) == b"hello"


async def test_body_until_a_disorderly_end(secure: ByteServer, connect: Connect, ca_file: str) -> None:
    """A connection that ends without TLS's own end may have been cut by anybody on the way."""

    def answer(peer: Peer) -> None:
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
        asyncio.get_running_loop().call_later(0.02, cut)

    def cut() -> None:
        transport = secure.peers[0].transport
        assert transport is not None
        transport.abort()

    secure.answers = [answer]
    with pytest.raises(Failed):
        await fetch(connect(ca_file=ca_file), secure.request())


async def test_cancellation_closes_the_connection(secure: ByteServer, connect: Connect, ca_file: str) -> None:
    """Closing an open reply cuts the connection below."""
    secure.answers = [CHUNKED]
    reply = await connect(ca_file=ca_file).send(secure.request())
    reply.close()
    await asyncio.wait_for(secure.peers[0].lost, 1)


async def test_stale_connection_is_replaced(secure: ByteServer, connect: Connect, ca_file: str) -> None:
    """A kept TLS connection that closes on the next request is replaced once."""
    secure.answers = [write_reply(b"one"), Peer.end, write_reply(b"two")]
    client = connect(ca_file=ca_file)
    assert await fetch(client, secure.request()) == b"one"
    assert await fetch(client, secure.request()) == b"two"


def test_contexts_are_shared() -> None:
    """One context for each kind, made once."""
    contexts = TlsContexts()
    assert contexts.context(True) is contexts.context(True)
    assert contexts.context(True).verify_mode is ssl.CERT_REQUIRED
    assert contexts.context(False).verify_mode is ssl.CERT_NONE


# --- through a proxy ---


async def test_tls_through_a_proxy(server: ByteServer, secure: ByteServer, connect: Connect, ca_file: str) -> None:
    """CONNECT names the origin and carries the credentials; inside, the origin's certificate counts."""
    server.answers = [tunnel_to(secure.port)]
    client = connect(ca_file=ca_file, proxies=through(server, SECRET))
    request = UpstreamRequest(Origin("https", API, 443), HEAD, b"hi")
    assert [await fetch(client, request) for _ in range(2)] == [b"{}", b"{}"]
    assert server.requests == [
        b"CONNECT api.example.com:443 HTTP/1.1\r\nhost: api.example.com:443\r\nproxy-authorization: Basic c2VjcmV0\r\n\r\n"
    ]
    assert secure.requests == [HEAD + b"content-length: 2\r\n\r\nhi"] * 2


async def test_wrong_certificate_in_a_tunnel(
    server: ByteServer, secure: ByteServer, connect: Connect, ca_file: str
) -> None:
    """A proxy that leads elsewhere is found out."""
    server.answers = [tunnel_to(secure.port)]
    client = connect(ca_file=ca_file, proxies=through(server))
    with pytest.raises(Unreachable, match=r"no secure connection to `other.example`"):
        await client.send(UpstreamRequest(Origin("https", "other.example", 443), HEAD))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "wants other credentials"),
        (b"HTTP/1.1 403 Forbidden\r\ncontent-length: 6\r\n\r\nsecret", "refused to connect"),
        (b"nonsense\r\n\r\n", "refused to connect"),
        (b"HTTP/1.1 200 OK\r\n\r\nsurplus", "sent bytes that nobody asked for"),
        (b"HTTP/1.1 200 OK\r\na: " + b"x" * 20_000, "answered with too long a head"),
        (Peer.end, "closed the connection"),
    ],
)
async def test_proxy_that_does_not_connect(
    server: ByteServer, connect: Connect, answer: bytes | Callable[[Peer], None], words: str
) -> None:
    """Whatever the proxy does instead is `Unreachable`, without our credentials or its words."""
    server.answers = [answer]
    client = connect(proxies=through(server, SECRET))
    with pytest.raises(Unreachable, match=words) as caught:
        await client.send(UpstreamRequest(Origin("https", API, 443), HEAD))
    assert "c2VjcmV0" not in f"{caught.value} {caught.value.detail}"
    assert "secret" not in f"{caught.value} {caught.value.detail}"


async def test_proxy_that_says_nothing(server: ByteServer, connect: Connect) -> None:
    """The connect timeout covers the proxy's answer."""
    server.answers = [b""]
    request = UpstreamRequest(Origin("https", API, 443), HEAD, timeouts=Timeouts(connect=0.05))
    with pytest.raises(Unreachable, match=r"`api.example.com` did not accept a connection within 0.05 s"):
        await connect(proxies=through(server)).send(request)
    await asyncio.wait_for(server.peers[0].lost, 1)


async def test_plain_http_through_a_proxy(server: ByteServer, connect: Connect) -> None:
    """The proxy gets the whole URL, and the connection to it is kept."""
    client = connect(proxies=through(server, SECRET))
    request = UpstreamRequest(Origin("http", API, 8000), HEAD, b"hi")
    assert [await fetch(client, request) for _ in range(2)] == [b"{}", b"{}"]
    line = HEAD.replace(b" /", b" http://api.example.com:8000/", 1)
    assert server.requests[0] == line + b"proxy-authorization: Basic c2VjcmV0\r\ncontent-length: 2\r\n\r\nhi"
    assert len(server.peers) == 1


async def test_proxy_that_is_away(server: ByteServer, connect: Connect) -> None:
    """The message names the proxy."""
    await server.close()
    with pytest.raises(Unreachable, match=r"`127.0.0.1` refused the connection"):
        await connect(proxies=through(server)).send(UpstreamRequest(Origin("https", API, 443), HEAD))
