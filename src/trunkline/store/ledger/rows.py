"""Records → rows: one of each request, and one of each attempt that its request does not tell.

A row is what is always said of it, and what its last columns hold, which need not be said where that is the usual. Rows
are made column by column, since that is done for every request: all of it are loops of the interpreter's own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from trunkline.money import Rates
from trunkline.records import Attempt, Record
from trunkline.store.ledger.tables import RARE_COUNTS, USUAL_COUNTS
from trunkline.store.ledger.trails import KeptTrail
from trunkline.store.ledger.tried import find_lone
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
_encode = msgspec.json.Encoder().encode


def make_rows(records: Sequence[Record], flag: Callable[[bool], Any]) -> tuple[Rows, Rows]:
    """Those for `REQUESTS` and those for `ATTEMPTS`. `flag` is how the database is given one (`sql.flags`)."""
    lone = [*map(find_lone, records)]
    apart = [record for record, told in zip(records, lone, strict=True) if told is None]
    return _request_rows(records, lone, flag), _attempt_rows(apart, flag)


def _request_rows(records: Sequence[Record], lone: Sequence[Attempt | None], flag: Callable[[bool], Any]) -> Rows:
    """Rows of requests, in the order of the columns of `REQUESTS` but for its number."""
    of = _columns(Record, records)
    counts = _columns(Usage, of["usage"])
    tried_at, sources, rates = zip(*map(_tell, lone), strict=True)
    labels = [_encode(each).decode() if each else "{}" for each in of["labels"]]
    tried = [len(attempts) for attempts in of["attempts"]]
    is_estimated = [any(attempt.is_estimated for attempt in attempts) for attempts in of["attempts"]]
    of |= {"is_stream": [*map(flag, of["is_stream"])]}
    trails = [_encode(each).decode() for each in _rows(of, KeptTrail.__struct_fields__)]
    said = (*_split_all(of["target"]), of["upstream_request_id"], counts["tier"], tried_at, sources, rates, trails)
    return (
        _rows(of, _REQUEST, *said, *_pick(counts, USUAL_COUNTS)),
        _rows(of, _REQUEST_ENDING, labels, tried, map(flag, is_estimated), *_pick(counts, RARE_COUNTS)),
    )


def _tell(lone: Attempt | None) -> tuple[int | None, str, str | None]:
    if lone is None:
        return None, "", None
    return lone.started_at_micros, lone.cost_source, None if lone.rates is None else encode_rates(lone.rates)


def _attempt_rows(records: Sequence[Record], flag: Callable[[bool], Any]) -> Rows:
    """Rows of attempts, in the order of the columns of `ATTEMPTS`."""
    attempts = [attempt for record in records for attempt in record.attempts]
    if not attempts:
        return [], []
    ids = [record.request_id for record in records for _ in record.attempts]
    positions = [position for record in records for position in range(len(record.attempts))]
    of = _columns(Attempt, attempts)
    counts = _columns(Usage, of["usage"])
    of |= {name: [*map(flag, of[name])] for name in ("is_aside", "is_estimated")}
    rates = [None if each is None else encode_rates(each) for each in of["rates"]]
    said = (*_pick(of, _ATTEMPT), *_split_all(of["target"]), counts["tier"], rates, *_pick(counts, USUAL_COUNTS))
    rest = (*_pick(of, _ATTEMPT_ENDING), *_pick(counts, RARE_COUNTS))
    return list(zip(ids, *said, strict=True)), list(zip(positions, *rest, strict=True))


def _columns(type: type[Struct], values: Iterable[Struct]) -> dict[str, Column]:
    """Fields by their names, each with what it is of every value."""
    return dict(zip(type.__struct_fields__, zip(*map(astuple, values), strict=True), strict=True))


def _pick(of: Mapping[str, Column], names: Iterable[str]) -> Iterable[Column]:
    return [of[name] for name in names]


def _rows(of: Mapping[str, Column], names: Iterable[str], *others: Iterable[Any]) -> list[Values]:
    return list(zip(*_pick(of, names), *others, strict=True))


def _split_all(targets: Column) -> Iterable[Column]:
    """The targets as accounts and models."""
    return zip(*map(_split, targets), strict=True)


@lru_cache(maxsize=1024)
def _split(target: str) -> tuple[str, str]:
    """The account and the model: the same few for all requests."""
    account, _, model = target.partition("/")
    return account, model


@lru_cache(maxsize=1024)
def encode_rates(rates: Rates) -> str:
    """Rates as a column holds them."""
    return _encode(rates).decode()
