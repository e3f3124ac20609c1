"""Behind the register: reads what is written, tells who listens, and puts it into the database.

The register is its queue, so what waits for a database that is away lies on the disk and not in memory.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

from trunkline.clock import SystemClock
from trunkline.errors import Unavailable
from trunkline.records import Record
from trunkline.store.ledger.fold import Fold
from trunkline.store.ledger.register import Register
from trunkline.store.ledger.sweep import LedgerSweep

_log = logging.getLogger("trunkline.store")

_monotonic = SystemClock.monotonic

Listener = Callable[[Sequence[Record]], None]

_LOOK_EVERY_SECONDS = 0.25
# A transaction costs as much as some hundred rows: when few come, it is made once a second.
_BATCH = 512
_FOLD_EVERY_SECONDS = 1.0
_RETRY_SECONDS = 2.0
_SYNC_EVERY_SECONDS = 1.0
_SWEEP_EVERY_SECONDS = 60.0
_SWEEP_BETWEEN_SECONDS = 0.1
_LAST_WITHIN_SECONDS = 5.0


class Bookkeeper:
    """Everything here is called in one thread, with an event loop of its own.

    `folded` is the place before which everything is in the database, `up` whether that took the last batch. `listeners`
    are told of everything that is recorded from now on, each once. `looked` is called whenever the register has been
    looked after, `folded` when the database has more.
    """

    def __init__(
        self,
        register: Register,
        fold: Fold,
        sweep: LedgerSweep,
        *,
        sweeps: bool,
        looked: Callable[[], None],
        folded: Callable[[], None],
    ) -> None:
        self.folded = register.start
        self.up = True
        self.listeners: list[Listener] = []
        self._register = register
        self._fold = fold
        self._sweep = sweep
        self._sweeps = sweeps
        self._tell_looked = looked
        self._tell_folded = folded
        # What an earlier process has left is none of the listeners' business.
        self._heard = register.end
        self._batch: list[Record] = []
        self._batch_end = self.folded
        self._fold_at = self._sync_at = 0.0
        self._folding = asyncio.Lock()

    @property
    def oldest_micros(self) -> int | None:
        """When the oldest request ended that is known not to be in the database; `None` when none is."""
        oldest = next(iter(self._batch), None)
        return None if oldest is None else oldest.started_at_micros + oldest.duration_micros

    async def work(self) -> None:
        """Look after everything until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            if self._sweeps:
                tasks.create_task(self._sweep_often(), name="ledger sweep")
            # Beside the fold: a database that hangs must not keep the register from being looked after.
            tasks.create_task(self._tend_often(), name="ledger register")
            while True:
                if not await self.look():
                    await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def finish(self) -> None:
        """Fold what waits, if the database answers in time."""
        with contextlib.suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(_LAST_WITHIN_SECONDS):
                await self.settle()

    async def look(self) -> bool:
        """Tell and fold what is new; whether there is more to fold at once."""
        async with self._folding:
            try:
                self._listen()
                if not self._is_due():
                    return False
                await self._fold_batch()
            except Unavailable as error:
                self._stay_away(error.message, error.detail)
            except Exception as error:  # noqa: BLE001 - what is not folded stays where it is, for another time
                self._stay_away("it cannot be folded", type(error).__name__)
            return self._is_due()

    async def settle(self) -> None:
        """Fold everything that was recorded by now. Raises `Unavailable` when the database is away."""
        order = self._register.order
        async with self._folding:
            self._listen()
            while self.folded.order < order:
                await self._fold_batch()

    async def scrub(self) -> None:
        """Once the register has turned to another file: remove those before it. Raises `Unavailable`, `OSError`."""
        await self.settle()
        async with self._folding:
            self.folded = self._register.release(self.folded)
            self._register.scrub()

    async def sweep(self) -> None:
        """Remove everything that has been kept for long enough."""
        while await self._sweep.once():
            pass

    # --- the register ---------------------------------------------------------------------------------------------

    def tend(self) -> None:
        """Look after the register."""
        self._register.tend()
        self._tell_looked()
        now = _monotonic()
        if now >= self._sync_at:
            self._sync_at = now + _SYNC_EVERY_SECONDS
            try:
                self._register.sync()
            except OSError as error:
                _log.error("the ledger's disk fails: %s", error.strerror)

    async def _tend_often(self) -> None:
        while True:
            try:
                self.tend()
            except Exception as error:  # noqa: BLE001 - as above
                _log.error("the ledger cannot be looked after: %s", type(error).__name__)
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    def _listen(self) -> None:
        """Tell of what is new, and keep it for the fold unless that is behind."""
        while self._heard.order < self._register.order:
            before = self._heard.order
            records, self._heard = self._register.read(self._heard, _BATCH)
            if before == self._batch_end.order and len(self._batch) < _BATCH:
                self._batch += records
                self._batch_end = self._heard
            for listener in self.listeners:
                _tell(listener, records)

    # --- the database ---------------------------------------------------------------------------------------------

    def _is_due(self) -> bool:
        behind = self._register.order - self.folded.order
        return behind > 0 and (_monotonic() >= self._fold_at or (self.up and behind >= _BATCH))

    async def _fold_batch(self) -> None:
        if self._batch_end.order == self.folded.order:
            self._batch, self._batch_end = self._register.read(self.folded, _BATCH)
        await self._fold(self._batch)
        self._batch, self.folded = [], self._batch_end
        self.folded = self._batch_end = self._register.release(self.folded)
        if not self.up:
            _log.warning("the ledger's database answers again")
        self.up = True
        self._fold_at = _monotonic() + _FOLD_EVERY_SECONDS
        self._tell_folded()

    def _stay_away(self, message: str, detail: str) -> None:
        if self.up:
            _log.error("the ledger keeps what is recorded until its database answers: %s (%s)", message, detail)
        self.up = False
        self._fold_at = _monotonic() + _RETRY_SECONDS

    async def _sweep_often(self) -> None:
        while True:
            more = False
            try:
                more = await self._sweep.once()
            except Unavailable:
                pass  # what is too old is older another time
            except Exception as error:  # noqa: BLE001 - as above
                _log.error("the sweep of the ledger failed: %s", type(error).__name__)
            await asyncio.sleep(_SWEEP_BETWEEN_SECONDS if more else _SWEEP_EVERY_SECONDS)


def _tell(listener: Listener, records: Sequence[Record]) -> None:
    try:
        listener(records)
    except Exception as error:  # noqa: BLE001 - a bug in one must hold up neither the others nor the accounts
        _log.error("a listener to the ledger failed: %s", type(error).__name__)
