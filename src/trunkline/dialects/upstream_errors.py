"""A provider's status and words → one of the `UpstreamError` classes: what all wires have in common.

Each dialect finds status, message and hints in its own envelope, and adds what only it tells apart.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from trunkline.errors import Busy, Denied, Failed, Filtered, Garbled, Refused, TimedOut, UpstreamError

TOO_LONG = "context_length_exceeded"
"""The code of a request that holds more than its model can read."""

# How the many servers of OpenAI's formats say it: vLLM, llama.cpp, Mistral, Together, OpenRouter and their like.
_TOO_LONG = re.compile(
    r"context (?:length|window|size)|(?:prompt|input) is too long|too large for model|too many (?:input )?tokens"
    r"|maximum number of tokens|reduce the length of the",
    re.IGNORECASE,
)


def is_too_long(status: int, message: str) -> bool:
    """Whether a refusal means that the request holds more than its model can read."""
    return status in (400, 413, 422) and _TOO_LONG.search(message) is not None


class Found(msgspec.Struct, frozen=True):
    """What there is to know of one error before it is classed. `status` is `None` where there was none."""

    status: int | None
    message: str
    retry_after: float | None = None
    param: str | None = None


def rate_limited(found: Found) -> UpstreamError:
    return Busy(
        found.message or "the provider's rate limit is reached",
        retry_after_seconds=found.retry_after,
        upstream_status=found.status,
    )


def overloaded(found: Found) -> UpstreamError:
    return Busy(
        found.message or "the provider is overloaded",
        status=503,
        type="server_error",
        code="overloaded",
        retry_after_seconds=found.retry_after,
        upstream_status=found.status,
    )


def denied(found: Found) -> UpstreamError:
    # The message speaks of our key, not of the caller's: it is for the log alone.
    return Denied("the provider refused the gateway's credentials", detail=found.message, upstream_status=found.status)


def out_of_credit(found: Found) -> UpstreamError:
    return Denied(
        "the gateway's account at the provider is out of credit",
        status=429,
        type="insufficient_quota",
        code="insufficient_quota",
        detail=found.message,
        upstream_status=found.status,
    )


def timed_out(found: Found) -> UpstreamError:
    return TimedOut(found.message or "the provider timed out", upstream_status=found.status)


def filtered(found: Found) -> UpstreamError:
    return Filtered(found.message or "the provider's content policy refused the request", upstream_status=found.status)


def failed(found: Found) -> UpstreamError:
    return Failed(
        found.message or "the provider failed", retry_after_seconds=found.retry_after, upstream_status=found.status
    )


def refused(found: Found, code: str | None = None) -> UpstreamError:
    """The provider's own 4xx. A 404 that speaks of the model says that there is no such model."""
    if code is None and found.status == 404 and "model" in found.message.lower():
        code = "model_not_found"
    status = found.status if found.status is not None and 400 <= found.status < 500 else 400
    return Refused(
        found.message or f"the provider refused the request with status {status}",
        status=status,
        param=found.param,
        code=code,
        upstream_status=found.status,
    )


BY_STATUS: Mapping[int, Callable[[Found], UpstreamError]] = {
    401: denied,
    402: out_of_credit,
    403: denied,
    408: timed_out,
    429: rate_limited,
    503: overloaded,
    504: timed_out,
    529: overloaded,
}
"""What a status says, whoever sends it. The others are a refusal below 500, and a failure above."""


def classify(found: Found, code: str | None = None) -> UpstreamError:
    """The error that a status stands for; `code` is what the dialect knows of a refusal."""
    status = found.status or 500
    if (known := BY_STATUS.get(status)) is not None:
        return known(found)
    return refused(found, code) if 400 <= status < 500 else failed(found)


def decode_body(body: bytes) -> Any:
    """An error's body, whatever it is; `None` where it is not JSON."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def ended_early() -> Failed:
    """The error for a stream without its end."""
    return Failed("the upstream's stream ended unexpectedly")


def garbled(detail: str) -> Garbled:
    """The error for an answer that is not what the protocol says."""
    return Garbled("the upstream's answer is not what its protocol says", detail=detail)
