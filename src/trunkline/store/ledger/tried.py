"""Attempts as queries see them: most are told by the row of their request, the others have rows of their own."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    FromClause,
    Integer,
    false,
    literal_column,
    select,
    union_all,
)

from trunkline.records import Attempt, Record
from trunkline.store.ledger.tables import ATTEMPTS, REQUESTS

IS_LONE = REQUESTS.c.tried_at_micros.is_not(None)
"""Whether a request tells its attempt."""

_BEFORE = REQUESTS.c.tried_at_micros - REQUESTS.c.started_at_micros

# All that is not here is in a column of the same name.
_TOLD: Mapping[str, ColumnElement[Any]] = {
    "request_id": REQUESTS.c.id,
    "position": literal_column("0", Integer),
    "is_aside": false(),
    "started_at_micros": REQUESTS.c.tried_at_micros,
    "duration_micros": REQUESTS.c.duration_micros - _BEFORE,
    "first_byte_micros": REQUESTS.c.first_byte_micros - _BEFORE,
}


def find_lone(record: Record) -> Attempt | None:
    """The attempt that the row of this request tells; `None` when it has none, or when they need rows."""
    if len(record.attempts) != 1:
        return None
    attempt = record.attempts[0]
    before, first_byte = attempt.started_at_micros - record.started_at_micros, record.first_byte_micros
    # By position, in the order of `Attempt`: this is done for every request.
    told = Attempt(
        record.target,
        attempt.tariff,
        attempt.started_at_micros,
        False,
        record.duration_micros - before,
        None if first_byte is None else first_byte - before,
        record.status,
        record.outcome,
        record.error_code,
        record.usage,
        record.cost,
        attempt.is_estimated,
        record.upstream_request_id,
        attempt.rates,
        attempt.cost_source,
    )
    return attempt if told == attempt else None


def select_attempts(
    names: Sequence[str],
    conditions: Sequence[ColumnElement[bool]],
    more: Sequence[ColumnElement[Any]] = (),
    beside: Sequence[FromClause] = (),
) -> CompoundSelect[Any]:
    """Columns of `ATTEMPTS`, of attempts of all requests that these conditions hold for, and what more is asked of
    those or of what stands `beside` each."""
    apart = REQUESTS.join(ATTEMPTS, ATTEMPTS.c.request_id == REQUESTS.c.id)
    return union_all(
        select(*map(_told, names), *more).select_from(REQUESTS, *beside).where(IS_LONE, *conditions),
        select(*(ATTEMPTS.c[name] for name in names), *more).select_from(apart, *beside).where(~IS_LONE, *conditions),
    )


def _told(name: str) -> ColumnElement[Any]:
    return (_TOLD[name] if name in _TOLD else REQUESTS.c[name]).label(name)
