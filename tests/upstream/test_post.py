"""Telling somebody outside: by whoever's URL, and never into our own network unless the operator says so."""

import asyncio

import pytest

from trunkline.errors import InvalidRequest
from trunkline.upstream.post import Poster, check_url
from trunkline.upstream.reach import read_hosts


class Receiver:
    """Answers every request with one status, and keeps what it was sent."""

    def __init__(self, status: bytes = b"204 No Content") -> None:
        self.status = status
        self.received = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        self.received = head + await reader.readexactly(length)
        writer.write(b"HTTP/1.1 %b\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n" % self.status)
        await writer.drain()
        writer.close()


async def post(receiver: Receiver, *, is_trusted: bool, hosts: tuple[str, ...] = ()) -> int:
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        poster = Poster(hosts=read_hosts(hosts))
        url = f"http://127.0.0.1:{port}/hook?x=1"
        return await poster.post(url, b'{"a":1}', b"webhook-id: evt_1\r\n", 5, is_trusted=is_trusted)


async def test_the_operators_url_may_be_private() -> None:
    """It stands in the configuration."""
    receiver = Receiver()
    assert await post(receiver, is_trusted=True) == 204
    head, _, body = receiver.received.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook?x=1 HTTP/1.1\r\n")
    assert b"webhook-id: evt_1" in head
    assert b"content-type: application/json" in head
    assert body == b'{"a":1}'


async def test_anybody_elses_may_not() -> None:
    """Nothing is sent, and nothing is told of why."""
    receiver = Receiver()
    with pytest.raises(InvalidRequest, match="no public address"):
        await post(receiver, is_trusted=False)
    assert receiver.received == b""


async def test_the_operator_may_open_a_host_to_all() -> None:
    """The hosts that may be fetched from may be told as well."""
    assert await post(Receiver(), is_trusted=False, hosts=("127.0.0.1",)) == 204


async def test_a_redirect_is_not_followed() -> None:
    """It is an answer like any other."""
    assert await post(Receiver(b"302 Found"), is_trusted=True) == 302


def test_a_url_is_looked_at_before_it_is_kept() -> None:
    """What is never posted to is refused at once."""
    check_url("https://hooks.example/x")
    for url in ("https://user:password@hooks.example", "https://hooks.example:22/", "file:///etc/passwd", "https://"):
        with pytest.raises(InvalidRequest):
            check_url(url)


@pytest.mark.parametrize(
    "host",
    "localhost a.localhost 127.0.0.1 127.1 2130706433 0x7f000001 017700000001 [::1] [::ffff:127.0.0.1] 10.0.0.1"
    " 169.254.169.254 [fd00:ec2::254] 0 \u2460\u2461\u2466.0.0.1".split(),
)
def test_what_leads_inside_by_its_spelling_is_refused_at_once(host: str) -> None:
    """Whoever makes a webhook hears of it, and not only the log."""
    with pytest.raises(InvalidRequest, match="no public address"):
        check_url(f"http://{host}:8080/x")


def test_what_the_operator_has_opened_may_lead_inside() -> None:
    """By the name or address that it has opened."""
    check_url("http://10.0.0.1:8080/x", read_hosts(["10.0.0.1"]))
    check_url("http://localhost:8080/x", read_hosts(["localhost:8080"]))
