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
    Row,
    bindparam,
    func,
    select,
    true,
    update,
)

from trunkline.errors import Unavailable
from trunkline.money import Nano
from trunkline.state.conversations import Order
from trunkline.state.usage import (
    Bounds,
    By,
    Group,
    Recost,
    Trail,
    UsedAttempt,
    UsedRequest,
    WantedUsage,
)
from trunkline.store.engine import Database
from trunkline.store.ledger import hours
from trunkline.store.ledger.rows import encode_rates
from trunkline.store.ledger.tables import ATTEMPTS, REQUESTS
from trunkline.store.ledger.tried import IS_LONE, select_attempts
from trunkline.store.usage_rows import OF_REQUEST, read_attempt, read_request, read_trail
from trunkline.store.usage_sums import SqlSums
from trunkline.store.usage_wanted import of_requests, times, was_tried

_HURRY_SECONDS = 2.0
# A statement looks at so many rows, however rare what is looked for.
_STRETCH = 100_000
_NO_END = 2**63 - 1

Settle = Callable[[], Awaitable[None]]


class SqlUsage:
    """`settle` waits until what this process has recorded so far is folded; `None` where it records nothing."""

    def __init__(self, database: Database, settle: Settle | None = None) -> None:
        self._database = database
        self._settle = settle
        self._hurrying = asyncio.Lock()
        self._hurries = 0
        self._sums = SqlSums(database)

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
        statement = select(*OF_REQUEST).where(*of_requests(self._database.kind, wanted), *was_tried(wanted))
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
        asked = times(wanted)
        # Each by itself is one look at an index; both in one are a look at every row.
        first, last = (select(end(number)).where(*asked).scalar_subquery() for end in (func.min, func.max))
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
            hours.change(connection, [*requests], -1)
            connection.execute(_RECOST_ATTEMPTS, tried)
            connection.execute(_RECOST_LONE, tried)
            connection.execute(_RECOST_REQUESTS, asked)
            hours.change(connection, [*requests], 1)

        await self._database.write(write)

    async def sums(self, wanted: WantedUsage, by: Sequence[By], limit: int) -> Sequence[Group]:
        return await self._sums.find(wanted, by, limit)

    async def _rows(self, statement: Executable) -> Sequence[Row[Any]]:
        return await self._database.read(lambda connection: connection.execute(statement).all())


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


_SOURCE: Mapping[str, Any] = {"cost_source": bindparam("the_source"), "rates": bindparam("the_rates")}
_RECOST_ATTEMPTS = (
    update(ATTEMPTS)
    .where(ATTEMPTS.c.request_id == bindparam("the_request"), ATTEMPTS.c.position == bindparam("the_position"))
    .values(cost=bindparam("the_cost"), **_SOURCE)
)
_RECOST_LONE = update(REQUESTS).where(REQUESTS.c.id == bindparam("the_request"), IS_LONE).values(_SOURCE)
_RECOST_REQUESTS = update(REQUESTS).where(REQUESTS.c.id == bindparam("the_request"))
