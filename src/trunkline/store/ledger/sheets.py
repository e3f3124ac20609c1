"""The files of the register: made ahead at their full size, mapped into memory, used again once all in them is folded.

What has been copied into the map is the operating system's: it is there for whoever opens the file next, however this
process ends. A file begins with a page that says whose it is and what the fields of its records are called.
"""

import logging
import mmap
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import Struct
from typing import NamedTuple
from zlib import crc32

import msgspec

from trunkline.records import Record
from trunkline.store.frames import Frame, read_frame, read_frames, skim_frame
from trunkline.store.ledger.coding import NAMES, Names, make_decoder
from trunkline.store.segments import Disk, sync_directory

_log = logging.getLogger("trunkline.store")

_VERSION = b"tl-reg-1"
# Version, seed, length of the names, checksum of all three and of the names.
_HEAD = Struct("<8sIII")
HEAD_BYTES = 4096

_NAMES = msgspec.json.encode(NAMES)


class Sheet:
    """One file. `end` is where its next frame goes, `next` the file that was written to after it.

    `base` is how many bytes of frames were written before its first one, ever: so that distances can be told.
    """

    __slots__ = (
        "base",
        "data",
        "decode",
        "descriptor",
        "end",
        "is_damaged",
        "last_order",
        "next",
        "path",
        "seed",
        "size",
    )

    def __init__(self, path: Path, descriptor: int, seed: int, names: Names) -> None:
        self.path = path
        self.descriptor = descriptor
        self.size = os.fstat(descriptor).st_size
        self.data = mmap.mmap(descriptor, self.size)
        self.seed = seed
        self.decode: Callable[[bytes], Record] = make_decoder(names)
        self.end = HEAD_BYTES
        self.is_damaged = False
        self.base = 0
        self.last_order = 0
        self.next: Sheet | None = None

    def __repr__(self) -> str:
        return f"Sheet({self.path.name}, end={self.end})"

    def frames(self, begin: int, end: int) -> Iterator[Frame]:
        """Every whole frame between two places."""
        while begin < end:
            # Looked through when it was opened, and written here since, it need not be done for every record again.
            frame = read_frame(self.data, begin, self.seed) if self.is_damaged else skim_frame(self.data, begin)
            if frame is None:
                found = next(read_frames(self.data, begin, self.seed), None)
                if found is None or found.begin >= end:
                    return
                frame = found
            yield frame
            begin = frame.end

    def read(self, frame: Frame) -> Record:
        """The record of a frame. Raises `msgspec.MsgspecError` for one that this version cannot read."""
        return self.decode(self.data[frame.payload])

    def close(self) -> None:
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            self.data.close()
            os.close(descriptor)

    def remove(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)


class Cursor(NamedTuple):
    """A place between two records. `order` is the number of the one before it."""

    sheet: Sheet
    offset: int
    order: int

    @property
    def position(self) -> int:
        """How many bytes of records were ever written before it."""
        return self.sheet.base + self.offset - HEAD_BYTES


def create_sheet(directory: Path, number: int, size: int, disk: Disk) -> Sheet:
    """A new file, with all its space. Raises `OSError` when there is no room for it, and leaves nothing behind."""
    path = directory / f"{number:012d}.reg"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        disk.allocate(descriptor, size)
        seed = _write_head(descriptor, disk)
        os.fsync(descriptor)
        sync_directory(directory)
        return Sheet(path, descriptor, seed, NAMES)
    except BaseException:
        os.close(descriptor)
        path.unlink()
        raise


def clear_sheet(sheet: Sheet, disk: Disk) -> Sheet:
    """A file that is no longer needed, as a new one: under a new seed nothing in it is a frame. Raises `OSError`."""
    descriptor = os.open(sheet.path, os.O_RDWR | os.O_CLOEXEC)
    try:
        seed = _write_head(descriptor, disk)
        fresh = Sheet(sheet.path, descriptor, seed, NAMES)
    except BaseException:
        os.close(descriptor)
        raise
    sheet.close()
    return fresh


def open_sheet(path: Path) -> Sheet | None:
    """A file that is there, with what is in it; `None` for one that cannot be read."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    head = os.pread(descriptor, HEAD_BYTES, 0)
    found = _read_head(head)
    if found is None:
        os.close(descriptor)
        if head.strip(b"\0"):
            _log.error("%s is damaged at its head: it is left as it is, and nothing of it is read", path)
        else:
            # What a process leaves that dies while it makes a file.
            path.unlink()
        return None
    sheet = Sheet(path, descriptor, *found)
    for frame in read_frames(sheet.data, HEAD_BYTES, sheet.seed):
        if frame.begin != sheet.end:
            sheet.is_damaged = True
            _log.error("%s is damaged from byte %d to %d: what is behind is read", path, sheet.end, frame.begin)
        sheet.end, sheet.last_order = frame.end, frame.order
    return sheet


def first_order(sheet: Sheet) -> int:
    """Of its first record; 0 when it has none."""
    frame = next(sheet.frames(HEAD_BYTES, sheet.end), None)
    return frame.order if frame is not None else 0


def _write_head(descriptor: int, disk: Disk) -> int:
    seed = secrets.randbits(32)
    checksum = crc32(_NAMES, crc32(_HEAD.pack(_VERSION, seed, len(_NAMES), 0)))
    head = _HEAD.pack(_VERSION, seed, len(_NAMES), checksum) + _NAMES
    disk.write(descriptor, head.ljust(HEAD_BYTES, b"\0"), 0)
    return seed


def _read_head(head: bytes) -> tuple[int, Names] | None:
    if len(head) < HEAD_BYTES:
        return None
    version, seed, length, checksum = _HEAD.unpack_from(head)
    names = head[_HEAD.size : _HEAD.size + length]
    if version != _VERSION or crc32(names, crc32(_HEAD.pack(version, seed, length, 0))) != checksum:
        return None
    return seed, msgspec.json.decode(names, type=Names)
