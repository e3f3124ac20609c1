"""Anthropic's errors, read and written.

Source: https://docs.anthropic.com/en/api/errors.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from trunkline.dialects.shapes import lenient_object, lenient_text, read_bare_message, read_retry_after
from trunkline.errors import (
    Busy,
    Denied,
    Failed,
    Filtered,
    Garbled,
    Refused,
    TimedOut,
    TrunklineError,
    UpstreamError,
)

_STATUSES: dict[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}

_TYPES: dict[int, str] = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error_type(status: int) -> str:
    """Anthropic's word for a status."""
    return _TYPES.get(status, "invalid_request_error" if 400 <= status < 500 else "api_error")


# --- reading ------------------------------------------------------------------------------------------------------


class _Found:
    """What there is to know of one error before it is classed."""

    __slots__ = ("message", "retry_after", "status")

    def __init__(self, status: int, message: str, retry_after: float | None) -> None:
        self.status = status
        self.message = message
        self.retry_after = retry_after


def _overloaded(found: _Found) -> UpstreamError:
    return Busy(
        found.message or "the provider is overloaded",
        status=503,
        type="server_error",
        code="overloaded",
        retry_after_seconds=found.retry_after,
        upstream_status=found.status,
    )


def _rate_limited(found: _Found) -> UpstreamError:
    return Busy(
        found.message or "the provider's rate limit is reached",
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


def _timed_out(found: _Found) -> UpstreamError:
    return TimedOut(found.message or "the provider timed out", upstream_status=found.status)


_CLASSES: dict[int, Callable[[_Found], UpstreamError]] = {
    401: _denied,
    402: _out_of_credit,
    403: _denied,
    408: _timed_out,
    429: _rate_limited,
    503: _overloaded,
    504: _timed_out,
    529: _overloaded,
}

# What Anthropic tells apart by its words alone: all three come as a plain `invalid_request_error`.
_BY_WORDS: tuple[tuple[str, Callable[[_Found], UpstreamError]], ...] = (
    ("credit balance is too low", _out_of_credit),
    ("content filtering policy", lambda found: Filtered(found.message, upstream_status=found.status)),
    (
        "prompt is too long",
        lambda found: Refused(found.message, code="context_length_exceeded", upstream_status=found.status),
    ),
)


def read_error(status: int, headers: Mapping[bytes, bytes], body: bytes) -> UpstreamError:
    """The error that a reply holds. A status below 400 (an error inside a success) is taken from the error's type."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        value = None
    if isinstance(value, list) and value:
        value = value[0]
    error = lenient_object(value).get("error") or read_bare_message(body, value)
    return read_error_object(error, status, read_retry_after(headers))


def read_error_object(error: Any, status: int = 200, retry_after: float | None = None) -> UpstreamError:
    """The error that an `error` member tells of: an object, a string, or nothing of use."""
    told = {"message": error} if isinstance(error, str) else lenient_object(error)
    if status < 400:
        status = _STATUSES.get(lenient_text(told.get("type")), 500)
    found = _Found(status, lenient_text(told.get("message")).strip(), retry_after)
    if status < 500:
        for words, make in _BY_WORDS:
            if words in found.message.lower():
                return make(found)
    if (known := _CLASSES.get(status)) is not None:
        return known(found)
    if 400 <= status < 500:
        return Refused(
            found.message or f"the provider refused the request with status {status}",
            status=status,
            code="model_not_found" if status == 404 and "model" in found.message.lower() else None,
            upstream_status=status,
        )
    return Failed(found.message or "the provider failed", retry_after_seconds=retry_after, upstream_status=status)


def ended_early() -> Failed:
    """The error for a stream without its end."""
    return Failed("the upstream's stream ended unexpectedly")


def garbled(detail: str) -> Garbled:
    """The error for an event that is not what the protocol says."""
    return Garbled("the upstream's stream is not what its protocol says", detail=detail)


# --- writing ------------------------------------------------------------------------------------------------------


def _envelope(error: TrunklineError) -> dict[str, Any]:
    return {"type": "error", "error": {"type": error_type(error.status), "message": error.message}}


def write_error(error: TrunklineError, request_id: str) -> bytes:
    """The JSON body of an error reply."""
    return msgspec.json.encode({**_envelope(error), "request_id": request_id})


def write_error_event(error: TrunklineError) -> bytes:
    """The event that ends a broken stream; Anthropic sends no `message_stop` after it."""
    return b"event: error\ndata: " + msgspec.json.encode(_envelope(error)) + b"\n\n"
