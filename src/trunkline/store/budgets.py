"""Implements `state.BudgetStore`."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, delete, select, update

from trunkline.money import Nano
from trunkline.state.budgets import Alert, Budget, KeptBudgets
from trunkline.state.periods import Window
from trunkline.store import sql
from trunkline.store.cipher import Cipher
from trunkline.store.engine import Database
from trunkline.store.ledger.sums import HOUR_MICROS, LONE, WHOLE, Columns, total, whole_hours
from trunkline.store.ledger.tables import HOURS, REQUESTS
from trunkline.store.revisions import advance, read_revision
from trunkline.store.rows import open_row, seal_row
from trunkline.store.tables import BUDGET_ALERTS, BUDGET_RESETS, BUDGETS
from trunkline.store.within import is_within

_REVISION = "budgets"

# The hours of a month may be some hundred thousand: that takes a moment, and nobody waits for it but a start.
_SUM_SECONDS = 60.0

# A window that is over is not told of again.
_REMEMBERED_MICROS = 90 * 86_400 * 1_000_000

_ALERT = ("budget", "start_micros", "share")

_decode = msgspec.json.Decoder(Budget).decode


class SqlBudgets:
    """There are few budgets, and all are read at once. Their webhooks' secrets are sealed with the rest."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self._database = database
        self._cipher = cipher

    # --- budgets --------------------------------------------------------------------------------------------------

    async def read(self, known: int = -1) -> KeptBudgets | None:
        def work(connection: Connection) -> KeptBudgets | None:
            # First the number: what is changed between the two is read once more the next time.
            revision = read_revision(connection, _REVISION)
            if revision == known:
                return None
            rows = connection.execute(select(BUDGETS).order_by(BUDGETS.c.name)).all()
            opened = [open_row(self._cipher, BUDGETS, row._mapping) for row in rows]
            resets = connection.execute(select(BUDGET_RESETS)).all()
            return KeptBudgets(
                revision, [_decode(row["budget"]) for row in opened], {row.name: row.at_micros for row in resets}
            )

        return await self._database.read(work)

    async def put(self, budget: Budget) -> None:
        written = {"name": budget.name, "budget": msgspec.json.encode(budget)}
        row = seal_row(self._cipher, BUDGETS, written)

        def work(connection: Connection) -> None:
            advance(connection, _REVISION)
            made = sql.insert(connection.dialect.name, BUDGETS).values(row)
            connection.execute(
                made.on_conflict_do_update(index_elements=[BUDGETS.c.name], set_={"budget": row["budget"]})
            )

        await self._database.write(work)

    async def delete(self, name: str) -> bool:
        def work(connection: Connection) -> bool:
            advance(connection, _REVISION)
            connection.execute(delete(BUDGET_RESETS).where(BUDGET_RESETS.c.name == name))
            return bool(connection.execute(delete(BUDGETS).where(BUDGETS.c.name == name)).rowcount)

        return await self._database.write(work)

    async def reset(self, name: str, at_micros: int) -> None:
        def work(connection: Connection) -> None:
            advance(connection, _REVISION)
            made = sql.insert(connection.dialect.name, BUDGET_RESETS).values(name=name, at_micros=at_micros)
            connection.execute(
                made.on_conflict_do_update(index_elements=[BUDGET_RESETS.c.name], set_={"at_micros": at_micros})
            )

        await self._database.write(work)

    # --- what was spent -------------------------------------------------------------------------------------------

    async def spent(self, budget: Budget, window: Window) -> Nano:
        first, last = whole_hours(window.start, window.end)
        asked = [self._sum_rows(budget, window.start, window.end)]
        if first < last:
            asked = [
                self._sum_rows(budget, window.start, first * HOUR_MICROS),
                self._sum_hours(budget, first, last),
                self._sum_rows(budget, last * HOUR_MICROS, window.end),
            ]
        summed = await self._database.read(
            lambda connection: [connection.execute(each).scalar_one() for each in asked], _SUM_SECONDS
        )
        return Nano(int(sum(summed)))

    def _sum_hours(self, budget: Budget, first: int, last: int) -> Select[Any]:
        hours = HOURS.c
        whole = (hours.hour >= first, hours.hour < last, hours.kind.in_((LONE, WHOLE)))
        return select(total(hours.cost)).where(*whole, *self._conditions(budget, hours))

    def _sum_rows(self, budget: Budget, start: int, end: int) -> Select[Any]:
        at = REQUESTS.c.started_at_micros
        return select(total(REQUESTS.c.cost)).where(at >= start, at < end, *self._conditions(budget, REQUESTS.c))

    def _conditions(self, budget: Budget, columns: Columns) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if budget.path is not None:
            path = columns["path"]
            found.append(is_within(path, budget.home) if budget.path.endswith("/**") else path == budget.path)
        if budget.key is not None:
            found.append((columns["key_id"] == budget.key) | (columns["key"] == budget.key))
        if budget.label is not None:
            name, value = budget.label
            found.append(sql.member(self._database.kind, columns["labels"], name) == value)
        return found

    # --- who has been told of what --------------------------------------------------------------------------------

    async def note(self, alert: Alert) -> bool:
        row: dict[str, Any] = {name: getattr(alert, name) for name in Alert.__struct_fields__}

        def work(connection: Connection) -> bool:
            old = BUDGET_ALERTS.c.end_micros < alert.at_micros - _REMEMBERED_MICROS
            connection.execute(delete(BUDGET_ALERTS).where(old))
            made = sql.insert(connection.dialect.name, BUDGET_ALERTS)
            noted = made.values(**row, until_micros=0, attempts=0, told=False).on_conflict_do_nothing()
            return bool(connection.execute(noted).rowcount)

        return await self._database.write(work)

    async def due(self, at_micros: int, lease_micros: int, attempts: int) -> Sequence[Alert]:
        table = BUDGET_ALERTS.c
        free = (~table.told) & (table.until_micros <= at_micros) & (table.attempts < attempts)

        def work(connection: Connection) -> Sequence[Alert]:
            rows = connection.execute(select(BUDGET_ALERTS).where(free)).all()
            return [_read(row) for row in rows if self._lease(connection, row, free, at_micros + lease_micros)]

        # Looked at first: there is nothing to write for most of the time.
        if not await self._database.read(
            lambda connection: connection.execute(select(table.budget).where(free)).first()
        ):
            return []
        return await self._database.write(work)

    def _lease(self, connection: Connection, row: Any, free: ColumnElement[bool], until_micros: int) -> bool:
        taken = update(BUDGET_ALERTS).where(_is(row), free)
        values = {"until_micros": until_micros, "attempts": BUDGET_ALERTS.c.attempts + 1}
        return bool(connection.execute(taken.values(values)).rowcount)

    async def told(self, alert: Alert) -> None:
        done = update(BUDGET_ALERTS).where(_is(alert)).values(told=True)
        await self._database.write(lambda connection: connection.execute(done).close())


def _is(alert: Any) -> ColumnElement[bool]:
    return and_(*(BUDGET_ALERTS.c[name] == getattr(alert, name) for name in _ALERT))


def _read(row: Any) -> Alert:
    return Alert(**{name: row._mapping[name] for name in Alert.__struct_fields__})
