"""Who is at work on something, for a while: on a conversation, or on a response that is made in the background.

With SQLite there is one process, so its own memory knows; a start finds nothing held, which is true. Where several
processes share a database, rows do. A row says that something is held for half a minute at most, and its process says
so again and again: what a dead one held is soon free.
"""

import asyncio
import contextlib
from collections.abc import Collection
from typing import Protocol

from sqlalchemy import Connection, delete, or_, select, tuple_, update

from trunkline.clock import Clock
from trunkline.errors import Unavailable
from trunkline.store import sql
from trunkline.store.engine import Database
from trunkline.store.tables import HOLDS

LEASE_SECONDS = 30.0
_RENEW_SECONDS = 8.0


class Holds(Protocol):
    async def take(self, name: str, holder: str, seconds: float) -> bool:
        """Hold it from now on, for so long at most; `False` when another holder has it."""

    async def drop(self, name: str, holder: str) -> None:
        """Let go, if this holder still has it."""

    async def held(self, names: Collection[str]) -> Collection[str]:
        """Which of these names are held by anybody."""


def choose_holds(database: Database, clock: Clock) -> "MemoryHolds | RowHolds":
    return MemoryHolds(clock) if database.kind == "sqlite" else RowHolds(database, clock)


class MemoryHolds:
    """For one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[str, tuple[str, int]] = {}

    async def take(self, name: str, holder: str, seconds: float) -> bool:
        now = self._clock.now_micros()
        has_it, until = self._held.get(name, (holder, 0))
        if has_it != holder and until > now:
            return False
        self._held[name] = (holder, now + round(seconds * 1e6))
        return True

    async def drop(self, name: str, holder: str) -> None:
        if self._held.get(name, ("", 0))[0] == holder:
            del self._held[name]

    async def run(self) -> None:
        """Does nothing: holds of one process need no renewal."""

    async def held(self, names: Collection[str]) -> Collection[str]:
        now = self._clock.now_micros()
        # Whoever died or forgot to let go.
        self._held = {name: hold for name, hold in self._held.items() if hold[1] > now}
        return self._held.keys() & set(names)


class RowHolds:
    """For several processes on one database. Their clocks should agree within a second or so.

    What is held for longer than a lease lasts is held by `run`.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        # By name: the holder, and until when its lease may be renewed.
        self._own: dict[str, tuple[str, int]] = {}

    async def take(self, name: str, holder: str, seconds: float) -> bool:
        now = self._clock.now_micros()
        lease = now + round(min(seconds, LEASE_SECONDS) * 1e6)
        insert = sql.insert(self._database.kind, HOLDS).values(name=name, holder=holder, until_micros=lease)
        taking = insert.on_conflict_do_update(
            index_elements=[HOLDS.c.name],
            set_={"holder": insert.excluded.holder, "until_micros": insert.excluded.until_micros},
            where=or_(HOLDS.c.holder == insert.excluded.holder, HOLDS.c.until_micros <= now),
        )
        is_taken = await self._database.write(lambda connection: bool(connection.execute(taking).rowcount))
        if is_taken and seconds > LEASE_SECONDS:
            self._own[name] = (holder, now + round(seconds * 1e6))
        return is_taken

    async def drop(self, name: str, holder: str) -> None:
        if self._own.get(name, ("", 0))[0] == holder:
            del self._own[name]
        dropping = delete(HOLDS).where(HOLDS.c.name == name, HOLDS.c.holder == holder)
        await self._database.write(lambda connection: connection.execute(dropping).close())

    async def run(self) -> None:
        """Renew the leases of this process for ever. While the database is away they run out, as those of the dead
        do."""
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            with contextlib.suppress(Unavailable):
                await self.renew()

    async def renew(self) -> None:
        """Say once more what this process holds, in one statement."""
        now = self._clock.now_micros()
        self._own = {name: own for name, own in self._own.items() if own[1] > now}
        if not self._own:
            return
        are_own = tuple_(HOLDS.c.name, HOLDS.c.holder).in_([(name, holder) for name, (holder, _) in self._own.items()])
        renewing = update(HOLDS).where(are_own).values(until_micros=now + round(LEASE_SECONDS * 1e6))
        await self._database.write(lambda connection: connection.execute(renewing).close())

    async def held(self, names: Collection[str]) -> Collection[str]:
        now = self._clock.now_micros()

        def work(connection: Connection) -> Collection[str]:
            wanted = select(HOLDS.c.name).where(HOLDS.c.name.in_(names), HOLDS.c.until_micros > now)
            return set(connection.execute(wanted).scalars())

        return await self._database.read(work)
