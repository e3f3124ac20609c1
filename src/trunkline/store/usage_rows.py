"""Rows of the ledger's tables → what is asked of usage."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from msgspec import Raw
from sqlalchemy import Row

from trunkline.state.usage import Group, Sums, Trail, UsedAttempt, UsedRequest
from trunkline.store.ledger.tables import COUNTS
from trunkline.usage import Usage

_counts: Callable[[Row[Any]], tuple[int, ...]] = attrgetter(*COUNTS)


def read_group(row: Row[Any], keys: int) -> Group:
    # PostgreSQL adds up into decimals.
    requests, attempts, failed, cancelled, unpriced, estimated, cost, *counts = map(int, row[keys:])
    named: dict[str, Any] = dict(zip(COUNTS, counts, strict=True))
    return Group(
        tuple(row[:keys]), Sums(requests, attempts, failed, cancelled, unpriced, estimated, Usage(**named), cost)
    )


def read_request(row: Row[Any]) -> UsedRequest:
    return UsedRequest(
        number=row.number,
        id=row.id,
        started_at_micros=row.started_at_micros,
        path=row.path,
        key_id=row.key_id,
        key=row.key,
        session=row.session,
        labels=Raw(row.labels.encode()),
        operation=row.operation,
        dialect=row.dialect,
        is_stream=row.is_stream,
        model_asked=row.model_asked,
        provider=row.account,
        model=row.model,
        status=row.status,
        outcome=row.outcome,
        error_code=row.error_code,
        attempts=row.attempts,
        duration_micros=row.duration_micros,
        first_byte_micros=row.first_byte_micros,
        usage=_read_usage(row),
        cost=row.cost,
        is_estimated=row.is_estimated,
    )


def read_attempt(row: Row[Any]) -> UsedAttempt:
    return UsedAttempt(
        request_id=row.request_id,
        position=row.position,
        started_at_micros=row.started_at_micros,
        provider=row.account,
        model=row.model,
        is_aside=row.is_aside,
        status=row.status,
        outcome=row.outcome,
        error_code=row.error_code,
        duration_micros=row.duration_micros,
        first_byte_micros=row.first_byte_micros,
        usage=_read_usage(row, row.tier),
        cost=row.cost,
        cost_source=row.cost_source,
        rates=Raw((row.rates or "null").encode()),
        is_estimated=row.is_estimated,
        upstream_request_id=row.upstream_request_id,
    )


def read_trail(row: Row[Any]) -> Trail:
    return Trail(
        request_id=row.request_id,
        peer=row.peer,
        method=row.method,
        url=row.url,
        route=row.route,
        error_detail=row.error_detail,
        dropped=Raw(row.dropped.encode()),
        emulated=Raw(row.emulated.encode()),
        upstream_request_id=row.upstream_request_id,
        trace=row.trace,
        request_bytes=row.request_bytes,
        bodies=row.bodies,
    )


def _read_usage(row: Row[Any], tier: str = "") -> Usage:
    counts: dict[str, Any] = dict(zip(COUNTS, _counts(row), strict=True))
    return Usage(**counts, tier=tier)
