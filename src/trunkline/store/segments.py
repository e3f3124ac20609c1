"""The files of the journal: made ahead at their full size, read back record by record, gone once all is folded."""

import errno
import logging
import mmap
import os
import secrets
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from struct import Struct
from typing import BinaryIO, NamedTuple
from zlib import crc32

from trunkline.store.frames import Frame, read_frame, read_frames

_log = logging.getLogger("trunkline.store")

_HEAD = Struct("<8sI")
_CHECKSUM = Struct("<I")
_VERSION = b"tl-log-1"
HEAD_BYTES = _HEAD.size + _CHECKSUM.size


class Disk:
    """What is asked of the file system where it may fail, fill up or hang."""

    def allocate(self, descriptor: int, size: int) -> None:
        """Take all the space of a file, so that writing to it cannot fill the disk."""
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
            # A file system that cannot: what is there has been taken.
            self.write(descriptor, bytes(size), 0)

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(descriptor, view, offset)
            view, offset = view[written:], offset + written

    def flush(self, descriptor: int) -> None:
        os.fdatasync(descriptor)


class Record(NamedTuple):
    """A record as it is read back."""

    order: int
    kind: int
    payload: bytes


class Segment:
    """One file, and where in it which record stands.

    `newest` says for every kind the order number of its last record. `descriptor` is -1 once it is only read.
    """

    __slots__ = ("path", "size", "seed", "descriptor", "end", "newest", "_orders", "_begins", "_ends")

    def __init__(self, path: Path, size: int, seed: int, descriptor: int = -1) -> None:
        self.path = path
        self.size = size
        self.seed = seed
        self.descriptor = descriptor
        self.end = HEAD_BYTES
        self.newest: dict[int, int] = {}
        self._orders = array("Q")
        self._begins = array("Q")
        self._ends = array("Q")

    @property
    def first_order(self) -> int:
        """Of its first record; 0 when it has none."""
        return self._orders[0] if self._orders else 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever written to it."""
        return self.end == HEAD_BYTES

    def has_room(self, size: int) -> bool:
        return self.end + size <= self.size

    def note(self, frames: Iterable[Frame]) -> None:
        """Remember where these are; they come in order."""
        for frame in frames:
            self._orders.append(frame.order)
            self._begins.append(frame.begin)
            self._ends.append(frame.end)
            self.newest[frame.kind] = frame.order

    def records(self, kinds: Collection[int], folded: Mapping[int, int]) -> Iterator[Record]:
        """Every record of these kinds that was not folded, in order."""
        if not any(order > folded.get(kind, 0) for kind, order in self.newest.items() if kind in kinds):
            return
        with self.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for begin in self._begins:
                frame = read_frame(data, begin, self.seed)
                if frame is not None and frame.kind in kinds and frame.order > folded.get(frame.kind, 0):
                    yield Record(frame.order, frame.kind, data[frame.payload])

    def read(self, order: int) -> bytes:
        """The payload of a record. Raises `KeyError` when it is not here, or no longer."""
        index = bisect_left(self._orders, order)
        if index == len(self._orders) or self._orders[index] != order:
            raise KeyError(order)
        begin, end = self._begins[index], self._ends[index]
        try:
            # By its name: a descriptor could have been closed and be another file's by now.
            with self.path.open("rb", buffering=0) as file:
                data = os.pread(file.fileno(), end - begin, begin)
        except FileNotFoundError:
            raise KeyError(order) from None
        frame = read_frame(data, 0, self.seed)
        if frame is None or frame.order != order:
            raise KeyError(order)
        return data[frame.payload]

    def is_needed(self, folded: Mapping[int, int]) -> bool:
        """Whether it holds a record that was not folded."""
        return any(order > folded.get(kind, 0) for kind, order in self.newest.items())

    def close(self) -> None:
        """Write no more to it."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def remove(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)


def create_segment(directory: Path, number: int, size: int, disk: Disk) -> Segment:
    """A new file, with all its space. Raises `OSError` when there is no room for it, and leaves nothing behind."""
    path = directory / f"{number:012d}.log"
    seed = secrets.randbits(32)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        disk.allocate(descriptor, size)
        head = _HEAD.pack(_VERSION, seed)
        disk.write(descriptor, head + _CHECKSUM.pack(crc32(head)), 0)
        os.fsync(descriptor)
        sync_directory(directory)
    except BaseException:
        os.close(descriptor)
        path.unlink()
        raise
    return Segment(path, size, seed, descriptor)


def read_segments(directory: Path) -> list[Segment]:
    """All files that can be read, in the order of their records: they were not all made in that order."""
    found = [segment for path in directory.glob("*.log") if (segment := read_segment(path))]
    return sorted(found, key=lambda segment: segment.first_order)


def read_segment(path: Path) -> Segment | None:
    """Look through a file. A record behind a torn one counts: what is torn was never promised, or is bad luck."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if len(head) < HEAD_BYTES or crc32(head[: _HEAD.size]) != _CHECKSUM.unpack_from(head, _HEAD.size)[0]:
            _drop_headless(path, head, file)
            return None
        version, seed = _HEAD.unpack_from(head)
        if version != _VERSION:
            _log.error("%s was written by another version: it is left as it is, and nothing of it is read", path)
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _look_through(data, Segment(path, len(data), seed))


def _look_through(data: mmap.mmap, segment: Segment) -> Segment:
    for frame in read_frames(data, HEAD_BYTES, segment.seed):
        if frame.begin != segment.end:
            _log.error(
                "%s is damaged from byte %d to %d: what is behind is read", segment.path, segment.end, frame.begin
            )
        segment.note((frame,))
        segment.end = frame.end
    return segment


def _drop_headless(path: Path, head: bytes, rest: BinaryIO) -> None:
    """Remove what a process leaves that dies while it makes a file: one without a head, and nothing else in it."""
    while head:
        if head.strip(b"\0"):
            _log.error("%s is damaged at its head: it is left as it is, and nothing of it is read", path)
            return
        head = rest.read(1 << 20)
    path.unlink()


def sync_directory(directory: Path) -> None:
    """A new name is not safe from a power cut before its directory is."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
