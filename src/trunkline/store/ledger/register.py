"""The register: records of requests, written by the loop into memory that outlives the process, read by a thread.

One side writes (`write`, on the loop, no system call, never waits), the other one (`read`, `release`, `tend`, `sync`,
in one thread) reads what is written, makes the next file before it is needed, and has the disk keep up. What is written
is on the disk a second later: that is what a power cut may take, while no end of this process takes anything.
"""

import itertools
import logging
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import msgspec

from trunkline.errors import ConfigError
from trunkline.records import Record
from trunkline.store.checkpoint import Checkpoint
from trunkline.store.claim import claim_directory
from trunkline.store.frames import HEAD_BYTES as FRAME_BYTES
from trunkline.store.frames import write_frame
from trunkline.store.ledger.coding import encode_record
from trunkline.store.ledger.sheets import HEAD_BYTES, Cursor, Sheet, clear_sheet, create_sheet, first_order, open_sheet
from trunkline.store.segments import Disk

_log = logging.getLogger("trunkline.store")

# Some eight thousand records: as little memory as may be, and more than come before the next one is made.
SHEET_BYTES = 4 * 1024 * 1024
_KIND = 1
# What ends while the disk is full: requests that were under way when it was noticed.
_MOST_WAITING = 50_000
# Read while they are still at hand, records need not be decoded; what comes faster than it is read is on the disk.
_MOST_FRESH = 2_048


class Register:
    """An open register. `open_register` makes it.

    `order` is the number of its last record, `spare` the file to go on with once this one is full, `None` while there is
    none. `lost` counts records that there was no room for, nowhere.
    """

    def __init__(self, directory: Path, lock: int, disk: Disk, sheet_bytes: int) -> None:
        self._directory = directory
        self._lock = lock
        self._disk = disk
        self._sheet_bytes = sheet_bytes
        self._checkpoint = Checkpoint(directory)
        folded = self._checkpoint.folded.get(_KIND, 0)
        self._numbers = itertools.count(1 + max((int(path.stem) for path in directory.glob("*.reg")), default=0))
        self.spare: Sheet | None = None
        self._waiting: deque[Record] = deque()
        self._fresh: deque[tuple[int, int, Sheet, Record]] = deque()
        self._fresh_order = 0
        self._is_tight = False
        self.lost = 0
        unfolded = self._open_sheets(folded)
        try:
            self._sheet = self._take_spare() or self._create()
        except OSError as error:
            raise ConfigError(f"the ledger cannot be written: {error.strerror}; set TRUNKLINE_DATA_DIR") from None
        self.order = max([folded, *(sheet.last_order for sheet in unfolded)])
        self._link([*unfolded, self._sheet])
        self._first = unfolded[0] if unfolded else self._sheet
        self._synced = self._sheet
        self._synced_order = self.order
        self._folded = folded

    def __repr__(self) -> str:
        return f"Register({str(self._directory)!r}, order={self.order})"

    # --- writing: the loop ----------------------------------------------------------------------------------------

    def write(self, record: Record) -> None:
        """Have it in the register when this returns; while there is no room at all it waits in memory for some."""
        if self._waiting or not self._put(record, encode_record(record)):
            self._wait(record)

    def catch_up(self) -> None:
        """There may be room: write what waits for it."""
        while self._waiting and self._put(self._waiting[0], encode_record(self._waiting[0])):
            self._waiting.popleft()

    def turn(self) -> bool:
        """Go on with the next file, if there is one."""
        spare = self._take_spare()
        if spare is not None:
            self._link([self._sheet, spare])
            self._sheet = spare
        return spare is not None

    def _put(self, record: Record, payload: bytes) -> bool:
        sheet = self._sheet
        begin = sheet.end
        end = begin + FRAME_BYTES + len(payload)
        if end > sheet.size:
            return self.turn() and self._put(record, payload)
        order = self.order + 1
        sheet.data[begin:end] = b"".join(write_frame(order, _KIND, payload, sheet.seed))
        self.order = sheet.last_order = order
        sheet.end = end
        fresh = self._fresh
        # Without gaps: where it was full, it begins anew once all in it has been read.
        if not fresh or (self._fresh_order == order - 1 and len(fresh) < _MOST_FRESH):
            fresh.append((order, end, sheet, record))
            self._fresh_order = order
        return True

    def _wait(self, record: Record) -> None:
        if not self._waiting:
            _log.error("the ledger has no room left: records wait in memory")
        if len(self._waiting) >= _MOST_WAITING:
            self.lost += 1
            return
        self._waiting.append(record)

    # --- how full it is -------------------------------------------------------------------------------------------

    @property
    def end(self) -> Cursor:
        """The place behind the last record."""
        sheet = self._sheet
        return Cursor(sheet, sheet.end, self.order)

    @property
    def waiting(self) -> int:
        """How many records have found no room yet."""
        return len(self._waiting)

    @property
    def left_share(self) -> float:
        """How much of the file is left that is being written to."""
        sheet = self._sheet
        return (sheet.size - sheet.end) / (sheet.size - HEAD_BYTES)

    # --- reading: the thread --------------------------------------------------------------------------------------

    @property
    def start(self) -> Cursor:
        """The place before the first record that was not folded."""
        return Cursor(self._first, HEAD_BYTES, self._folded)

    def read(self, cursor: Cursor, most: int) -> tuple[list[Record], Cursor]:
        """Up to so many records behind a place, and the place behind them. Those that were folded are left out."""
        fresh = self._fresh
        while fresh and fresh[0][0] <= cursor.order:
            fresh.popleft()
        if fresh and fresh[0][0] == cursor.order + 1:
            return self._take_fresh(most)
        return self._read_sheets(cursor, most)

    def _take_fresh(self, most: int) -> tuple[list[Record], Cursor]:
        taken = [self._fresh.popleft() for _ in range(min(most, len(self._fresh)))]
        order, end, sheet, _ = taken[-1]
        return [record for *_, record in taken], Cursor(sheet, end, order)

    def _read_sheets(self, cursor: Cursor, most: int) -> tuple[list[Record], Cursor]:
        records: list[Record] = []
        sheet, offset, order = cursor
        while len(records) < most:
            # In this order: a file that has a next one does not grow any more.
            following, end = sheet.next, sheet.end
            for frame in sheet.frames(offset, end):
                if len(records) >= most:
                    break
                offset = frame.end
                if frame.order <= self._folded:
                    continue
                order = frame.order
                try:
                    records.append(sheet.read(frame))
                except msgspec.MsgspecError as error:
                    _log.error("record %d of the ledger cannot be read: %s", order, error)
            else:
                if following is None:
                    break
                sheet, offset = following, HEAD_BYTES
        return records, Cursor(sheet, offset, order)

    def release(self, cursor: Cursor) -> Cursor:
        """Everything before this place is in the database; the same place, for when there was a file to leave.

        Raises `OSError`; then it is folded again at the next start.
        """
        self._folded = cursor.order
        self._checkpoint.write({_KIND: cursor.order})
        sheet, offset, order = cursor
        while sheet.next is not None and offset >= sheet.end:
            sheet, offset = sheet.next, HEAD_BYTES
        while self._first is not sheet and self._first.next is not None:
            gone, self._first = self._first, self._first.next
            if self._synced is gone:
                self._synced = self._first
            self._keep_or_remove(gone)
        return Cursor(sheet, offset, order)

    def tend(self) -> None:
        """Make the next file, unless it is there."""
        if self.spare is not None:
            return
        try:
            self.spare = self._create()
            self._is_tight = False
        except OSError as error:
            if not self._is_tight:
                _log.error("there is hardly room left for the ledger: %s", error.strerror)
            self._is_tight = True

    def sync(self) -> None:
        """Wait for the disk to have all that is written. Raises `OSError`."""
        order, sheet = self.order, self._synced
        if order == self._synced_order:
            return
        while True:
            following = sheet.next
            self._disk.flush(sheet.descriptor)
            if following is None:
                break
            sheet = following
        self._synced, self._synced_order = sheet, order

    def scrub(self) -> None:
        """Leave nothing of what was folded in files that are kept for later. Raises `OSError`."""
        if (spare := self._take_spare()) is not None:
            spare.remove()

    def close(self) -> None:
        """Let another process have the directory."""
        if self._folded == self.order and not self._waiting:
            self._sheet.remove()
        self.scrub()
        sheet: Sheet | None = self._first
        while sheet is not None:
            sheet.close()
            sheet = sheet.next
        self._checkpoint.close()
        os.close(self._lock)

    # --- files ----------------------------------------------------------------------------------------------------

    def _open_sheets(self, folded: int) -> list[Sheet]:
        """Those that hold what is not folded, in the order of their records. One of the others is the spare."""
        sheets = [sheet for path in self._directory.glob("*.reg") if (sheet := open_sheet(path))]
        for sheet in sheets:
            if sheet.last_order <= folded:
                self._keep_or_remove(sheet)
        return sorted((sheet for sheet in sheets if sheet.last_order > folded), key=first_order)

    def _keep_or_remove(self, sheet: Sheet) -> None:
        if self.spare is None and sheet.size == self._sheet_bytes:
            try:
                self.spare = clear_sheet(sheet, self._disk)
                return
            except OSError as error:
                _log.error("a file of the ledger cannot be used again: %s", error.strerror)
        sheet.remove()

    def _create(self) -> Sheet:
        return create_sheet(self._directory, next(self._numbers), self._sheet_bytes, self._disk)

    def _take_spare(self) -> Sheet | None:
        spare, self.spare = self.spare, None
        return spare

    @staticmethod
    def _link(sheets: Sequence[Sheet]) -> None:
        for sheet, following in itertools.pairwise(sheets):
            following.base = sheet.base + sheet.end - HEAD_BYTES
            sheet.next = following


def open_register(directory: Path, *, disk: Disk | None = None, sheet_bytes: int = SHEET_BYTES) -> Register:
    """The register of this directory, with what is in it. Reads files: not for the event loop.

    Raises `ConfigError` when another process has it, or when it cannot be written.
    """
    lock = claim_directory(directory)
    try:
        return Register(directory, lock, disk or Disk(), sheet_bytes)
    except BaseException:
        os.close(lock)
        raise
