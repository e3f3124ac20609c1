"""A compressed request body, decoded within the limit."""

import asyncio
import sys
import zlib
from collections.abc import Callable, Mapping
from typing import Protocol

from trunkline.errors import InvalidRequest, UnsupportedMediaType
from trunkline.serve.strict import raise_body_too_large

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# 8 MiB, as RFC 9659 allows a content coding: a frame may not make us keep a larger window for a few bytes.
_WINDOW_LOG = 23


class _Decoder(Protocol):
    """What the decoders of zlib and zstd have in common: one compressed member, and what came after it."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _gzip() -> _Decoder:
    return zlib.decompressobj(wbits=31)


def _deflate() -> _Decoder:
    return zlib.decompressobj(wbits=15)


def _raw_deflate() -> _Decoder:
    return zlib.decompressobj(wbits=-15)


def _zstd() -> _Decoder:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})


_DECODERS: Mapping[bytes, Callable[[], _Decoder]] = {
    b"gzip": _gzip,
    b"x-gzip": _gzip,
    b"deflate": _deflate,
    b"zstd": _zstd,
}


def check_coding(coding: bytes) -> bytes:
    """The coding in lower case, empty for none. Raises `UnsupportedMediaType` unless it can be decoded here."""
    coding = coding.strip().lower()
    if coding in (b"", b"identity"):
        return b""
    if coding not in _DECODERS:
        raise UnsupportedMediaType(
            "this content encoding is not accepted here; send gzip, deflate, zstd or no encoding",
            param="content-encoding",
        )
    return coding


async def decode(coding: bytes, body: bytes, limit_bytes: int) -> bytes:
    """The body without its coding. Raises `InvalidRequest` when it is broken, `TooLarge` when it outgrows the limit.

    A thread does the work: 32 MB take a tenth of a second, which other requests would spend waiting.
    """
    return await asyncio.to_thread(decode_now, coding, body, limit_bytes)


def decode_now(coding: bytes, body: bytes, limit_bytes: int) -> bytes:
    """Decode a body in the caller's thread. An empty body stays empty."""
    make = _DECODERS[coding]
    # Some senders mean the bare format by "deflate". In the wrapped one the first byte says method 8.
    if coding == b"deflate" and body and body[0] & 0x0F != 8:
        make = _raw_deflate
    members: list[bytes] = []
    left = limit_bytes
    try:
        while body:
            decoder = make()
            # One byte over the limit is asked for, so that a body of exactly the limit passes.
            members.append(decoder.decompress(body, left + 1))
            left -= len(members[-1])
            if left < 0:
                raise_body_too_large(limit_bytes)
            if not decoder.eof:
                raise InvalidRequest("the compressed body ends too early", param="content-encoding")
            body = decoder.unused_data
    except (zlib.error, zstd.ZstdError) as error:
        shown = coding.decode("ascii")
        raise InvalidRequest(f"the body is not valid {shown}", param="content-encoding", detail=str(error)) from None
    return b"".join(members)
