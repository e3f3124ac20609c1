"""Records → rows: one of each request, one of each attempt, one of each request for the audit.

A row is what is always said of it, and what its last columns hold, which need not be said where that is the usual. Rows
are made column by column, since that is done for every request: all of it are loops of the interpreter's own.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from trunkline.money import Rates
from trunkline.records import Attempt, Record
from trunkline.store.ledger.tables import RARE_COUNTS, USUAL_COUNTS
from trunkline.usage import Usage

Values = tuple[Any, ...]
Column = Sequence[Any]
Rows = tuple[list[Values], list[Values]]
"""What is said, and what the last columns hold, of each row."""

_REQUEST = (
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
_REQUEST_ENDING = ("status", "outcome", "error_code")
_ATTEMPT = (
    "started_at_micros",
    "duration_micros",
    "first_byte_micros",
    "cost",
    "cost_source",
    "upstream_request_id",
)
_ATTEMPT_ENDING = ("is_aside", "status", "outcome", "error_code", "is_estimated")
_AUDIT = (
    "request_id",
    "started_at_micros",
    "peer",
    "method",
    "url",
    "route",
    "upstream_request_id",
    "request_bytes",
)
_AUDIT_ENDING = ("error_detail", "trace", "bodies")

_encode = msgspec.json.Encoder().encode


def request_rows(records: Sequence[Record]) -> Rows:
    """In the order of `REQUESTS`, without its number."""
    of = _columns(Record, records)
    counts = _columns(Usage, of["usage"])
    labels = [_encode(each).decode() if each else "{}" for each in of["labels"]]
    tried = [len(attempts) for attempts in of["attempts"]]
    is_estimated = [any(attempt.is_estimated for attempt in attempts) for attempts in of["attempts"]]
    return (
        _rows(of, _REQUEST, *_split_all(of["target"]), *_pick(counts, USUAL_COUNTS)),
        _rows(of, _REQUEST_ENDING, labels, tried, is_estimated, *_pick(counts, RARE_COUNTS)),
    )


def attempt_rows(records: Sequence[Record]) -> Rows:
    """In the order of `ATTEMPTS`."""
    attempts = [attempt for record in records for attempt in record.attempts]
    if not attempts:
        return [], []
    ids = [record.request_id for record in records for _ in record.attempts]
    positions = [position for record in records for position in range(len(record.attempts))]
    of = _columns(Attempt, attempts)
    counts = _columns(Usage, of["usage"])
    rates = [None if each is None else encode_rates(each) for each in of["rates"]]
    said = (*_pick(of, _ATTEMPT), *_split_all(of["target"]), counts["tier"], rates, *_pick(counts, USUAL_COUNTS))
    rest = (*_pick(of, _ATTEMPT_ENDING), *_pick(counts, RARE_COUNTS))
    return list(zip(ids, *said, strict=True)), list(zip(positions, *rest, strict=True))


def audit_rows(records: Sequence[Record]) -> Rows:
    """In the order of `AUDIT`."""
    of = _columns(Record, records)
    dropped, emulated = map(_list, of["dropped"]), map(_list, of["emulated"])
    return _rows(of, _AUDIT), _rows(of, _AUDIT_ENDING, [*dropped], [*emulated])


def _columns(type: type[Struct], values: Iterable[Struct]) -> Mapping[str, Column]:
    """Fields by their names, each with what it is of every value."""
    return dict(zip(type.__struct_fields__, zip(*map(astuple, values), strict=True), strict=True))


def _pick(of: Mapping[str, Column], names: Iterable[str]) -> Iterable[Column]:
    return [of[name] for name in names]


def _rows(of: Mapping[str, Column], names: Iterable[str], *others: Column) -> list[Values]:
    return list(zip(*_pick(of, names), *others, strict=True))


def _split_all(targets: Column) -> Iterable[Column]:
    """Accounts and models."""
    return zip(*map(_split, targets), strict=True)


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
