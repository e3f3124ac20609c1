"""T-60 and T-62: which tool may or must be called, on targets that know fewer ways to say it."""

from typing import Any

import pytest
from crossings import OPENAI, Crossed, call, say, user

from trunkline.errors import InvalidRequest, Unsupported
from trunkline.items import ToolCall

TOOLS = [{"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}} for name in "fgh"]
ALLOWED = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": name} for name in "fg"]}


def crossed(upstream: str = "chat", capabilities: Any = None, **fields: Any) -> Crossed:
    return Crossed({"input": "hello", "tools": TOOLS, **fields}, "responses", upstream, **(capabilities or {}))


def test_t60_openais_chat_is_told_in_its_nested_shape() -> None:
    """All tools stay, so that its cache holds."""
    seen = crossed(capabilities=OPENAI, tool_choice=ALLOWED)
    assert len(seen.body["tools"]) == 3
    tools = [{"type": "function", "function": {"name": name}} for name in "fg"]
    assert seen.body["tool_choice"] == {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": tools}}


def test_t60_others_are_given_the_allowed_tools_alone() -> None:
    """And the mode."""
    chat = crossed(tool_choice=ALLOWED).body
    assert [tool["function"]["name"] for tool in chat["tools"]] == ["f", "g"]
    assert chat["tool_choice"] == "required"
    messages = crossed("messages", tool_choice={**ALLOWED, "mode": "auto"}).body
    assert [tool["name"] for tool in messages["tools"]] == ["f", "g"]
    assert "tool_choice" not in messages


@pytest.mark.parametrize("capabilities", [{}, OPENAI])
def test_t60_a_call_of_another_tool_is_not_shown(capabilities: Any) -> None:
    """Whatever the model does, the caller is called only with what it allows."""
    seen = crossed(capabilities=capabilities, tool_choice=ALLOWED)
    items = seen.answer(say("so"), call("h", "{}"), call("g", "{}", "call_2")).items
    assert [item.name for item in items if isinstance(item, ToolCall)] == ["g"]
    assert len(items) == 2


def test_t60_chats_choice_reaches_responses_flat() -> None:
    """The other way around."""
    tools = [{"type": "function", "function": {"name": "f"}}]
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": tools}}
    asked = {"messages": [user()], "tools": tools, "tool_choice": choice}
    body = Crossed(asked, "chat", "responses").body
    assert body["tool_choice"] == {
        "type": "allowed_tools",
        "mode": "auto",
        "tools": [{"type": "function", "name": "f"}],
    }


def test_t62_a_model_that_cannot_be_forced_is_not_asked() -> None:
    """Its 400 would not say why."""
    with pytest.raises(Unsupported) as caught:
        crossed("messages", {"forced_tools": False}, tool_choice="required")
    assert caught.value.param == "tool_choice"


def test_t62_thought_gives_way_to_a_forced_tool() -> None:
    """Anthropic refuses both at once."""
    seen = crossed("messages", {"thinking": "adaptive"}, tool_choice="required", reasoning={"effort": "high"})
    assert seen.body["tool_choice"] == {"type": "any"}
    assert seen.body["thinking"] == {"type": "disabled"}
    assert "effort" in seen.dropped


def test_a_choice_of_a_tool_that_is_not_there_is_refused() -> None:
    """A slip of the caller's."""
    with pytest.raises(InvalidRequest, match="`x`"):
        crossed(tool_choice={"type": "function", "name": "x"})


@pytest.mark.parametrize("tools", [None, []])
def test_a_tool_cannot_be_wanted_where_there_is_none(tools: Any) -> None:
    """The answer would not be what was asked for."""
    with pytest.raises(InvalidRequest) as caught:
        crossed(tools=tools, tool_choice="required")
    assert caught.value.param == "tool_choice"


def test_a_choice_of_a_hosted_tool_that_is_not_there_is_refused() -> None:
    """Nor is there anything that could stand for it."""
    with pytest.raises(Unsupported) as caught:
        crossed(tool_choice={"type": "web_search"})
    assert caught.value.param == "tool_choice"


def test_one_call_at_a_time_without_a_switch() -> None:
    """The first is kept, the others are not shown, and it is said."""
    seen = crossed(capabilities={"parallel_switch": False}, parallel_tool_calls=False)
    assert "parallel_tool_calls" not in seen.body
    assert seen.emulated == ["parallel_tool_calls"]
    items = seen.answer(call("f", "{}"), call("g", "{}", "call_2")).items
    assert [item.name for item in items if isinstance(item, ToolCall)] == ["f"]


def test_one_call_at_a_time_by_the_targets_switch() -> None:
    """Anthropic has it inside the choice."""
    seen = crossed("messages", parallel_tool_calls=False)
    assert seen.body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert seen.emulated == []
