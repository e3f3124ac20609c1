"""Cohere's error replies."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.dialects.cohere import DIALECT
from trunkline.errors import Busy, Denied, Failed, Filtered, Refused, TimedOut, UpstreamError


def read(status: int, body: Any, **headers: str) -> UpstreamError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return DIALECT.read_error(status, {k.replace("_", "-").encode(): v.encode() for k, v in headers.items()}, data)


@pytest.mark.parametrize(
    ("status", "error", "drawn"),
    [
        (400, Refused, 400),
        (401, Denied, 502),
        (402, Denied, 429),
        (403, Denied, 502),
        (404, Refused, 404),
        (422, Refused, 422),
        (429, Busy, 429),
        (498, Filtered, 400),
        (500, Failed, 502),
        (503, Busy, 503),
        (504, TimedOut, 504),
    ],
)
def test_by_status(status: int, error: type[UpstreamError], drawn: int) -> None:
    """The status decides; what concerns our key is not said to the caller."""
    found = read(status, {"id": "1", "message": "the words"})
    assert type(found) is error
    assert (found.status, found.upstream_status) == (drawn, status)
    assert (found.message == "the words") == (error is not Denied)


def test_hints() -> None:
    """How long to wait, that there is no such model, and that the context is full."""
    assert read(429, {}, retry_after="7").retry_after_seconds == 7
    assert read(404, {"message": "model 'x' not found"}).code == "model_not_found"
    assert read(400, {"message": "too many tokens: size limit exceeded"}).code == "context_length_exceeded"


@given(status=st.integers(400, 599), body=st.binary(max_size=60) | st.sampled_from([b"[" * 9000, b'"words"', b"7"]))
def test_any_body(status: int, body: bytes) -> None:
    """Whatever came: one of our errors, with words in it."""
    assert read(status, body).message
