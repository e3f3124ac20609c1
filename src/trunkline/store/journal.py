"""The journal: what must not be lost is written here before anybody is told, and folded into the database behind it.

`append` never waits. One thread writes: it takes everything that waits, writes it at once and waits for the disk once
(group commit), so that many requests share what one alone would pay. What is in a payload is not its business.

A record is *written* when neither a crash nor a power cut can lose it, and *folded* when it is in the database. A start
replays what was written and not folded. A record that was being written when the machine died is torn and left out:
nobody was promised it. Whole records behind a torn place are read all the same; were those promised, the disk has lost
what stood before them, and the log says where.
"""

import asyncio
import fcntl
import itertools
import logging
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from trunkline.errors import ConfigError, Unavailable
from trunkline.store.checkpoint import Checkpoint
from trunkline.store.frames import HEAD_BYTES as FRAME_HEAD_BYTES
from trunkline.store.frames import Frame, write_frame
from trunkline.store.segments import HEAD_BYTES, Disk, Record, Segment, create_segment, read_segments

_log = logging.getLogger("trunkline.store")

KEPT = 1
ASIDE = 2
KINDS = {KEPT: "responses and turns of conversations", ASIDE: "entries that the database would not take"}
"""Every kind of record that this version can fold. A number is never given to something else."""

SEGMENT_BYTES = 16 * 1024 * 1024
# What may wait for the disk: some ten thousand responses, or a few of the largest.
_QUEUE_BYTES = 128 * 1024 * 1024
_BATCH_BYTES = 4 * 1024 * 1024
_STUCK_SECONDS = 15.0
_CLOSE_WITHIN_SECONDS = 10.0

WAITING, WRITTEN, LOST = range(3)


class Receipt:
    """What `append` gives: `written` is done when the record is safe, or fails with `Unavailable`.

    `state` says the same, whatever a caller does to the future. `payload` is gone once it is in the file.
    """

    __slots__ = ("order", "kind", "payload", "written", "state")

    def __init__(self, order: int, kind: int, payload: bytes, written: "asyncio.Future[None]") -> None:
        self.order = order
        self.kind = kind
        self.payload = payload
        self.written = written
        self.state = WAITING

    def lose(self, message: str) -> None:
        self.state = LOST
        if not self.written.done():
            self.written.set_exception(Unavailable(message))
            # Whether anybody still waits for it is not ours to judge.
            self.written.exception()


class Journal:
    """A journal in a directory of its own, for one process. `open_journal` makes it."""

    def __init__(
        self,
        directory: Path,
        lock: int,
        *,
        disk: Disk,
        segment_bytes: int,
        queue_bytes: int,
        stuck_seconds: float,
    ) -> None:
        self._directory = directory
        self._lock = lock
        self._disk = disk
        self._segment_bytes = segment_bytes
        self._queue_bytes = queue_bytes
        self._stuck_seconds = stuck_seconds
        self._checkpoint = Checkpoint(directory)
        self.id = self._checkpoint.id
        self._folded = dict(self._checkpoint.folded)
        self._segments = read_segments(directory)
        last = max((order for segment in self._segments for order in segment.newest.values()), default=0)
        self._order = max([last, *self._folded.values()])
        numbers = [int(path.stem) for path in directory.glob("*.log")]
        self._numbers = itertools.count(max(numbers, default=0) + 1)
        self._remove_folded()
        self._report_unknown()
        # The loop's side: what was appended and is not written, and how many bytes.
        self._waiting: deque[Receipt] = deque()
        self._waiting_bytes = 0
        self._listeners: list[Callable[[], None]] = []
        self._stuck: Receipt | None = None
        self._refusal = ""
        self._scrubbing = asyncio.Lock()
        self._writing: Segment | None = None
        self._spare_task: asyncio.Future[Segment] | None = None
        # The thread's side; `None` in the queue wakes it to look at what is wanted of it.
        self._queue: queue.SimpleQueue[Receipt | None] = queue.SimpleQueue()
        self._current: Segment | None = None
        self._spare: Segment | None = None
        self._closing = False
        self._turning: asyncio.Future[None] | None = None
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def __repr__(self) -> str:
        return f"Journal({str(self._directory)!r}, {len(self._segments)} segments, order={self._order})"

    # --- replay ---------------------------------------------------------------------------------------------------

    def replay(self, *kinds: int) -> Iterator[Record]:
        """Every record of these kinds that was not folded, in order. Reads files: not for the event loop."""
        for segment in self._segments:
            yield from segment.records(kinds, self._folded)

    def read(self, order: int) -> bytes:
        """The payload of a record that is written and not folded. Reads a file: not for the event loop.

        Raises `KeyError` when it is not there any more.
        """
        for segment in reversed(self._segments):
            if 0 < segment.first_order <= order:
                return segment.read(order)
        raise KeyError(order)

    async def folded(self, kind: int, through: int) -> None:
        """Everything of this kind up to this order number is in the database: files that held no more are removed.

        Raises `OSError`; then it is folded once more after the next start.
        """
        self._folded[kind] = max(through, self._folded.get(kind, 0))
        gone = self._take_folded()
        await asyncio.to_thread(self._forget, gone)

    async def scrub(self) -> None:
        """Leave no file behind that holds nothing but folded records, not even the one being written to."""
        async with self._scrubbing, asyncio.timeout(self._stuck_seconds):
            turned = self._turning = self._loop.create_future()
            self._queue.put(None)
            await turned
        for segment in self._take_folded():
            await asyncio.to_thread(segment.remove)

    # --- the loop's side ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to take records in, on the running loop. Raises `ConfigError` when there is no room on the disk."""
        self._loop = asyncio.get_running_loop()
        try:
            self._current = self._create(self._segment_bytes)
        except OSError as error:
            raise ConfigError(f"`{self._directory}` cannot be written: {error.strerror}") from None
        self._note(self._current)
        self._thread.start()
        self._provide_spare()
        self._timer = self._loop.call_later(self._stuck_seconds, self._look)

    def append(self, kind: int, payload: bytes) -> Receipt:
        """Have a record written. Never waits.

        The receipt's future fails at once when there is no room for what waits, or when the disk does not answer.
        """
        self._order += 1
        receipt = Receipt(self._order, kind, payload, self._loop.create_future())
        if self._refusal or self._waiting_bytes + len(payload) > self._queue_bytes:
            receipt.lose(self._refusal or "too much is waiting for the disk")
            return receipt
        self._waiting_bytes += len(payload)
        self._waiting.append(receipt)
        self._queue.put(receipt)
        return receipt

    @property
    def order(self) -> int:
        """The number of the record that was appended last."""
        return self._order

    def listen(self, listener: Callable[[], None]) -> None:
        """Have this called whenever records were written or lost."""
        self._listeners.append(listener)

    async def close(self) -> None:
        """Write what waits, and let another process have the directory."""
        self._refusal = "the gateway is stopping"
        self._timer.cancel()
        self._closing = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join, _CLOSE_WITHIN_SECONDS)
        # What the thread has handed to the loop comes first.
        await asyncio.sleep(0)
        self._lose_waiting("the disk did not answer in time")
        if self._thread.is_alive():
            return
        if self._spare_task is not None:
            await asyncio.wait([self._spare_task])
        await asyncio.to_thread(self._leave)

    def _written(self, receipts: Sequence[Receipt], segment: Segment, frames: Sequence[Frame]) -> None:
        if segment is not self._writing:
            self._note(segment)
            self._provide_spare()
        segment.note(frames)
        for receipt in receipts:
            self._dismiss(receipt)
            if receipt.state == WAITING:
                receipt.state = WRITTEN
                if not receipt.written.done():
                    receipt.written.set_result(None)
        self._tell()

    def _turned(self, turned: "asyncio.Future[None]") -> None:
        self._writing = None
        if not turned.done():
            turned.set_result(None)

    def _lost(self, receipts: Sequence[Receipt], error: OSError) -> None:
        _log.error("the journal cannot be written: %s", error.strerror)
        for receipt in receipts:
            self._dismiss(receipt)
            receipt.lose("nothing can be kept: the disk is full or broken")
        self._provide_spare()
        self._tell()

    def _dismiss(self, receipt: Receipt) -> None:
        """The disk has answered for it."""
        self._waiting_bytes -= len(receipt.payload)
        receipt.payload = b""
        if self._waiting and self._waiting[0] is receipt:
            self._waiting.popleft()
        if not self._closing:
            self._refusal = ""

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    def _look(self) -> None:
        """Twice the same record at the head of those that wait: the disk hangs, and nobody shall wait with it."""
        first = self._waiting[0] if self._waiting else None
        if first is not None and first is self._stuck:
            _log.error("the journal's disk does not answer")
            self._refusal = "the disk does not answer"
            self._lose_waiting(self._refusal)
            self._tell()
        self._stuck = first
        self._timer = self._loop.call_later(self._stuck_seconds, self._look)

    def _lose_waiting(self, message: str) -> None:
        while self._waiting:
            self._waiting.popleft().lose(message)

    def _provide_spare(self) -> None:
        """Have the next file made before it is needed, so that a full disk shows while there is still room."""
        if self._spare is not None or self._spare_task is not None or self._closing:
            return
        self._spare_task = asyncio.ensure_future(asyncio.to_thread(self._create, self._segment_bytes))
        self._spare_task.add_done_callback(self._spare_made)

    def _spare_made(self, task: "asyncio.Future[Segment]") -> None:
        self._spare_task = None
        if not task.cancelled() and (error := task.exception()):
            _log.error("there is hardly room left for the journal: %s", error)
        elif not task.cancelled():
            self._spare = task.result()

    # --- the files ------------------------------------------------------------------------------------------------

    def _create(self, size: int) -> Segment:
        return create_segment(self._directory, next(self._numbers), size, self._disk)

    def _note(self, segment: Segment) -> None:
        """What the loop knows of is a moment behind the thread: a file is not removed before its successor shows."""
        self._segments.append(segment)
        self._writing = segment

    def _take_folded(self) -> list[Segment]:
        """The files that are no longer needed, taken out of the list."""
        gone = [one for one in self._segments if one is not self._writing and not one.is_needed(self._folded)]
        self._segments = [one for one in self._segments if one not in gone]
        return gone

    def _forget(self, gone: Sequence[Segment]) -> None:
        self._checkpoint.write(self._folded)
        for segment in gone:
            segment.remove()

    def _leave(self) -> None:
        """With the thread gone: what is folded goes too, and another process may come."""
        self._writing = None
        for segment in (*self._take_folded(), *([self._spare] if self._spare else ())):
            segment.remove()
        for segment in self._segments:
            segment.close()
        self._checkpoint.close()
        os.close(self._lock)

    def _remove_folded(self) -> None:
        needed = [segment for segment in self._segments if segment.is_needed(self._folded)]
        for segment in self._segments:
            if segment not in needed:
                segment.remove()
        self._segments = needed

    def _report_unknown(self) -> None:
        unknown = {kind for segment in self._segments for kind in segment.newest} - KINDS.keys()
        if unknown:
            _log.error(
                "%s holds records of kinds that this version does not know (%s): a newer version wrote them. "
                "They are kept as they are",
                self._directory,
                ", ".join(map(str, sorted(unknown))),
            )

    # --- the thread's side ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not (self._closing and self._queue.empty()):
            batch: Sequence[Receipt] = self._take()
            while batch:
                batch = self._commit(batch)
            if self._turning is not None:
                self._turn()

    def _take(self) -> list[Receipt]:
        """Everything that waits, to a limit; at least one thing, which may be a wish to look up."""
        batch: list[Receipt] = []
        size = 0
        receipt = self._queue.get()
        while receipt is not None:
            batch.append(receipt)
            size += len(receipt.payload)
            if size > _BATCH_BYTES:
                break
            try:
                receipt = self._queue.get_nowait()
            except queue.Empty:
                break
        return batch

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
        needed = FRAME_HEAD_BYTES + len(receipt.payload)
        current = self._current
        if current is not None and current.end + needed <= current.size:
            return current
        if current is not None:
            current.close()
            self._current = None
        spare = self._spare
        if spare is not None and spare.end + needed <= spare.size:
            self._spare = None
        else:
            spare = self._create(max(self._segment_bytes, HEAD_BYTES + needed))
        self._current = spare
        return spare

    def _abandon(self) -> None:
        """After a failed flush nobody knows what is on the disk: what was refused is cut off, a new file comes next."""
        current, self._current = self._current, None
        if current is None:
            return
        try:
            os.ftruncate(current.descriptor, current.end)
        except OSError:
            pass
        current.close()

    def _turn(self) -> None:
        turned, self._turning = self._turning, None
        if self._current is not None:
            self._current.close()
            self._current = None
        if turned is not None:
            self._loop.call_soon_threadsafe(self._turned, turned)


def _frame(batch: Sequence[Receipt], segment: Segment) -> tuple[list[bytes], list[Frame]]:
    """The first of the batch, as many as there is room for, as bytes and as what is to be noted of them."""
    pieces: list[bytes] = []
    frames: list[Frame] = []
    begin = segment.end
    for receipt in batch:
        end = begin + FRAME_HEAD_BYTES + len(receipt.payload)
        if end > segment.size:
            break
        pieces += write_frame(receipt.order, receipt.kind, receipt.payload, segment.seed)
        frames.append(Frame(receipt.order, receipt.kind, begin, end))
        begin = end
    return pieces, frames


def open_journal(
    directory: Path,
    *,
    disk: Disk | None = None,
    segment_bytes: int = SEGMENT_BYTES,
    queue_bytes: int = _QUEUE_BYTES,
    stuck_seconds: float = _STUCK_SECONDS,
) -> Journal:
    """The journal of this directory, with what is in it. Reads files: not for the event loop.

    Raises `ConfigError` when another process has it, or when it cannot be written.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        lock = _lock(directory)
    except OSError as error:
        raise ConfigError(f"`{directory}` cannot be kept: {error.strerror}; set TRUNKLINE_DATA_DIR") from None
    try:
        return Journal(
            directory,
            lock,
            disk=disk or Disk(),
            segment_bytes=segment_bytes,
            queue_bytes=queue_bytes,
            stuck_seconds=stuck_seconds,
        )
    except BaseException:
        os.close(lock)
        raise


def _lock(directory: Path) -> int:
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ConfigError(
            f"`{directory}` belongs to another process that is running: set another TRUNKLINE_DATA_DIR for this one"
        ) from None
    return descriptor
