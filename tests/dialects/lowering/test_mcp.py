"""T-67: servers of the Model Context Protocol, which Anthropic calls by itself as OpenAI does."""

from typing import Any

import pytest
from crossings import Crossed, unseal

from trunkline.capabilities import Capabilities
from trunkline.clock import CountingMint
from trunkline.dialects import anthropic, openai_responses
from trunkline.dialects.lowering import lower
from trunkline.errors import TrunklineError, UnknownParameter, Unsupported
from trunkline.items import Carrier, OtherItem, Reasoning

MCP = {
    "type": "mcp",
    "server_label": "wiki",
    "server_url": "https://m.example/mcp",
    "require_approval": "never",
}
USE = {"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "ask", "server_name": "wiki", "input": {"q": 1}}
RESULT = {
    "type": "mcp_tool_result",
    "tool_use_id": "mcptoolu_1",
    "is_error": False,
    "content": [{"type": "text", "text": "42"}],
}


def asked(*tools: dict[str, Any], **fields: Any) -> Crossed:
    return Crossed({"input": "hello", "tools": [*tools], **fields}, "responses", "messages")


def refusal(caught: pytest.ExceptionInfo[TrunklineError]) -> tuple[str | None, str | None]:
    return caught.value.code, caught.value.param


def block(value: dict[str, Any]) -> OtherItem:
    return OtherItem(dialect="messages", type=value["type"], value=value)


def test_a_server_and_its_toolset_stand_apart() -> None:
    """The tool is a toolset, its server goes beside the tools."""
    body = asked({**MCP, "authorization": "T"}).body
    assert body["tools"] == [{"type": "mcp_toolset", "mcp_server_name": "wiki"}]
    assert body["mcp_servers"] == [
        {"type": "url", "name": "wiki", "url": "https://m.example/mcp", "authorization_token": "T"}
    ]


def test_the_body_asks_for_its_beta() -> None:
    """And one without servers does not."""
    for tools, headers in (([MCP], {b"anthropic-beta": b"mcp-client-2025-11-20"}), ([], {})):
        body = {"model": "m", "input": "hello", "tools": tools}
        request = openai_responses.DIALECT.read_request(body, unseal)
        lowered, _ = lower(request, "responses", "messages", Capabilities(), CountingMint())
        assert anthropic.DIALECT.write_request(lowered, Capabilities()).headers == headers


@pytest.mark.parametrize("allowed", [["ask", "read"], {"tool_names": ["ask", "read"]}])
def test_allowed_tools_alone_are_switched_on(allowed: Any) -> None:
    """In either of OpenAI's spellings."""
    (toolset,) = asked({**MCP, "allowed_tools": allowed}).body["tools"]
    assert toolset["default_config"] == {"enabled": False}
    assert toolset["configs"] == {"ask": {"enabled": True}, "read": {"enabled": True}}


def test_tools_that_wait_to_be_found_wait_there_too() -> None:
    """Deferred loading."""
    body = asked({**MCP, "defer_loading": True, "allowed_tools": ["ask"]}, {"type": "tool_search"}).body
    assert body["tools"][0]["default_config"] == {"enabled": False, "defer_loading": True}
    assert body["tools"][0]["configs"] == {"ask": {"enabled": True, "defer_loading": True}}
    assert body["tools"][1]["type"].startswith("tool_search_tool")


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_a_bearer_token_may_come_as_a_header(name: str) -> None:
    """It is the one header that Anthropic sends."""
    assert asked({**MCP, "headers": {name: "Bearer T"}}).body["mcp_servers"][0]["authorization_token"] == "T"


@pytest.mark.parametrize(
    ("wish", "param"),
    [
        ({"require_approval": "always"}, "require_approval"),
        ({"require_approval": None}, "require_approval"),
        ({"require_approval": {"never": {"tool_names": ["ask"]}}}, "require_approval"),
        ({"require_approval": {"never": {"tool_names": ["a"]}}, "allowed_tools": ["a", "b"]}, "require_approval"),
        ({"headers": {"x-key": "1"}}, "headers"),
        ({"headers": {"authorization": "Basic x"}}, "headers"),
        ({"allowed_tools": {"read_only": True}}, "allowed_tools.read_only"),
        ({"connector_id": "connector_gmail"}, "connector_id"),
        ({"tunnel_id": "t"}, "tunnel_id"),
        ({"server_url": None}, "server_url"),
    ],
)
def test_what_anthropic_cannot_be_told_is_refused(wish: dict[str, Any], param: str) -> None:
    """By its own name: a call that wanted leave must not be made without."""
    with pytest.raises(Unsupported) as caught:
        asked({**MCP, **wish})
    assert refusal(caught) == ("unsupported_tool", f"tools[0].{param}")


def test_a_wish_that_nobody_knows_is_a_slip() -> None:
    """It is not lost."""
    with pytest.raises(UnknownParameter) as caught:
        asked({**MCP, "server_uri": "x"})
    assert caught.value.param == "tools[0].server_uri"


def test_tools_that_need_no_leave_may_be_called() -> None:
    """As long as no others are allowed."""
    seen = asked({**MCP, "require_approval": {"never": {"tool_names": ["a", "b"]}}, "allowed_tools": ["a"]})
    assert seen.body["tools"][0]["configs"] == {"a": {"enabled": True}}


def test_a_servers_description_is_left_out() -> None:
    """And said."""
    assert asked({**MCP, "server_description": "A wiki."}).dropped == ["tools[0].server_description"]


@pytest.mark.parametrize("upstream", ["chat", "gemini"])
def test_others_have_no_servers(upstream: str) -> None:
    """They are refused by the tool's place."""
    with pytest.raises(Unsupported) as caught:
        Crossed({"input": "hello", "tools": [MCP]}, "responses", upstream)
    assert refusal(caught) == ("unsupported_tool", "tools[0]")


def test_a_call_comes_back_as_openais_item() -> None:
    """With the very blocks beside it, for the next turn."""
    shown, carried = asked(MCP).answer(block(USE), block(RESULT)).items
    assert isinstance(shown, OtherItem)
    told = {name: shown.value[name] for name in ("type", "server_label", "name", "arguments", "output", "status")}
    assert told == {
        "type": "mcp_call",
        "server_label": "wiki",
        "name": "ask",
        "arguments": '{"q":1}',
        "output": "42",
        "status": "completed",
    }
    assert isinstance(carried, Reasoning)
    assert carried.carrier == Carrier("messages", "blocks", [USE, RESULT])


def test_the_blocks_go_back_as_they_were() -> None:
    """And the list of a server's tools, which Anthropic knows by itself, is left out."""
    carrier = Carrier("messages", "blocks", [USE, RESULT])
    items = [
        {"role": "user", "content": "hello"},
        {"type": "mcp_list_tools", "id": "l", "server_label": "wiki", "tools": []},
        {"type": "mcp_call", "id": "c", "server_label": "wiki", "name": "ask", "arguments": "{}", "output": "42"},
        {"type": "reasoning", "summary": [], "encrypted_content": "sealed"},
        {"role": "user", "content": "and?"},
    ]
    body = {"model": "m", "input": items, "tools": [MCP]}
    request = openai_responses.DIALECT.read_request(body, lambda sealed: carrier)
    lowered, _ = lower(request, "responses", "messages", Capabilities(), CountingMint())
    written = anthropic.DIALECT.write_request(lowered, Capabilities()).body
    assert written["messages"][1] == {"role": "assistant", "content": [USE, RESULT]}


def test_a_servers_tool_cannot_be_forced() -> None:
    """Anthropic has no such choice."""
    with pytest.raises(Unsupported) as caught:
        asked(MCP, tool_choice={"type": "mcp", "server_label": "wiki", "name": "ask"})
    assert caught.value.param == "tool_choice"


def test_one_server_of_several_cannot_be_allowed() -> None:
    """More than was allowed must not be called."""
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp", "server_label": "wiki"}]}
    assert len(asked(MCP, tool_choice=choice).body["tools"]) == 1
    with pytest.raises(Unsupported) as caught:
        asked(MCP, {**MCP, "server_label": "other"}, tool_choice=choice)
    assert caught.value.param == "tool_choice"
