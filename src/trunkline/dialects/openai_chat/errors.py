"""Errors on OpenAI's wire: a provider's, read; ours, drawn. Also what vendors put inside a 200.

Source: https://platform.openai.com/docs/guides/error-codes
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from trunkline.dialects.openai_chat.chunks import Chunk
from trunkline.dialects.openai_chat.finish import read_finish
from trunkline.dialects.shapes import (
    UNREADABLE,
    decode_json,
    lenient_object,
    lenient_text,
    read_bare_message,
    read_retry_after,
)
from trunkline.dialects.upstream_errors import TOO_LONG, is_too_long
from trunkline.errors import Busy, Denied, Failed, Filtered, Garbled, Refused, TimedOut, TrunklineError, UpstreamError

# Long enough for every honest message, short enough for a log line.
_MESSAGE_LIMIT = 2000

_STATUS_BY_WORD: dict[str, int] = {
    "invalid_request_error": 400,
    "invalid_request": 400,
    "badrequesterror": 400,
    "bad_request": 400,
    "context_length_exceeded": 400,
    "content_filter": 400,
    "content_policy_violation": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "insufficient_quota": 402,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "tokens": 429,
    "requests": 429,
    "overloaded": 503,
    "overloaded_error": 529,
    "service_unavailable": 503,
    "timeout": 504,
}
"""What an error without a status means, by its `code` or `type`."""

ENDED_UNEXPECTEDLY = "the upstream's stream ended unexpectedly"

_FILTER_CODES = frozenset({"content_filter", "content_policy_violation", "responsibleaipolicyviolation"})
_QUOTA_CODES = frozenset({"insufficient_quota", "billing_error", "billing_hard_limit_reached"})


def find_error(body: Any) -> dict[str, Any] | None:
    """The error object of a decoded body or chunk, in any of the shapes that vendors use; `None` if it holds none.

    `{"error": {…}}`, `{"error": "text"}`, Google's `[{"error": {…}}]`, vLLM's flat `{"object": "error", …}`.
    """
    if type(body) is list:
        body = body[0] if body else None
    if type(body) is not dict:
        return None
    error = body.get("error")
    if type(error) is dict and error:
        return error
    if type(error) is str and error:
        return {"message": error, "code": body.get("code")}
    if body.get("object") == "error" or (body.get("type") == "error" and "message" in body):
        return body
    return None


def find_bare_error(chunk: Chunk) -> dict[str, Any] | None:
    """The error object that a chunk without choices is, if it is one."""
    members = {"object": chunk.object, "type": chunk.type, "message": chunk.message, "code": chunk.code}
    return find_error({"error": chunk.error, **members})


def read_error(status: int, headers: Mapping[bytes, bytes], body: bytes) -> UpstreamError:
    """A provider's error reply; the body may be anything."""
    try:
        decoded = msgspec.json.decode(body)
    except UNREADABLE:
        decoded = None
    error = find_error(decoded) or lenient_object(decoded)
    if not lenient_text(error.get("message")):
        error = error | {"message": read_bare_message(body, decoded)}
    return _classify(error, status, read_retry_after(headers))


def read_error_object(error: dict[str, Any]) -> UpstreamError:
    """An error that came inside a success: its status is told by its own `code`, `status` or words."""
    return _classify(error, _status_of(error), None)


def read_chunk_error(chunk: Chunk) -> UpstreamError | None:
    """The error that a chunk is, or that its choice ends with."""
    if chunk.error or not chunk.choices:
        error = find_bare_error(chunk)
        return read_error_object(error) if error is not None else None
    for choice in chunk.choices:
        if type(choice.finish_reason) is str:
            finish = read_finish(choice.finish_reason)
            if isinstance(finish, UpstreamError):
                error = find_error({"error": choice.error})
                return read_error_object(error) if error is not None else finish
    return None


def read_body_error(body: bytes) -> UpstreamError | None:
    """The error in a JSON body, if it is one."""
    body = body.strip()
    if body[:1] not in (b"{", b"["):
        return None
    try:
        error = find_error(decode_json(body))
    except Garbled as garbled:
        return garbled
    return read_error_object(error) if error is not None else None


def _status_of(error: Mapping[str, Any]) -> int:
    for name in ("code", "status", "status_code"):
        value = error.get(name)
        if type(value) is str and value.isascii() and value.isdecimal() and len(value) == 3:
            value = int(value)
        if type(value) is int and 400 <= value <= 599:
            return value
    for name in ("code", "type", "status"):
        status = _STATUS_BY_WORD.get(lenient_text(error.get(name)).lower())
        if status is not None:
            return status
    return 500


def _classify(error: Mapping[str, Any], status: int, retry_after: float | None) -> UpstreamError:
    code = lenient_text(error.get("code")) or None
    if code is not None and code.isdecimal():
        code = None
    kind = lenient_text(error.get("type")) or None
    words = {word.lower() for word in (code, kind) if word}
    message = lenient_text(error.get("message"))[:_MESSAGE_LIMIT]
    if not message:
        message = f"the provider answered {status} without a message"
    if status == 402 or words & _QUOTA_CODES:
        # Ours to pay, and no better in a moment: said as a 429 that the SDKs do not retry.
        busy = Busy(message, status=429, code="insufficient_quota", type="insufficient_quota", upstream_status=status)
        busy.should_retry = False
        return busy
    if words & _FILTER_CODES:
        return Filtered(message, code=code, param=_param(error), upstream_status=status)
    if status in (401, 403):
        return Denied("the provider refused the gateway's credentials", detail=message, upstream_status=status)
    if status == 429:
        return Busy(message, code=code, type=kind, retry_after_seconds=retry_after, upstream_status=status)
    if status in (503, 529):
        return Busy(
            message,
            status=503,
            type=kind or "server_error",
            code=code or "overloaded",
            retry_after_seconds=retry_after,
            upstream_status=status,
        )
    if status in (408, 504):
        return TimedOut(message, upstream_status=status)
    if is_too_long(status, message):
        code = TOO_LONG
    if 400 <= status < 500:
        return Refused(message, status=status, type=kind, code=code, param=_param(error), upstream_status=status)
    return Failed(message, code=code, type=kind, retry_after_seconds=retry_after, upstream_status=status)


def _param(error: Mapping[str, Any]) -> str | None:
    return lenient_text(error.get("param")) or None


def error_object(error: TrunklineError) -> dict[str, Any]:
    """OpenAI's error object: all four members, always."""
    return {"message": error.message, "type": error.type, "param": error.param, "code": error.code}


def write_error(error: TrunklineError, request_id: str) -> bytes:
    """The JSON envelope. OpenAI's has no room for the request's id: it travels in a header."""
    return msgspec.json.encode({"error": error_object(error)})


def write_error_event(error: TrunklineError) -> bytes:
    """What ends a stream that broke: the error, then the mark that closes every Chat stream."""
    return b"data: " + write_error(error, "") + b"\n\ndata: [DONE]\n\n"
