"""A field that nobody knows is refused wherever it stands, by its place: never lost in silence."""

import copy
from typing import Any

import pytest

from trunkline.capabilities import Capabilities
from trunkline.clock import CountingMint
from trunkline.dialects import anthropic, gemini, openai_chat, openai_responses
from trunkline.dialects.lowering import lower
from trunkline.errors import CallerError

_DIALECTS = {
    "responses": openai_responses.DIALECT,
    "chat": openai_chat.DIALECT,
    "messages": anthropic.DIALECT,
    "gemini": gemini.DIALECT,
}

_FUNCTION = {"name": "f", "parameters": {"type": "object", "properties": {}}}
_GRAMMAR = {"syntax": "lark", "definition": "start: /a/"}
_PIXEL = "data:image/png;base64,AAAA"

_BODIES: dict[str, dict[str, Any]] = {
    "responses": {
        "model": "m",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
            {"type": "function_call_output", "call_id": "c", "output": "1"},
        ],
        "reasoning": {"effort": "low"},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}},
        "tools": [
            {"type": "function", **_FUNCTION},
            {"type": "custom", "name": "g", "format": {"type": "grammar", **_GRAMMAR}},
            {"type": "namespace", "name": "n", "tools": [{"type": "custom", "name": "h"}]},
            {"type": "apply_patch"},
        ],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
    },
    "chat": {
        "model": "m",
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": _PIXEL}}]},
            {"role": "user", "content": [{"type": "file", "file": {"file_data": "data:text/plain;base64,aGk="}}]},
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]},
        ],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
        "tools": [
            {"type": "function", "function": _FUNCTION},
            {"type": "custom", "custom": {"name": "g", "format": {"type": "grammar", "grammar": _GRAMMAR}}},
        ],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
    },
    "messages": {
        "model": "m",
        "max_tokens": 9,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
            {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://x.example/"}}]},
            {"role": "user", "content": [{"type": "document", "source": {"type": "text", "data": "Hi"}}]},
        ],
        "thinking": {"type": "adaptive"},
        "output_config": {"format": {"type": "json_schema", "schema": {}}},
        "tools": [{"name": "f", "input_schema": {}}, {"type": "bash_20250124", "name": "bash"}],
        "tool_choice": {"type": "auto"},
    },
    "gemini": {
        "model": "m",
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hi"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f"}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "1"}}}]},
        ],
        "generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}},
        "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
    },
}

# Free in themselves; or a model's own turn, which others may have added to.
_FREE = {"schema", "parameters", "input_schema", "response", "functionCall"}


def _places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the objects of a body stand."""
    if isinstance(value, list):
        return [found for number, member in enumerate(value) for found in _places(member, (*place, number))]
    if not isinstance(value, dict) or value.get("role") == "model":
        return []
    inner = [found for name, member in value.items() if name not in _FREE for found in _places(member, (*place, name))]
    return [place, *inner]


_CASES = [(caller, place) for caller, body in _BODIES.items() for place in _places(body)]


@pytest.mark.parametrize(
    ("caller", "place"), _CASES, ids=[f"{caller}-{'.'.join(map(str, place))}" for caller, place in _CASES]
)
def test_an_unknown_field_is_refused(caller: str, place: tuple[Any, ...]) -> None:
    """With its name, in each object of a request that is translated."""
    body = copy.deepcopy(_BODIES[caller])
    holder: Any = body
    for step in place:
        holder = holder[step]
    holder["unheard_of"] = 1
    with pytest.raises(CallerError) as caught:
        _translate(caller, body)
    assert caught.value.status == 400
    assert caught.value.param


def _translate(caller: str, body: dict[str, Any]) -> None:
    request = _DIALECTS[caller].read_request(body, lambda _: None)
    lower(request, caller, "chat" if caller != "chat" else "responses", Capabilities(), CountingMint())


@pytest.mark.parametrize("caller", _BODIES)
def test_without_it_nothing_is_wrong(caller: str) -> None:
    """So that it is the field that is refused."""
    body = copy.deepcopy(_BODIES[caller])
    if caller == "responses":
        del body["input"][1]
    _translate(caller, body)
