"""Messages of AWS event streams, written: for what only reads them."""

import struct
import zlib
from collections.abc import Mapping

_FRAME_BYTES = 16
_STRING = 7


def write_message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message as bytes."""
    written = b"".join(_write_header(name.encode(), value.encode()) for name, value in headers.items())
    length = _FRAME_BYTES + len(written) + len(payload)
    lengths = struct.pack(">II", length, len(written))
    body = lengths + zlib.crc32(lengths).to_bytes(4) + written + payload
    return body + zlib.crc32(body).to_bytes(4)


def _write_header(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + bytes([_STRING]) + len(value).to_bytes(2) + value
