"""The error tree: what can go wrong with a request, said once, drawn by each dialect.

TrunklineError          code · status · message (safe to show) · detail (logs only) · retry facts · param
├── CallerError         theirs to fix, never retried
├── UpstreamError       a provider's; `retryable` and `fall_back` are facts of the class
├── Unavailable         ours, for a while; 503 with truthful retry facts
└── Broken              ours: a bug; the caller sees "internal error" and an id

Raise the most specific class and let it fly: `engine/gateway.py` turns it into a reply, in the caller's own
dialect, in one place. A `message` may be read by the caller; whatever only we should see goes into `detail`.
"""

from collections.abc import Sequence
from typing import ClassVar

# A message names what was said, by a caller or an upstream, and that may be megabytes.
_MOST_CHARACTERS = 8192


class TrunklineError(Exception):
    """An error that a caller will see, in the envelope of its own dialect.

    `status` is the HTTP status, `type` and `code` are OpenAI's words (other dialects map them), `param` names the
    field at fault (`messages[2].content`), `retry_after_seconds` is a hint or `None`, and `should_retry` is the
    `x-should-retry` header: `None` leaves the header out. `headers` are further ones, for programs to read.
    """

    status: int = 500
    type: str = "server_error"
    code: str | None = "server_error"
    should_retry: bool | None = None
    retry_after_seconds: float | None = None
    headers: Sequence[tuple[bytes, bytes]] = ()

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        detail: str = "",
        retry_after_seconds: float | None = None,
    ) -> None:
        message = _cut(message)
        super().__init__(message)
        self.message = message
        self.param = param and _cut(param)
        self.detail = detail
        if retry_after_seconds is not None:
            self.retry_after_seconds = retry_after_seconds
        if code is not None:
            self.code = code


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + "…"


# --- the caller's -----------------------------------------------------------------------------------------------


class CallerError(TrunklineError):
    """Theirs to fix: the same request would fail again."""

    status = 400
    type = "invalid_request_error"
    code: str | None = None
    should_retry = False


class InvalidRequest(CallerError):
    """400: the request is malformed; `param` names the field."""


class Unsupported(CallerError):
    """400: the request is sound, but this target cannot do what it asks."""

    code = "unsupported_value"


class UnknownParameter(CallerError):
    """400: a field that nobody on the way knows."""

    code = "unknown_parameter"


class TooLarge(CallerError):
    """413: a body, head or nesting over the configured limit."""

    status = 413
    code = "request_too_large"


class UnsupportedMediaType(CallerError):
    """415: a content encoding or type that is not taken here."""

    status = 415
    code = "unsupported_media_type"


class Unauthenticated(CallerError):
    """401: no key, or one that is not known here."""

    status = 401
    code = "invalid_api_key"


class Forbidden(CallerError):
    """403: known, but not allowed."""

    status = 403
    type = "permission_error"
    code = "forbidden"


class NotFound(CallerError):
    """404: no such route or object."""

    status = 404
    code = "not_found"


class ObjectNotFound(CallerError):
    """404: no such kept object on the caller's path, whoever may have one of that id. OpenAI gives it no code."""

    status = 404


class ModelNotFound(NotFound):
    """404: no target for this model name; the message says which names are near."""

    code = "model_not_found"


class Conflict(CallerError):
    """409: it cannot be done to the object as it stands; the message says what stands in the way."""

    status = 409
    code = "conflict"


class RateLimited(CallerError):
    """429: too much in too short a time; `retry_after_seconds` says how long to wait."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"
    should_retry = True


class BudgetExceeded(CallerError):
    """429: what the call may cost is more than a budget has left. Worth another try only where other calls hold it."""

    status = 429
    type = "rate_limit_error"
    code = "budget_exceeded"


class MethodNotAllowed(CallerError):
    """405: the route exists, the method does not."""

    status = 405
    code = "method_not_allowed"


class UpgradeRequired(CallerError):
    """426: a WebSocket upgrade on a route that speaks HTTP."""

    status = 426
    code = "upgrade_required"


class Slow(CallerError):
    """408: the head or body did not arrive within its deadline."""

    status = 408
    code = "request_timeout"
    should_retry = True


class Loop(CallerError):
    """508: the request has been through this gateway before."""

    status = 508
    code = "loop_detected"


# --- a provider's -----------------------------------------------------------------------------------------------


class UpstreamError(TrunklineError):
    """A provider failed us. `upstream_status` is its own status, or `None` when there was none.

    `retryable`: the same target may do better in a moment. `fall_back`: another target may. `should_retry` (what we
    tell the caller) is true only where the request cannot have been executed.
    """

    status = 502
    type = "server_error"
    code: str | None = "upstream_error"
    should_retry = False
    retryable: ClassVar[bool] = False
    fall_back: ClassVar[bool] = True

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        detail: str = "",
        retry_after_seconds: float | None = None,
        status: int | None = None,
        type: str | None = None,
        upstream_status: int | None = None,
    ) -> None:
        super().__init__(message, param=param, code=code, detail=detail, retry_after_seconds=retry_after_seconds)
        self.upstream_status = upstream_status
        if status is not None:
            self.status = status
        if type is not None:
            self.type = type


class Refused(UpstreamError):
    """The provider's own 4xx about the request: passed on with its status and message."""

    status = 400
    type = "invalid_request_error"
    code = None
    should_retry = False
    fall_back = False


class Denied(UpstreamError):
    """Our credential was refused (401, 402, 403): a 502, never the caller's 401."""

    status = 502
    code = "upstream_credentials_refused"


class Filtered(UpstreamError):
    """The provider's content policy refused the request: final, never routed around."""

    status = 400
    type = "invalid_request_error"
    code = "content_policy_violation"
    fall_back = False


class Busy(UpstreamError):
    """429, 503 or 529: not accepted, try later; `retry_after_seconds` is the provider's hint."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"
    should_retry = True
    retryable = True


class Unreachable(UpstreamError):
    """No connection, so certainly nothing was executed: 503."""

    status = 503
    code = "upstream_unreachable"
    should_retry = True
    # A restart takes a moment, and there is nobody to say how long.
    retry_after_seconds = 1.0
    retryable = True


class Failed(UpstreamError):
    """A 5xx, a cut connection or an error inside the stream: it may have been executed."""

    status = 502
    retryable = True


class TimedOut(UpstreamError):
    """No first byte, or silence for too long: 504."""

    status = 504
    code = "upstream_timeout"


class Garbled(UpstreamError):
    """Bytes that are not what the provider's protocol says."""

    status = 502
    code = "upstream_garbled"
    retryable = True


# --- ours -------------------------------------------------------------------------------------------------------


class Unavailable(TrunklineError):
    """503: something of ours is away for a while (draining, full, a list still being fetched)."""

    status = 503
    code = "unavailable"
    should_retry = True
    retry_after_seconds: float | None = 1.0


class Broken(TrunklineError):
    """500: a bug of ours; the caller sees no more than an id."""

    status = 500
    should_retry = False


class ConfigError(Exception):
    """The configuration cannot be served: the message names the setting and the mend. Ends the start."""
