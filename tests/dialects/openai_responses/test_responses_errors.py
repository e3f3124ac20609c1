"""Errors of upstreams are told apart; errors to callers have the whole envelope."""

import json
from typing import Any

import pytest
from responses_wire import written

from trunkline.dialects.openai_responses import DIALECT
from trunkline.errors import Busy, Denied, Failed, Filtered, InvalidRequest, Refused, UpstreamError


def read(status: int, body: Any, **headers: str) -> UpstreamError:
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return DIALECT.read_error(status, named, encoded)


@pytest.mark.parametrize(
    ("status", "error", "kind", "shown"),
    [
        (400, {"message": "bad", "code": "context_length_exceeded", "param": "input"}, Refused, 400),
        (404, {"message": "no such model", "code": "model_not_found"}, Refused, 404),
        (422, {"message": "odd"}, Refused, 422),
        (400, {"message": "no", "code": "content_policy_violation"}, Filtered, 400),
        (401, {"message": "Incorrect API key provided: sk-12"}, Denied, 502),
        (403, {"message": "no access"}, Denied, 502),
        (402, {"message": "pay"}, Busy, 429),
        (429, {"message": "slow", "code": "rate_limit_exceeded"}, Busy, 429),
        (503, {"message": "full"}, Busy, 503),
        (529, {"message": "full"}, Busy, 503),
        (500, {"message": "boom"}, Failed, 502),
        (302, {}, Failed, 502),
    ],
)
def test_each_status_has_its_class(status: int, error: dict[str, Any], kind: type[UpstreamError], shown: int) -> None:
    """The kind of an error follows from its status and its words."""
    found = read(status, {"error": error})
    assert isinstance(found, kind)
    assert (found.status, found.upstream_status) == (shown, status)


def test_a_refusal_keeps_the_providers_words() -> None:
    """What is wrong with the request is passed on, field and all."""
    found = read(400, {"error": {"message": "bad", "type": "invalid_request_error", "code": "c", "param": "input[0]"}})
    assert (found.message, found.type, found.code, found.param) == ("bad", "invalid_request_error", "c", "input[0]")


def test_our_credentials_are_not_the_callers_business() -> None:
    """The provider's words about our key stay in the log."""
    found = read(401, {"error": {"message": "Incorrect API key provided: sk-12"}})
    assert "sk-12" not in found.message
    assert "sk-12" in found.detail


def test_an_empty_account_is_not_retried() -> None:
    """A used-up quota is a 429 that waiting does not mend."""
    found = read(429, {"error": {"message": "quota", "code": "insufficient_quota"}})
    assert (found.code, found.should_retry, found.retryable) == ("insufficient_quota", False, False)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after_ms": "1500", "retry_after": "9"}, 1.5),
        ({"retry_after": "2"}, 2.0),
        ({"retry_after": "soon"}, None),
    ],
)
def test_hints_to_wait_are_read(headers: dict[str, str], seconds: float | None) -> None:
    """The finer hint wins; what is no number is none."""
    assert read(429, {}, **headers).retry_after_seconds == seconds


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502</html>",
        b"[]",
        b"null",
        b'"x"',
        b'{"error":"plain"}',
        b'[{"error":{"message":"plain"}}]',
        b"\xff",
        b"[" * 5000,
    ],
)
def test_any_body_makes_an_error(body: bytes) -> None:
    """Whatever a proxy in between sends, there is an error with a message."""
    found = read(500, body)
    assert isinstance(found, Failed)
    assert found.message
    assert ("plain" in found.message) == (b"plain" in body)


def test_the_envelope_has_all_four_keys() -> None:
    """Clients look for every key, null or not."""
    body = json.loads(DIALECT.write_error(InvalidRequest("bad", param="input"), "req_1"))
    assert body == {"error": {"message": "bad", "type": "invalid_request_error", "param": "input", "code": None}}


def test_a_stream_that_never_began_ends_with_an_error_event() -> None:
    """Before any writer there is still a way to say what went wrong."""
    (event,) = written(DIALECT.write_error_event(Failed("boom")))
    assert event["error"]["message"] == event["message"] == "boom"
