"""The journal's files: which there are, which are still needed, and how far they have been folded."""

import itertools
import logging
from collections.abc import Container, Iterator, Sequence
from pathlib import Path

from trunkline.store.checkpoint import Checkpoint
from trunkline.store.segments import HEAD_BYTES, Disk, Record, Segment, create_segment, read_segments

_log = logging.getLogger("trunkline.store")


class Shelf:
    """The segments of one directory. `kinds` are those that this version knows; records of others are left alone.

    `last_order` is the highest order number that was ever given, as far as can be known.
    """

    def __init__(self, directory: Path, kinds: Container[int], disk: Disk, segment_bytes: int) -> None:
        self._directory = directory
        self._disk = disk
        self._segment_bytes = segment_bytes
        self._checkpoint = Checkpoint(directory)
        self.id = self._checkpoint.id
        self._folded = dict(self._checkpoint.folded)
        self._segments = read_segments(directory)
        # What the loop knows of is a moment behind the thread that writes: a file stays until its successor shows.
        self._newest: Segment | None = None
        written = (order for segment in self._segments for order in segment.newest.values())
        self.last_order = max((*self._folded.values(), *written), default=0)
        self._numbers = itertools.count(1 + max((int(path.stem) for path in directory.glob("*.log")), default=0))
        for segment in self.take_folded():
            segment.remove()
        self._report_unknown(kinds)

    def __repr__(self) -> str:
        return f"Shelf({str(self._directory)!r}, {len(self._segments)} files)"

    def create(self, needed: int = 0) -> Segment:
        """A new file, not on the shelf yet, with room for so many bytes and no less than usual. Raises `OSError`."""
        size = max(self._segment_bytes, HEAD_BYTES + needed)
        return create_segment(self._directory, next(self._numbers), size, self._disk)

    def add(self, segment: Segment) -> bool:
        """Put the file that is being written to on the shelf. Whether it was not there."""
        if segment is self._newest:
            return False
        self._segments.append(segment)
        self._newest = segment
        return True

    def release(self) -> None:
        """No file is being written to."""
        self._newest = None

    def replay(self, kinds: Sequence[int]) -> Iterator[Record]:
        for segment in self._segments:
            yield from segment.records(kinds, self._folded)

    def read(self, order: int) -> bytes:
        """The payload of a record. Raises `KeyError`."""
        for segment in reversed(self._segments):
            if 0 < segment.first_order <= order:
                return segment.read(order)
        raise KeyError(order)

    def fold(self, kind: int, through: int) -> None:
        self._folded[kind] = max(through, self._folded.get(kind, 0))

    def take_folded(self) -> list[Segment]:
        """The files that are no longer needed, taken from the shelf."""
        gone = [one for one in self._segments if one is not self._newest and not one.is_needed(self._folded)]
        self._segments = [one for one in self._segments if one not in gone]
        return gone

    def mark(self) -> None:
        """Write the checkpoint. Raises `OSError`."""
        self._checkpoint.write(self._folded)

    def close(self) -> None:
        self.release()
        for segment in self.take_folded():
            segment.remove()
        for segment in self._segments:
            segment.close()
        self._checkpoint.close()

    def _report_unknown(self, kinds: Container[int]) -> None:
        unknown = {kind for segment in self._segments for kind in segment.newest if kind not in kinds}
        if unknown:
            _log.error(
                "%s holds records of kinds that this version does not know (%s): a newer version wrote them. "
                "They are kept as they are",
                self._directory,
                ", ".join(map(str, sorted(unknown))),
            )
