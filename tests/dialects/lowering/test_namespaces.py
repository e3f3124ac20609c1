"""T-59: namespaces and searches among tools, for models that know neither."""

from typing import Any

import pytest
from crossings import Crossed, call, user

from trunkline.errors import InvalidRequest
from trunkline.items import Carrier, OtherItem, Reasoning, ToolCall

GET = {
    "type": "function",
    "name": "get",
    "description": "One customer",
    "parameters": {"type": "object", "properties": {}},
}
NOTE = {"type": "custom", "name": "note", "format": {"type": "grammar", "syntax": "regex", "definition": "[a-z]+"}}
CRM = {"type": "namespace", "name": "crm", "description": "Customers", "tools": [GET, NOTE]}


def crossed(*tools: Any, upstream: str = "chat", history: Any = (), **fields: Any) -> Crossed:
    return Crossed({"input": [user(), *history], "tools": [*tools], **fields}, "responses", upstream)


def functions(seen: Crossed) -> dict[str, Any]:
    return {tool["function"]["name"]: tool["function"] for tool in seen.body["tools"]}


def test_t59_a_namespace_is_flattened() -> None:
    """Its description is told once, and a child's grammar is kept."""
    told = functions(crossed(CRM))
    assert list(told) == ["crm__get", "crm__note"]
    assert "Customers" in told["crm__get"]["description"]
    assert "[a-z]+" in told["crm__note"]["description"]


def test_t59_a_call_comes_back_in_its_namespace() -> None:
    """Of a function and of a custom tool alike."""
    items = crossed(CRM).answer(call("crm__get", "{}"), call("crm__note", '{"input":"abc"}', "call_2")).items
    named = [(item.kind, item.name, item.namespace, item.arguments) for item in items if isinstance(item, ToolCall)]
    assert named == [("function", "get", "crm", "{}"), ("custom", "note", "crm", "abc")]


def test_t59_the_history_is_flattened_equally() -> None:
    """The model must know its own calls again."""
    history = [
        {"type": "function_call", "call_id": "c1", "namespace": "crm", "name": "get", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "1"},
    ]
    seen = crossed(CRM, history=history)
    assert seen.body["messages"][1]["tool_calls"][0]["function"]["name"] == "crm__get"


def test_t59_a_collision_is_refused() -> None:
    """Two tools that the target would know by one name."""
    clash = {"type": "function", "name": "crm__get", "parameters": {}}
    with pytest.raises(InvalidRequest, match="crm__get"):
        crossed(clash, CRM)


def test_t59_two_tools_of_one_name_are_refused() -> None:
    """A call of it could be either's."""
    with pytest.raises(InvalidRequest) as caught:
        crossed(GET, GET)
    assert caught.value.param == "tools[1].name"


def test_t59_the_same_name_in_two_namespaces_is_two_tools() -> None:
    """That is what they are for."""
    told = functions(crossed(CRM, {**CRM, "name": "erp"}))
    assert list(told) == ["crm__get", "crm__note", "erp__get", "erp__note"]


def test_t59_a_choice_within_a_namespace() -> None:
    """The bare name is enough while it is the only one."""
    seen = crossed(CRM, tool_choice={"type": "function", "name": "get"})
    assert seen.body["tool_choice"] == {"type": "function", "function": {"name": "crm__get"}}


# --- searching ---------------------------------------------------------------------------------------------------

DEFERRED = {**GET, "defer_loading": True}
SEARCH = {"type": "tool_search"}
CLIENT_SEARCH = {"type": "tool_search", "execution": "client", "description": "Look for tools"}


def test_a_search_is_left_out_where_all_tools_can_be_told() -> None:
    """The deferred ones are simply there, and it is said."""
    seen = crossed(SEARCH, DEFERRED)
    assert list(functions(seen)) == ["get"]
    assert seen.emulated == ["tools[0]"]


def test_a_deferred_tool_is_called_in_a_namespace_of_its_own_name() -> None:
    """As by OpenAI: the Agents SDKs know it by nothing else. The history is understood so, too."""
    history = [
        {"type": "function_call", "call_id": "c1", "namespace": "get", "name": "get", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "1"},
    ]
    seen = crossed(SEARCH, DEFERRED, history=history)
    assert seen.body["messages"][1]["tool_calls"][0]["function"]["name"] == "get"
    item = seen.answer(call("get", "{}", "c2")).items[-1]
    assert isinstance(item, ToolCall)
    assert (item.name, item.namespace) == ("get", "get")


def test_a_deferred_tool_is_found_before_it_is_called() -> None:
    """Once: the Agents SDKs refuse a call of a tool that no search has found."""
    deferred = {**CRM, "tools": [DEFERRED]}
    first = crossed(SEARCH, deferred).answer(call("crm__get", "{}"), call("crm__get", "{}", "call_2")).items
    assert [item.type if isinstance(item, OtherItem) else type(item).__name__ for item in first] == [
        "tool_search_call",
        "tool_search_output",
        "ToolCall",
        "ToolCall",
    ]
    assert isinstance(first[1], OtherItem)
    [found] = first[1].value["tools"]
    assert (found["type"], found["name"], found["tools"][0]["name"]) == ("namespace", "crm", "get")
    later = crossed(SEARCH, deferred, history=[first[0].value, first[1].value])  # type: ignore[union-attr]
    assert [type(item) for item in later.answer(call("crm__get", "{}")).items] == [ToolCall]


def test_anthropic_searches_by_its_own_tool() -> None:
    """Deferred tools stay deferred."""
    tools = crossed(SEARCH, DEFERRED, upstream="messages").body["tools"]
    assert tools[0] == {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}
    assert tools[1]["defer_loading"] is True


def test_anthropics_search_comes_back_as_openais() -> None:
    """The call, what it found as the caller defined it, and the blocks that must go back."""
    use = {"type": "server_tool_use", "id": "s1", "name": "tool_search_tool_regex", "input": {"pattern": "get"}}
    found = {
        "type": "tool_search_tool_search_result",
        "tool_references": [{"type": "tool_reference", "tool_name": "get"}],
    }
    result = {"type": "tool_search_tool_result", "tool_use_id": "s1", "content": found}
    blocks = [OtherItem(dialect="messages", type=block["type"], value=block) for block in (use, result)]  # type: ignore[arg-type]
    items = crossed(SEARCH, DEFERRED, upstream="messages").answer(*blocks, call("get", "{}")).items
    searched, output, beside, called = items
    assert isinstance(searched, OtherItem)
    assert searched.value["arguments"] == {"pattern": "get"}
    assert isinstance(output, OtherItem)
    assert [tool["name"] for tool in output.value["tools"]] == ["get"]
    assert isinstance(beside, Reasoning)
    assert beside.carrier == Carrier("messages", "blocks", [use, result])
    assert isinstance(called, ToolCall)


def test_the_callers_own_search_is_a_function() -> None:
    """What is deferred waits until it has been found."""
    seen = crossed(CLIENT_SEARCH, DEFERRED)
    assert list(functions(seen)) == ["tool_search"]
    [item] = seen.answer(call("tool_search", '{"query":"customers"}')).items
    assert isinstance(item, OtherItem)
    assert item.type == "tool_search_call"
    assert item.value["arguments"] == {"query": "customers"}
    assert item.value["execution"] == "client"


def test_what_the_callers_search_found_can_be_called() -> None:
    """The history says what was found."""
    history = [
        {"type": "tool_search_call", "call_id": "c1", "execution": "client", "arguments": {"query": "x"}},
        {"type": "tool_search_output", "call_id": "c1", "execution": "client", "tools": [DEFERRED]},
    ]
    seen = crossed(CLIENT_SEARCH, DEFERRED, history=history)
    assert list(functions(seen)) == ["tool_search", "get"]
    assert seen.body["messages"][2]["content"] == "Found, and ready to be called: get."


def test_tools_told_later_are_tools() -> None:
    """Codex sends them as an item of the developer's."""
    history = [{"type": "additional_tools", "id": "at_1", "role": "developer", "tools": [CRM]}]
    seen = crossed({**GET, "name": "f"}, history=history)
    assert list(functions(seen)) == ["f", "crm__get", "crm__note"]
    assert len(seen.body["messages"]) == 1
