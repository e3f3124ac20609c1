"""AWS event streams: bytes in any chunking → whole messages. Knows nothing of what is in them.

A message is two lengths and their checksum, headers, a payload, and a checksum over all of it. Source:
https://smithy.io/2.0/aws/amazon-eventstream.html.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

# 32 MiB: AWS allows 24 MiB of payload; anything longer is not a message any more.
DEFAULT_LIMIT_BYTES = 32 * 1024 * 1024

_PRELUDE = struct.Struct(">III")
_CHECKSUM_BYTES = 4
_LEAST_BYTES = _PRELUDE.size + _CHECKSUM_BYTES

# As many kinds of message as any stream has.
_MOST_KNOWN = 32

_STRING = 7
# How long the values of other types are; `None`: two bytes before them tell.
_LENGTHS: Mapping[int, int | None] = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 6: None, _STRING: None, 8: 8, 9: 16}


class Message(NamedTuple):
    """One message: its headers of type string, which are all that tell what it is, and its payload."""

    headers: Mapping[str, str]
    payload: bytes


class Corrupt(Exception):
    """The bytes are no event stream; the message says what gave it away."""


class Splitter:
    """Cuts a stream into messages. Memory is bounded by the limit on one message."""

    __slots__ = ("_known", "_limit", "_needed", "_pieces", "_size")

    def __init__(self, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._pieces: list[bytes] = []
        self._size = 0
        # From how many bytes on it is worth looking again: big messages come in hundreds of reads.
        self._needed = _PRELUDE.size
        # Headers by their bytes: those of all deltas are the same.
        self._known: dict[bytes, Mapping[str, str]] = {}

    @property
    def pending(self) -> bytes:
        """What has come of a message that is not complete."""
        return b"".join(self._pieces)

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that these bytes complete, to be taken one by one and all of them.

        Raises `Corrupt` behind the last sound one; nothing may be fed after that.
        """
        if self._size:
            self._pieces.append(data)
            self._size += len(data)
            if self._size < self._needed:
                return
            data = b"".join(self._pieces)
        start, length = 0, _PRELUDE.size
        while len(data) - start >= _PRELUDE.size:
            length, headers_length, checksum = _PRELUDE.unpack_from(data, start)
            if zlib.crc32(data[start : start + 8]) != checksum:
                raise Corrupt("the checksum of a message's prelude is wrong")
            if length > self._limit:
                raise Corrupt("a message is too large")
            if headers_length > length - _LEAST_BYTES:
                raise Corrupt("a message's lengths contradict each other")
            end = start + length
            if end > len(data):
                break
            yield self._read_message(data, start, end, start + _PRELUDE.size + headers_length)
            start, length = end, _PRELUDE.size
        self._pieces = [data[start:]] if start < len(data) else []
        self._size = len(data) - start
        self._needed = length

    def _read_message(self, data: bytes, start: int, end: int, payload_at: int) -> Message:
        payload_end = end - _CHECKSUM_BYTES
        if zlib.crc32(data[start:payload_end]) != int.from_bytes(data[payload_end:end]):
            raise Corrupt("the checksum of a message is wrong")
        written = data[start + _PRELUDE.size : payload_at]
        headers = self._known.get(written)
        if headers is None:
            headers = self._read_headers(written)
        return Message(headers, data[payload_at:payload_end])

    def _read_headers(self, written: bytes) -> Mapping[str, str]:
        try:
            headers = dict(_read_headers(written))
        except (IndexError, UnicodeDecodeError) as error:
            raise Corrupt("a message's headers cannot be read") from error
        if len(self._known) < _MOST_KNOWN:
            self._known[written] = headers
        return headers


def _read_headers(data: bytes) -> Iterator[tuple[str, str]]:
    """Headers of type string; those of other types are passed over."""
    at = 0
    while at < len(data):
        name_end = at + 1 + data[at]
        name, kind = data[at + 1 : name_end].decode(), data[name_end]
        at = name_end + 1
        length = _LENGTHS.get(kind, -1)
        if length is None:
            length = data[at] << 8 | data[at + 1]
            at += 2
        if length < 0 or at + length > len(data):
            raise IndexError
        if kind == _STRING:
            yield name, data[at : at + length].decode()
        at += length
