"""Undoing a reply's content encoding, piece by piece and within a bound.

Knows compression formats, not HTTP messages: a small body that unpacks to gigabytes must cost no more memory than one
piece, so whoever holds the decoder asks for the next piece when it has room.
"""

import sys
import zlib
from typing import Protocol

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# 256 KiB: what an event loop reads at once, so an encoded body is delivered in steps no larger than a plain one.
PIECE_BYTES = 262_144

_DAMAGED = "is not what its `content-encoding` says"


class DecodingError(Exception):
    """The bytes are not in the format they claim; the text is safe to show."""


class Decoder(Protocol):
    """Encoded bytes in, decoded pieces out."""

    def push(self, data: bytes) -> None:
        """Take encoded bytes; nothing is decoded yet."""

    def pull(self) -> bytes:
        """The next decoded piece, or `b""` when more input is needed. Raises `DecodingError`."""

    @property
    def is_whole(self) -> bool:
        """Whether the input so far is a complete encoding. True when there was no input at all."""


class GzipDecoder:
    """gzip, of one member or several."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(31)
        self._pending = b""
        self._started = False

    def push(self, data: bytes) -> None:
        self._pending = self._pending + data if self._pending else data

    def pull(self) -> bytes:
        while True:
            if self._stream.eof and self._pending:
                self._stream = zlib.decompressobj(31)
            elif self._stream.eof:
                return b""
            piece = self._decompress(self._pending)
            if piece or not self._pending:
                return piece

    def _decompress(self, data: bytes) -> bytes:
        self._started = self._started or bool(data)
        try:
            piece = self._stream.decompress(data, PIECE_BYTES)
        except zlib.error as error:
            raise DecodingError(_DAMAGED) from error
        self._pending = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
        return piece

    @property
    def is_whole(self) -> bool:
        return not self._started or (self._stream.eof and not self._pending)


class DeflateDecoder:
    """deflate: the zlib format as the standard says, or the naked stream that some servers send instead."""

    def __init__(self) -> None:
        self._stream: zlib._Decompress | None = None
        self._pending = b""

    def push(self, data: bytes) -> None:
        self._pending = self._pending + data if self._pending else data

    def pull(self) -> bytes:
        if self._stream is None:
            if not self._pending:
                return b""
            # The low half of a zlib header's first byte is always 8; a naked stream never starts so.
            self._stream = zlib.decompressobj(15 if self._pending[0] & 15 == 8 else -15)
        try:
            piece = self._stream.decompress(self._pending, PIECE_BYTES)
        except zlib.error as error:
            raise DecodingError(_DAMAGED) from error
        self._pending = self._stream.unconsumed_tail
        return piece

    @property
    def is_whole(self) -> bool:
        return self._stream is None or self._stream.eof


class ZstdDecoder:
    """Zstandard, of one frame or several."""

    def __init__(self) -> None:
        self._stream = zstd.ZstdDecompressor()
        self._pending = b""
        self._started = False

    def push(self, data: bytes) -> None:
        self._pending = self._pending + data if self._pending else data

    def pull(self) -> bytes:
        while True:
            if self._stream.eof:
                self._pending = self._stream.unused_data + self._pending
                if not self._pending:
                    return b""
                self._stream = zstd.ZstdDecompressor()
            data, self._pending = self._pending, b""
            self._started = self._started or bool(data)
            try:
                piece = self._stream.decompress(data, PIECE_BYTES)
            except zstd.ZstdError as error:
                raise DecodingError(_DAMAGED) from error
            if piece or not self._stream.eof:
                return piece

    @property
    def is_whole(self) -> bool:
        return not self._started or (self._stream.eof and not self._pending and not self._stream.unused_data)


_DECODERS: dict[bytes, type[GzipDecoder] | type[DeflateDecoder] | type[ZstdDecoder]] = {
    b"gzip": GzipDecoder,
    b"x-gzip": GzipDecoder,
    b"deflate": DeflateDecoder,
    b"zstd": ZstdDecoder,
}


def find_decoder(content_encoding: bytes) -> Decoder | None:
    """The decoder for a `content-encoding` value; `None` for `identity`. Raises `DecodingError` for any other."""
    name = content_encoding.strip().lower()
    if name in (b"", b"identity"):
        return None
    if name not in _DECODERS:
        raise DecodingError("came in a `content-encoding` that was not asked for and is not known here")
    return _DECODERS[name]()
