"""How often a provider may call its own tools for one answer."""

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from trunkline.dialects.hosted_calls import USUAL_CALLS, bound_calls, count_calls

SEARCH: dict[str, list[dict[str, Any]]] = {
    "responses": [{"type": "web_search"}],
    "messages": [{"type": "web_search_20250305", "name": "web_search"}],
    "gemini": [{"googleSearch": {}}],
}


def raw(body: dict[str, Any]) -> dict[str, Raw]:
    return {name: Raw(msgspec.json.encode(value)) for name, value in body.items()}


@pytest.mark.parametrize("dialect", SEARCH)
def test_where_nothing_is_said_the_usual_number_counts(dialect: str) -> None:
    """A provider of such tools may call them again and again."""
    assert count_calls(dialect, raw({"tools": SEARCH[dialect]})) == USUAL_CALLS


@pytest.mark.parametrize("dialect", ["responses", "chat", "messages", "gemini", "bedrock"])
def test_tools_of_the_caller_cost_nothing(dialect: str) -> None:
    """They are called by whoever asks, also when they search."""
    tools = [{"type": "function", "name": "search_code"}, {"functionDeclarations": [{"name": "web_search"}]}]
    assert count_calls(dialect, raw({"tools": tools})) == 0
    assert count_calls(dialect, {}) == 0


def test_a_number_that_is_said_counts() -> None:
    """Each wire has its own word for it."""
    assert count_calls("responses", raw({"tools": SEARCH["responses"], "max_tool_calls": 3})) == 3
    tools = [{**SEARCH["messages"][0], "max_uses": 2}, {"type": "code_execution_20250825", "max_uses": 4}]
    assert count_calls("messages", raw({"tools": tools})) == 6


def test_chat_searches_once() -> None:
    """A model that searches on Chat does so once for an answer."""
    assert count_calls("chat", raw({"web_search_options": {}})) == 1
    assert count_calls("chat", raw({"web_search_options": None})) == 0


def test_a_request_that_says_nothing_is_bounded() -> None:
    """So that no more is called than was counted."""
    members = raw({"tools": SEARCH["responses"]})
    bound_calls("responses", members)
    assert members["max_tool_calls"] == Raw(b"10")
    members = raw({"tools": [*SEARCH["messages"], {"name": "mine", "input_schema": {}}]})
    bound_calls("messages", members)
    assert msgspec.json.decode(members["tools"]) == [
        {**SEARCH["messages"][0], "max_uses": 10},
        {"name": "mine", "input_schema": {}},
    ]


@pytest.mark.parametrize("dialect", ["responses", "chat", "messages", "gemini", "cohere"])
def test_nothing_else_is_bounded(dialect: str) -> None:
    """A body keeps its bytes where there is nothing to bound."""
    members = raw({"tools": [{"type": "function", "name": "search"}], "max_tool_calls": None})
    bound_calls(dialect, members)
    assert members == raw({"tools": [{"type": "function", "name": "search"}], "max_tool_calls": None})


@pytest.mark.parametrize("tools", [None, "web_search", {"type": "web_search"}, [{"type": 7}]])
def test_what_is_no_list_of_tools_is_somebody_elses_to_refuse(tools: Any) -> None:
    """Whoever is asked will say so in its own words."""
    for dialect in ("responses", "messages", "gemini", "chat"):
        members = raw({"tools": tools})
        assert count_calls(dialect, members) == 0
        bound_calls(dialect, members)
        assert members == raw({"tools": tools})
