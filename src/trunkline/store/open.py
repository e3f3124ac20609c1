"""The store, put together: a journal, a database behind it, contents of files beside it, and what keeps them in
order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct

from trunkline.clock import Clock
from trunkline.errors import Unavailable
from trunkline.state.store import Store
from trunkline.store.acts import ActKeys, SqlActs
from trunkline.store.blobs import SealedBlobs, open_blobs
from trunkline.store.budgets import SqlBudgets
from trunkline.store.cipher import Cipher
from trunkline.store.completions import SqlCompletions
from trunkline.store.conversations import SqlConversations
from trunkline.store.engine import Database, open_database
from trunkline.store.erase import erase
from trunkline.store.evidence import Make, SqlEvidence
from trunkline.store.files import SqlFiles
from trunkline.store.fold import Fold
from trunkline.store.holds import choose_holds
from trunkline.store.journal import Journal, open_journal
from trunkline.store.keeper import Keeper
from trunkline.store.keys import SqlKeys
from trunkline.store.ledger.ledger import LedgerSettings, SqlLedger, open_ledger
from trunkline.store.ledger.sweep import Lifetimes
from trunkline.store.limits import SqlLimits
from trunkline.store.migrate import migrate
from trunkline.store.prompts import SqlPrompts
from trunkline.store.responses import SqlResponses
from trunkline.store.runs import SqlRuns
from trunkline.store.sessions import SqlSessions
from trunkline.store.sweep import Sweep
from trunkline.store.upkeep import Walked, reencrypt, verify
from trunkline.store.usage import SqlUsage

_ASK_EVERY_SECONDS = 2.0
_DAY_MICROS = 24 * 60 * 60 * 1_000_000


class StoreSettings(Struct, frozen=True, kw_only=True):
    """Where a store lies, what seals it, and how long things stay in it."""

    database_url: str
    data_dir: Path
    # Where contents of files lie, unless it is the data folder.
    blobs_url: str = ""

    # What opens what was sealed, by ids, and which of them seals (`None`: nothing is sealed); the keys of the chain of
    # acts.
    keys: Mapping[str, bytes] = {}
    newest: str | None = None
    act_keys: ActKeys

    # How long the items of a deleted conversation can still be found; how long requests are kept, and how much of them
    # may wait for the database.
    retention_days: int = 30
    lifetimes: Lifetimes = Lifetimes()
    ledger_bytes: int = 1_000_000_000

    # What makes bodies of requests fit to be kept; without it none are.
    make_evidence: Make | None = None

    def __repr__(self) -> str:
        return f"StoreSettings(data_dir={str(self.data_dir)!r})"


class OpenStore:
    """An open store: `ports` and `ledger` for the engine, `up` for who asks after its health, and what an operator may
    want done."""

    def __init__(
        self,
        ports: Store,
        ledger: SqlLedger,
        database: Database,
        journal: Journal,
        keeper: Keeper,
        cipher: Cipher,
        blobs: SealedBlobs,
        sweep: Sweep,
    ) -> None:
        self.ports = ports
        self.ledger = ledger
        self._database = database
        self._journal = journal
        self._keeper = keeper
        self._cipher = cipher
        self._blobs = blobs
        self._sweep = sweep

    @property
    def up(self) -> bool:
        """Whether the database answers."""
        return self._database.health.up and self._keeper.up

    async def settled(self) -> None:
        """Wait until everything that was kept so far is in the database. Raises `Unavailable` when that is away."""
        await self._keeper.settled()
        await self.ledger.settle()
        await self.ports.evidence.settle()

    async def sweep(self) -> None:
        """Remove everything that has expired. What nobody asks for is swept in its time."""
        while await self._sweep.once():
            pass
        await self.ledger.sweep()

    async def erase(self, path: str) -> Mapping[str, int]:
        """Remove every object of a path and of the paths below it, and say how many of each kind there were."""
        return await self.ports.erase(path)

    async def verify(self) -> Walked:
        """Read everything, and say what cannot be opened."""
        await self._keeper.settled()
        await self.ports.evidence.settle()
        return await verify(self._database, self._cipher, self._blobs)

    async def reencrypt(self) -> Walked:
        """Seal everything as it would be sealed now, and say how much was sealed otherwise."""
        await self._keeper.settled()
        walked = await reencrypt(self._database, self._cipher, self._blobs)
        await self._journal.scrub()
        return walked


@contextlib.asynccontextmanager
async def open_store(settings: StoreSettings, clock: Clock, *, sweeps: bool = True) -> AsyncIterator[OpenStore]:
    """A store for as long as the context lasts, its tables up to date.

    Raises `ConfigError` for what cannot be served, `Unavailable` when the database cannot be reached.
    """
    async with contextlib.AsyncExitStack() as stack:
        database = open_database(settings.database_url)
        stack.push_async_callback(database.close)
        await migrate(database)
        cipher = Cipher(settings.keys, settings.newest)
        journal = await asyncio.to_thread(open_journal, settings.data_dir / "journal")
        stack.push_async_callback(journal.close)
        journal.start()
        # Several replicas may be on one PostgreSQL, and the next request may come to another one.
        is_shared = database.kind != "sqlite"
        keeper = Keeper(journal, cipher, Fold(database, cipher, clock), wait_for_fold=is_shared)
        await keeper.start()
        stack.push_async_callback(keeper.close)
        ledger = await stack.enter_async_context(open_ledger(_settle_ledger(settings), database, clock, sweeps=sweeps))
        evidence = SqlEvidence(database, cipher, settings.make_evidence)
        evidence.start()
        stack.push_async_callback(evidence.close)
        holds = choose_holds(database, clock)
        files = SqlFiles(database, cipher, clock)
        blobs = open_blobs(settings.blobs_url, settings.data_dir, cipher, clock)
        ports = Store(
            responses=SqlResponses(database, keeper, cipher, clock),
            conversations=SqlConversations(database, keeper, cipher, clock, holds),
            runs=SqlRuns(database, keeper, cipher, clock, holds),
            completions=SqlCompletions(database, cipher, clock),
            prompts=SqlPrompts(database, cipher),
            files=files,
            blobs=blobs,
            acts=SqlActs(database, cipher, settings.act_keys, settings.data_dir),
            usage=SqlUsage(database, ledger.settle),
            evidence=evidence,
            sessions=SqlSessions(database),
            erase=partial(
                erase,
                database=database,
                keeper=keeper,
                journal=journal,
                ledger=ledger,
                evidence=evidence,
                files=files,
                blobs=blobs,
                clock=clock,
            ),
            limits=SqlLimits(database),
            budgets=SqlBudgets(database, cipher),
            keys=SqlKeys(database, clock),
        )
        sweep = Sweep(database, cipher, clock, files, blobs, settings.retention_days * _DAY_MICROS)
        if sweeps:
            await stack.enter_async_context(_running(sweep.run(), "sweep"))
            await stack.enter_async_context(_running(_watch(database), "watch"))
        await stack.enter_async_context(_running(holds.run(), "leases"))
        yield OpenStore(ports, ledger, database, journal, keeper, cipher, blobs, sweep)


def _settle_ledger(settings: StoreSettings) -> LedgerSettings:
    return LedgerSettings(
        directory=settings.data_dir / "ledger",
        database_url=settings.database_url,
        lifetimes=settings.lifetimes,
        limit_bytes=settings.ledger_bytes,
    )


async def _watch(database: Database) -> None:
    """Know whether the database answers, also while nobody asks it anything."""
    while True:
        with contextlib.suppress(Unavailable):
            await database.ask()
        await asyncio.sleep(_ASK_EVERY_SECONDS)


@contextlib.asynccontextmanager
async def _running(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
