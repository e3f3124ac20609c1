"""Implements `state.KeptLimits`."""

import msgspec
from sqlalchemy import Connection, delete, select

from trunkline.state.limits import KeptRules, LimitRule
from trunkline.store import sql
from trunkline.store.engine import Database
from trunkline.store.revisions import advance, read_revision
from trunkline.store.tables import LIMITS

_REVISION = "limits"

_decode = msgspec.json.Decoder(LimitRule).decode


class SqlLimits:
    """There are few rules, and all are read at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, known: int = -1) -> KeptRules | None:
        def work(connection: Connection) -> KeptRules | None:
            # First the number: what is changed between the two is read once more the next time.
            revision = read_revision(connection, _REVISION)
            if revision == known:
                return None
            rows = connection.execute(select(LIMITS.c.rule).order_by(LIMITS.c.number)).scalars()
            return KeptRules(revision, [_decode(row) for row in rows])

        return await self._database.read(work)

    async def put(self, rule: LimitRule) -> None:
        written = msgspec.json.encode(rule).decode()

        def work(connection: Connection) -> None:
            advance(connection, _REVISION)
            made = sql.insert(connection.dialect.name, LIMITS).values(id=rule.id, rule=written)
            connection.execute(made.on_conflict_do_update(index_elements=[LIMITS.c.id], set_={"rule": written}))

        await self._database.write(work)

    async def delete(self, id: str) -> bool:
        def work(connection: Connection) -> bool:
            advance(connection, _REVISION)
            return bool(connection.execute(delete(LIMITS).where(LIMITS.c.id == id)).rowcount)

        return await self._database.write(work)
