"""Anthropic's errors, read and written.

Source: https://docs.anthropic.com/en/api/errors.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from trunkline.dialects.shapes import lenient_object, lenient_text, read_bare_message, read_retry_after
from trunkline.dialects.upstream_errors import Found, classify, decode_body, filtered, out_of_credit, refused
from trunkline.errors import Refused, TrunklineError, Unsupported, UpstreamError

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


# What Anthropic tells apart by its words alone: all three come as a plain `invalid_request_error`.
_BY_WORDS: tuple[tuple[str, Callable[[Found], UpstreamError]], ...] = (
    ("credit balance is too low", out_of_credit),
    ("content filtering policy", filtered),
    ("prompt is too long", lambda found: refused(found, "context_length_exceeded")),
)


def read_error(status: int, headers: Mapping[bytes, bytes], body: bytes) -> UpstreamError:
    """The error that a reply holds. A status below 400 (an error inside a success) is taken from the error's type."""
    value = decode_body(body)
    if isinstance(value, list) and value:
        value = value[0]
    error = lenient_object(value).get("error") or read_bare_message(body, value)
    return read_error_object(error, status, read_retry_after(headers))


def read_error_object(error: Any, status: int = 200, retry_after: float | None = None) -> UpstreamError:
    """The error that an `error` member tells of: an object, a string, or nothing of use."""
    told = {"message": error} if isinstance(error, str) else lenient_object(error)
    if status < 400:
        status = _STATUSES.get(lenient_text(told.get("type")), 500)
    found = Found(status, lenient_text(told.get("message")).strip(), retry_after)
    for words, make in _BY_WORDS if status < 500 else ():
        if words in found.message.lower():
            return make(found)
    return classify(found, lenient_text(lenient_object(told.get("details")).get("error_code")) or None)


# --- writing ------------------------------------------------------------------------------------------------------


def _envelope(error: TrunklineError) -> dict[str, Any]:
    told: dict[str, Any] = {"type": error_type(error.status), "message": error.message}
    if code := _code(error):
        told["details"] = {"error_code": code}
    return {"type": "error", "error": told}


def _code(error: TrunklineError) -> str | None:
    """What programs tell apart: a provider's own code, and that of a thread nobody holds here.

    Told so, Anthropic's SDKs send the whole conversation instead; their tool runners ask for a thread unbidden.
    """
    if isinstance(error, Unsupported) and error.param == "thread":
        return "thread_unsupported_request"
    return error.code if isinstance(error, Refused) else None


def write_error(error: TrunklineError, request_id: str) -> bytes:
    """The JSON body of an error reply."""
    return msgspec.json.encode({**_envelope(error), "request_id": request_id})


def write_error_event(error: TrunklineError) -> bytes:
    """The event that ends a broken stream; Anthropic sends no `message_stop` after it."""
    return b"event: error\ndata: " + msgspec.json.encode(_envelope(error)) + b"\n\n"
