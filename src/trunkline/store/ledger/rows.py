"""A record → its rows: one of the request, one of each attempt, one of the audit.

What stands in a row costs as much as keeping it, so those of a request that used nothing rare end before the columns
for that.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import msgspec
from msgspec.structs import astuple

from trunkline.money import Rates
from trunkline.records import Attempt, Record
from trunkline.store.ledger.tables import COUNTS, RARE_COUNTS
from trunkline.usage import Usage

Row = tuple[Any, ...]

_USUAL = len(COUNTS) - len(RARE_COUNTS)
_NO_RARE = (0,) * len(RARE_COUNTS)

_pick: Callable[[Row], Row] = itemgetter(*(Usage.__struct_fields__.index(name) for name in COUNTS))
_encode = msgspec.json.Encoder().encode


def uses_rare(record: Record) -> bool:
    """Whether its rows, and those of its attempts, are whole."""
    return _pick(astuple(record.usage))[_USUAL:] != _NO_RARE


def request_row(record: Record) -> Row:
    """In the order of `REQUESTS`, without its number."""
    account, _, model = record.target.partition("/")
    counts = _pick(astuple(record.usage))
    rare = counts[_USUAL:]
    return (
        record.request_id,
        record.started_at_micros,
        record.path,
        record.key_id,
        record.key,
        record.session,
        _mapping(record.labels),
        record.operation,
        record.caller_dialect,
        record.is_stream,
        record.model_asked,
        account,
        model,
        record.status,
        record.outcome,
        record.error_code,
        len(record.attempts),
        record.duration_micros,
        record.first_byte_micros,
        *counts[:_USUAL],
        record.cost,
        any(attempt.is_estimated for attempt in record.attempts),
        *(rare if rare != _NO_RARE else ()),
    )


def attempt_row(record: Record, position: int, attempt: Attempt, *, is_whole: bool) -> Row:
    """In the order of `ATTEMPTS`."""
    account, _, model = attempt.target.partition("/")
    counts = _pick(astuple(attempt.usage))
    return (
        record.request_id,
        position,
        attempt.started_at_micros,
        account,
        model,
        attempt.is_aside,
        attempt.status,
        attempt.outcome,
        attempt.error_code,
        attempt.duration_micros or 0,
        attempt.first_byte_micros,
        *counts[:_USUAL],
        attempt.usage.tier,
        attempt.cost,
        attempt.cost_source,
        None if attempt.rates is None else encode_rates(attempt.rates),
        attempt.is_estimated,
        attempt.upstream_request_id,
        *(counts[_USUAL:] if is_whole else ()),
    )


def audit_row(record: Record) -> Row:
    """In the order of `AUDIT`."""
    return (
        record.request_id,
        record.started_at_micros,
        record.peer,
        record.method,
        record.url,
        record.route,
        record.error_detail,
        _list(record.dropped),
        _list(record.emulated),
        record.upstream_request_id,
        record.trace,
        record.request_bytes,
        record.bodies,
    )


def _list(values: Sequence[str]) -> str:
    return _encode(values).decode() if values else "[]"


def _mapping(values: Mapping[str, str]) -> str:
    return _encode(values).decode() if values else "{}"


@lru_cache(maxsize=1024)
def encode_rates(rates: Rates) -> str:
    """As a column holds them: the same few for all requests."""
    return _encode(rates).decode()
