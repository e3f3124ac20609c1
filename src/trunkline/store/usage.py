"""Implements `state.UsageRows`: reads what the ledger has folded."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    FromClause,
    Row,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from trunkline.errors import Unavailable
from trunkline.money import Nano
from trunkline.state.conversations import Order
from trunkline.state.usage import (
    BY_ATTEMPT,
    Bounds,
    By,
    Group,
    Recost,
    Trail,
    UsedAttempt,
    UsedRequest,
    WantedUsage,
)
from trunkline.store import sql
from trunkline.store.engine import Database
from trunkline.store.ledger.rows import encode_rates
from trunkline.store.ledger.tables import ATTEMPTS, COUNTS, REQUESTS
from trunkline.store.ledger.tried import IS_LONE, select_attempts
from trunkline.store.usage_rows import OF_REQUEST, read_attempt, read_group, read_request, read_trail
from trunkline.store.within import is_within

_HURRY_SECONDS = 2.0
# A sum reads many rows. Two at once leave room for what requests wait for.
_SUMS_AT_ONCE = 2
_MOST_SUMS = 16
_SUM_SECONDS = 30.0

# A statement looks at so many rows, however rare what is looked for.
_STRETCH = 100_000
_NO_END = 2**63 - 1

_HOUR_MICROS = 3600 * 1_000_000

Settle = Callable[[], Awaitable[None]]
Columns = ReadOnlyColumnCollection[str, Any]


class SqlUsage:
    """`settle` waits until what this process has recorded so far is folded; `None` where it records nothing."""

    def __init__(self, database: Database, settle: Settle | None = None) -> None:
        self._database = database
        self._settle = settle
        self._hurrying = asyncio.Lock()
        self._hurries = 0
        self._summing = asyncio.Semaphore(_SUMS_AT_ONCE)
        self._sums = 0
        self._labels = sql.members(database.kind, REQUESTS.c.labels)

    async def hurry(self) -> None:
        if self._settle is None:
            return
        begun = self._hurries
        # What cannot be folded now is found later; what was folded is found now.
        with contextlib.suppress(TimeoutError, Unavailable):
            async with asyncio.timeout(_HURRY_SECONDS), self._hurrying:
                # However many ask at once: a hurry that has begun since then was theirs as well.
                if self._hurries == begun:
                    self._hurries += 1
                    await self._settle()

    # --- rows -----------------------------------------------------------------------------------------------------

    async def page(
        self,
        wanted: WantedUsage,
        *,
        after: int | None,
        limit: int,
        order: Order = "desc",
        audited: bool = False,
        bounds: Bounds | None = None,
    ) -> Sequence[UsedRequest]:
        statement = select(*OF_REQUEST).where(*self._conditions(wanted), *_was_tried(wanted))
        if audited:
            statement = statement.where(REQUESTS.c.trail.is_not(None))
        statement = statement.order_by(REQUESTS.c.number.desc() if order == "desc" else REQUESTS.c.number)
        is_known = wanted.request_id is not None or wanted.session is not None
        stretches = [(0, _NO_END)] if is_known else _split(bounds or await self.bounds(wanted), after, order)
        found: list[UsedRequest] = []
        for first, last in stretches:
            stretch = statement.where(REQUESTS.c.number.between(first, last), _follows(after, order))
            found += map(read_request, await self._rows(stretch.limit(limit + 1 - len(found))))
            if len(found) > limit:
                break
        return found

    async def bounds(self, wanted: WantedUsage) -> Bounds:
        number = REQUESTS.c.number
        times = _times(wanted)
        # Each by itself is one look at an index; both in one are a look at every row.
        first, last = (select(end(number)).where(*times).scalar_subquery() for end in (func.min, func.max))
        found = (await self._rows(select(first.label("first"), last.label("last"))))[0]
        return Bounds(found.first or 1, found.last or 0)

    async def newest(self) -> int:
        return (await self._rows(select(func.max(REQUESTS.c.number))))[0][0] or 0

    async def attempts(self, ids: Sequence[str]) -> Mapping[str, Sequence[UsedAttempt]]:
        wanted = select_attempts(ATTEMPTS.columns.keys(), [REQUESTS.c.id.in_(ids)])
        found = defaultdict(list)
        for row in await self._rows(wanted.order_by("request_id", "position")):
            found[row.request_id].append(read_attempt(row))
        return found

    async def trails(self, ids: Sequence[str]) -> Mapping[str, Trail]:
        wanted = select(REQUESTS.c.id, REQUESTS.c.upstream_request_id, REQUESTS.c.trail)
        rows = await self._rows(wanted.where(REQUESTS.c.id.in_(ids), REQUESTS.c.trail.is_not(None)))
        return {row.id: read_trail(row) for row in rows}

    async def recost(self, attempts: Sequence[Recost], requests: Mapping[str, Nano | None]) -> None:
        tried = [
            {"the_request": each.request_id, "the_position": each.position, "the_cost": each.cost,
             "the_source": each.cost_source, "the_rates": None if each.rates is None else encode_rates(each.rates)}
            for each in attempts
        ]  # fmt: skip
        asked = [{"the_request": id, "cost": cost} for id, cost in requests.items()]

        def write(connection: Connection) -> None:
            connection.execute(_RECOST_ATTEMPTS, tried)
            connection.execute(_RECOST_LONE, tried)
            connection.execute(_RECOST_REQUESTS, asked)

        await self._database.write(write)

    # --- sums -----------------------------------------------------------------------------------------------------

    async def sums(self, wanted: WantedUsage, by: Sequence[By], limit: int) -> Sequence[Group]:
        of_attempts = bool(BY_ATTEMPT & set(by)) or wanted.model is not None or wanted.provider is not None
        statement = self._sums_of_attempts(wanted, by) if of_attempts else self._sums_of_requests(wanted, by)
        if self._sums >= _MOST_SUMS:
            raise Unavailable("Others are waiting for sums already. Please try again in a moment.")
        self._sums += 1
        try:
            async with self._summing:
                rows = await self._rows(statement.limit(limit + 1), _SUM_SECONDS)
        finally:
            self._sums -= 1
        return [read_group(row, len(by)) for row in rows]

    # Without groups there is always a row, also of nothing.

    def _sums_of_requests(self, wanted: WantedUsage, by: Sequence[By]) -> Select[Any]:
        keys = [self._key(each) for each in by]
        sums = (func.count(), _sum(REQUESTS.c.attempts), *_totals(REQUESTS.c))
        statement = select(*keys, *sums).select_from(REQUESTS, *self._beside(by))
        return statement.where(*self._conditions(wanted)).group_by(*keys)

    def _sums_of_attempts(self, wanted: WantedUsage, by: Sequence[By]) -> Select[Any]:
        of_requests = [self._key(each).label(f"by_{each}") for each in by if each not in BY_ATTEMPT]
        tried = select_attempts(_SUMMED, self._conditions(wanted), of_requests, self._beside(by)).subquery().c
        keys = [tried[_OF_ATTEMPT.get(each) or f"by_{each}"] for each in by]
        sums = (func.count(tried.request_id.distinct()), func.count(), *_totals(tried))
        return select(*keys, *sums).where(*_tried(tried, wanted)).group_by(*keys)

    def _beside(self, by: Sequence[By]) -> Sequence[FromClause]:
        return [self._labels] if "label" in by else []

    def _key(self, by: By) -> ColumnElement[Any]:
        if by == "label":
            return self._labels.c.key + "=" + self._labels.c.value
        return _KEYS[by]

    # --- conditions -----------------------------------------------------------------------------------------------

    def _conditions(self, wanted: WantedUsage) -> list[ColumnElement[bool]]:
        conditions = [is_within(REQUESTS.c.path, wanted.path)]
        conditions += [column == value for column, value in _equal(wanted) if value is not None]
        if wanted.session:
            # What SQLite must be told to use the index, which is of those alone.
            conditions.append(REQUESTS.c.session != "")
        if wanted.of_models:
            conditions.append(REQUESTS.c.model_asked != "")
        conditions += _times(wanted)
        if wanted.label is not None:
            name, value = wanted.label
            conditions.append(sql.member(self._database.kind, REQUESTS.c.labels, name) == value)
        return conditions

    async def _rows(self, statement: Executable, seconds: float | None = None) -> Sequence[Row[Any]]:
        return await self._database.read(lambda connection: connection.execute(statement).all(), seconds)


def _split(bounds: Bounds, after: int | None, order: Order) -> Sequence[tuple[int, int]]:
    """The numbers behind a place, a stretch at a time: whoever looks for what is rare looks at every row."""
    first, last = bounds
    if order == "desc":
        last = last if after is None else min(last, after - 1)
        return [(max(first, end - _STRETCH + 1), end) for end in range(last, first - 1, -_STRETCH)]
    first = first if after is None else max(first, after + 1)
    return [(begin, min(last, begin + _STRETCH - 1)) for begin in range(first, last + 1, _STRETCH)]


def _follows(after: int | None, order: Order) -> ColumnElement[bool]:
    if after is None:
        return true()
    return REQUESTS.c.number < after if order == "desc" else REQUESTS.c.number > after


def _times(wanted: WantedUsage) -> list[ColumnElement[bool]]:
    at, times = REQUESTS.c.started_at_micros, list[ColumnElement[bool]]()
    if wanted.start_micros is not None:
        times.append(at >= wanted.start_micros)
    if wanted.end_micros is not None:
        times.append(at < wanted.end_micros)
    return times


def _tried(columns: Columns, wanted: WantedUsage) -> list[ColumnElement[bool]]:
    """That an attempt was at what is wanted."""
    asked = ((columns["account"], wanted.provider), (columns["model"], wanted.model))
    return [column == value for column, value in asked if value is not None]


def _was_tried(wanted: WantedUsage) -> list[ColumnElement[bool]]:
    """The same of any attempt of a request."""
    if wanted.provider is None and wanted.model is None:
        return []
    apart = select(literal(1)).where(ATTEMPTS.c.request_id == REQUESTS.c.id, *_tried(ATTEMPTS.c, wanted))
    return [or_(and_(IS_LONE, *_tried(REQUESTS.c, wanted)), and_(~IS_LONE, apart.exists()))]


_SOURCE: Mapping[str, Any] = {"cost_source": bindparam("the_source"), "rates": bindparam("the_rates")}
_RECOST_ATTEMPTS = (
    update(ATTEMPTS)
    .where(ATTEMPTS.c.request_id == bindparam("the_request"), ATTEMPTS.c.position == bindparam("the_position"))
    .values(cost=bindparam("the_cost"), **_SOURCE)
)
_RECOST_LONE = update(REQUESTS).where(REQUESTS.c.id == bindparam("the_request"), IS_LONE).values(_SOURCE)
_RECOST_REQUESTS = update(REQUESTS).where(REQUESTS.c.id == bindparam("the_request"))


def _equal(wanted: WantedUsage) -> list[tuple[ColumnElement[Any], str | int | None]]:
    return [
        (REQUESTS.c.id, wanted.request_id),
        (REQUESTS.c.key_id, wanted.key_id),
        (REQUESTS.c.key, wanted.key),
        (REQUESTS.c.session, wanted.session),
        (REQUESTS.c.operation, wanted.operation),
        (REQUESTS.c.status, wanted.status),
        (REQUESTS.c.outcome, wanted.outcome),
    ]


_KEYS: Mapping[By, ColumnElement[Any]] = {
    "hour": REQUESTS.c.started_at_micros // _HOUR_MICROS,
    "path": REQUESTS.c.path,
    "key": REQUESTS.c.key,
    "key_id": REQUESTS.c.key_id,
    "session": REQUESTS.c.session,
    "operation": REQUESTS.c.operation,
    "outcome": REQUESTS.c.outcome,
}


_SUMMED = ("request_id", "account", "model", "outcome", "cost", "is_estimated", *COUNTS)
_OF_ATTEMPT: Mapping[By, str] = {"model": "model", "provider": "account"}


def _sum(value: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(value), 0)


def _count(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return _sum(case((condition, 1), else_=0))


def _totals(columns: Columns) -> list[ColumnElement[Any]]:
    """What requests and attempts have in common."""
    return [
        _count(columns["outcome"] == "error"),
        _count(columns["outcome"] == "cancelled"),
        _count(columns["cost"].is_(None)),
        _count(columns["is_estimated"]),
        _sum(columns["cost"]),
        *(_sum(columns[name]) for name in COUNTS),
    ]
