"""Where a caller says that a cache is to hold what came so far, on its way to another API."""

from typing import Any

import pytest
from crossings import Crossed

MARK = {"prompt_cache_breakpoint": {"mode": "explicit"}}
CONTROL = {"cache_control": {"type": "ephemeral"}}
TAKES = {"cache_marks": True, "explicit_cache": True}


def _responses(*parts: dict[str, Any], role: str = "user") -> dict[str, Any]:
    return {"input": [{"role": role, "content": [{"type": "input_text", **part} for part in parts]}]}


def _chat(*parts: dict[str, Any], role: str = "user") -> dict[str, Any]:
    return {"messages": [{"role": role, "content": [{"type": "text", **part} for part in parts]}]}


def _asked(caller: str) -> dict[str, Any]:
    draw = _responses if caller == "responses" else _chat
    return draw({"text": "long", **MARK}, {"text": "short"})


@pytest.mark.parametrize("caller", ["responses", "chat"])
def test_a_breakpoint_is_a_mark_at_anthropic(caller: str) -> None:
    """OpenAI's word for the end of a prefix becomes Anthropic's, and nothing is dropped."""
    seen = Crossed(_asked(caller), caller, "messages", cache_marks=True)
    assert seen.body["messages"][0]["content"] == [
        {"type": "text", "text": "long", **CONTROL},
        {"type": "text", "text": "short"},
    ]
    assert seen.dropped == []


def test_chat_clients_mark_as_anthropic_does() -> None:
    """Many send Anthropic's mark in Chat's parts, its time included."""
    control = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    seen = Crossed(_chat({"text": "long", **control}), "chat", "messages", cache_marks=True)
    assert seen.body["messages"][0]["content"] == [{"type": "text", "text": "long", **control}]


def test_system_text_is_marked() -> None:
    """What comes first is what is worth keeping."""
    body = _responses({"text": "rules", **MARK}, role="developer")
    body["input"].append({"role": "user", "content": "hi"})
    seen = Crossed(body, "responses", "messages", cache_marks=True)
    assert seen.body["system"] == [{"type": "text", "text": "rules", **CONTROL}]


@pytest.mark.parametrize("caller", ["responses", "chat", "messages"])
def test_a_mark_is_a_point_at_bedrock(caller: str) -> None:
    """There it is a block of its own, behind what it ends."""
    body = _chat({"text": "long", **CONTROL}, {"text": "short"}) if caller == "messages" else _asked(caller)
    seen = Crossed(body, caller, "bedrock", **TAKES)
    assert seen.body["messages"][0]["content"] == [
        {"text": "long"},
        {"cachePoint": {"type": "default"}},
        {"text": "short"},
    ]
    assert seen.dropped == []


@pytest.mark.parametrize("caller", ["responses", "messages"])
def test_a_mark_is_a_mark_at_a_chat_provider_that_takes_them(caller: str) -> None:
    """OpenRouter hands them on to models that cache nothing unasked."""
    body = _chat({"text": "long", **CONTROL}) if caller == "messages" else _responses({"text": "long", **MARK})
    seen = Crossed(body, caller, "chat", **TAKES)
    assert seen.body["messages"][0]["content"] == [{"type": "text", "text": "long", **CONTROL}]


@pytest.mark.parametrize(
    ("upstream", "known"), [("chat", {}), ("chat", {"cache_marks": True}), ("bedrock", {"cache_marks": True}), ("gemini", {})]
)  # fmt: skip
def test_a_mark_that_nobody_takes_is_dropped(upstream: str, known: dict[str, Any]) -> None:
    """And said: models whose cache needs none would refuse it."""
    seen = Crossed(_responses({"text": "long", **MARK}), "responses", upstream, **known)
    assert seen.dropped == ["prompt_cache_breakpoint"]
    assert "cache" not in str(seen.body)


def test_the_last_four_marks_count() -> None:
    """Anthropic refuses more, OpenAI passes over the earlier ones."""
    parts = [{"text": str(number), **MARK} for number in range(6)]
    seen = Crossed(_responses(*parts), "responses", "messages", cache_marks=True)
    assert ["cache_control" in block for block in seen.body["messages"][0]["content"]] == [False] * 2 + [True] * 4


def test_tools_results_are_not_marked() -> None:
    """What stands inside of one takes no mark."""
    output = [{"type": "input_text", "text": "sun", **MARK}]
    history = [
        {"role": "user", "content": "hi"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": output},
    ]
    assert Crossed({"input": history}, "responses", "messages", cache_marks=True).dropped == ["prompt_cache_breakpoint"]
