"""Records as bytes in a file of the journal: framed so that a whole one is told from a torn one. Pure.

A frame is `magic · checksum of the head · order number · length · checksum of the payload · kind · payload`. Both
checksums begin with a seed, drawn anew for every file: no caller can write something into a body that would pass for a
frame, and what an older file left on the disk is not one either.
"""

from collections.abc import Iterator, Sequence
from mmap import mmap
from struct import Struct
from typing import NamedTuple, Protocol
from zlib import crc32

_MAGIC = b"\xd9tlr"
_HEAD = Struct("<4sI")
_FIELDS = Struct("<QIIB3x")
HEAD_BYTES = _HEAD.size + _FIELDS.size
_SKIMMED = Struct("<4s4xQI4xB")

_WINDOW_BYTES = 64 * 1024


class Frame(NamedTuple):
    """A whole frame: where it begins and ends, and what it says of its payload, which ends with it."""

    order: int
    kind: int
    begin: int
    end: int

    @property
    def payload(self) -> slice:
        return slice(self.begin + HEAD_BYTES, self.end)


class Buffer(Protocol):
    """Bytes, or a file mapped into memory."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: slice, /) -> bytes: ...


def write_frame(order: int, kind: int, payload: bytes, seed: int) -> Sequence[bytes]:
    """The frame in pieces, to be joined."""
    fields = _FIELDS.pack(order, len(payload), crc32(payload, seed), kind)
    return _HEAD.pack(_MAGIC, crc32(fields, seed)), fields, payload


def read_frame(data: Buffer, begin: int, seed: int) -> Frame | None:
    """The frame that begins there, if it is whole."""
    head = data[begin : begin + HEAD_BYTES]
    if len(head) < HEAD_BYTES or not head.startswith(_MAGIC):
        return None
    _, checksum = _HEAD.unpack_from(head)
    if crc32(head[_HEAD.size :], seed) != checksum:
        return None
    order, length, payload_checksum, kind = _FIELDS.unpack_from(head, _HEAD.size)
    frame = Frame(order, kind, begin, begin + HEAD_BYTES + length)
    if frame.end > len(data) or crc32(data[frame.payload], seed) != payload_checksum:
        return None
    return frame


def skim_frame(data: mmap, begin: int) -> Frame | None:
    """The frame that begins there, where all that is there is known to be whole."""
    if len(data) - begin < HEAD_BYTES:
        return None
    magic, order, length, kind = _SKIMMED.unpack_from(data, begin)
    return Frame(order, kind, begin, begin + HEAD_BYTES + length) if magic == _MAGIC else None


def read_frames(data: Buffer, begin: int, seed: int) -> Iterator[Frame]:
    """Every whole frame, also behind a torn one: then it does not begin where the one before it ended."""
    while begin >= 0:
        frame = read_frame(data, begin, seed)
        if frame is not None:
            yield frame
            begin = frame.end
        else:
            begin = _find_magic(data, begin + 1)


def _find_magic(data: Buffer, begin: int) -> int:
    """Where the next frame may begin; -1 for nowhere. Looked for in copies: before Python 3.11.5 a mapped file's own
    search reads beyond its end, which may be the end of the process."""
    while window := data[begin : begin + _WINDOW_BYTES]:
        found = window.find(_MAGIC)
        if found >= 0:
            return begin + found
        # It may stand across two of them.
        begin += max(1, len(window) - len(_MAGIC) + 1)
    return -1
