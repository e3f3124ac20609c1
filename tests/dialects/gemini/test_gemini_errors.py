"""Google's errors, read and written; and what a native body must lose."""

import base64
import json
from typing import Any

import msgspec
import pytest
from gemini_wire import seal, unseal
from hypothesis import given
from hypothesis import strategies as st

from trunkline.capabilities import Capabilities
from trunkline.dialects.gemini import DIALECT
from trunkline.dialects.gemini.wire import SKIP_SIGNATURE
from trunkline.errors import Busy, Denied, Failed, InvalidRequest, Refused, TimedOut, UpstreamError
from trunkline.items import Carrier


def read(status: int, word: str = "", message: str = "Words.", *details: Any, wrap: bool = False) -> UpstreamError:
    error = {"error": {"code": status, "message": message, "status": word, "details": list(details)}}
    return DIALECT.read_error(status, {}, json.dumps([error] if wrap else error).encode())


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (401, Denied),
        (403, Denied),
        (404, Refused),
        (429, Busy),
        (500, Failed),
        (503, Busy),
        (504, TimedOut),
    ],
)
def test_classes(status: int, kind: type[UpstreamError], wrap: bool) -> None:
    """By status, alone or in the array of the compatible routes."""
    error = read(status, wrap=wrap)
    assert type(error) is kind
    assert error.upstream_status == status
    assert (error.message == "Words.") == (kind is not Denied)


def test_a_bad_key_is_ours() -> None:
    """Google says 400 of it; the caller must not be told that its own key is bad."""
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    for error in (
        read(400, "INVALID_ARGUMENT", "x", info),
        read(400, "", "API key not valid. Please pass a valid one."),
    ):
        assert type(error) is Denied
        assert error.status == 502


def test_waits_and_fields_are_read() -> None:
    """From the details."""
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}
    assert read(429, "RESOURCE_EXHAUSTED", "Quota.", retry).retry_after_seconds == 34.4
    bad = {"@type": "x/google.rpc.BadRequest", "fieldViolations": [{"field": "contents[0]", "description": "no"}]}
    assert read(400, "INVALID_ARGUMENT", "No.", bad).param == "contents[0]"


def test_models_that_are_not_there() -> None:
    """Named for clients that look at codes."""
    assert read(404, "NOT_FOUND", "models/x is not found for API version v1beta").code == "model_not_found"


@given(st.integers(200, 599), st.binary(max_size=60))
def test_any_body_is_an_error(status: int, body: bytes) -> None:
    """Whatever it is."""
    assert isinstance(DIALECT.read_error(status, {}, body), UpstreamError)


def test_what_is_written_is_read() -> None:
    """Status, message and field."""
    drawn = DIALECT.write_error(InvalidRequest("No good.", param="contents[0].role"), "req_1")
    error = DIALECT.read_error(400, {}, drawn)
    assert (error.status, error.message, error.param) == (400, "No good.", "contents[0].role")
    assert b"req_1" in drawn


# --- patch --------------------------------------------------------------------------------------------------------


def sealed(carrier: Carrier) -> str:
    return base64.b64encode(seal(carrier).encode()).decode()


def patch(parts: list[dict[str, Any]], capabilities: Capabilities, **members: Any) -> tuple[dict[str, Any], list[str]]:
    body = msgspec.json.encode({"contents": [{"role": "model", "parts": parts}], **members})
    raw = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    assert DIALECT.is_unfit(raw, body, capabilities)
    dropped = DIALECT.patch(raw, capabilities, unseal)
    return msgspec.json.decode(msgspec.json.encode(raw)), dropped


def test_sealed_signatures_are_opened() -> None:
    """Google's own go back as they were; a call that another family signed carries the word for it."""
    own = Carrier("gemini", "call", {"signature": "S", "id": ""})
    foreign = Carrier("messages", "signature", {"signature": "A"})
    call = {"functionCall": {"name": "f", "args": {}}}
    parts = [
        {**call, "thoughtSignature": sealed(own)},
        {**call, "thought_signature": sealed(foreign)},
        {"text": "hm", "thought": True, "thoughtSignature": sealed(foreign)},
        {"text": "so", "thoughtSignature": sealed(foreign)},
    ]
    body, dropped = patch(parts, Capabilities())
    assert body["contents"][0]["parts"] == [
        {**call, "thoughtSignature": "S"},
        {**call, "thought_signature": SKIP_SIGNATURE},
        {"text": "so"},
    ]
    assert dropped == ["thoughtSignature"]


def test_settings_that_the_model_lacks_are_taken_out() -> None:
    """In either spelling, and said; 1 is what it does anyway."""
    capabilities = Capabilities(refuses=frozenset({"temperature", "top_p"}))
    config = {"temperature": 0.5, "topP": 1, "maxOutputTokens": 7}
    body, dropped = patch([], capabilities, generationConfig=config)
    assert (body["generationConfig"], dropped) == ({"maxOutputTokens": 7}, ["generationConfig.temperature"])
    plain = b'{"contents":[],"generationConfig":{"maxOutputTokens":7}}'
    members = msgspec.json.decode(plain, type=dict[str, msgspec.Raw])
    assert not DIALECT.is_unfit(members, plain, capabilities)
