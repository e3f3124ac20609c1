"""What a caller's URL points to, over real sockets: which hop is refused, and what the one that is not gets to see."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme
from byteserver import ByteServer, Peer, write_reply

from trunkline.errors import InvalidRequest, Unavailable
from trunkline.ports import Fetched
from trunkline.upstream.dial import AddressInfo
from trunkline.upstream.fetch import Fetcher
from trunkline.upstream.proxy import Proxies, Proxy
from trunkline.upstream.reach import read_hosts, read_place

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
PICTURE = write_reply(PNG, b"Content-Type: Image/PNG; charset=binary")


class Names:
    """A name service that gives its answers in turn, the last one again and again."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[AddressInfo]:
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not answer:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in answer
        ]


async def get(
    fetcher: Fetcher, url: str, *, size: int = 1000, seconds: float = 5, types: tuple[str, ...] = ()
) -> Fetched:
    return await fetcher.fetch(url, size, seconds, types)


def open_to(server: ByteServer, host: str = "pictures.internal", **settings: object) -> tuple[Fetcher, str]:
    """A fetcher for which a listed name is this server, and the name's URL."""
    fetcher = Fetcher(hosts=read_hosts([host]), resolve=Names(["127.0.0.1"]), **settings)  # type: ignore[arg-type]
    return fetcher, f"http://{host}:{server.port}"


async def test_a_picture_is_fetched(server: ByteServer) -> None:
    """Its bytes, and what its server says of them."""
    server.answers = [PICTURE]
    fetcher, url = open_to(server)
    assert await get(fetcher, f"{url}/a.png", types=("image/",)) == Fetched("image/png", PNG, "binary")


async def test_nothing_of_ours_is_sent(server: ByteServer) -> None:
    """No credential, no cookie, no referrer: a handful of headers, the same for all."""
    server.answers = [PICTURE]
    fetcher, url = open_to(server)
    await get(fetcher, f"{url}/a.png?x=1#here")
    assert server.requests[0].decode() == (
        f"GET /a.png?x=1 HTTP/1.1\r\nhost: pictures.internal:{server.port}\r\nuser-agent: trunkline\r\naccept: */*\r\n"
        "accept-encoding: identity\r\nconnection: close\r\n\r\n"
    )


# --- into our own network -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://127.1:{port}/", "http://2130706433:{port}/",
        "http://0x7f000001:{port}/", "http://0x7f.0.0.1:{port}/", "http://0177.0.0.1:{port}/", "http://0:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/", "http://[::ffff:7f00:1]:{port}/", "http://[::1]:{port}/",
        "http://127。0。0。1:{port}/", "http://①②⑦.0.0.1:{port}/", "http://LOCALHOST.:{port}/",
    ],
)  # fmt: skip
async def test_this_machine_has_many_names(server: ByteServer, url: str) -> None:
    """And none of them is followed; the system's own resolver is asked what they mean."""
    with pytest.raises(InvalidRequest, match=r"public address|malformed|names no host"):
        await get(Fetcher(), url.format(port=server.port))
    assert server.peers == []


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "169.254.169.254", "fd00:ec2::254", "::1", "64:ff9b::7f00:1", "2002:7f00:1::"]
)
async def test_a_name_may_lead_inside(address: str) -> None:
    """What counts is what it stands for."""
    with pytest.raises(InvalidRequest, match="no public address"):
        await get(Fetcher(resolve=Names([address])), "https://pictures.example/a.png")


async def test_an_unknown_name_sounds_the_same() -> None:
    """Which names exist in our network is not the caller's to learn."""
    errors = []
    for answer in ([], ["10.0.0.1"]):
        with pytest.raises(InvalidRequest) as raised:
            await get(Fetcher(resolve=Names(answer)), "https://pictures.example/a.png")
        errors.append((raised.value.message, raised.value.detail))
    assert errors[0] == errors[1]


async def test_rebinding_changes_nothing(server: ByteServer) -> None:
    """A name is looked up once a hop, and the connection goes to the very address that was judged."""
    server.answers = [PICTURE]
    names = Names(["127.0.0.1"], ["10.255.255.1"])
    fetcher = Fetcher(hosts=read_hosts(["pictures.internal"]), resolve=names)
    assert (await get(fetcher, f"http://pictures.internal:{server.port}/")).data == PNG
    assert names.asked == ["pictures.internal"]


async def test_private_addresses_among_public_ones_are_left_out(server: ByteServer) -> None:
    """Of several addresses only those are tried that may be."""
    fetcher = Fetcher(resolve=Names(["127.0.0.1", "8.8.8.8"]))
    found = await fetcher._find_addresses(read_place("http://pictures.example/"))
    assert [where[0] for *_, where in found] == ["8.8.8.8"]


async def test_a_listed_host_may_be_private_but_no_metadata() -> None:
    """Whoever answers for its name could lead it there."""
    fetcher = Fetcher(hosts=read_hosts(["pictures.internal"]), resolve=Names(["169.254.169.254"]))
    with pytest.raises(InvalidRequest, match="no public address"):
        await get(fetcher, "http://pictures.internal/")


# --- redirects ----------------------------------------------------------------------------------------------------


def redirect(to: str, status: bytes = b"302 Found") -> bytes:
    return write_reply(b"", b"Location: " + to.encode(), status=status)


@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"303 See", b"307 Temporary", b"308 Permanent"])
async def test_a_redirect_is_followed(server: ByteServer, status: bytes) -> None:
    """A relative one as well."""
    server.answers = [redirect("b/c.png?x=1", status), PICTURE]
    fetcher, url = open_to(server)
    assert (await get(fetcher, f"{url}/a/")).data == PNG
    assert server.requests[1].startswith(b"GET /a/b/c.png?x=1 HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("http://127.0.0.1:{port}/secret", "no public address"),
        ("//localhost:{port}/secret", "no public address"),
        ("http://169.254.169.254/latest/meta-data/", "no public address"),
        ("http://[::1]:{port}/", "no public address"),
        ("http://user:secret@pictures.internal:{port}/", "user name"),
        ("http://pictures.internal:22/", "port"),
        ("file:///etc/passwd", "only"),
        ("gopher://pictures.internal/", "only"),
        ("http://[", "malformed"),
        ("", "without saying where"),
    ],
)
async def test_a_redirect_is_judged_anew(server: ByteServer, to: str, why: str) -> None:
    """It leads where a URL may lead, and nowhere else."""
    server.answers = [redirect(to.format(port=server.port))]
    fetcher = Fetcher(hosts=read_hosts(["pictures.internal"]), resolve=_by_name)
    with pytest.raises(InvalidRequest, match=why):
        await get(fetcher, f"http://pictures.internal:{server.port}/")
    assert len(server.requests) == 1


async def _by_name(host: str, port: int) -> list[AddressInfo]:
    if host == "pictures.internal":
        return await Names(["127.0.0.1"])(host, port)
    return [*await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)]


async def test_redirects_have_an_end(server: ByteServer) -> None:
    """After the third it is over."""
    server.answers = [redirect("/again")]
    fetcher, url = open_to(server)
    with pytest.raises(InvalidRequest, match="more than 3 times"):
        await get(fetcher, url)
    assert len(server.requests) == 4


# --- limits -------------------------------------------------------------------------------------------------------


async def test_a_length_that_is_too_long_is_not_read(server: ByteServer) -> None:
    """The head says enough."""
    server.answers = [write_reply(bytes(2000))]
    fetcher, url = open_to(server)
    with pytest.raises(InvalidRequest, match="2000 bytes, which is more than the 1000"):
        await get(fetcher, url)


async def test_a_body_without_a_length_is_cut(server: ByteServer) -> None:
    """At the limit, however long it goes on."""
    server.answers = [b"HTTP/1.1 200 OK\r\n\r\n" + bytes(5000)]
    fetcher, url = open_to(server)
    with pytest.raises(InvalidRequest, match="longer than 1000 bytes"):
        await get(fetcher, url)


async def test_what_unpacks_to_too_much_is_cut(server: ByteServer) -> None:
    """A server that packs although it was asked not to."""
    packed = gzip.compress(bytes(1_000_000))
    server.answers = [write_reply(packed, b"Content-Encoding: gzip")]
    fetcher, url = open_to(server)
    with pytest.raises(InvalidRequest, match="longer than 10000 bytes"):
        await get(fetcher, url, size=10_000)


async def test_silence_has_an_end(server: ByteServer) -> None:
    """Time runs over everything together."""
    server.answers = [lambda peer: None]
    fetcher, url = open_to(server)
    with pytest.raises(InvalidRequest, match=r"did not arrive within 0\.05 s"):
        await get(fetcher, url, seconds=0.05)
    await asyncio.wait_for(server.peers[0].lost, 1)


async def test_a_dribble_has_an_end(server: ByteServer) -> None:
    """A byte now and then does not start the time anew."""

    def dribble(peer: Peer) -> None:
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n")
        loop = asyncio.get_running_loop()
        for number in range(20):
            loop.call_later(number * 0.01, lambda: peer.lost.done() or peer.send(b"x"))

    server.answers = [dribble]
    fetcher, url = open_to(server)
    with pytest.raises(InvalidRequest, match="did not arrive"):
        await get(fetcher, url, seconds=0.08)
    await asyncio.wait_for(server.peers[0].lost, 1)


@pytest.mark.parametrize(
    ("kind", "taken"),
    [(b"image/png", True), (b"application/octet-stream", True), (b"binary/octet-stream", True), (b"", True),
     (b"text/html; charset=utf-8", False), (b"application/json", False)],
)  # fmt: skip
async def test_the_type_is_looked_at_first(server: ByteServer, kind: bytes, taken: bool) -> None:
    """A page is no picture; storage that knows no types may hold one."""
    server.answers = [write_reply(PNG, b"Content-Type: " + kind)]
    fetcher, url = open_to(server)
    if taken:
        assert (await get(fetcher, url, types=("image/",))).data == PNG
    else:
        with pytest.raises(InvalidRequest, match="is of type"):
            await get(fetcher, url, types=("image/",))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (write_reply(b"no", status=b"404 Not Found"), "status 404"),
        (write_reply(b"no", status=b"500 Oops"), "status 500"),
        (write_reply(PNG, status=b"206 Partial Content"), "status 206"),
        (write_reply(b""), "is empty"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "."),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nx", "closed the connection before the end"),
    ],
)
async def test_what_is_no_file(server: ByteServer, answer: bytes, why: str) -> None:
    """Everything but a whole 200 is the caller's to mend."""

    def say(peer: Peer) -> None:
        peer.send(answer)
        peer.end()

    server.answers = [say]
    fetcher, url = open_to(server)
    with pytest.raises(InvalidRequest, match=why):
        await get(fetcher, url)


async def test_nobody_listens(server: ByteServer) -> None:
    """A connection that is refused is said to be."""
    fetcher, url = open_to(server)
    await server.close()
    with pytest.raises(InvalidRequest, match="refused the connection"):
        await get(fetcher, url)
    await server.open()


async def test_fetches_wait_for_one_another(server: ByteServer) -> None:
    """So many at a time, so many in line, and the next is told to come back."""
    asked = asyncio.Event()
    server.answers = [lambda peer: asked.set()]
    fetcher, url = open_to(server, max_parallel=1, max_waiting=1)
    running = [asyncio.ensure_future(get(fetcher, url, seconds=5)) for _ in range(2)]
    await asked.wait()
    with pytest.raises(Unavailable, match="too many"):
        await get(fetcher, url)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    assert len(server.peers) == 1
    server.answers = [PICTURE]
    assert (await get(fetcher, url)).data == PNG


async def test_leaving_cuts_the_connection(server: ByteServer) -> None:
    """A caller who goes leaves nothing open."""
    asked = asyncio.Event()
    server.answers = [lambda peer: asked.set()]
    fetcher, url = open_to(server)
    task = asyncio.ensure_future(get(fetcher, url))
    await asked.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.wait_for(server.peers[0].lost, 1)


# --- TLS ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def secure(authority: trustme.CA, tmp_path: Path) -> AsyncIterator[ByteServer]:
    """A TLS server whose certificate is for one name, and for no address."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("pictures.internal").configure_cert(context)
    server = ByteServer(context)
    await server.open()
    yield server
    await server.close()


@pytest.mark.parametrize(("host", "trusted"), [("pictures.internal", True), ("other.internal", False)])
async def test_the_certificate_is_the_names(secure: ByteServer, tmp_path: Path, host: str, trusted: bool) -> None:
    """Although the connection goes to an address: that is what makes a forged answer of the name service useless."""
    secure.answers = [PICTURE]
    fetcher = Fetcher(hosts=read_hosts([host]), resolve=Names(["127.0.0.1"]), ca_file=str(tmp_path / "ca.pem"))
    url = f"https://{host}:{secure.port}/"
    if trusted:
        assert (await get(fetcher, url)).data == PNG
    else:
        with pytest.raises(InvalidRequest, match="certificate"):
            await get(fetcher, url)


async def test_no_way_back_to_plain(secure: ByteServer, server: ByteServer, tmp_path: Path) -> None:
    """A redirect from https to http is refused: what was secret in the URL would be open."""
    secure.answers = [redirect(f"http://pictures.internal:{server.port}/")]
    fetcher = Fetcher(
        hosts=read_hosts(["pictures.internal"]), resolve=Names(["127.0.0.1"]), ca_file=str(tmp_path / "ca.pem")
    )
    with pytest.raises(InvalidRequest, match="from https to http"):
        await get(fetcher, f"https://pictures.internal:{secure.port}/")
    assert server.requests == []


# --- behind a proxy -----------------------------------------------------------------------------------------------


async def test_behind_a_proxy_only_listed_hosts(server: ByteServer) -> None:
    """It resolves by itself, so an address cannot be judged here; the name service is not even asked."""
    server.answers = [PICTURE]
    names = Names(["8.8.8.8"])
    proxy = Proxy("127.0.0.1", server.port, b"Basic c2VjcmV0")
    fetcher = Fetcher(proxies=Proxies(http=proxy, https=proxy), hosts=read_hosts(["*.cdn.example"]), resolve=names)
    for url in ("http://other.example/a", "https://other.example/a", "http://169.254.169.254/", "http://10.0.0.1/"):
        with pytest.raises(InvalidRequest, match="through its proxy"):
            await get(fetcher, url)
    assert server.peers == []
    assert (await get(fetcher, "http://a.cdn.example/a.png")).data == PNG
    assert server.requests[0].startswith(b"GET http://a.cdn.example/a.png HTTP/1.1\r\nhost: a.cdn.example\r\n")
    assert names.asked == []


async def test_behind_a_proxy_redirects_are_judged(server: ByteServer) -> None:
    """A listed host cannot lead the proxy elsewhere."""
    server.answers = [redirect("http://169.254.169.254/latest/")]
    proxy = Proxy("127.0.0.1", server.port)
    fetcher = Fetcher(proxies=Proxies(http=proxy), hosts=read_hosts(["a.cdn.example"]))
    with pytest.raises(InvalidRequest, match="through its proxy"):
        await get(fetcher, "http://a.cdn.example/a.png")
    assert len(server.requests) == 1


async def test_this_machine_is_never_behind_a_proxy(server: ByteServer) -> None:
    """So its addresses are judged as ever."""
    proxy = Proxy("127.0.0.1", server.port)
    with pytest.raises(InvalidRequest, match="no public address"):
        await get(Fetcher(proxies=Proxies(http=proxy)), "http://127.0.0.1/")
