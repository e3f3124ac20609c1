"""Rows of the ledger's tables → what is asked of usage."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import asdict
from sqlalchemy import Row, Table

from trunkline.state.usage import Group, Sums, Trail, UsedAttempt, UsedRequest
from trunkline.store.ledger.tables import ATTEMPTS, COUNTS, REQUESTS
from trunkline.store.ledger.trails import KeptTrail
from trunkline.usage import Usage

_counts: Callable[[Row[Any]], tuple[int, ...]] = attrgetter(*COUNTS)
_read_trail = msgspec.json.Decoder(KeptTrail).decode


def read_group(row: Row[Any], keys: int) -> Group:
    # PostgreSQL adds up into decimals.
    requests, attempts, failed, cancelled, unpriced, estimated, cost, *counts = map(int, row[keys:])
    named: dict[str, Any] = dict(zip(COUNTS, counts, strict=True))
    return Group(
        tuple(row[:keys]), Sums(requests, attempts, failed, cancelled, unpriced, estimated, Usage(**named), cost)
    )


def read_request(row: Row[Any]) -> UsedRequest:
    return UsedRequest(
        **_pick(row, _OF_REQUEST), provider=row.account, labels=Raw(row.labels.encode()), usage=_read_usage(row)
    )


def read_attempt(row: Row[Any]) -> UsedAttempt:
    rates = Raw((row.rates or "null").encode())
    return UsedAttempt(**_pick(row, _OF_ATTEMPT), provider=row.account, rates=rates, usage=_read_usage(row, row.tier))


def read_trail(row: Row[Any]) -> Trail:
    return Trail(request_id=row.id, upstream_request_id=row.upstream_request_id, **asdict(_read_trail(row.trail)))


def _same(type: type[Struct], table: Table) -> Sequence[str]:
    """The fields that stand in a column of the same name as they are."""
    return [name for name in type.__struct_fields__ if name in table.columns and name not in ("labels", "rates")]


def _pick(row: Row[Any], names: Sequence[str]) -> dict[str, Any]:
    values = row._mapping
    return {name: values[name] for name in names}


_OF_REQUEST = _same(UsedRequest, REQUESTS)
OF_REQUEST = [REQUESTS.c[name] for name in (*_OF_REQUEST, "labels", "account", *COUNTS)]
"""The columns that `read_request` reads."""

_OF_ATTEMPT = _same(UsedAttempt, ATTEMPTS)


def _read_usage(row: Row[Any], tier: str = "") -> Usage:
    counts: dict[str, Any] = dict(zip(COUNTS, _counts(row), strict=True))
    return Usage(**counts, tier=tier)
