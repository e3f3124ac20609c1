"""Implements `state.SessionRows`: sessions are made of the requests that name them."""

import asyncio
from collections.abc import Sequence

from sqlalchemy import Connection, case, func, select

from trunkline.state.sessions import UsedSession, WantedSessions
from trunkline.store.engine import Database
from trunkline.store.ledger.tables import REQUESTS
from trunkline.store.within import is_within

# All requests of the time that is asked for are read. One at once leaves room for what requests wait for.
_SECONDS = 30.0

_SUMS = (
    REQUESTS.c.session,
    REQUESTS.c.path,
    func.max(REQUESTS.c.number).label("newest"),
    func.min(REQUESTS.c.started_at_micros).label("first_micros"),
    func.max(REQUESTS.c.started_at_micros).label("last_micros"),
    func.count().label("requests"),
    func.sum(case((REQUESTS.c.outcome == "error", 1), else_=0)).label("failed"),
    func.sum(REQUESTS.c.cost).label("cost"),
)


class SqlSessions:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._asking = asyncio.Semaphore(1)

    async def page(self, wanted: WantedSessions, *, before: int | None, limit: int) -> Sequence[UsedSession]:
        sums = (
            select(*_SUMS)
            .where(
                REQUESTS.c.session != "",
                is_within(REQUESTS.c.path, wanted.path),
                REQUESTS.c.started_at_micros >= wanted.start_micros,
                REQUESTS.c.started_at_micros < wanted.end_micros,
            )
            .group_by(REQUESTS.c.session, REQUESTS.c.path)
        )
        if before is not None:
            sums = sums.having(func.max(REQUESTS.c.number) < before)
        found = sums.order_by(func.max(REQUESTS.c.number).desc()).limit(limit + 1).subquery()
        # The newest of each tells its id.
        statement = select(found, REQUESTS.c.id).join(REQUESTS, REQUESTS.c.number == found.c.newest)
        statement = statement.order_by(found.c.newest.desc())

        def work(connection: Connection) -> Sequence[UsedSession]:
            return [
                UsedSession(
                    id=row.session,
                    path=row.path,
                    newest=row.newest,
                    newest_id=row.id,
                    first_micros=row.first_micros,
                    last_micros=row.last_micros,
                    requests=row.requests,
                    failed=int(row.failed),
                    cost=None if row.cost is None else int(row.cost),
                )
                for row in connection.execute(statement)
            ]

        async with self._asking:
            return await self._database.read(work, _SECONDS)
