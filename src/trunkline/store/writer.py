"""The thread that writes the journal: all that waits in one write, one wait for the disk, one call back to the loop."""

import asyncio
import os
import queue
import threading
from collections.abc import Callable, Sequence

from msgspec import Struct

from trunkline.clock import SystemClock
from trunkline.errors import Unavailable
from trunkline.store.frames import HEAD_BYTES, Frame, write_frame
from trunkline.store.segments import Disk, Segment

monotonic = SystemClock.monotonic

WAITING, WRITTEN, LOST = range(3)

_BATCH_BYTES = 4 * 1024 * 1024
# A flush costs the processor more than ten records do. When so many come that a short wait will gather several, each
# flush begins this long after the one before it; below that rate nobody waits for more than the disk.
_MANY_A_SECOND = 1500
_APART_SECONDS = 0.006
# What is meant by the rate: that of the last so many seconds.
_RECENT_SECONDS = 0.05


class Receipt(Struct, eq=False):
    """A record on its way: `written` is done when it is safe, or fails with `Unavailable`.

    `state` says the same, whatever a caller does to the future. `payload` is gone once it is in the file.
    """

    order: int
    kind: int
    payload: bytes
    written: "asyncio.Future[None]"
    state: int = WAITING

    def keep(self) -> None:
        """The record is written. For one that was given up by then it is too late, and changes nothing."""
        if self.state == WAITING:
            self.state = WRITTEN
            if not self.written.done():
                self.written.set_result(None)

    def lose(self, message: str) -> None:
        self.state = LOST
        if not self.written.done():
            self.written.set_exception(Unavailable(message))
            # Whether anybody still waits for it is not ours to judge.
            self.written.exception()


Written = Callable[[Sequence[Receipt], Segment, Sequence[Frame]], None]
Lost = Callable[[Sequence[Receipt], OSError], None]


class Writer:
    """Writes to `first`, then to the `spare` that it was given, or to what it creates when that is not there in time.

    `written` and `lost` are called on the loop, in order.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        disk: Disk,
        first: Segment,
        create: Callable[[int], Segment],
        *,
        written: Written,
        lost: Lost,
    ) -> None:
        self.spare: Segment | None = None
        self._loop = loop
        self._disk = disk
        self._current: Segment | None = first
        self._create = create
        self._written = written
        self._lost = lost
        # `None` wakes the thread to look at what else is wanted of it.
        self._queue: queue.SimpleQueue[Receipt | None] = queue.SimpleQueue()
        self._turned: Callable[[], None] | None = None
        self._stopping = threading.Event()
        self._begun = 0.0
        self._a_second = 0.0
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()
        self.put = self._queue.put

    def turn(self, turned: Callable[[], None]) -> None:
        """Begin a new file with the next record; `turned` is called on the loop when the old one is closed."""
        self._turned = turned
        self._queue.put(None)

    def stop(self, seconds: float) -> bool:
        """Write what waits, and end. Whether it ended in time. Waits: not for the event loop."""
        self._stopping.set()
        self._queue.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not (self._stopping.is_set() and self._queue.empty()):
            batch: Sequence[Receipt] = self._take()
            while batch:
                batch = self._commit(batch)
            if self._turned is not None:
                self._turn(self._turned)

    def _take(self) -> list[Receipt]:
        """Everything that waits, to a limit; nothing when it was only woken."""
        batch: list[Receipt] = []
        size = 0
        receipt = self._queue.get()
        if self._a_second > _MANY_A_SECOND:
            self._stopping.wait(self._begun + _APART_SECONDS - monotonic())
        while receipt is not None:
            batch.append(receipt)
            size += len(receipt.payload)
            if size > _BATCH_BYTES:
                break
            try:
                receipt = self._queue.get_nowait()
            except queue.Empty:
                break
        self._count(len(batch))
        return batch

    def _count(self, records: int) -> None:
        begun = monotonic()
        seconds = max(begun - self._begun, 1e-6)
        self._begun = begun
        self._a_second += (records / seconds - self._a_second) * min(1.0, seconds / _RECENT_SECONDS)

    def _commit(self, batch: Sequence[Receipt]) -> Sequence[Receipt]:
        """Write what goes into one file, and wait for the disk. The rest of the batch is returned."""
        try:
            segment = self._segment_for(batch[0])
            pieces, frames = _frame(batch, segment)
            self._disk.write(segment.descriptor, b"".join(pieces), segment.end)
            self._disk.flush(segment.descriptor)
        except OSError as error:
            self._abandon()
            self._loop.call_soon_threadsafe(self._lost, batch, error)
            return ()
        segment.end = frames[-1].end
        self._loop.call_soon_threadsafe(self._written, batch[: len(frames)], segment, frames)
        return batch[len(frames) :]

    def _segment_for(self, receipt: Receipt) -> Segment:
        """The file to write to: the next one when this one has no room for the record."""
        needed = HEAD_BYTES + len(receipt.payload)
        if self._current is not None and self._current.has_room(needed):
            return self._current
        self._close()
        spare = self.spare
        if spare is not None and spare.has_room(needed):
            self.spare = None
        else:
            spare = self._create(needed)
        self._current = spare
        return spare

    def _abandon(self) -> None:
        """After a failed flush nobody knows what is on the disk: what was refused is cut off, a new file comes next."""
        current = self._current
        if current is None:
            return
        try:
            if current.is_empty:
                current.path.unlink()
            else:
                os.ftruncate(current.descriptor, current.end)
        except OSError:
            pass
        self._close()

    def _turn(self, turned: Callable[[], None]) -> None:
        self._turned = None
        self._close()
        self._loop.call_soon_threadsafe(turned)

    def _close(self) -> None:
        current, self._current = self._current, None
        if current is not None:
            current.close()


def _frame(batch: Sequence[Receipt], segment: Segment) -> tuple[list[bytes], list[Frame]]:
    """The first of the batch, as many as there is room for, as bytes and as what is to be noted of them."""
    pieces: list[bytes] = []
    frames: list[Frame] = []
    begin = segment.end
    for receipt in batch:
        end = begin + HEAD_BYTES + len(receipt.payload)
        if end > segment.size:
            break
        pieces += write_frame(receipt.order, receipt.kind, receipt.payload, segment.seed)
        frames.append(Frame(receipt.order, receipt.kind, begin, end))
        begin = end
    return pieces, frames
