"""What an attempt has probably used, where its provider's own count did not come: the stream was cut, the client left,
or the provider tells none. Seldom, so it may take its time.
"""

import math
from collections.abc import Mapping

from trunkline.dialects.dialect import Dialect
from trunkline.dialects.estimate import CHARACTERS_PER_TOKEN, estimate_input, estimate_item
from trunkline.engine.envelope import decode_body
from trunkline.engine.estimates.gauge import Gauge
from trunkline.engine.exchange import Exchange
from trunkline.errors import CallerError, Failed, Garbled, TimedOut
from trunkline.events import ModelResponse
from trunkline.records import Attempt
from trunkline.request import ModelRequest
from trunkline.usage import Usage

# What is made of tokens, and paid by them; counting them costs nothing.
_PAID = frozenset({"generate", "embeddings", "compaction"})

# Whatever else failed was refused before it was executed, and costs nothing.
_MAY_HAVE_RUN = (Failed, Garbled, TimedOut)

# Reading a body to estimate it takes some 10 µs a kilobyte.
_MOST_BYTES = 1024 * 1024


def complete_usage(x: Exchange, gauge: Gauge, dialects: Mapping[str, Dialect]) -> None:
    """Put into the usage what the last attempt lacks of it, and flag that."""
    last = x.attempts[-1]
    if last.duration_micros is not None or x.operation not in _PAID:
        return
    told = x.rest()
    if (x.said is None and told.total_input) or not _has_run(x, last):
        return
    missing = Usage(
        input_tokens=0 if told.total_input else _estimate_input(x, gauge, dialects[x.dialect]),
        output_tokens=max(0, _estimate_output(x) - told.total_output),
    )
    if missing.total:
        x.usage += missing
        last.is_estimated = True


def guess_usage(request: ModelRequest, response: ModelResponse, ratio: float) -> Usage:
    """What a whole answer has probably used. `ratio` is how far estimates were off so far."""
    return Usage(
        input_tokens=max(1, round(estimate_input(request) * ratio)),
        output_tokens=math.ceil(sum(map(estimate_item, response.items))),
    )


def _has_run(x: Exchange, attempt: Attempt) -> bool:
    """Whether the provider has executed the request, as far as can be told: an error of its own says that it has
    not."""
    if attempt.status:
        return attempt.status < 400 and (x.error is None or isinstance(x.error, _MAY_HAVE_RUN))
    # It had all the time to.
    return x.outcome == "cancelled" or isinstance(x.error, TimedOut)


def _estimate_output(x: Exchange) -> int:
    """What has come of the last attempt's answer: an answer that paused is one, in several attempts."""
    before = sum(attempt.usage.total_output for attempt in x.attempts[:-1] if not attempt.is_aside)
    return (x.said or 0) - before


def _estimate_input(x: Exchange, gauge: Gauge, dialect: Dialect) -> int:
    ratio, envelope = gauge.ratio(x.target), x.envelope
    body = x.call.body if envelope is None else envelope.body
    estimate = len(body) / CHARACTERS_PER_TOKEN
    if envelope is not None and x.operation != "embeddings" and len(body) <= _MOST_BYTES:
        try:
            members = {"model": envelope.model, **decode_body(envelope.members)}
            estimate = estimate_input(dialect.read_request(members, lambda _: None))
        except CallerError:
            pass  # passed on as it was, and taken
    return max(1, round(estimate * ratio))
