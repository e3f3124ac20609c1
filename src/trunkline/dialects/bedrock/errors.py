"""Errors of Bedrock, as replies and as messages within a stream.

Both name an exception: in the header `x-amzn-errortype`, the member `__type`, or the message's `:exception-type`.
Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from trunkline.dialects.shapes import lenient_object, lenient_text, read_retry_after
from trunkline.errors import Busy, Denied, Failed, Garbled, Refused, TimedOut, UpstreamError


class _Found(msgspec.Struct, frozen=True):
    """What there is to know of one error before it is classed. `status` is `None` within a stream."""

    kind: str
    message: str
    status: int | None
    retry_after: float | None = None


def _throttled(found: _Found) -> UpstreamError:
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
    # The message speaks of our credentials, and below its first line may quote what was signed, a token included.
    first_line = found.message.partition("\n")[0]
    return Denied(
        "the provider refused the gateway's credentials",
        detail=f"{found.kind}: {first_line}".strip(": "),
        upstream_status=found.status,
    )


def _refused(found: _Found) -> UpstreamError:
    status = found.status if found.status is not None and 400 <= found.status < 500 else 400
    return Refused(
        found.message or "the provider refused the request",
        status=status,
        code=_read_code(found, status),
        upstream_status=found.status,
    )


def _read_code(found: _Found, status: int) -> str | None:
    words = found.message.lower()
    if "too long" in words or "context window" in words or "maximum tokens" in words:
        return "context_length_exceeded"
    return "model_not_found" if status == 404 else None


def _timed_out(found: _Found) -> UpstreamError:
    return TimedOut(found.message or "the model timed out", upstream_status=found.status)


def _failed(found: _Found) -> UpstreamError:
    return Failed(found.message or "the provider failed", upstream_status=found.status)


_CLASSES: Mapping[str, Callable[[_Found], UpstreamError]] = {
    "throttlingexception": _throttled,
    "toomanyrequestsexception": _throttled,
    "servicequotaexceededexception": _throttled,
    "modelnotreadyexception": _overloaded,
    "serviceunavailableexception": _overloaded,
    "internalserverexception": _failed,
    "modelerrorexception": _failed,
    "modelstreamerrorexception": _failed,
    "modeltimeoutexception": _timed_out,
    "validationexception": _refused,
    "resourcenotfoundexception": _refused,
    "conflictexception": _refused,
    "accessdeniedexception": _denied,
    "expiredtokenexception": _denied,
    "incompletesignatureexception": _denied,
    "invalidclienttokenid": _denied,
    "invalidsignatureexception": _denied,
    "missingauthenticationtokenexception": _denied,
    "optinrequired": _denied,
    "unrecognizedclientexception": _denied,
}

_BY_STATUS: Mapping[int, Callable[[_Found], UpstreamError]] = {
    401: _denied,
    402: _denied,
    403: _denied,
    408: _timed_out,
    424: _failed,
    429: _throttled,
    503: _overloaded,
    504: _timed_out,
}


def read_error(status: int, headers: Mapping[bytes, bytes], body: bytes) -> UpstreamError:
    """The error that a reply holds; any body will do."""
    try:
        value = lenient_object(msgspec.json.decode(body))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        value = {}
    named = headers.get(b"x-amzn-errortype", b"").decode("latin-1") or _read_type(value)
    return _class(_Found(_plain(named), _read_message(value), status, read_retry_after(headers)))


def read_exception(kind: str, payload: bytes) -> UpstreamError:
    """The error that a message within a stream holds."""
    try:
        value = lenient_object(msgspec.json.decode(payload))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        value = {}
    return _class(_Found(_plain(kind), _read_message(value), None))


def error_named(kind: str, message: str) -> UpstreamError:
    """The error of a message that holds no exception but a code and words in its headers."""
    return _class(_Found(_plain(kind), message, None))


def _class(found: _Found) -> UpstreamError:
    draw = _CLASSES.get(found.kind.lower())
    if draw is None:
        status = found.status or 500
        draw = _BY_STATUS.get(status, _refused if 400 <= status < 500 else _failed)
    return draw(found)


def _plain(kind: str) -> str:
    """`com.amazon.coral#ThrottlingException:http://…` → `ThrottlingException`."""
    return kind.partition(":")[0].rpartition("#")[2].strip()


def _read_type(value: dict[str, Any]) -> str:
    return lenient_text(value.get("__type")) or lenient_text(value.get("code"))


def _read_message(value: dict[str, Any]) -> str:
    for name in ("message", "Message", "originalMessage", "errorMessage"):
        if text := lenient_text(value.get(name)):
            return text
    return ""


def garbled(detail: str) -> Garbled:
    return Garbled("the upstream's reply cannot be read", detail=detail)


def ended_early() -> Failed:
    return Failed("the upstream's stream ended unexpectedly")
