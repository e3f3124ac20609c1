"""Bedrock's error replies."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.dialects.bedrock import DIALECT
from trunkline.errors import Busy, Denied, Failed, Refused, TimedOut, UpstreamError


def read(status: int, body: Any = None, **headers: str) -> UpstreamError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return DIALECT.read_error(status, {k.replace("_", "-").encode(): v.encode() for k, v in headers.items()}, data)


@pytest.mark.parametrize(
    ("status", "named", "error", "drawn"),
    [
        (429, "ThrottlingException:http://internal.amazon.com/coral/x/", Busy, 429),
        (400, "ServiceQuotaExceededException", Busy, 429),
        (429, "ModelNotReadyException", Busy, 503),
        (503, "ServiceUnavailableException", Busy, 503),
        (500, "InternalServerException", Failed, 502),
        (424, "ModelErrorException", Failed, 502),
        (408, "ModelTimeoutException", TimedOut, 504),
        (400, "ValidationException", Refused, 400),
        (404, "ResourceNotFoundException", Refused, 404),
        (403, "AccessDeniedException", Denied, 502),
        (403, "UnrecognizedClientException", Denied, 502),
        (400, "ExpiredTokenException", Denied, 502),
        (403, "", Denied, 502),
        (418, "", Refused, 418),
        (502, "", Failed, 502),
    ],
)
def test_by_name_and_status(status: int, named: str, error: type[UpstreamError], drawn: int) -> None:
    """The name decides, in the header or in the body; without one the status does."""
    found = [read(status, {"message": "no"}, x_amzn_errortype=named)]
    if named:
        found.append(read(status, {"__type": f"com.amazon.coral.service#{named}", "Message": "no"}))
    for one in found:
        assert type(one) is error
        assert one.status == drawn
        assert one.upstream_status == status
        assert (one.message == "no") == (error is not Denied)


def test_what_was_signed_stays_out() -> None:
    """A message that quotes the request may quote our token."""
    text = "The request signature we calculated does not match.\n\nx-amz-security-token:SECRET"
    error = read(403, {"message": text}, x_amzn_errortype="InvalidSignatureException")
    assert "SECRET" not in error.message + error.detail
    assert "InvalidSignatureException" in error.detail


def test_hints() -> None:
    """How long to wait, and that the context is full."""
    assert read(429, {}, retry_after="7").retry_after_seconds == 7
    assert read(400, {"message": "Input is too long for requested model."}).code == "context_length_exceeded"
    assert read(404, {"message": "model x"}).code == "model_not_found"


@given(status=st.integers(400, 599), body=st.binary(max_size=60) | st.sampled_from([b"[" * 9000, b'{"message":7}']))
def test_any_body(status: int, body: bytes) -> None:
    """Whatever came: one of our errors, with words in it."""
    assert read(status, body).message
