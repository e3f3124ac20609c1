"""T-63, T-101 and names: plain functions reach each target as they were meant."""

from typing import Any

from crossings import Crossed, call, user

from trunkline.dialects.lowering.names import safe_id, safe_name
from trunkline.items import ToolCall

CLOSED = {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"], "additionalProperties": False}
OPEN = {"type": "object", "properties": {"x": {"type": "string"}}}


def from_responses(tool: Any, upstream: str = "chat") -> Crossed:
    return Crossed({"input": "hello", "tools": [{"type": "function", "name": "f", **tool}]}, "responses", upstream)


def from_chat(function: Any) -> Crossed:
    tools = [{"type": "function", "function": {"name": "f", **function}}]
    return Crossed({"messages": [user()], "tools": tools}, "chat", "responses")


def test_t63_nothing_is_invented_for_a_bare_function() -> None:
    """No empty description; the one thing that vendors insist on is a schema."""
    [tool] = Crossed(
        {"messages": [user()], "max_tokens": 1, "tools": [{"name": "f", "input_schema": {}}]}, "messages", "chat"
    ).body["tools"]
    assert tool == {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}


def test_t63_responses_means_strict_where_the_schema_is_fit_for_it() -> None:
    """Left out there, it means strict."""
    seen = from_responses({"parameters": CLOSED})
    assert seen.body["tools"][0]["function"]["strict"] is True
    assert seen.dropped == []


def test_t63_an_open_schema_is_not_strict_and_that_is_said() -> None:
    """Strict would change what it allows."""
    seen = from_responses({"parameters": OPEN})
    assert seen.body["tools"][0]["function"]["strict"] is False
    assert seen.dropped == ["tools.strict"]


def test_t63_what_the_caller_says_stays() -> None:
    """Of two words only the default is ours."""
    assert from_responses({"parameters": CLOSED, "strict": False}).body["tools"][0]["function"]["strict"] is False


def test_t63_chat_means_not_strict() -> None:
    """Responses would take silence for the opposite, so it is told."""
    assert from_chat({"parameters": CLOSED}).body["tools"][0]["strict"] is False
    assert from_chat({"parameters": CLOSED, "strict": True}).body["tools"][0]["strict"] is True


def test_t101_the_order_of_tools_is_the_callers() -> None:
    """A prompt cache holds as long as the prefix is the same."""
    tools = [{"type": "function", "name": name, "parameters": OPEN} for name in ("z", "a", "m")]
    bodies = [Crossed({"input": "hello", "tools": tools}, "responses", "messages").body for _ in range(2)]
    assert [tool["name"] for tool in bodies[0]["tools"]] == ["z", "a", "m"]
    assert bodies[0] == bodies[1]


def test_a_name_that_the_target_refuses_is_mapped_both_ways() -> None:
    """Letters, dots, lengths; the same each time."""
    long = "suche.büro/" + "x" * 80
    history = [
        {"type": "function_call", "call_id": "c" * 90, "name": long, "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c" * 90, "output": "1"},
    ]
    body = {"input": [user(), *history], "tools": [{"type": "function", "name": long, "parameters": OPEN}]}
    seen = Crossed(body, "responses", "chat")
    safe = seen.body["tools"][0]["function"]["name"]
    assert len(safe) <= 64
    assert safe.isascii()
    _, called, answered = seen.body["messages"]
    assert called["tool_calls"][0]["function"]["name"] == safe
    assert called["tool_calls"][0]["id"] == answered["tool_call_id"]
    assert len(answered["tool_call_id"]) <= 64
    [item] = seen.answer(call(safe, "{}")).items
    assert isinstance(item, ToolCall)
    assert item.name == long


def test_googles_names_begin_with_a_letter() -> None:
    """Others may begin with a digit."""
    body = {
        "input": [user()],
        "tools": [{"type": "function", "name": name, "parameters": OPEN} for name in ("2d", "_d")],
    }
    seen = Crossed(body, "responses", "gemini")
    safe, same = (tool["name"] for tool in seen.body["tools"][0]["functionDeclarations"])
    assert (safe[:4], same) == ("_2d_", "_d")
    [item] = seen.answer(call(safe, "{}")).items
    assert isinstance(item, ToolCall)
    assert item.name == "2d"
    assert Crossed(body, "responses", "chat").body["tools"][0]["function"]["name"] == "2d"


def test_t63_what_is_no_object_is_not_strict() -> None:
    """The object that stands for it would be refused as such."""
    seen = from_responses({"type": "function", "name": "f", "parameters": {"type": "string"}})
    assert seen.body["tools"][0]["function"]["strict"] is False
    assert seen.dropped == ["tools.strict"]


def test_safe_names_are_left_alone_and_told_apart() -> None:
    """By a mark made from the whole."""
    assert safe_name("get_weather-2", 64) == "get_weather-2"
    names = {safe_name(f"a.{letter}", 64) for letter in "äöü"}
    assert len(names) == 3
    assert safe_id("x" * 64, 64) == "x" * 64
    assert safe_id("x" * 65, 64) != safe_id("x" * 66, 64)
