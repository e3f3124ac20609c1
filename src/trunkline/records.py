"""What is kept of a request once it is over: one record of it, with one of every attempt at an upstream in it.

No header, body or key is in either. They are what usage, costs, the audit, metrics and log lines are made of.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from trunkline.money import FREE, Nano, Rates, Tariff
from trunkline.usage import NO_USAGE, Usage

Bodies = Literal["", "kept", "lost"]
"""Whether what was said is kept for the audit: it was not asked for, it is, or there was no room for it."""

_NO_LABELS: Mapping[str, str] = {}


class Attempt(Struct):
    """One call of an upstream: filled in place while it is under way, and not changed any more once it is recorded."""

    # `account/model`, and all that it may cost, which is not kept.
    target: str
    tariff: Tariff | None
    # UTC microseconds; durations are microseconds from there.
    started_at_micros: int
    # A question of the gateway's own, whose answer is no part of the caller's.
    is_aside: bool = False
    # `None` until it is over.
    duration_micros: int | None = None
    first_byte_micros: int | None = None
    # The upstream's, 0 where there was none.
    status: int = 0
    # `ok`, `incomplete`, `error`, or `cancelled`: the client left.
    outcome: str = "ok"
    error_code: str = ""
    # All zeros where the upstream told none; then it is estimated when the attempt is recorded.
    usage: Usage = NO_USAGE
    # `None` for a model without a price.
    cost: Nano | None = FREE
    is_estimated: bool = False
    upstream_request_id: str = ""
    # What the cost was computed with; `None` where the provider told the cost itself.
    rates: Rates | None = None
    # `told`, or the tariff's (`published`, `declared`, `free`), or nothing where there was nothing to pay or no price.
    cost_source: str = ""


class Record(Struct, frozen=True):
    """One request. `outcome` as an attempt's; times and durations likewise, from when the request was met.

    `path` is the one that it belongs to, `url` the path it was sent to. `usage` and `cost` are the sums over its
    attempts; `cost` is `None` when none of them has a price. `session` is empty where there is nothing to know one by.
    `trace` is the `traceparent` that came with it.
    """

    request_id: str
    started_at_micros: int
    key: str
    key_id: str
    path: str
    labels: Mapping[str, str]
    session: str
    peer: str
    method: str
    url: str
    operation: str
    caller_dialect: str
    model_asked: str
    route: str
    target: str
    attempts: Sequence[Attempt]
    status: int
    outcome: str
    error_code: str
    error_detail: str
    is_stream: bool
    duration_micros: int
    first_byte_micros: int | None
    usage: Usage
    cost: Nano | None
    upstream_request_id: str
    dropped: Sequence[str]
    emulated: Sequence[str]
    trace: str = ""
    request_bytes: int = 0
    bodies: Bodies = ""
