"""A head that comes again is known, and nothing else is taken for it."""

import asyncio

import pytest
from doorstep import Door, FakeGateway, chunked, get, post, request

from trunkline.call import Call
from trunkline.serve.known import KnownHead, keep_head
from trunkline.serve.limits import Limits

LIMITS = Limits(body_bytes=1_000)
FIRST = post("/v1/responses", "Authorization: Bearer one", "X-More:  1 ", body=b"hello")


def call(body: bytes = b"hello", **headers: bytes) -> Call:
    fields = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return Call(method="POST", path="/v1/responses", headers=fields, body=body, peer="here")


def known(data: bytes = FIRST) -> KnownHead:
    head = keep_head(data, call(authorization=b"Bearer one", content_length=b"5"), LIMITS)
    assert head is not None
    return head


def test_same_head() -> None:
    """The same head with another length and body is the same call with another length and body."""
    read = known().read(post("/v1/responses", "Authorization: Bearer one", "X-More:  1 ", body=b"x" * 123))
    assert read == call(b"x" * 123, authorization=b"Bearer one", content_length=b"123")


@pytest.mark.parametrize(
    "data",
    [
        FIRST[:-1],
        FIRST + b"x",
        FIRST + FIRST,
        FIRST.replace(b"one", b"two"),
        FIRST.replace(b"one", b"one\r\nExpect: 100-continue"),
        FIRST.replace(b" 5", b" +5"),
        FIRST.replace(b" 5", b" 5 "),
        FIRST.replace(b" 5", b" 5, 5"),
        FIRST.replace(b" 5", b" 5\r\nContent-Length: 5"),
        FIRST.replace(b" 5\r\n", b" 5\n"),
        FIRST.replace(b" 5", b" "),
        FIRST.replace(b" 5", b" 0000000000005"),
        FIRST.replace(b" 5", " ٥".encode()),
        post("/v1/responses", "Authorization: Bearer one", "X-More:  1 ", body=b""),
        post("/v1/responses", "Authorization: Bearer one", "X-More:  1 ", body=b"x" * 1_001),
        get(),
        b"",
        b"\r\n",
    ],
)
def test_anything_else(data: bytes) -> None:
    """What is not exactly one whole request with the known head is left to the parser."""
    assert known().read(data) is None


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (FIRST + FIRST, {}),
        (post(body=b"hello").replace(b"Content-Length", b"Transfer-Encoding"), {}),
        (post("/v1/responses", "Expect: 100-continue", body=b"hello"), {"expect": b"100-continue"}),
        (post("/v1/responses", "Content-Encoding: gzip", body=b"hello"), {"content_encoding": b"gzip"}),
        (post("/v1/responses", "X: " + "x" * 5_000, body=b"hello"), {}),
    ],
)
def test_not_kept(data: bytes, fields: dict[str, bytes]) -> None:
    """A head that asks for more than its body, or is long, is not kept."""
    assert keep_head(data, call(**fields), LIMITS) is None


async def test_one_connection_all_ways(hot: Door, gateway: FakeGateway) -> None:
    """Known heads and others take turns on a connection, and each request is read as what it is."""
    client = await hot.connect()
    again = [post("/v1/responses", "X: 1", body=b"x" * size) for size in (1, 20, 300)]
    other = post("/v1/responses", "X: 2", body=b"other")
    chunks = request("POST", "/v1/responses", "X: 1", "Transfer-Encoding: chunked") + chunked(b"a", b"b")
    wish = post("/v1/responses", "X: 1", "Connection: Upgrade", "Upgrade: h2c", body=b"wish")
    ways = [*again, other, again[0], chunks, again[1], get(), again[2], b"\r\n" + again[0], wish, again[1], wish]
    for data in ways * 2:
        answer = await client.ask(data)
        if data.startswith(b"GET"):
            continue
        sent = data.partition(b"\r\n\r\n")[2].decode()
        assert answer.json["body"] == ("ab" if data is chunks else sent if data[0] != 13 else "x")
        headers = answer.json["headers"]
        assert isinstance(headers, dict)
        assert headers["x"] == ("2" if data is other else "1")
        assert headers.get("content-length") == (None if data is chunks else str(len(str(answer.json["body"]))))


async def test_pieces_of_a_known_head(hot: Door) -> None:
    """A known head that comes in two reads is read as well."""
    client = await hot.connect()
    data = post("/v1/responses", "X: 1", body=b"hello")
    for cut in range(1, len(data)):
        assert (await client.ask(data)).status == 200
        client.send(data[:cut])
        await asyncio.sleep(0)
        assert (await client.ask(data[cut:])).json["body"] == "hello"


async def test_close_behind_known_heads(hot: Door) -> None:
    """A wish to close is heard however often the rest of the head was seen."""
    client = await hot.connect()
    for _ in range(3):
        assert (await client.ask(post(body=b"hello"))).status == 200
    answer = await client.ask(post("/v1/responses", "Connection: close", body=b"hello"))
    assert answer.headers["connection"] == "close"
    assert await client.rest() == b""
