"""What requests begin with, read once and remembered by its bytes."""

from typing import Any

import msgspec
import pytest

from scripted_gateway import DIALECTS, JSON, Scene, ScriptedReply
from trunkline.engine import heads
from trunkline.engine.envelope import read_envelope
from trunkline.engine.heads import Heads

_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_FUNCTION = {"name": "weather", "description": "Tells the weather", "parameters": _SCHEMA}

HEADS: dict[str, dict[str, Any]] = {
    "responses": {"instructions": "Be brief.", "tools": [{"type": "function", **_FUNCTION}], "max_output_tokens": 64},
    "chat": {"tools": [{"type": "function", "function": _FUNCTION}], "tool_choice": "required", "max_tokens": 64},
    "messages": {
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": "weather", "input_schema": _SCHEMA}],
        "max_tokens": 64,
    },
    "gemini": {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "tools": [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": _SCHEMA}]}],
        "generationConfig": {"responseMimeType": "application/json", "maxOutputTokens": 64},
    },
}

CALLS: dict[str, dict[str, Any]] = {
    "chat": {
        "choices": [
            {
                "message": {"tool_calls": [{"id": "c1", "function": {"name": "weather", "arguments": "{}"}}]},
                "finish_reason": "tool_calls",
            }
        ]
    },
    "messages": {
        "type": "message",
        "content": [{"type": "tool_use", "id": "c1", "name": "weather", "input": {}}],
        "stop_reason": "tool_use",
    },
    "gemini": {"candidates": [{"content": {"parts": [{"functionCall": {"name": "weather"}}]}, "finishReason": "STOP"}]},
    "responses": {
        "object": "response",
        "status": "completed",
        "output": [{"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"}],
    },
}


def _read(kept: Heads, **members: Any) -> heads.Head:
    body = msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": "Hi?"}], **members})
    return kept.read(DIALECTS["chat"], read_envelope(body))


@pytest.mark.parametrize("upstream", CALLS)
@pytest.mark.parametrize("caller", HEADS)
async def test_a_head_that_comes_again_is_sent_as_before(caller: str, upstream: str) -> None:
    """Nothing that happens to one request or its answer shows in the next one with the same head."""
    scene = Scene()
    reply = msgspec.json.encode(CALLS[upstream])
    bodies: list[bytes] = []
    for _ in range(3):
        answer = await scene.generate(caller, upstream, ScriptedReply(headers=JSON, pieces=[reply]), **HEADS[caller])
        assert answer.status == 200, answer.body
        bodies.append(scene.upstream.body)
    assert bodies[0] == bodies[1] == bodies[2]


def test_one_head_is_read_once() -> None:
    """What differs in its conversation alone has the same head."""
    kept = Heads()
    assert _read(kept) is _read(kept, messages=[{"role": "user", "content": "Well?"}])


def test_another_head_is_another() -> None:
    """A setting more makes another head."""
    kept = Heads()
    assert _read(kept, temperature=0.5) is not _read(kept)


def test_heads_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """When there is no more room the head goes that was not asked for longest."""
    kept = Heads()
    first, second = _read(kept, user="a" * 10), _read(kept, user="b" * 10)
    monkeypatch.setattr(heads, "_MOST_BYTES", first.size + second.size)
    assert _read(kept, user="a" * 10) is first
    _read(kept, user="c" * 10)
    assert _read(kept, user="a" * 10) is first
    assert _read(kept, user="b" * 10) is not second


def test_a_head_beyond_all_bounds_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that would not fit leaves the others where they are."""
    kept = Heads()
    first = _read(kept, user="a")
    monkeypatch.setattr(heads, "_MOST_BYTES", first.size)
    assert _read(kept, user="b" * 50) is not _read(kept, user="b" * 50)
    assert _read(kept, user="a") is first
