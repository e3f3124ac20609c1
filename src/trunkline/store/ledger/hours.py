"""Sums of requests and attempts by the hour, beside their rows, so that a sum of a long time need not read all of those.

Whoever changes rows adds here, in the same transaction, what that adds to the sums, which may be less than nothing. So
several rows may tell the same, and only their sum means anything; `merge` makes few of many.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from trunkline.paths import ROOT
from trunkline.store import sql
from trunkline.store.ledger.rows import Rows
from trunkline.store.ledger.sums import add_parts, add_requests, add_up
from trunkline.store.ledger.tables import HOUR_DIMENSIONS, HOUR_SUMS, HOURS, REQUESTS
from trunkline.store.within import is_within

# Rows in one transaction: some milliseconds, since whoever wants to write waits for it.
_AT_ONCE = 2_000


class Hours:
    """What a fold adds. Its rows are added up before they are inserted, as it is done for every request."""

    def __init__(self, kind: str) -> None:
        self._batch = sql.Batch(sql.insert(kind, HOURS), (*HOUR_DIMENSIONS, *HOUR_SUMS))

    def find_newest(self, connection: Connection) -> int:
        """The number of the newest request, 0 where there is none."""
        return connection.execute(_NEWEST).scalar() or 0

    def add(self, connection: Connection, newest: int, rows: Rows, *, parts: bool) -> None:
        """What was inserted of these rows of requests behind that number. `parts`: some have attempts with rows of their
        own."""
        behind = {"sign": 1, "newest": newest}
        if connection.execute(_COUNT_NEWER, behind).scalar() == len(rows[0]):
            self._batch.execute(connection, add_up(rows))
        else:
            # Some had been folded before.
            connection.execute(_ADD_NEWER, behind)
        if parts:
            connection.execute(_ADD_NEWER_PARTS, behind)


def change(connection: Connection, ids: Sequence[str], sign: int) -> None:
    """Take out what these requests add (-1), before they are changed or removed; put in what they add then (1)."""
    sql.lock_fold(connection)
    for statement in (_ADD_SOME, _ADD_SOME_PARTS):
        connection.execute(statement, {"sign": sign, "ids": list(ids)})


def move(connection: Connection, path: str) -> None:
    """What stands under a path and below it stands under the one above, without a word of whose it was."""
    connection.execute(update(HOURS).where(is_within(HOURS.c.path, path)).values(nameless(path)))


def nameless(path: str) -> dict[str, Any]:
    """What stands in the place of all that says whose it was."""
    return {"path": path.rpartition("/")[0] or ROOT, "key_id": "", "key": "", "labels": "{}"}


def forget(connection: Connection, hour: int) -> None:
    """Remove the oldest hour, if it is before this one: of that, no row must be left. As a whole, since it comes to nothing
    as a whole."""
    oldest = select(func.min(HOURS.c.hour)).where(HOURS.c.hour < hour)
    connection.execute(delete(HOURS).where(HOURS.c.hour == oldest.scalar_subquery()))


def merge(connection: Connection, hour: int) -> bool:
    """Make few rows of many that are all of one hour, before this one; whether there may be more to do."""
    sql.lock_fold(connection)
    unmerged = connection.execute(_UNMERGED, {"before": hour, "most": _AT_ONCE}).all()
    if not unmerged:
        return False
    alike: dict[tuple[Any, ...], list[tuple[int, ...]]] = defaultdict(list)
    places = len(HOUR_DIMENSIONS)
    for _, *row in unmerged:
        alike[tuple(row[:places])].append(tuple(row[places:]))
    # What is all there is of its hour is done with, and so is what is all different.
    is_merged = len(unmerged) < _AT_ONCE or len(alike) > len(unmerged) // 2
    sums = {dimensions: [sum(column) for column in zip(*rows, strict=True)] for dimensions, rows in alike.items()}
    names = (*HOUR_DIMENSIONS, *HOUR_SUMS, "is_merged")
    merged = [dict(zip(names, (*key, *total, is_merged), strict=True)) for key, total in sums.items() if any(total)]
    first, last = unmerged[0], unmerged[-1]
    those = (~HOURS.c.is_merged, HOURS.c.hour == first.hour, HOURS.c.number <= last.number)
    connection.execute(delete(HOURS).where(*those))
    if merged:
        connection.execute(insert(HOURS), merged)
    return True


# --- statements -----------------------------------------------------------------------------------------------------

_NEWEST = select(func.max(REQUESTS.c.number))
_COUNT_NEWER = select(func.count()).where(REQUESTS.c.number > bindparam("newest"))

_IS_NEWER = REQUESTS.c.number > bindparam("newest")
_IS_SOME = REQUESTS.c.id.in_(bindparam("ids", expanding=True))
_ADD_NEWER, _ADD_NEWER_PARTS = add_requests(_IS_NEWER), add_parts(_IS_NEWER)
_ADD_SOME, _ADD_SOME_PARTS = add_requests(_IS_SOME), add_parts(_IS_SOME)

_OLDEST = select(func.min(HOURS.c.hour)).where(~HOURS.c.is_merged, HOURS.c.hour < bindparam("before"))
_UNMERGED = (
    select(HOURS.c.number, *(HOURS.c[name] for name in (*HOUR_DIMENSIONS, *HOUR_SUMS)))
    .where(~HOURS.c.is_merged, HOURS.c.hour == _OLDEST.scalar_subquery())
    .order_by(HOURS.c.number)
    .limit(bindparam("most"))
)
