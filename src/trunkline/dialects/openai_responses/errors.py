"""Errors on the Responses wire: an upstream's → the tree's, the tree's → the caller's envelope and error events.

Source: https://platform.openai.com/docs/guides/error-codes
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from trunkline.dialects.shapes import UNREADABLE, lenient_object, lenient_text, read_bare_message, read_retry_after
from trunkline.dialects.upstream_errors import TOO_LONG, is_too_long
from trunkline.errors import Busy, Denied, Failed, Filtered, Refused, TimedOut, TrunklineError, UpstreamError

# What `response.error.code` may be, by OpenAI's description; a writer folds everything else into the first three.
_RESPONSE_CODES = frozenset(
    {
        "server_error",
        "rate_limit_exceeded",
        "invalid_prompt",
        "data_residency_mismatch",
        "bio_policy",
        "vector_store_timeout",
        "invalid_image",
        "invalid_image_format",
        "invalid_base64_image",
        "invalid_image_url",
        "image_too_large",
        "image_too_small",
        "image_parse_error",
        "image_content_policy_violation",
        "invalid_image_mode",
        "image_file_too_large",
        "unsupported_image_media_type",
        "empty_image_file",
        "failed_to_download_image",
        "image_file_not_found",
    }
)

_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_FILTER_CODES = frozenset(
    {"content_filter", "content_policy_violation", "bio_policy", "cyber_policy", "image_content_policy_violation"}
)
_CREDENTIAL_CODES = frozenset({"invalid_api_key", "account_deactivated", "invalid_organization"})

# Longer messages are somebody's HTML page.
_MESSAGE_LIMIT = 2000


class OutOfQuota(Busy):
    """The account behind this target has run out of money: a 429 that waiting does not mend."""

    type = "insufficient_quota"
    code = "insufficient_quota"
    should_retry = False
    retryable = False


# --- an upstream's ----------------------------------------------------------------------------------------------


def read_error(status: int, headers: Mapping[bytes, bytes], body: bytes) -> UpstreamError:
    """An error reply, whatever its body is."""
    decoded = _decode(body)
    error = find_error(decoded)
    if not lenient_text(error.get("message")):
        error = error | {"message": read_bare_message(body, decoded)}
    return _classify(status, error, read_retry_after(headers))


def read_error_object(error: Any) -> UpstreamError:
    """The error inside a stream, or inside a reply of status 200: there is no status, so its words must do."""
    found = lenient_object(error)
    return _classify(_guess_status(found), found, None, in_stream=True)


def find_error(value: Any) -> dict[str, Any]:
    """The error object in a decoded body: bare, wrapped, in an array (Google) or as a mere string; else empty."""
    if type(value) is list and value:
        value = value[0]
    body = lenient_object(value)
    error = body.get("error")
    if type(error) is dict:
        return error
    if type(error) is str:
        return body | {"message": error}
    # OpenAI's flat error event: its `type` is the event's, not the error's.
    return body if body.get("type") != "error" else body | {"type": None}


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except UNREADABLE:
        return None


def _guess_status(error: dict[str, Any]) -> int:
    """The HTTP status that an error's own words stand for."""
    words = {lenient_text(error.get("type")), lenient_text(error.get("code"))}
    if words & {"rate_limit_exceeded", "rate_limit_error", "tokens", "requests"} | words & _QUOTA_CODES:
        return 429
    if words & {"overloaded", "overloaded_error", "service_unavailable", "server_is_overloaded", "slow_down"}:
        return 503
    if words & _CREDENTIAL_CODES | words & {"authentication_error", "permission_error"}:
        return 401
    if words & {"invalid_request_error", "invalid_prompt", "context_length_exceeded"} | words & _FILTER_CODES:
        return 400
    if words & _RESPONSE_CODES - {"server_error", "vector_store_timeout"}:
        return 400
    return 500


def _classify(
    status: int, error: dict[str, Any], retry_after: float | None, *, in_stream: bool = False
) -> UpstreamError:
    message = lenient_text(error.get("message"))[:_MESSAGE_LIMIT]
    code = _read_code(error)
    type_ = lenient_text(error.get("type")) or None
    upstream_status = None if in_stream else status
    if status == 402 or code in _QUOTA_CODES or type_ in _QUOTA_CODES:
        return OutOfQuota(message or "the provider's quota is used up", upstream_status=upstream_status)
    if status in (401, 403):
        # The words are about our account: the log may have them, the caller not.
        return Denied("the provider refused the gateway's credentials", detail=message, upstream_status=upstream_status)
    if status in (429, 503, 529):
        return Busy(
            message or "the provider is busy",
            code=code if status == 429 else code or "overloaded",
            status=429 if status == 429 else 503,
            type="rate_limit_error" if status == 429 else "server_error",
            retry_after_seconds=retry_after,
            upstream_status=upstream_status,
        )
    if status in (408, 504):
        return TimedOut(message or "the provider timed out", upstream_status=upstream_status)
    if status >= 500 or status < 400:
        return Failed(
            message or f"the provider failed with status {status}",
            code=code or "server_error",
            type=type_,
            retry_after_seconds=retry_after,
            upstream_status=upstream_status,
        )
    if is_too_long(status, message):
        code = TOO_LONG
    kind = Filtered if code in _FILTER_CODES else Refused
    return kind(
        message or f"the provider refused the request with status {status}",
        param=lenient_text(error.get("param")) or None,
        code=code,
        status=status,
        type=type_,
        upstream_status=upstream_status,
    )


def _read_code(error: dict[str, Any]) -> str | None:
    """The error's code; some vendors send a number."""
    code = error.get("code")
    if type(code) is int:
        return str(code)
    return lenient_text(code) or None


# --- the caller's -----------------------------------------------------------------------------------------------


def write_error(error: TrunklineError, _request_id: str) -> bytes:
    """OpenAI's envelope, all four keys always there; the request's id travels as a header."""
    return msgspec.json.encode({"error": draw_error(error)})


def draw_error(error: TrunklineError) -> dict[str, Any]:
    """The error object itself."""
    # What was too long is the input, whatever the upstream calls it.
    param = "input" if error.code == TOO_LONG else error.param
    return {"message": error.message, "type": error.type, "param": param, "code": error.code}


def draw_error_event(error: TrunklineError, sequence_number: int) -> dict[str, Any]:
    """The `error` event, flat as OpenAI describes it and nested as OpenAI sends it: clients look for either."""
    drawn = draw_error(error)
    return {
        "type": "error",
        "sequence_number": sequence_number,
        "code": error.code,
        "message": error.message,
        "param": drawn["param"],
        "error": {"type": drawn["type"], "code": drawn["code"], "message": drawn["message"], "param": drawn["param"]},
    }


def draw_response_error(error: TrunklineError) -> dict[str, str]:
    """`response.error`, its code folded into OpenAI's enumeration."""
    code = error.code
    if code not in _RESPONSE_CODES:
        code = _fold_code(error)
    return {"code": code, "message": error.message}


def _fold_code(error: TrunklineError) -> str:
    if error.status == 429:
        return "rate_limit_exceeded"
    return "invalid_prompt" if 400 <= error.status < 500 else "server_error"


def write_event(event: dict[str, Any]) -> bytes:
    """One whole event: its name is its type."""
    return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), msgspec.json.encode(event))


DONE = b"data: [DONE]\n\n"
"""Open Responses demands it at the end, OpenAI's own clients ignore it: what we write ends with it."""


def write_error_event(error: TrunklineError) -> bytes:
    """The end of a stream that broke before anything of it was written."""
    return write_event(draw_error_event(error, 0)) + DONE
