"""Google's errors, read and written.

Source: https://ai.google.dev/gemini-api/docs/troubleshooting, https://cloud.google.com/apis/design/errors.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text, read_retry_after
from trunkline.dialects.upstream_errors import Found, classify, decode_body, denied, filtered
from trunkline.errors import TrunklineError, UpstreamError

_TYPE = "type.googleapis.com/google.rpc."

_STATUSES: dict[str, int] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}

_WORDS: dict[int, str] = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def error_word(status: int) -> str:
    """Google's word for a status."""
    return _WORDS.get(status, "INVALID_ARGUMENT" if 400 <= status < 500 else "INTERNAL")


# --- reading ------------------------------------------------------------------------------------------------------


class _Details:
    """What the `details` of an error add to its status and words."""

    __slots__ = ("param", "reason", "retry_after")

    def __init__(self, details: Any, retry_after: float | None) -> None:
        self.retry_after = retry_after
        self.reason = ""
        self.param: str | None = None
        for detail in lenient_list(details):
            self._read(lenient_object(detail))

    def _read(self, detail: dict[str, Any]) -> None:
        kind = lenient_text(detail.get("@type"))
        if kind.endswith("RetryInfo"):
            # A header says the same less exactly, where there is one at all.
            self.retry_after = _read_delay(detail.get("retryDelay")) or self.retry_after
        elif kind.endswith("ErrorInfo"):
            self.reason = lenient_text(detail.get("reason"))
        elif kind.endswith("BadRequest"):
            for violation in lenient_list(detail.get("fieldViolations")):
                self.param = self.param or lenient_text(lenient_object(violation).get("field")) or None


def _read_delay(value: Any) -> float | None:
    """`34.4s` → 34.4."""
    try:
        seconds = float(lenient_text(value).removesuffix("s"))
    except ValueError:
        return None
    return seconds if 0 <= seconds < 1e9 else None


# A bad key is a plain 400 here; only its reason tells.
_BAD_KEYS = frozenset({"API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED"})


def read_error(status: int, headers: Mapping[bytes, bytes], body: bytes) -> UpstreamError:
    """The error that a reply holds. A status below 400 (an error inside a success) is taken from the error's word.

    The OpenAI-compatible routes wrap the envelope in an array.
    """
    value = decode_body(body)
    if isinstance(value, list) and value:
        value = value[0]
    return read_error_object(lenient_object(value).get("error"), status, read_retry_after(headers))


def read_error_object(error: Any, status: int = 200, retry_after: float | None = None) -> UpstreamError:
    """The error that an `error` member tells of: an object, a string, or nothing of use."""
    told = {"message": error} if isinstance(error, str) else lenient_object(error)
    if status < 400:
        code = told.get("code")
        status = code if type(code) is int and 400 <= code < 600 else 500
        status = _STATUSES.get(lenient_text(told.get("status")), status)
    details = _Details(told.get("details"), retry_after)
    found = Found(status, lenient_text(told.get("message")).strip(), details.retry_after, details.param)
    words = found.message.lower()
    if details.reason in _BAD_KEYS or (status == 400 and words.startswith("api key ")):
        return denied(found)
    if status < 500 and "blocked" in words and "safety" in words:
        return filtered(found)
    return classify(found, "context_length_exceeded" if "exceeds the maximum number of tokens" in words else None)


# --- writing ------------------------------------------------------------------------------------------------------


def _envelope(error: TrunklineError, request_id: str = "") -> dict[str, Any]:
    details: list[dict[str, Any]] = []
    if error.param is not None:
        violation = {"field": error.param, "description": error.message}
        details.append({"@type": _TYPE + "BadRequest", "fieldViolations": [violation]})
    if error.code is not None:
        details.append({"@type": _TYPE + "ErrorInfo", "reason": error.code.upper(), "domain": "trunkline"})
    if error.retry_after_seconds is not None:
        details.append({"@type": _TYPE + "RetryInfo", "retryDelay": f"{error.retry_after_seconds:g}s"})
    if request_id:
        details.append({"@type": _TYPE + "RequestInfo", "requestId": request_id})
    drawn = {"code": error.status, "message": error.message, "status": error_word(error.status), "details": details}
    return {"error": drawn}


def write_error(error: TrunklineError, request_id: str) -> bytes:
    """The JSON body of an error reply."""
    return msgspec.json.encode(_envelope(error, request_id))


def write_error_event(error: TrunklineError) -> bytes:
    """The frame that ends a broken stream."""
    return b"data: " + msgspec.json.encode(_envelope(error)) + b"\r\n\r\n"
