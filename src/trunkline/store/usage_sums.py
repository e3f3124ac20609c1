"""Sums of what was used: whole hours are read as they were added up, what is less of one from its rows."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace
from sqlalchemy import ColumnElement, FromClause, Row, Select, Table, func, select
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from trunkline.errors import Unavailable
from trunkline.state.usage import BY_ATTEMPT, By, Group, Sums, WantedUsage
from trunkline.store import sql, usage_wanted
from trunkline.store.engine import Database
from trunkline.store.ledger.sums import HOUR_MICROS, LONE, PART, WHOLE, hour_of, total, totals, whole_hours
from trunkline.store.ledger.tables import COUNTS, HOUR_SUMS, HOURS, REQUESTS
from trunkline.store.ledger.tried import select_attempts
from trunkline.store.usage_rows import read_group

# A sum reads many rows. Two at once leave room for what requests wait for.
_AT_ONCE = 2
_MOST_WAITING = 16
_SECONDS = 30.0

_NO_END = 2**63 - 1

Columns = ReadOnlyColumnCollection[str, Any]


class SqlSums:
    """Sums up one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asking = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._labels = {table: sql.members(database.kind, table.c.labels) for table in (REQUESTS, HOURS)}

    async def find(self, wanted: WantedUsage, by: Sequence[By], limit: int) -> Sequence[Group]:
        """As `state.UsageRows.sums`."""
        questions = [question.limit(limit + 1) for question in self._ask(wanted, by)]
        if self._waiting >= _MOST_WAITING:
            raise Unavailable("Others are waiting for sums already. Please try again in a moment.")
        self._waiting += 1
        try:
            async with self._asking:
                rows = await self._database.read(
                    lambda connection: [row for question in questions for row in connection.execute(question)], _SECONDS
                )
        finally:
            self._waiting -= 1
        return _join(rows, len(by))

    def _ask(self, wanted: WantedUsage, by: Sequence[By]) -> Sequence[Select[Any]]:
        hours = _find_hours(wanted, by)
        if hours is None:
            return [self._of_rows(wanted, by)]
        first, last = hours
        asked = [self._of_hours(wanted, by, first, last)]
        if wanted.start_micros is not None and wanted.start_micros < first * HOUR_MICROS:
            asked.append(self._of_rows(replace(wanted, end_micros=first * HOUR_MICROS), by))
        if wanted.end_micros is not None and wanted.end_micros > last * HOUR_MICROS:
            asked.append(self._of_rows(replace(wanted, start_micros=last * HOUR_MICROS), by))
        return asked

    # Without groups there is always a row, also of nothing.

    # --- of hours -------------------------------------------------------------------------------------------------

    def _of_hours(self, wanted: WantedUsage, by: Sequence[By], first: int, last: int) -> Select[Any]:
        columns, keys = HOURS.c, [self._key(HOURS, each) for each in by]
        kinds, requests = (LONE, WHOLE), columns.requests
        conditions = usage_wanted.of_hours(self._database.kind, wanted, first, last)
        if _is_of_attempts(wanted, by):
            kinds, requests = (LONE, PART), columns[_count_requests(wanted, by)]
            conditions += usage_wanted.tried(columns, wanted)
        sums = [total(requests), *(total(columns[name]) for name in HOUR_SUMS[3:])]
        statement = select(*keys, *sums).select_from(HOURS, *self._beside(HOURS, by))
        statement = statement.where(columns.kind.in_(kinds), *conditions).group_by(*keys)
        return statement.having(func.sum(requests) != 0) if by else statement

    # --- of rows --------------------------------------------------------------------------------------------------

    def _of_rows(self, wanted: WantedUsage, by: Sequence[By]) -> Select[Any]:
        conditions = usage_wanted.of_requests(self._database.kind, wanted)
        if _is_of_attempts(wanted, by):
            return self._of_attempts(wanted, by, conditions)
        keys = [self._key(REQUESTS, each) for each in by]
        sums = (func.count(), total(REQUESTS.c.attempts), *totals(REQUESTS.c))
        statement = select(*keys, *sums).select_from(REQUESTS, *self._beside(REQUESTS, by))
        return statement.where(*conditions).group_by(*keys)

    def _of_attempts(
        self, wanted: WantedUsage, by: Sequence[By], conditions: Sequence[ColumnElement[bool]]
    ) -> Select[Any]:
        of_requests = [self._key(REQUESTS, each).label(f"by_{each}") for each in by if each not in BY_ATTEMPT]
        tried = select_attempts(_SUMMED, conditions, of_requests, self._beside(REQUESTS, by)).subquery().c
        keys = [tried[_OF_ATTEMPT.get(each) or f"by_{each}"] for each in by]
        sums = (func.count(tried.request_id.distinct()), func.count(), *totals(tried))
        return select(*keys, *sums).where(*usage_wanted.tried(tried, wanted)).group_by(*keys)

    # --- groups ---------------------------------------------------------------------------------------------------

    def _beside(self, table: Table, by: Sequence[By]) -> Sequence[FromClause]:
        return [self._labels[table]] if "label" in by else []

    def _key(self, table: Table, by: By) -> ColumnElement[Any]:
        if by == "label":
            return self._labels[table].c.key + "=" + self._labels[table].c.value
        if by == "hour":
            return table.c.hour if table is HOURS else hour_of(table.c.started_at_micros)
        return table.c[_OF_ATTEMPT.get(by, by)]


_OF_ATTEMPT: Mapping[By, str] = {"model": "model", "provider": "account"}
_SUMMED = ("request_id", "account", "model", "outcome", "cost", "is_estimated", *COUNTS)


def _is_of_attempts(wanted: WantedUsage, by: Sequence[By]) -> bool:
    """Whether it is attempts that are summed up, and not requests."""
    return bool(BY_ATTEMPT & set(by)) or wanted.model is not None or wanted.provider is not None


def _count_requests(wanted: WantedUsage, by: Sequence[By]) -> str:
    """By which sum of an hour a request with several attempts counts once in each group."""
    if "model" not in by and wanted.model is None:
        return "requests_of_account"
    return "requests_of_model" if "provider" not in by and wanted.provider is None else "requests"


def _find_hours(wanted: WantedUsage, by: Sequence[By]) -> tuple[int, int] | None:
    """The whole hours within a time, and the one behind them; `None` where there is none, or their sums do not tell."""
    if wanted.request_id is not None or wanted.session is not None or "session" in by:
        return None
    first, last = whole_hours(wanted.start_micros or 0, _NO_END if wanted.end_micros is None else wanted.end_micros)
    return (first, last) if first < last else None


def _join(rows: Sequence[Row[Any]], keys: int) -> Sequence[Group]:
    """Add up the sums that share their dimensions."""
    found: dict[tuple[str | int, ...], Sums] = {}
    for row in rows:
        group = read_group(row, keys)
        found[group.values] = found.get(group.values, Sums()) + group.sums
    return [Group(values, sums) for values, sums in found.items()]
