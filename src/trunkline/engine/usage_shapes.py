"""Requests, attempts, sums and acts as they are shown: as JSON, and as the columns of a table."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trunkline.money import write_dollars
from trunkline.state.acts import Checked, KeptAct
from trunkline.state.usage import Sums, Trail, UsedAttempt, UsedRequest
from trunkline.usage import Usage

BUCKETS = tuple(name for name in Usage.__struct_fields__ if name not in ("tier", "told_cost"))

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


# --- objects --------------------------------------------------------------------------------------------------------


def write_request(request: UsedRequest) -> dict[str, Any]:
    return {
        "id": request.id,
        "object": "usage.request",
        "created_at": request.started_at_micros // 1_000_000,
        "started_at": write_moment(request.started_at_micros),
        "path": request.path,
        "key_id": request.key_id,
        "key": request.key,
        "labels": request.labels,
        "session": request.session,
        "operation": request.operation,
        "dialect": request.dialect,
        "stream": request.is_stream,
        "model_asked": request.model_asked,
        "provider": request.provider,
        "model": request.model,
        "status": request.status,
        "outcome": request.outcome,
        "error_code": request.error_code,
        "attempt_count": request.attempts,
        "duration_micros": request.duration_micros,
        "first_byte_micros": request.first_byte_micros,
        "usage": write_usage(request.usage),
        **write_cost(request.cost),
        "estimated": request.is_estimated,
    }


def write_attempt(attempt: UsedAttempt) -> dict[str, Any]:
    return {
        "request_id": attempt.request_id,
        "object": "usage.attempt",
        "position": attempt.position,
        "started_at": write_moment(attempt.started_at_micros),
        "provider": attempt.provider,
        "model": attempt.model,
        "aside": attempt.is_aside,
        "status": attempt.status,
        "outcome": attempt.outcome,
        "error_code": attempt.error_code,
        "duration_micros": attempt.duration_micros,
        "first_byte_micros": attempt.first_byte_micros,
        "tier": attempt.usage.tier,
        "usage": write_usage(attempt.usage),
        **write_cost(attempt.cost),
        "cost_source": attempt.cost_source,
        "rates": attempt.rates,
        "estimated": attempt.is_estimated,
        "upstream_request_id": attempt.upstream_request_id,
    }


def write_trail(trail: Trail) -> dict[str, Any]:
    return {
        "peer": trail.peer,
        "method": trail.method,
        "url": trail.url,
        "route": trail.route,
        "error_detail": trail.error_detail,
        "dropped": trail.dropped,
        "emulated": trail.emulated,
        "upstream_request_id": trail.upstream_request_id,
        "trace": trail.trace,
        "request_bytes": trail.request_bytes,
        "bodies": trail.bodies,
    }


def write_sums(sums: Sums) -> dict[str, Any]:
    return {
        "requests": sums.requests,
        "attempts": sums.attempts,
        "failed": sums.failed,
        "cancelled": sums.cancelled,
        "unpriced": sums.unpriced,
        "estimated": sums.estimated,
        "usage": write_usage(sums.usage),
        **write_cost(sums.cost),
    }


def write_act(kept: KeptAct) -> dict[str, Any]:
    act = kept.act
    return {
        "id": f"act_{kept.number}",
        "object": "act",
        "number": kept.number,
        "at": write_moment(act.at_micros),
        "author": {
            "key_id": act.author.key_id,
            "key": act.author.name,
            "path": act.author.path,
            "peer": act.author.peer,
        },
        "kind": act.kind,
        "object_id": act.object_id,
        "path": act.path,
        # Nothing once the path was erased.
        "details": Raw(act.details) if act.details else None,
        "hash": kept.hash,
    }


def write_checked(checked: Checked) -> dict[str, Any]:
    head = checked.head
    return {
        "object": "acts.check",
        "sound": checked.broken is None,
        "entries": checked.entries,
        "head": None if head is None else f"{head.number}:{head.hash}",
        "broken": checked.broken,
        "why": checked.why,
    }


def write_usage(usage: Usage) -> dict[str, int]:
    """Every bucket, and the sums that OpenAI's wire has."""
    buckets = {name: getattr(usage, name) for name in BUCKETS}
    return {**buckets, "total_input_tokens": usage.total_input, "total_output_tokens": usage.total_output}


def write_cost(nanos: int | None) -> dict[str, Any]:
    """Dollars to read, and the nano-dollars that they are; `None` where nobody knows a price."""
    return {"cost": None if nanos is None else write_dollars(nanos), "cost_nanos": nanos}


def write_moment(micros: int) -> str:
    return (_EPOCH + timedelta(microseconds=micros)).isoformat(timespec="microseconds").replace("+00:00", "Z")


# --- rows of a table ------------------------------------------------------------------------------------------------


class Table(Struct, frozen=True):
    """The columns of a table, by the place of their value in an object: `usage.input_tokens`."""

    places: Sequence[str]

    def head(self) -> bytes:
        return _write_line([place.removeprefix("usage.") for place in self.places])

    def line(self, value: Mapping[str, Any]) -> bytes:
        """One row, as RFC 4180 has it."""
        return _write_line([_write_cell(_find(value, place)) for place in self.places])


_USAGE = tuple(f"usage.{name}" for name in (*BUCKETS, "total_input_tokens", "total_output_tokens"))

REQUEST_TABLE = Table(
    (
        "id",
        "started_at",
        "path",
        "key_id",
        "key",
        "labels",
        "session",
        "operation",
        "stream",
        "model_asked",
        "provider",
        "model",
        "status",
        "outcome",
        "error_code",
        "attempt_count",
        "duration_micros",
        "first_byte_micros",
        *_USAGE,
        "cost",
        "cost_nanos",
        "estimated",
    )
)

ATTEMPT_TABLE = Table(
    (
        "request_id",
        "position",
        "started_at",
        "provider",
        "model",
        "aside",
        "status",
        "outcome",
        "error_code",
        "duration_micros",
        "first_byte_micros",
        "tier",
        *_USAGE,
        "cost",
        "cost_nanos",
        "cost_source",
        "rates",
        "estimated",
        "upstream_request_id",
    )
)

AUDIT_TABLE = Table(
    (
        *REQUEST_TABLE.places[:7],
        "peer",
        "method",
        "url",
        "route",
        *REQUEST_TABLE.places[7:],
        "dropped",
        "emulated",
        "error_detail",
        "upstream_request_id",
        "trace",
        "request_bytes",
        "bodies",
    )
)


def _find(value: Mapping[str, Any], place: str) -> Any:
    outer, dot, inner = place.partition(".")
    return value[outer][inner] if dot else value[outer]


def _write_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = value if isinstance(value, str) else bytes(value).decode()
    return f"'{text}" if text.startswith(_FORMULA) else text


def _write_line(cells: Sequence[str]) -> bytes:
    return ",".join(map(_quote, cells)).encode() + b"\r\n"


def _quote(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(char in cell for char in ',"\r\n') else cell


def write_json_line(value: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(value) + b"\n"
