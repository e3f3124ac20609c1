"""The record of a response that its upstream makes by itself: begun when that is asked for, ended when its end is seen.

In between it is kept beside the response, so that whoever comes after this process can tell the whole of it.
"""

from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from trunkline.dialects.openai_responses.usage import read_response_usage
from trunkline.engine.exchange import Exchange
from trunkline.errors import Failed
from trunkline.money import charge
from trunkline.records import Attempt, Record
from trunkline.state.responses import KeptResponse
from trunkline.usage import NO_USAGE, Usage

_OUTCOMES = {"completed": "ok", "incomplete": "incomplete", "cancelled": "cancelled"}


class _Error(Struct):
    code: str | None = None


class _Ended(Struct):
    usage: Any = None
    error: _Error | None = None
    service_tier: Any = None
    output: Any = None
    tool_usage: Any = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Record).decode
_decode_ended = msgspec.json.Decoder(_Ended).decode


def begin_record(x: Exchange) -> Record:
    """What is known of an exchange so far. It stays as it is."""
    # What has been said so far is kept when its reply is over.
    bodies = "kept" if x.evidence is not None else x.bodies
    return replace(x, attempts=[replace(attempt) for attempt in x.attempts], bodies=bodies).freeze()


def write_record(record: Record) -> bytes:
    return _encode(record)


def read_record(data: bytes) -> Record:
    return _decode(data)


def end_record(begun: Record, ended: KeptResponse, now_micros: int) -> Record:
    """The whole record, once the response has come to its end. It is the one of the request that asked for it."""
    response = bytes(ended.response)
    told = _read_end(response)
    usage = read_response_usage(asdict(told), response)
    outcome = _OUTCOMES.get(ended.status, "error")
    code = (told.error and told.error.code) or "server_error" if outcome == "error" else ""
    attempts = [*begun.attempts[:-1], *(_end(last, usage, outcome, code, now_micros) for last in begun.attempts[-1:])]
    costs = [attempt.cost for attempt in attempts if attempt.cost is not None]
    return replace(
        begun,
        attempts=attempts,
        status=Failed.status if outcome == "error" else 200,
        outcome=outcome,
        error_code=code,
        duration_micros=now_micros - begun.started_at_micros,
        usage=sum((attempt.usage for attempt in attempts), start=NO_USAGE),
        cost=sum(costs) if costs else None,
    )


def _end(begun: Attempt, usage: Usage, outcome: str, code: str, now_micros: int) -> Attempt:
    cost, rates, source = charge(usage, begun.tariff) if usage.total else (begun.cost, None, "")
    return replace(
        begun,
        duration_micros=now_micros - begun.started_at_micros,
        outcome=outcome,
        error_code=code,
        usage=usage,
        cost=cost,
        rates=rates,
        cost_source=source,
    )


def _read_end(response: bytes) -> _Ended:
    try:
        return _decode_ended(response)
    except msgspec.ValidationError:
        return _Ended()
