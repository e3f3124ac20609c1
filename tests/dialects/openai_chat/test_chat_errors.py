"""A provider's error keeps what concerns the caller, and nothing that concerns only us."""

from typing import Any

import msgspec
import pytest

from trunkline.dialects.openai_chat import DIALECT
from trunkline.errors import Busy, Denied, Failed, Filtered, InvalidRequest, Refused, TimedOut


def read(status: int, error: Any = None, body: bytes | None = None, **headers: str) -> Any:
    encoded = body if body is not None else msgspec.json.encode({"error": error})
    return DIALECT.read_error(
        status, {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}, encoded
    )


def test_a_refusal_is_passed_on() -> None:
    """Status, message, code and param are the caller's business."""
    error = read(
        404, {"message": "no such model", "type": "invalid_request_error", "param": "model", "code": "model_not_found"}
    )
    assert type(error) is Refused
    assert (error.status, error.message, error.param, error.code) == (404, "no such model", "model", "model_not_found")
    assert error.upstream_status == 404


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_ours(status: int) -> None:
    """The caller learns no more than that."""
    error = read(status, {"message": "Incorrect API key provided: sk-secret", "code": "invalid_api_key"})
    assert type(error) is Denied
    assert (error.status, "sk-secret" in error.message) == (502, False)


@pytest.mark.parametrize(("status", "code"), [(402, None), (429, "insufficient_quota")])
def test_an_empty_purse_is_not_retried(status: int, code: str | None) -> None:
    """It is a 429 that no wait mends."""
    error = read(status, {"message": "pay", "code": code})
    assert (type(error), error.status, error.code, error.should_retry) == (Busy, 429, "insufficient_quota", False)


def test_busy_says_how_long() -> None:
    """In milliseconds, else in seconds, else not."""
    assert read(429, {"message": "slow"}, retry_after="3").retry_after_seconds == 3
    assert read(429, {"message": "slow"}, retry_after="3", retry_after_ms="250").retry_after_seconds == 0.25
    assert read(429, {"message": "slow"}, retry_after="Wed, 21 Oct 2015").retry_after_seconds is None
    assert (read(503, {"message": "x"}).status, read(529, {"message": "x"}).status) == (503, 503)


@pytest.mark.parametrize("code", ["content_filter", "content_policy_violation"])
def test_a_content_filter_is_final(code: str) -> None:
    """It is routed nowhere else."""
    error = read(400, {"message": "filtered", "code": code})
    assert (type(error), error.status, error.code, error.fall_back) == (Filtered, 400, code, False)


@pytest.mark.parametrize(
    ("status", "kind"), [(500, Failed), (502, Failed), (504, TimedOut), (408, TimedOut), (422, Refused)]
)
def test_statuses(status: int, kind: type) -> None:
    """Each has its class."""
    assert type(read(status, {"message": "x"})) is kind


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>oops</html>", None),
        (b"", None),
        (b"\xff\xfe", None),
        (b"null", None),
        (b'"text"', None),
        (b'{"error": "text"}', "text"),
        (b'{"detail": "text"}', "text"),
        (b'{"message": "text"}', "text"),
        (b'{"object": "error", "message": "text", "code": 400}', "text"),
        (b'[{"error": {"code": 400, "message": "text", "status": "INVALID_ARGUMENT"}}]', "text"),
        (b"[" * 100_000, None),
    ],
)
def test_any_body_is_an_error(body: bytes, message: str | None) -> None:
    """Pages, arrays, texts, nothing."""
    error = read(400, body=body)
    assert type(error) is Refused
    assert error.message == (message or "the provider answered 400 without a message")


def test_a_long_message_is_cut() -> None:
    """A page is no message."""
    assert len(read(400, {"message": "x" * 10_000}).message) == 2000


def test_the_envelope_has_all_members() -> None:
    """Null where there is nothing to say."""
    written = msgspec.json.decode(DIALECT.write_error(InvalidRequest("wrong", param="messages"), "req_1"))
    assert written == {
        "error": {"message": "wrong", "type": "invalid_request_error", "param": "messages", "code": None}
    }
    event = DIALECT.write_error_event(InvalidRequest("wrong"))
    assert event.startswith(b'data: {"error":')
    assert event.endswith(b"\n\ndata: [DONE]\n\n")
