"""Requests, attempts, sums and acts as they are shown."""

from typing import Any

from msgspec import Raw

from trunkline.money import write_dollars
from trunkline.state.acts import Checked, KeptAct
from trunkline.state.periods import to_moment
from trunkline.state.usage import Sums, Trail, UsedAttempt, UsedRequest
from trunkline.usage import Usage

BUCKETS = tuple(name for name in Usage.__struct_fields__ if name not in ("tier", "told_cost"))


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
    return to_moment(micros).isoformat(timespec="microseconds").replace("+00:00", "Z")
