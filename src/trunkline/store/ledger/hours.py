"""Sums of requests and attempts by the hour, beside their rows, so that a sum of a long time need not read all of those.

Whoever changes rows adds here, in the same transaction, what that adds to the sums, which may be less than nothing. So
several rows may tell the same, and only their sum means anything; `merge` makes few of many.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Insert,
    Integer,
    String,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from trunkline.paths import ROOT
from trunkline.store import sql
from trunkline.store.ledger.rows import Rows, Values
from trunkline.store.ledger.tables import (
    ATTEMPTS,
    COUNTS,
    HOUR_DIMENSIONS,
    HOUR_SUMS,
    HOURS,
    REQUESTS,
    USUAL_COUNTS,
    usual_values,
)
from trunkline.store.ledger.tried import IS_LONE
from trunkline.store.within import is_within

LONE, WHOLE, PART = 0, 1, 2
"""What a row is of: requests that tell their only attempt, all other requests, and the attempts of those."""

HOUR_MICROS = 3600 * 1_000_000

# Rows in one transaction: some milliseconds, since whoever wants to write waits for it.
_AT_ONCE = 2_000

Columns = ReadOnlyColumnCollection[str, Any]


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


# --- added up here --------------------------------------------------------------------------------------------------

_USUAL = len(usual_values(REQUESTS))
_NAMES = [column.name for column in REQUESTS.columns if column is not REQUESTS.c.number]
_SAID, _LAST = _NAMES[:-_USUAL], _NAMES[-_USUAL:]
_STARTED, _TRIED, _COST = map(_SAID.index, ("started_at_micros", "tried_at_micros", "cost"))
_get_alike: Callable[[Values], Values] = itemgetter(
    *map(_SAID.index, ("path", "key_id", "key", "operation", "model_asked", "account", "model"))
)
_get_summed: Callable[[Values], Values] = itemgetter(*map(_SAID.index, ("cost", *USUAL_COUNTS)))


def add_up(rows: Rows) -> list[Values]:
    """Rows of requests → rows of hours. Requests are alike here that ask for the same by the same name, and whose last
    columns hold the same."""
    alike: dict[Values, list[Values]] = defaultdict(list)
    for said, last in zip(*rows, strict=True):
        hour, is_tried, is_priced = said[_STARTED] // HOUR_MICROS, said[_TRIED] is not None, said[_COST] is not None
        alike[hour, _get_alike(said), is_tried, is_priced, last].append(_get_summed(said))
    return [_add_up(summed, *key) for key, summed in alike.items()]


def _add_up(summed: list[Values], hour: int, alike: Values, is_tried: bool, is_priced: bool, last: Values) -> Values:
    requests = len(summed)
    path, key_id, key, operation, model_asked, *target = alike
    status, outcome, _, labels, attempts, is_estimated, *rare = last
    costs, *usual = zip(*summed, strict=True)
    return (
        *(hour, path, key_id, key, operation, labels, status, outcome, model_asked != ""),
        *((LONE, *target) if is_tried else (WHOLE, "", "")),
        *(requests, requests, requests, requests * attempts),
        requests if outcome == "error" else 0,
        requests if outcome == "cancelled" else 0,
        0 if is_priced else requests,
        requests if is_estimated else 0,
        sum(costs) if is_priced else 0,
        *map(sum, usual),
        *(requests * each for each in rare),
    )


# --- statements -----------------------------------------------------------------------------------------------------

_ONE, _NONE = literal_column("1", Integer), literal_column("0", Integer)
_NOTHING = literal_column("''", String)
_SIGN = bindparam("sign", type_=Integer)


def count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return total(case((condition, _ONE), else_=_NONE))


def total(value: ColumnElement[int]) -> ColumnElement[int]:
    return func.coalesce(func.sum(value), _NONE)


def totals(columns: Columns) -> list[ColumnElement[int]]:
    """What requests and attempts have in common, in the order of `HOUR_SUMS`."""
    return [
        count(columns["outcome"] == literal_column("'error'")),
        count(columns["outcome"] == literal_column("'cancelled'")),
        count(columns["cost"].is_(None)),
        count(columns["is_estimated"]),
        total(columns["cost"]),
        *(total(columns[name]) for name in COUNTS),
    ]


def whole_hours(start_micros: int, end_micros: int) -> tuple[int, int]:
    """The first hour that lies wholly within a time, and the first that does not; not in this order where none does."""
    return -(-start_micros // HOUR_MICROS), end_micros // HOUR_MICROS


def hour_of(at_micros: Column[int]) -> ColumnElement[int]:
    return at_micros // literal_column(str(HOUR_MICROS), Integer)


# Those of a request, of `HOUR_DIMENSIONS` up to what it tells of its attempt.
_ASKED: Sequence[ColumnElement[Any]] = (
    hour_of(REQUESTS.c.started_at_micros).label("hour"),
    *(REQUESTS.c[name].label(f"asked_{name}") for name in HOUR_DIMENSIONS[1:8]),
    (REQUESTS.c.model_asked != _NOTHING).label("asks_model"),
)


def _insert(keys: Sequence[ColumnElement[Any]], sums: Sequence[ColumnElement[int]], *conditions: Any) -> Insert:
    told = select(*keys, *(_SIGN * each for each in sums)).where(*conditions).group_by(*keys)
    return insert(HOURS).from_select([*HOUR_DIMENSIONS, *HOUR_SUMS], told, include_defaults=False)


def _add_requests(condition: ColumnElement[bool]) -> Insert:
    kind = case((IS_LONE, literal_column(str(LONE), Integer)), else_=literal_column(str(WHOLE), Integer))
    told = [case((IS_LONE, REQUESTS.c[name]), else_=_NOTHING) for name in ("account", "model")]
    sums = [func.count(), func.count(), func.count(), total(REQUESTS.c.attempts), *totals(REQUESTS.c)]
    return _insert([*_ASKED, kind, *told], sums, condition)


def _add_parts(condition: ColumnElement[bool]) -> Insert:
    """A request counts once for each account, each model, and each of both that it has asked."""
    id, account, model = ATTEMPTS.c.request_id, ATTEMPTS.c.account, ATTEMPTS.c.model
    first = {
        name: (func.row_number().over(partition_by=(id, *same), order_by=ATTEMPTS.c.position) == _ONE).label(name)
        for name, same in (("of_both", (account, model)), ("of_account", (account,)), ("of_model", (model,)))
    }
    summed = [ATTEMPTS.c[name] for name in ("account", "model", "outcome", "cost", "is_estimated", *COUNTS)]
    joined = REQUESTS.join(ATTEMPTS, id == REQUESTS.c.id)
    tried = select(*_ASKED, *summed, *first.values()).select_from(joined).where(~IS_LONE, condition).subquery().c
    kind = literal_column(str(PART), Integer)
    keys = [*(tried[str(column.key)] for column in _ASKED), tried["account"], tried["model"]]
    sums = [*(count(tried[name]) for name in first), func.count(), *totals(tried)]
    told = select(*keys[:9], kind, *keys[9:], *(_SIGN * each for each in sums)).group_by(*keys)
    return insert(HOURS).from_select([*HOUR_DIMENSIONS, *HOUR_SUMS], told, include_defaults=False)


_NEWEST = select(func.max(REQUESTS.c.number))
_COUNT_NEWER = select(func.count()).where(REQUESTS.c.number > bindparam("newest"))

_IS_NEWER = REQUESTS.c.number > bindparam("newest")
_IS_SOME = REQUESTS.c.id.in_(bindparam("ids", expanding=True))
_ADD_NEWER, _ADD_NEWER_PARTS = _add_requests(_IS_NEWER), _add_parts(_IS_NEWER)
_ADD_SOME, _ADD_SOME_PARTS = _add_requests(_IS_SOME), _add_parts(_IS_SOME)

_OLDEST = select(func.min(HOURS.c.hour)).where(~HOURS.c.is_merged, HOURS.c.hour < bindparam("before"))
_UNMERGED = (
    select(HOURS.c.number, *(HOURS.c[name] for name in (*HOUR_DIMENSIONS, *HOUR_SUMS)))
    .where(~HOURS.c.is_merged, HOURS.c.hour == _OLDEST.scalar_subquery())
    .order_by(HOURS.c.number)
    .limit(bindparam("most"))
)
