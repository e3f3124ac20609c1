"""Implements `state.Runs`."""

from collections.abc import Sequence

from sqlalchemy import select

from trunkline.clock import Clock
from trunkline.state.runs import KeptEvent
from trunkline.store import sql
from trunkline.store.cipher import Cipher
from trunkline.store.engine import Database
from trunkline.store.holds import Holds
from trunkline.store.keeper import Keeper
from trunkline.store.rows import open_row, seal_row
from trunkline.store.tables import EVENTS, IS_UNDER_WAY, RESPONSES, RUNS


class SqlRuns:
    """A row an event, and a row a run of an upstream's own."""

    def __init__(self, database: Database, keeper: Keeper, cipher: Cipher, clock: Clock, holds: Holds) -> None:
        self._database = database
        self._keeper = keeper
        self._cipher = cipher
        self._clock = clock
        self._holds = holds

    async def begin(self, response_id: str, record: bytes) -> None:
        row = seal_row(self._cipher, RUNS, {"response_id": response_id, "record": record})
        insert = sql.insert(self._database.kind, RUNS).on_conflict_do_nothing()
        await self._database.write(lambda connection: connection.execute(insert, row).close())

    async def begun(self, response_id: str) -> bytes | None:
        wanted = select(RUNS).where(RUNS.c.response_id == response_id)
        row = await self._database.read(lambda connection: connection.execute(wanted).first())
        return None if row is None else bytes(open_row(self._cipher, RUNS, row._mapping)["record"])

    async def append(self, response_id: str, events: Sequence[KeptEvent]) -> None:
        if not events:
            return
        insert = sql.insert(self._database.kind, EVENTS).on_conflict_do_nothing()
        rows = [
            seal_row(self._cipher, EVENTS, {"response_id": response_id, "number": event.number, "data": event.data})
            for event in events
        ]
        await self._database.write(lambda connection: connection.execute(insert, rows).close())

    async def events(self, response_id: str, after: int) -> Sequence[KeptEvent]:
        wanted = (
            select(EVENTS).where(EVENTS.c.response_id == response_id, EVENTS.c.number > after).order_by(EVENTS.c.number)
        )
        rows = await self._database.read(lambda connection: connection.execute(wanted).all())
        return [KeptEvent(row.number, open_row(self._cipher, EVENTS, row._mapping)["data"]) for row in rows]

    async def lease(self, response_id: str, holder: str, seconds: float) -> bool:
        return await self._holds.take(response_id, holder, seconds)

    async def orphans(self) -> Sequence[tuple[str, str]]:
        # The newest state of a run may still be in the journal.
        await self._keeper.settled()
        # All of them, as the index of any other condition would lead through all responses.
        wanted = select(RESPONSES.c.path, RESPONSES.c.id, RESPONSES.c.expires_at_micros).where(
            IS_UNDER_WAY, RESPONSES.c.hidden_at_micros.is_(None)
        )
        rows = await self._database.read(lambda connection: connection.execute(wanted).all())
        found = [row for row in rows if row.expires_at_micros > self._clock.now_micros()]
        held = await self._holds.held([row.id for row in found])
        return [(row.path, row.id) for row in found if row.id not in held]
