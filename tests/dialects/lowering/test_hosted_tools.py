"""T-67 and T-68: tools that a provider runs by itself, on another provider."""

from typing import Any

import pytest
from crossings import Crossed, call, say, user

from trunkline.capabilities import Capabilities
from trunkline.clock import CountingMint
from trunkline.dialects.lowering import lower
from trunkline.errors import UnknownParameter, Unsupported
from trunkline.items import Carrier, Item, Message, OtherItem, Reasoning, Text
from trunkline.request import ModelRequest

USE = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "news"}}
FOUND = [{"type": "web_search_result", "url": "https://a.example/", "title": "A", "encrypted_content": "E"}]
RESULT = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": FOUND}


def block(value: dict[str, Any]) -> OtherItem:
    return OtherItem(dialect="messages", type=value["type"], value=value)


def from_responses(*tools: Any, upstream: str = "messages", **fields: Any) -> Crossed:
    return Crossed({"input": "hello", "tools": [*tools], **fields}, "responses", upstream)


def from_messages(*tools: Any, upstream: str = "responses", **fields: Any) -> Crossed:
    return Crossed({"messages": [user()], "tools": [*tools], **fields}, "messages", upstream)


# --- web search ---------------------------------------------------------------------------------------------------


def test_t67_a_web_search_is_anthropics_own() -> None:
    """With the domains, the place and the limit; what is left out is said."""
    seen = from_responses(
        {
            "type": "web_search",
            "filters": {"allowed_domains": ["a.example"]},
            "user_location": {"type": "approximate", "country": "CH", "city": None},
            "search_context_size": "high",
        },
        max_tool_calls=3,
    )
    assert seen.body["tools"] == [
        {
            "type": "web_search_20250305",
            "name": "web_search",
            "allowed_domains": ["a.example"],
            "user_location": {"type": "approximate", "country": "CH"},
            "max_uses": 3,
        }
    ]
    assert seen.dropped == ["tools[0].search_context_size"]


@pytest.mark.parametrize("upstream", ["messages", "gemini"])
def test_t67_what_the_other_search_cannot_do_is_refused(upstream: str) -> None:
    """Searching a cache alone."""
    with pytest.raises(Unsupported) as caught:
        from_responses({"type": "web_search", "external_web_access": False}, upstream=upstream)
    assert caught.value.param == "tools[0].external_web_access"


def test_t67_the_search_comes_back_as_openais_item() -> None:
    """Beside it, opaque, what Anthropic wants back."""
    seen = from_responses({"type": "web_search"})
    searched, beside, message = seen.answer(block(USE), block(RESULT), say("so")).items
    assert isinstance(searched, OtherItem)
    assert searched.value["action"] == {
        "type": "search",
        "query": "news",
        "queries": ["news"],
        "sources": [{"type": "url", "url": "https://a.example/"}],
    }
    assert searched.value["status"] == "completed"
    assert isinstance(beside, Reasoning)
    assert beside.carrier == Carrier("messages", "blocks", [USE, RESULT])
    assert message == say("so")


def test_t67_a_search_that_failed_says_so() -> None:
    """As OpenAI's do."""
    failed = {**RESULT, "content": {"type": "web_search_tool_result_error", "error_code": "unavailable"}}
    searched = from_responses({"type": "web_search"}).answer(block(USE), block(failed)).items[0]
    assert isinstance(searched, OtherItem)
    assert searched.value["status"] == "failed"


def test_t67_a_search_without_a_result_is_ended() -> None:
    """The answer was cut in between."""
    [searched] = from_responses({"type": "web_search"}).answer(block(USE), finish="paused").items
    assert isinstance(searched, OtherItem)
    assert searched.value["status"] == "failed"


def lowered_history(*items: Item, upstream: str) -> list[Item]:
    request = ModelRequest(model="m", items=[say("hello", "user"), *items])
    return lower(request, "responses", upstream, Capabilities(), CountingMint())[0].items[1:]


SEARCHED = OtherItem(
    dialect="responses",
    type="web_search_call",
    value={"type": "web_search_call", "action": {"type": "search", "query": "news"}},
)
BESIDE = Reasoning(carrier=Carrier("messages", "blocks", [USE, RESULT]))


def test_t67_the_blocks_go_back_to_anthropic() -> None:
    """Byte for byte, and the item that showed them is not told twice."""
    assert lowered_history(SEARCHED, BESIDE, upstream="messages") == [block(USE), block(RESULT)]


def test_t67_towards_others_the_search_is_told_in_words() -> None:
    """The opaque part is left out."""
    [told] = lowered_history(SEARCHED, BESIDE, upstream="chat")
    assert told == Message(role="assistant", parts=[Text(text="(I searched the web: news)")])


def test_t68_anthropics_search_is_openais_own() -> None:
    """With its sources included, which the caller's blocks list."""
    seen = from_messages({"type": "web_search_20250305", "name": "web_search", "allowed_domains": ["a.example"]})
    assert seen.body["tools"] == [{"type": "web_search", "filters": {"allowed_domains": ["a.example"]}}]
    assert "web_search_call.action.sources" in seen.body["include"]


def test_t68_the_limit_of_a_search_is_openais_setting() -> None:
    """Anthropic has it on the tool."""
    tool = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    assert from_messages(tool).body["max_tool_calls"] == 3
    assert from_messages(tool, upstream="gemini").dropped == ["tools[0].max_uses"]


def test_t95_a_wish_of_a_search_that_nobody_knows_is_refused() -> None:
    """By its path."""
    with pytest.raises(UnknownParameter) as caught:
        from_responses({"type": "web_search", "zap": 1})
    assert caught.value.param == "tools[0].zap"


@pytest.mark.parametrize("wish", [{"filters": {"allowed_domains": ["a.example"]}}, {"user_location": {"city": "Zug"}}])
def test_t67_googles_search_takes_no_wishes(wish: Any) -> None:
    """They are not left out in silence."""
    assert from_responses({"type": "web_search"}, upstream="gemini").lowered.tools[0].type == "googleSearch"  # type: ignore[union-attr]
    with pytest.raises(Unsupported):
        from_responses({"type": "web_search", **wish}, upstream="gemini")


def test_t68_openais_search_comes_back_as_anthropics_blocks() -> None:
    """A use and its result, one after the other."""
    action = {"type": "search", "query": "news", "sources": [{"type": "url", "url": "https://a.example/"}]}
    value = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": action}
    seen = from_messages({"type": "web_search_20250305", "name": "web_search"})
    item = OtherItem(dialect="responses", type="web_search_call", value=value, id="ws_1")
    use, result, message = seen.answer(item, say("so")).items
    assert isinstance(use, OtherItem)
    assert isinstance(result, OtherItem)
    assert use.value["input"] == {"query": "news"}
    assert result.value["tool_use_id"] == use.value["id"]
    assert [found["url"] for found in result.value["content"]] == ["https://a.example/"]
    assert message == say("so")


def test_t68_a_forced_search_is_forced_there_too() -> None:
    """Each names it in its own way."""
    tool = {"type": "web_search_20250305", "name": "web_search"}
    seen = from_messages(tool, tool_choice={"type": "tool", "name": "web_search"})
    assert seen.body["tool_choice"] == {"type": "web_search"}
    other = from_responses({"type": "web_search"}, tool_choice={"type": "web_search"})
    assert other.body["tool_choice"] == {"type": "tool", "name": "web_search"}


def test_chats_search_options_are_a_tool() -> None:
    """Chat has a field for it."""
    asked = {"messages": [user()], "web_search_options": {"user_location": {"approximate": {"city": "Zug"}}}}
    [tool] = Crossed(asked, "chat", "messages").body["tools"]
    assert tool["user_location"] == {"type": "approximate", "city": "Zug"}


# --- code, servers, the rest --------------------------------------------------------------------------------------


def test_t67_code_runs_in_anthropics_own_container() -> None:
    """And comes back as the interpreter's call."""
    seen = from_responses({"type": "code_interpreter", "container": {"type": "auto"}})
    assert seen.body["tools"] == [{"type": "code_execution_20250825", "name": "code_execution"}]
    use = {"type": "server_tool_use", "id": "s1", "name": "bash_code_execution", "input": {"command": "ls"}}
    content = {"type": "bash_code_execution_result", "stdout": "a\n", "stderr": "", "return_code": 0}
    result = {"type": "bash_code_execution_tool_result", "tool_use_id": "s1", "content": content}
    ran = seen.answer(block(use), block(result)).items[0]
    assert isinstance(ran, OtherItem)
    assert ran.value["code"] == "ls"
    assert ran.value["outputs"] == [{"type": "logs", "logs": "a\n"}]


def test_t67_files_in_a_container_are_refused() -> None:
    """They are OpenAI's."""
    container = {"type": "auto", "file_ids": ["file-1"]}
    with pytest.raises(Unsupported) as caught:
        from_responses({"type": "code_interpreter", "container": container})
    assert caught.value.param == "tools[0].container.file_ids"


def test_t68_anthropics_servers_are_openais_mcp_tools() -> None:
    """A server and its toolset become one tool, whose calls come back as blocks."""
    servers = [{"type": "url", "name": "dmcp", "url": "https://m.example/", "authorization_token": "T"}]
    seen = from_messages({"type": "mcp_toolset", "mcp_server_name": "dmcp"}, mcp_servers=servers)
    assert seen.body["tools"] == [
        {
            "type": "mcp",
            "server_label": "dmcp",
            "server_url": "https://m.example/",
            "authorization": "T",
            "require_approval": "never",
        }
    ]
    value = {
        "type": "mcp_call",
        "id": "mcp_1",
        "server_label": "dmcp",
        "name": "f",
        "arguments": '{"x":1}',
        "output": "1",
    }
    use, result = seen.answer(OtherItem(dialect="responses", type="mcp_call", value=value)).items
    assert isinstance(use, OtherItem)
    assert isinstance(result, OtherItem)
    assert (use.value["name"], use.value["input"]) == ("f", {"x": 1})
    assert result.value["content"] == [{"type": "text", "text": "1"}]


HOSTED = ["file_search", "image_generation", "mcp", "programmatic_tool_calling", "something_new"]


@pytest.mark.parametrize("kind", [*HOSTED, "web_search", "web_search_preview", "code_interpreter"])
def test_t67_chat_has_no_hosted_tools(kind: str) -> None:
    """It never answers without the search that was asked for."""
    with pytest.raises(Unsupported, match=kind) as caught:
        from_responses({"type": "function", "name": "f", "parameters": {}}, {"type": kind}, upstream="chat")
    assert (caught.value.code, caught.value.param) == ("unsupported_tool", "tools[1]")


@pytest.mark.parametrize("kind", [kind for kind in HOSTED if kind != "mcp"])
def test_t67_what_anthropic_lacks_is_refused(kind: str) -> None:
    """By its place."""
    with pytest.raises(Unsupported) as caught:
        from_responses({"type": kind})
    assert caught.value.param == "tools[0]"


@pytest.mark.parametrize("kind", ["web_fetch_20250910", "browser_toolset_20260801", "advisor_20260301"])
def test_t68_what_openai_lacks_is_refused(kind: str) -> None:
    """Whatever Anthropic thinks of next."""
    with pytest.raises(Unsupported) as caught:
        from_messages({"type": kind, "name": "x"})
    assert caught.value.param == "tools[0]"


def test_a_picture_that_was_made_is_shown() -> None:
    """The history of another provider's picture tool is not lost."""
    made = OtherItem(dialect="responses", type="image_generation_call", value={"result": "AAAA"})
    told, shown = lowered_history(made, upstream="chat")
    assert "picture" in str(told)
    assert "data:image/png;base64,AAAA" in str(shown)


def test_calls_beside_a_search_keep_their_order() -> None:
    """Indexes are counted anew."""
    items = from_responses({"type": "web_search"}).answer(block(USE), block(RESULT), call("f", "{}")).items
    assert [type(item).__name__ for item in items] == ["OtherItem", "Reasoning", "ToolCall"]


@pytest.mark.parametrize("tools", ["emulated", "none"])
def test_t67_a_model_without_tools_has_no_hosted_ones(tools: Any) -> None:
    """Not even such as its API has."""
    asked = {"messages": [user()], "tools": [{"type": "retrieval"}]}
    with pytest.raises(Unsupported) as caught:
        Crossed(asked, "chat", "chat", tools=tools)
    assert caught.value.param == "tools[0]"
