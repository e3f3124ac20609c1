"""Errors of Bedrock, as replies and as messages within a stream.

Both name an exception: in the header `x-amzn-errortype`, the member `__type`, or the message's `:exception-type`.
Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors.
"""

from collections.abc import Callable, Mapping
from typing import Any

from trunkline.dialects.shapes import lenient_object, lenient_text, read_retry_after
from trunkline.dialects.upstream_errors import (
    Found,
    classify,
    decode_body,
    denied,
    failed,
    overloaded,
    rate_limited,
    refused,
    timed_out,
)
from trunkline.errors import UpstreamError


def _denied(found: Found) -> UpstreamError:
    # Below its first line the message may quote what was signed, a token included.
    return denied(Found(found.status, found.message.partition("\n")[0]))


def _refused(found: Found) -> UpstreamError:
    return refused(found, _read_code(found))


def _read_code(found: Found) -> str | None:
    words = found.message.lower()
    if "too long" in words or "context window" in words or "maximum tokens" in words:
        return "context_length_exceeded"
    return "model_not_found" if found.status == 404 else None


_CLASSES: Mapping[str, Callable[[Found], UpstreamError]] = {
    "throttlingexception": rate_limited,
    "toomanyrequestsexception": rate_limited,
    "servicequotaexceededexception": rate_limited,
    "modelnotreadyexception": overloaded,
    "serviceunavailableexception": overloaded,
    "internalserverexception": failed,
    "modelerrorexception": failed,
    "modelstreamerrorexception": failed,
    "modeltimeoutexception": timed_out,
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

_BY_STATUS: Mapping[int | None, Callable[[Found], UpstreamError]] = {
    401: _denied,
    402: _denied,
    403: _denied,
    # The model failed, not the request.
    424: failed,
}


def read_error(status: int, headers: Mapping[bytes, bytes], body: bytes) -> UpstreamError:
    """The error that a reply holds; any body will do."""
    value = lenient_object(decode_body(body))
    named = headers.get(b"x-amzn-errortype", b"").decode("latin-1") or _read_type(value)
    return _class(named, Found(status, _read_message(value), read_retry_after(headers)))


def read_exception(kind: str, payload: bytes) -> UpstreamError:
    """The error that a message within a stream holds."""
    return _class(kind, Found(None, _read_message(lenient_object(decode_body(payload)))))


def error_named(kind: str, message: str) -> UpstreamError:
    """The error of a message that holds no exception but a code and words in its headers."""
    return _class(kind, Found(None, message))


def _class(named: str, found: Found) -> UpstreamError:
    kind = _plain(named)
    draw = _CLASSES.get(kind.lower()) or _BY_STATUS.get(found.status)
    if draw is _denied:
        return _denied(Found(found.status, f"{kind}: {found.message}".strip(": ")))
    return classify(found, _read_code(found)) if draw is None else draw(found)


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
