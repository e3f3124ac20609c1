"""Errors of Cohere: a status, and `{"message": …}`.

Source: https://docs.cohere.com/reference/errors.
"""

from collections.abc import Callable, Mapping

import msgspec

from trunkline.dialects.shapes import lenient_object, lenient_text, read_retry_after
from trunkline.errors import Busy, Denied, Failed, Filtered, Garbled, Refused, TimedOut, UpstreamError


class _Found(msgspec.Struct, frozen=True):
    """What there is to know of one error before it is classed."""

    status: int
    message: str
    retry_after: float | None = None


def _rate_limited(found: _Found) -> UpstreamError:
    return Busy(
        found.message or "the provider's rate limit is reached",
        retry_after_seconds=found.retry_after,
        upstream_status=found.status,
    )


def _overloaded(found: _Found) -> UpstreamError:
    return Busy(
        found.message or "the provider is overloaded",
        status=503,
        type="server_error",
        code="overloaded",
        retry_after_seconds=found.retry_after,
        upstream_status=found.status,
    )


def _denied(found: _Found) -> UpstreamError:
    # The message speaks of our key, not of the caller's: it is for the log alone.
    return Denied("the provider refused the gateway's credentials", detail=found.message, upstream_status=found.status)


def _out_of_credit(found: _Found) -> UpstreamError:
    return Denied(
        "the gateway's account at the provider is out of credit",
        status=429,
        type="insufficient_quota",
        code="insufficient_quota",
        detail=found.message,
        upstream_status=found.status,
    )


def _filtered(found: _Found) -> UpstreamError:
    return Filtered(found.message or "the provider's content policy refused the request", upstream_status=found.status)


def _timed_out(found: _Found) -> UpstreamError:
    return TimedOut(found.message or "the provider timed out", upstream_status=found.status)


def _refused(found: _Found) -> UpstreamError:
    words = found.message.lower()
    code = "model_not_found" if found.status == 404 and "model" in words else None
    if "too many tokens" in words or "context length" in words:
        code = "context_length_exceeded"
    message = found.message or f"the provider refused the request with status {found.status}"
    return Refused(message, status=found.status, code=code, upstream_status=found.status)


_CLASSES: Mapping[int, Callable[[_Found], UpstreamError]] = {
    401: _denied,
    402: _out_of_credit,
    403: _denied,
    408: _timed_out,
    429: _rate_limited,
    # Its own: the request or the answer holds a word that is on a list.
    498: _filtered,
    503: _overloaded,
    504: _timed_out,
}


def read_error(status: int, headers: Mapping[bytes, bytes], body: bytes) -> UpstreamError:
    """The error that a reply holds; any body will do."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        value = None
    message = value if isinstance(value, str) else lenient_text(lenient_object(value).get("message"))
    found = _Found(status, message.strip(), read_retry_after(headers))
    if (known := _CLASSES.get(status)) is not None:
        return known(found)
    if 400 <= status < 500:
        return _refused(found)
    return Failed(found.message or "the provider failed", retry_after_seconds=found.retry_after, upstream_status=status)


def broken_off(reason: str, words: str) -> UpstreamError:
    """The error of an answer that says itself that it failed."""
    if reason == "TIMEOUT":
        return TimedOut(words or "the model timed out")
    return Failed(words or "the model failed")


def ended_early() -> Failed:
    """The error for a stream without its end."""
    return Failed("the upstream's stream ended unexpectedly")


def garbled(detail: str) -> Garbled:
    """The error for an event that is not what the protocol says."""
    return Garbled("the upstream's stream is not what its protocol says", detail=detail)
