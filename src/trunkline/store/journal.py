"""The journal: what must not be lost is written here before anybody is told, and folded into the database behind it.

`append` never waits. One thread writes: it takes everything that waits, writes it at once and waits for the disk once
(group commit), so that many requests share what one alone would pay. What is in a payload is not its business.

A record is *written* when neither a crash nor a power cut can lose it, and *folded* when it is in the database. A start
replays what was written and not folded. A record that was being written when the machine died is torn and left out:
nobody was promised it. Whole records behind a torn place are read all the same; were those promised, the disk has lost
what stood before them, and the log says where.
"""

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from trunkline.errors import ConfigError, Unavailable
from trunkline.store.claim import claim_directory
from trunkline.store.frames import Frame
from trunkline.store.segments import Disk, Record, Segment
from trunkline.store.shelf import Shelf
from trunkline.store.writer import Receipt, Writer

_log = logging.getLogger("trunkline.store")

KEPT = 1
ASIDE = 2
KINDS = {KEPT: "responses and turns of conversations", ASIDE: "entries that the database would not take"}
"""Every kind of record that this version can fold. A number is never given to something else."""

SEGMENT_BYTES = 16 * 1024 * 1024
# What may wait for the disk: some ten thousand responses, or a few of the largest.
_QUEUE_BYTES = 128 * 1024 * 1024
# Looked at this often: a reply waits for a disk that hangs twice as long at most, and is then told without being kept.
_STUCK_SECONDS = 5.0
_CLOSE_WITHIN_SECONDS = 10.0
_HANGS = "the disk does not answer"


class Journal:
    """A journal in a directory of its own, for one process. `open_journal` makes it.

    `id` is its name, new when its checkpoint was lost: order numbers count within it.
    """

    def __init__(self, shelf: Shelf, lock: int, disk: Disk, queue_bytes: int, stuck_seconds: float) -> None:
        self._shelf = shelf
        self._lock = lock
        self._disk = disk
        self._queue_bytes = queue_bytes
        self._stuck_seconds = stuck_seconds
        self.id = shelf.id
        self._order = shelf.last_order
        self._waiting: deque[Receipt] = deque()
        self._waiting_bytes = 0
        self._refusal = ""
        self._listeners: list[Callable[[], None]] = []
        self._stuck: Receipt | None = None
        self._scrubbing = asyncio.Lock()
        self._spare: asyncio.Future[Segment] | None = None
        self._writer: Writer | None = None

    def __repr__(self) -> str:
        return f"Journal({self._shelf!r}, order={self._order})"

    # --- what is in it --------------------------------------------------------------------------------------------

    def replay(self, *kinds: int) -> Iterator[Record]:
        """Every record of these kinds that was not folded, in order. Reads files: not for the event loop."""
        return self._shelf.replay(kinds)

    def read(self, order: int) -> bytes:
        """The payload of a record that is written and not folded. Reads a file: not for the event loop.

        Raises `KeyError` when it is not there any more.
        """
        return self._shelf.read(order)

    async def folded(self, kind: int, through: int) -> None:
        """Everything of this kind up to this order number is in the database: files that held no more are removed.

        Raises `OSError`; then it is folded once more after the next start.
        """
        self._shelf.fold(kind, through)
        gone = self._shelf.take_folded()
        await asyncio.to_thread(self._forget, gone)

    def _forget(self, gone: Sequence[Segment]) -> None:
        self._shelf.mark()
        for segment in gone:
            segment.remove()

    async def scrub(self) -> None:
        """Remove every file that holds nothing but folded records, the one being written to as well.

        What was deleted from the database is then gone from here too. Raises `Unavailable` when the disk hangs.
        """
        assert self._writer is not None
        turned = asyncio.Event()

        def release() -> None:
            # At once: the next callback may put the next file on the shelf.
            self._shelf.release()
            turned.set()

        try:
            async with self._scrubbing, asyncio.timeout(self._stuck_seconds):
                self._writer.turn(release)
                await turned.wait()
        except TimeoutError:
            raise Unavailable(_HANGS) from None
        await asyncio.to_thread(self._forget, self._shelf.take_folded())

    # --- writing --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to take records in, on the running loop. Raises `ConfigError` when there is no room on the disk."""
        self._loop = asyncio.get_running_loop()
        try:
            first = self._shelf.create()
        except OSError as error:
            raise ConfigError(f"the journal cannot be written: {error.strerror}; set TRUNKLINE_DATA_DIR") from None
        self._shelf.add(first)
        self._writer = Writer(self._loop, self._disk, first, self._shelf.create, written=self._written, lost=self._lost)
        self._put = self._writer.put
        self._provide_spare()
        self._timer = self._loop.call_later(self._stuck_seconds, self._look)

    def append(self, kind: int, payload: bytes) -> Receipt:
        """Have a record written. Never waits.

        The receipt's future fails at once when too much waits already, or when the disk does not answer.
        """
        self._order += 1
        receipt = Receipt(self._order, kind, payload, self._loop.create_future())
        if self._refusal or self._waiting_bytes + len(payload) > self._queue_bytes:
            receipt.lose(self._refusal or "too much is waiting for the disk")
            return receipt
        self._waiting_bytes += len(payload)
        self._waiting.append(receipt)
        self._put(receipt)
        return receipt

    def listen(self, listener: Callable[[], None]) -> None:
        """Have this called whenever records were written or lost."""
        self._listeners.append(listener)

    async def close(self) -> None:
        """Write what waits, and let another process have the directory."""
        if self._writer is None:
            self.release()
            return
        self._refusal = "the gateway is stopping"
        self._timer.cancel()
        ended = await asyncio.to_thread(self._writer.stop, _CLOSE_WITHIN_SECONDS)
        # What the thread has handed to the loop comes first.
        await asyncio.sleep(0)
        self._give_up("the disk did not answer in time")
        if self._spare is not None:
            await asyncio.wait([self._spare], timeout=_CLOSE_WITHIN_SECONDS)
        if ended:
            await asyncio.to_thread(self.release, self._writer.spare)

    def release(self, spare: Segment | None = None) -> None:
        """Let another process have the directory: all that there is to closing a journal that was not started."""
        if spare is not None:
            spare.remove()
        self._shelf.close()
        os.close(self._lock)

    def _written(self, receipts: Sequence[Receipt], segment: Segment, frames: Sequence[Frame]) -> None:
        if self._shelf.add(segment):
            self._provide_spare()
        segment.note(frames)
        for receipt in receipts:
            self._dismiss(receipt)
            receipt.keep()
        self._answered()

    def _lost(self, receipts: Sequence[Receipt], error: OSError) -> None:
        _log.error("the journal cannot be written: %s", error.strerror)
        for receipt in receipts:
            self._dismiss(receipt)
            receipt.lose("nothing can be kept: the disk is full or broken")
        self._provide_spare()
        self._answered()

    def _dismiss(self, receipt: Receipt) -> None:
        self._waiting_bytes -= len(receipt.payload)
        receipt.payload = b""
        # It is not there when it was given up.
        if self._waiting and self._waiting[0] is receipt:
            self._waiting.popleft()

    def _answered(self) -> None:
        """The disk has answered, well or by an error."""
        if self._refusal == _HANGS:
            self._refusal = ""
        for listener in self._listeners:
            listener()

    def _look(self) -> None:
        """Twice the same record at the head of those that wait: the disk hangs, and nobody shall wait with it."""
        first = self._waiting[0] if self._waiting else None
        if first is not None and first is self._stuck:
            _log.error("the journal's disk does not answer")
            self._refusal = _HANGS
            self._give_up(_HANGS)
        self._stuck = first
        self._timer = self._loop.call_later(self._stuck_seconds, self._look)

    def _give_up(self, message: str) -> None:
        while self._waiting:
            self._waiting.popleft().lose(message)
        for listener in self._listeners:
            listener()

    def _provide_spare(self) -> None:
        """Have the next file made before it is needed, so that a full disk shows while there is still room."""
        if self._writer and self._writer.spare is None and self._spare is None and not self._refusal:
            self._spare = asyncio.ensure_future(asyncio.to_thread(self._shelf.create))
            self._spare.add_done_callback(self._spare_made)

    def _spare_made(self, made: "asyncio.Future[Segment]") -> None:
        self._spare = None
        if made.cancelled():
            return
        if error := made.exception():
            _log.error("there is hardly room left for the journal: %s", error)
        elif self._writer:
            self._writer.spare = made.result()


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
    disk = disk or Disk()
    lock = claim_directory(directory)
    try:
        return Journal(Shelf(directory, KINDS, disk, segment_bytes), lock, disk, queue_bytes, stuck_seconds)
    except BaseException:
        os.close(lock)
        raise
