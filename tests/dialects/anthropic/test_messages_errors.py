"""Anthropic's errors, read and written."""

import json

import pytest

from trunkline.dialects.anthropic import DIALECT
from trunkline.dialects.anthropic.errors import error_type
from trunkline.errors import Busy, Denied, Failed, Filtered, InvalidRequest, Refused, TimedOut, UpstreamError


def body(kind: str, message: str) -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "r"}).encode()


@pytest.mark.parametrize(
    ("status", "kind", "expected", "seen_status", "code"),
    [
        (400, "invalid_request_error", Refused, 400, None),
        (401, "authentication_error", Denied, 502, "upstream_credentials_refused"),
        (402, "billing_error", Denied, 429, "insufficient_quota"),
        (403, "permission_error", Denied, 502, "upstream_credentials_refused"),
        (404, "not_found_error", Refused, 404, None),
        (413, "request_too_large", Refused, 413, None),
        (429, "rate_limit_error", Busy, 429, "rate_limit_exceeded"),
        (500, "api_error", Failed, 502, "upstream_error"),
        (503, "api_error", Busy, 503, "overloaded"),
        (504, "timeout_error", TimedOut, 504, "upstream_timeout"),
        (529, "overloaded_error", Busy, 503, "overloaded"),
        # Inside a success the type alone tells.
        (200, "overloaded_error", Busy, 503, "overloaded"),
        (200, "rate_limit_error", Busy, 429, "rate_limit_exceeded"),
        (200, "invalid_request_error", Refused, 400, None),
        (200, "something_new", Failed, 502, "upstream_error"),
    ],
)
def test_each_status_has_its_class(
    status: int, kind: str, expected: type[UpstreamError], seen_status: int, code: str | None
) -> None:
    """What the caller sees follows from what the provider meant."""
    error = DIALECT.read_error(status, {}, body(kind, "words"))
    assert type(error) is expected
    assert (error.status, error.code) == (seen_status, code)
    assert error.upstream_status == (status if status >= 400 else error.upstream_status)


@pytest.mark.parametrize("status", [401, 402, 403])
def test_what_concerns_our_credential_is_not_told(status: int) -> None:
    """The message speaks of the gateway's key: it is for the log."""
    error = DIALECT.read_error(status, {}, body("authentication_error", "invalid x-api-key"))
    assert "x-api-key" not in error.message
    assert error.detail == "invalid x-api-key"


def test_a_low_balance_is_no_fault_of_the_callers() -> None:
    """Anthropic says so with a 400."""
    words = "Your credit balance is too low to access the Anthropic API."
    error = DIALECT.read_error(400, {}, body("invalid_request_error", words))
    assert isinstance(error, Denied)
    assert (error.status, error.code, error.retryable) == (429, "insufficient_quota", False)


def test_blocked_output_is_filtered() -> None:
    """Final, and never routed around."""
    error = DIALECT.read_error(400, {}, body("invalid_request_error", "Output blocked by content filtering policy"))
    assert isinstance(error, Filtered)


def test_a_prompt_that_is_too_long_has_openais_code() -> None:
    """Agents act upon it."""
    error = DIALECT.read_error(400, {}, body("invalid_request_error", "prompt is too long: 210000 tokens > 200000"))
    assert error.code == "context_length_exceeded"
    assert error.message.startswith("prompt is too long")


def test_a_code_is_passed_on() -> None:
    """The SDKs act upon it: they send a lost thread's whole conversation again."""
    told = {"type": "not_found_error", "message": "No such thread.", "details": {"error_code": "thread_not_found"}}
    error = DIALECT.read_error(404, {}, json.dumps({"type": "error", "error": told}).encode())
    assert error.code == "thread_not_found"
    assert json.loads(DIALECT.write_error(error, "r"))["error"] == told


def test_an_unknown_model_has_openais_code() -> None:
    """Anthropic's 404 names it."""
    assert DIALECT.read_error(404, {}, body("not_found_error", "model: claude-9")).code == "model_not_found"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({b"retry-after": b"7"}, 7.0), ({b"retry-after-ms": b"250"}, 0.25), ({}, None), ({b"retry-after": b"soon"}, None)],
)
def test_the_hint_when_to_come_back(headers: dict[bytes, bytes], seconds: float | None) -> None:
    """It is kept where there is one."""
    assert DIALECT.read_error(429, headers, body("rate_limit_error", "slow")).retry_after_seconds == seconds


@pytest.mark.parametrize(
    "garbage",
    [b"", b"<html>", b"\xff", b"[]", b"5", b'"x"', b'[{"error":{"message":"boom"}}]', b'{"error":"boom"}', b"[" * 5000],
)
def test_any_body_is_an_error_to_show(garbage: bytes) -> None:
    """A proxy's page, another vendor's array, nothing at all."""
    error = DIALECT.read_error(500, {}, garbage)
    assert type(error) is Failed
    assert error.message == ("boom" if b"boom" in garbage else "the provider failed")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (404, "not_found_error"),
        (405, "invalid_request_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_each_status_has_its_word(status: int, kind: str) -> None:
    """Anthropic's SDK goes by the status, its users by the word."""
    assert error_type(status) == kind


def test_an_error_event_is_one_event() -> None:
    """What ends a stream before any writer was there."""
    event = DIALECT.write_error_event(InvalidRequest("no"))
    assert event == b'event: error\ndata: {"type":"error","error":{"type":"invalid_request_error","message":"no"}}\n\n'
