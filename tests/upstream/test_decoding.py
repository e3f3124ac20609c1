"""Compressed bodies: every format, any splitting, and bombs."""

import asyncio
import gzip
import sys
import zlib
from collections.abc import Callable

import pytest
from byteserver import ByteServer, Poured, write_reply

from trunkline.errors import Failed, Garbled
from trunkline.upstream.decoding import PIECE_BYTES, Decoder, DecodingError, find_decoder
from trunkline.upstream.http1 import HttpClient

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = bytes(range(256)) * 40


def deflate_naked(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


CASES = {
    "gzip": (b"gzip", gzip.compress(TEXT)),
    "x-gzip": (b"X-GZip", gzip.compress(TEXT)),
    "two members": (b"gzip", gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:])),
    "deflate": (b"deflate", zlib.compress(TEXT)),
    "naked deflate": (b"deflate", deflate_naked(TEXT)),
    "zstd": (b"zstd", zstd.compress(TEXT)),
    "two frames": (b"zstd", zstd.compress(TEXT[:100]) + zstd.compress(TEXT[100:])),
}
every_case = pytest.mark.parametrize(("name", "packed"), CASES.values(), ids=CASES)


def decoder(name: bytes) -> Decoder:
    found = find_decoder(name)
    assert found is not None
    return found


def unpack(decoder: Decoder, *reads: bytes) -> bytes:
    parts = []
    for read in reads:
        decoder.push(read)
        while piece := decoder.pull():
            parts.append(piece)
    return b"".join(parts)


@every_case
def test_whole_and_byte_by_byte(name: bytes, packed: bytes) -> None:
    """Every format is undone, however it comes."""
    for reads in ([packed], [packed[at : at + 1] for at in range(len(packed))]):
        unpacker = decoder(name)
        assert unpack(unpacker, *reads) == TEXT
        assert unpacker.is_whole


@every_case
def test_cut_short(name: bytes, packed: bytes) -> None:
    """An encoding that lacks its end is not whole."""
    unpacker = decoder(name)
    unpack(unpacker, packed[:-1])
    assert not unpacker.is_whole


@pytest.mark.parametrize("name", [b"gzip", b"deflate", b"zstd"])
def test_nothing_is_whole(name: bytes) -> None:
    """An empty body may carry any encoding."""
    assert decoder(name).is_whole


@pytest.mark.parametrize("name", [b"gzip", b"deflate", b"zstd"])
def test_damaged(name: bytes) -> None:
    """Other bytes than the format's are an error without those bytes."""
    with pytest.raises(DecodingError, match="is not what its `content-encoding` says"):
        unpack(decoder(name), b"\x1fsecret, not compressed at all")


def test_identity_needs_no_decoder() -> None:
    """`identity` is no encoding."""
    assert find_decoder(b"identity") is None


@pytest.mark.parametrize("name", [b"br", b"gzip, gzip", b"compress"])
def test_unknown(name: bytes) -> None:
    """What was not asked for and is not known is refused."""
    with pytest.raises(DecodingError, match="not asked for"):
        find_decoder(name)


@pytest.mark.parametrize(
    ("name", "pack"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress), (b"zstd", zstd.compress)]
)
def test_bomb_comes_in_pieces(name: bytes, pack: Callable[[bytes], bytes]) -> None:
    """Four megabytes out of a few kilobytes are never in memory at once."""
    unpacker = decoder(name)
    unpacker.push(pack(bytes(4_000_000)))
    sizes = []
    while piece := unpacker.pull():
        sizes.append(len(piece))
    assert sum(sizes) == 4_000_000
    assert max(sizes) <= PIECE_BYTES


@every_case
async def test_through_the_client(
    server: ByteServer, connect: Callable[..., HttpClient], name: bytes, packed: bytes
) -> None:
    """A compressed reply is read as if it were plain, its headers included; the connection is kept."""
    server.answers = [write_reply(packed, b"Content-Encoding: " + name)]
    client = connect()
    for _ in range(2):
        reply = await client.send(server.request())
        assert b"content-encoding" not in reply.headers
        assert b"content-length" not in reply.headers
        assert await reply.read(100_000) == TEXT
    assert len(server.peers) == 1


async def test_reading_a_bomb_stops_at_the_limit(server: ByteServer, connect: Callable[..., HttpClient]) -> None:
    """`read` counts decoded bytes."""
    server.answers = [write_reply(gzip.compress(bytes(20_000_000)), b"content-encoding: gzip")]
    reply = await connect().send(server.request())
    with pytest.raises(Garbled, match="longer than 1000000 bytes"):
        await reply.read(1_000_000)


async def test_pouring_a_bomb_waits_for_the_sink(server: ByteServer, connect: Callable[..., HttpClient]) -> None:
    """A paused sink gets no more than the piece it paused at; the end comes after the last piece."""
    server.answers = [write_reply(gzip.compress(bytes(3_000_000)), b"content-encoding: gzip")]
    reply = await connect().send(server.request())
    poured = Poured()

    def feed(data: bytes) -> None:
        poured.feed(data)
        reply.pause()

    reply.pour(feed, poured.done)
    for _ in range(1000):
        if poured.ended.done():
            break
        before = len(poured.pieces)
        await asyncio.sleep(0)
        assert len(poured.pieces) <= before + 1
        reply.resume()
    assert await poured.ended is None
    assert len(poured.body) == 3_000_000
    assert max(map(len, poured.pieces)) <= 2 * PIECE_BYTES, "what had come before somebody took it, and one piece"


@pytest.mark.parametrize(
    ("body", "kind"), [(gzip.compress(TEXT)[:-4], Failed), (b"plain after all", Garbled)], ids=["cut", "not gzip"]
)
async def test_damage_through_the_client(
    server: ByteServer, connect: Callable[..., HttpClient], body: bytes, kind: type[Exception]
) -> None:
    """A body that does not decode to its end is an error, never a short success."""
    server.answers = [write_reply(body, b"content-encoding: gzip")]
    reply = await connect().send(server.request())
    with pytest.raises(kind):
        await reply.read(100_000)
    reply.close()
