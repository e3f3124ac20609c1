"""Google's errors, read and written.

Source: https://ai.google.dev/gemini-api/docs/troubleshooting, https://cloud.google.com/apis/design/errors.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text, read_retry_after
from trunkline.errors import Busy, Denied, Failed, Filtered, Garbled, Refused, TimedOut, TrunklineError, UpstreamError

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


class _Found:
    """What there is to know of one error before it is classed."""

    __slots__ = ("message", "param", "reason", "retry_after", "status")

    def __init__(self, status: int, error: dict[str, Any], retry_after: float | None) -> None:
        self.status = status
        self.message = lenient_text(error.get("message")).strip()
        self.retry_after = retry_after
        self.reason = ""
        self.param: str | None = None
        for detail in lenient_list(error.get("details")):
            self._read_detail(lenient_object(detail))

    def _read_detail(self, detail: dict[str, Any]) -> None:
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


def _busy(found: _Found) -> UpstreamError:
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


def _timed_out(found: _Found) -> UpstreamError:
    return TimedOut(found.message or "the provider timed out", upstream_status=found.status)


_CLASSES: dict[int, Callable[[_Found], UpstreamError]] = {
    401: _denied,
    402: _out_of_credit,
    403: _denied,
    408: _timed_out,
    429: _busy,
    503: _overloaded,
    504: _timed_out,
}

# A bad key is a plain 400 here; only its reason tells.
_BAD_KEYS = frozenset({"API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED"})


def read_error(status: int, headers: Mapping[bytes, bytes], body: bytes) -> UpstreamError:
    """The error that a reply holds. A status below 400 (an error inside a success) is taken from the error's word.

    The OpenAI-compatible routes wrap the envelope in an array.
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        value = None
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
    found = _Found(status, told, retry_after)
    if found.reason in _BAD_KEYS or (status == 400 and found.message.startswith("API key ")):
        return _denied(found)
    if (known := _CLASSES.get(status)) is not None:
        return known(found)
    if not 400 <= status < 500:
        return Failed(
            found.message or "the provider failed", retry_after_seconds=found.retry_after, upstream_status=status
        )
    if "blocked" in found.message.lower() and "safety" in found.message.lower():
        return Filtered(found.message, upstream_status=status)
    return Refused(
        found.message or f"the provider refused the request with status {status}",
        status=status,
        param=found.param,
        code=_code_of(status, found.message.lower()),
        upstream_status=status,
    )


def _code_of(status: int, message: str) -> str | None:
    if status == 404 and "model" in message:
        return "model_not_found"
    if "exceeds the maximum number of tokens" in message:
        return "context_length_exceeded"
    return None


def ended_early() -> Failed:
    """The error for a stream without its end."""
    return Failed("the upstream's stream ended unexpectedly")


def garbled(detail: str) -> Garbled:
    """The error for a frame that is not what the protocol says."""
    return Garbled("the upstream's stream is not what its protocol says", detail=detail)


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
