"""The ledger: every request's record in a register that no end of the process can lose, then in the database, once."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

from msgspec import Struct

from trunkline.clock import Clock
from trunkline.errors import Unavailable
from trunkline.records import Record
from trunkline.state.ledger import LedgerState
from trunkline.store.engine import Database, open_database
from trunkline.store.ledger.apart import Apart
from trunkline.store.ledger.bookkeeper import Bookkeeper, Listener
from trunkline.store.ledger.fold import Fold
from trunkline.store.ledger.register import SHEET_BYTES, Register, open_register
from trunkline.store.ledger.strangers import Strangers
from trunkline.store.ledger.sweep import LedgerSweep, Lifetimes
from trunkline.store.segments import Disk

_log = logging.getLogger("trunkline.store")

# Asked every few seconds by whoever watches, they would be most of what is kept, and tell nothing.
_UNKEPT = frozenset({"health", "ready", "metrics"})

# From here on what is begun waits a little, so that what can be folded is folded before all room is gone.
_SLOW_SHARE = 0.9
_LONGEST_WAIT_SECONDS = 2.0
# Of the last file there is room for, what is kept for requests that are under way.
_RESERVED_SHARE = 0.25
_TRY_AGAIN_SECONDS = 5.0
_CLOSE_WITHIN_SECONDS = 10.0


class LedgerSettings(Struct, frozen=True, kw_only=True):
    """Where a ledger is and what it is put into; `limit_bytes` is how much may wait for the database."""

    directory: Path
    database_url: str
    lifetimes: Lifetimes = Lifetimes()
    limit_bytes: int = 1_000_000_000
    sheet_bytes: int = SHEET_BYTES
    disk: Disk | None = None

    def __repr__(self) -> str:
        return f"LedgerSettings(directory={str(self.directory)!r})"


class SqlLedger:
    """A `ports.Ledger`. `open_ledger` makes it, and everything but what `Bookkeeper` calls is called on its loop."""

    def __init__(self, register: Register, limit_bytes: int) -> None:
        self._register = register
        self._limit_bytes = limit_bytes
        self._loop = asyncio.get_running_loop()
        self._apart = Apart("ledger")
        self._waiting: set[asyncio.Future[None]] = set()
        self._is_short = False
        self._is_full = False
        self._refused = 0
        self._strangers = Strangers()

    async def start(self, bookkeeper: Bookkeeper) -> None:
        self._bookkeeper = bookkeeper
        await self._apart.start(bookkeeper.work)

    # --- the engine's side ----------------------------------------------------------------------------------------

    def record(self, record: Record) -> None:
        """Keep a record."""
        # Whoever is known has a path.
        if record.operation not in _UNKEPT and (record.path or self._strangers.take(record.started_at_micros)):
            self._register.write(record)

    @property
    def is_short(self) -> bool:
        """Whether `check` is to be asked."""
        return self._is_short or self._register.spare is None

    def check(self) -> float:
        """How many seconds to wait before something is begun. Raises `Unavailable` when there is no room."""
        share = self._share()
        if share < 1:
            return max(0.0, share - _SLOW_SHARE) / (1 - _SLOW_SHARE) * _LONGEST_WAIT_SECONDS
        self._refused += 1
        raise Unavailable(
            "The gateway can keep no more records of what it does, and so does nothing that costs money."
            " Please try again in a moment.",
            retry_after_seconds=_TRY_AGAIN_SECONDS,
        )

    def _share(self) -> float:
        """How much of the room is taken; 1 and more is all that may be."""
        share = self._bytes_behind() / self._limit_bytes
        if self._register.spare is None:
            left = max(0.0, self._register.left_share - _RESERVED_SHARE) / (1 - _RESERVED_SHARE)
            share = max(share, 1 - left * (1 - _SLOW_SHARE))
        return share

    def _bytes_behind(self) -> int:
        return self._register.end.position - self._bookkeeper.folded.position

    # --- whoever reads what is in the database --------------------------------------------------------------------

    def listen(self, listener: Listener) -> None:
        """Have this told, in another thread, of everything that is recorded from now on, in batches."""
        self._bookkeeper.listeners.append(listener)

    async def settle(self) -> None:
        """Wait until everything that was recorded so far is in the database. Raises `Unavailable` when it is away."""
        await self._apart.do(self._bookkeeper.settle)

    async def changed(self, seconds: float) -> None:
        """Wait until this process has put more into the database, at most so long."""
        waiter = self._loop.create_future()
        self._waiting.add(waiter)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await waiter
        finally:
            self._waiting.discard(waiter)

    async def sweep(self) -> None:
        """Remove everything that has been kept for long enough."""
        await self._apart.do(self._bookkeeper.sweep)

    async def scrub(self) -> None:
        """Have nothing in the register that is in the database. Raises `Unavailable`, and `OSError`."""
        await self.settle()
        self._register.turn()
        await self._apart.do(self._bookkeeper.scrub)

    def state(self) -> LedgerState:
        """How it stands."""
        return LedgerState(
            is_up=self._bookkeeper.up,
            records_behind=self._register.order - self._bookkeeper.folded.order + self._register.waiting,
            bytes_behind=self._bytes_behind(),
            limit_bytes=self._limit_bytes,
            oldest_micros=self._bookkeeper.oldest_micros,
            refused=self._refused,
            lost=self._register.lost,
            left_out=self._strangers.left_out,
        )

    async def close(self, finish: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have the thread finish, and let another process have the register."""
        await self._apart.stop(finish, _CLOSE_WITHIN_SECONDS)
        self._register.close()

    # --- called in the thread -------------------------------------------------------------------------------------

    def looked(self) -> None:
        """The register has been looked after."""
        share = self._share()
        self._is_short = share >= _SLOW_SHARE
        if self._is_full != (share >= 1):
            self._is_full = share >= 1
            if self._is_full:
                _log.error("the ledger is full: nothing is begun that costs money")
            else:
                _log.warning("the ledger has room again")
        if self._register.waiting:
            self._loop.call_soon_threadsafe(self._register.catch_up)

    def folded(self) -> None:
        """The database has more."""
        if self._waiting:
            self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)


@contextlib.asynccontextmanager
async def open_ledger(
    settings: LedgerSettings, database: Database, clock: Clock, *, sweeps: bool = True
) -> AsyncIterator[SqlLedger]:
    """A ledger for as long as the context lasts. Whatever an earlier process has left in its register is folded.

    `database` is the store's. Raises `ConfigError`.
    """
    register = await asyncio.to_thread(
        open_register, settings.directory, disk=settings.disk, sheet_bytes=settings.sheet_bytes
    )
    # One of a file has threads of its own, and one that writes. Connections of the other kind belong to one loop.
    own = None if database.kind == "sqlite" else open_database(settings.database_url)
    used = own or database
    ledger = SqlLedger(register, settings.limit_bytes)
    bookkeeper = Bookkeeper(
        register,
        Fold(used, settings.directory / "refused.jsonl"),
        LedgerSweep(used, clock, settings.lifetimes),
        sweeps=sweeps,
        looked=ledger.looked,
        folded=ledger.folded,
    )

    async def finish() -> None:
        await bookkeeper.finish()
        if own is not None:
            await own.close()

    await ledger.start(bookkeeper)
    try:
        yield ledger
    finally:
        await ledger.close(finish)
