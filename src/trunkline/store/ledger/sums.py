"""What requests and attempts add to the sums of their hour: as the database adds it up, and as it is done here.

Both must come to the same. Questions about rows that are not summed up yet use the same words.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Insert,
    Integer,
    String,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    select,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

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

LONE, WHOLE, PART = 0, 1, 2
"""What a row is of: requests that tell their only attempt, all other requests, and the attempts of those."""

HOUR_MICROS = 3600 * 1_000_000

Columns = ReadOnlyColumnCollection[str, Any]


def whole_hours(start_micros: int, end_micros: int) -> tuple[int, int]:
    """The first hour that lies wholly within a time, and the first that does not; not in this order where none does."""
    return -(-start_micros // HOUR_MICROS), end_micros // HOUR_MICROS


# --- in the database -----------------------------------------------------------------------------------------------

_ONE, _NONE = literal_column("1", Integer), literal_column("0", Integer)
_NOTHING = literal_column("''", String)
_SIGN = bindparam("sign", type_=Integer)


def count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """Of how many rows it is true."""
    return total(case((condition, _ONE), else_=_NONE))


def total(value: ColumnElement[int]) -> ColumnElement[int]:
    """The sum over all rows, 0 over none."""
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


def add_requests(condition: ColumnElement[bool]) -> Insert:
    """Add these requests, `sign` times."""
    kind = case((IS_LONE, literal_column(str(LONE), Integer)), else_=literal_column(str(WHOLE), Integer))
    told = [case((IS_LONE, REQUESTS.c[name]), else_=_NOTHING) for name in ("account", "model")]
    sums = [func.count(), func.count(), func.count(), total(REQUESTS.c.attempts), *totals(REQUESTS.c)]
    return _insert([*_ASKED, kind, *told], sums, condition)


def add_parts(condition: ColumnElement[bool]) -> Insert:
    """Add the attempts of these requests, `sign` times.

    A request counts once for each account, each model, and each of both that it has asked.
    """
    id, account, model = ATTEMPTS.c.request_id, ATTEMPTS.c.account, ATTEMPTS.c.model
    first = {
        name: (func.row_number().over(partition_by=(id, *same), order_by=ATTEMPTS.c.position) == _ONE).label(name)
        for name, same in (("of_both", (account, model)), ("of_account", (account,)), ("of_model", (model,)))
    }
    summed = [ATTEMPTS.c[name] for name in ("account", "model", "outcome", "cost", "is_estimated", *COUNTS)]
    joined = REQUESTS.join(ATTEMPTS, id == REQUESTS.c.id)
    # Said twice, or SQLite reads all attempts and looks up the request of each.
    those = id.in_(select(REQUESTS.c.id).where(condition))
    wanted = select(*_ASKED, *summed, *first.values()).select_from(joined).where(~IS_LONE, condition, those)
    tried = wanted.subquery().c
    kind = literal_column(str(PART), Integer)
    keys = [*(tried[str(column.key)] for column in _ASKED), tried["account"], tried["model"]]
    sums = [*(count(tried[name]) for name in first), func.count(), *totals(tried)]
    told = select(*keys[:9], kind, *keys[9:], *(_SIGN * each for each in sums)).group_by(*keys)
    return insert(HOURS).from_select([*HOUR_DIMENSIONS, *HOUR_SUMS], told, include_defaults=False)


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
