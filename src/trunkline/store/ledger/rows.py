"""A record → its rows: one of the request, one of each attempt, one of the audit.

A row is a pair: what is always said, and what the last columns hold, which need not be said where that is the usual.
Columns are filled by position, since this is done for every request.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from trunkline.money import Rates
from trunkline.records import Attempt, Record
from trunkline.store.ledger.tables import COUNTS, USUAL_COUNTS
from trunkline.usage import Usage

Values = tuple[Any, ...]
Row = tuple[Values, Values]

_USUAL, _ALL = len(USUAL_COUNTS), len(COUNTS)
_TIER = Usage.__struct_fields__.index("tier")
if Usage.__struct_fields__[:_ALL] != COUNTS:
    raise TypeError("the buckets of usage have columns in another order")

_encode = msgspec.json.Encoder().encode


def _picker(type: type[Struct], *names: str) -> Callable[[Values], Values]:
    return itemgetter(*(type.__struct_fields__.index(name) for name in names))


_request = _picker(
    Record,
    "request_id",
    "started_at_micros",
    "path",
    "key_id",
    "key",
    "session",
    "operation",
    "caller_dialect",
    "is_stream",
    "model_asked",
    "duration_micros",
    "first_byte_micros",
    "cost",
)
_ending = _picker(Record, "status", "outcome", "error_code")
_attempt = _picker(
    Attempt,
    "started_at_micros",
    "duration_micros",
    "first_byte_micros",
    "cost",
    "cost_source",
    "upstream_request_id",
)
_attempt_ending = _picker(Attempt, "is_aside", "status", "outcome", "error_code", "is_estimated")
_audit = _picker(
    Record,
    "request_id",
    "started_at_micros",
    "peer",
    "method",
    "url",
    "route",
    "upstream_request_id",
    "request_bytes",
)
_said = _picker(Record, "error_detail", "trace", "bodies")


def request_row(record: Record) -> Row:
    """In the order of `REQUESTS`, without its number."""
    values, counts, attempts = astuple(record), astuple(record.usage), record.attempts
    labels = _encode(record.labels).decode() if record.labels else "{}"
    is_estimated = any(attempt.is_estimated for attempt in attempts)
    return (
        (*_request(values), *_split(record.target), *counts[:_USUAL]),
        (*_ending(values), labels, len(attempts), is_estimated, *counts[_USUAL:_ALL]),
    )


def attempt_row(record: Record, position: int, attempt: Attempt) -> Row:
    """In the order of `ATTEMPTS`."""
    values, counts = astuple(attempt), astuple(attempt.usage)
    rates = None if attempt.rates is None else encode_rates(attempt.rates)
    return (
        (record.request_id, *_attempt(values), *_split(attempt.target), counts[_TIER], rates, *counts[:_USUAL]),
        (position, *_attempt_ending(values), *counts[_USUAL:_ALL]),
    )


def audit_row(record: Record) -> Row:
    """In the order of `AUDIT`."""
    values = astuple(record)
    return _audit(values), (*_said(values), _list(record.dropped), _list(record.emulated))


def _list(values: Sequence[str]) -> str:
    return _encode(values).decode() if values else "[]"


@lru_cache(maxsize=1024)
def _split(target: str) -> tuple[str, str]:
    """The account and the model: the same few for all requests."""
    account, _, model = target.partition("/")
    return account, model


@lru_cache(maxsize=1024)
def encode_rates(rates: Rates) -> str:
    """As a column holds them."""
    return _encode(rates).decode()
