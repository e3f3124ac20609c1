"""A Messages request, read."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages_wire import seal, unseal

from trunkline.dialects.anthropic import DIALECT
from trunkline.errors import InvalidRequest, UnknownParameter
from trunkline.items import (
    Carrier,
    File,
    FunctionTool,
    Image,
    Message,
    OtherItem,
    OtherPart,
    OtherTool,
    Reasoning,
    Text,
    ToolCall,
    ToolChoice,
    ToolOutput,
)
from trunkline.request import ModelRequest, ReasoningSettings, TextFormat

HELLO = {"role": "user", "content": "Hello"}


def read(**members: Any) -> ModelRequest:
    return DIALECT.read_request({"model": "m", "max_tokens": 100, "messages": [HELLO], **members}, unseal)


def read_turn(role: str, *blocks: dict[str, Any]) -> list[Any]:
    return read(messages=[{"role": role, "content": [*blocks]}]).items


def test_the_least_request() -> None:
    """Model, limit and one message are enough."""
    request = read()
    assert request.items == [Message(role="user", parts=[Text(text="Hello")])]
    assert request.settings.max_output_tokens == 100
    assert (request.stream, request.unknown, request.extras) == (False, {}, {})


def test_settings_have_their_places() -> None:
    """Each field of the wire that has a word of ours is found under it."""
    request = read(
        stop_sequences=["END"],
        temperature=0.5,
        top_p=0.9,
        top_k=5,
        metadata={"user_id": "u"},
        service_tier="standard_only",
        stream=True,
    )
    seen = request.settings
    assert (seen.stop, seen.temperature, seen.top_p, seen.top_k) == (["END"], 0.5, 0.9, 5)
    assert (seen.user, seen.service_tier, request.stream) == ("u", "default", True)


def test_fields_without_a_word_of_ours_are_extras() -> None:
    """What the dialect defines is kept under its name; what nobody defines is unknown."""
    request = read(
        context_management={"edits": []}, mcp_servers=[], nonsense=1, provider_options={"anthropic": {"a": 1}}
    )
    assert request.extras == {"messages": {"context_management": {"edits": []}, "mcp_servers": []}}
    assert request.unknown == {"nonsense": 1}
    assert request.provider_options == {"anthropic": {"a": 1}}


@pytest.mark.parametrize(
    ("system", "instructions"),
    [
        ("Be brief.", "Be brief."),
        ([{"type": "text", "text": "A"}, {"type": "text", "text": "B"}], "A\n\nB"),
        ("", None),
    ],
)
def test_plain_system_text_is_instructions(system: Any, instructions: str | None) -> None:
    """A string, and blocks with nothing but text."""
    assert read(system=system).instructions == instructions


def test_system_text_with_a_cache_point_is_a_message() -> None:
    """The cache point must not be lost."""
    cached = {"type": "text", "text": "A", "cache_control": {"type": "ephemeral"}}
    request = read(system=[cached, {"type": "text", "text": "B"}])
    part = Text(text="A", extras={"messages": {"cache_control": {"type": "ephemeral"}}})
    assert request.items[0] == Message(role="system", parts=[part, Text(text="B")])
    assert request.instructions is None


def test_t55_system_in_the_middle_stays_in_place() -> None:
    """T-55: Claude Code sends it so."""
    items = read(messages=[HELLO, {"role": "system", "content": "Note."}, HELLO]).items
    assert [item.role for item in items if isinstance(item, Message)] == ["user", "system", "user"]


def test_an_assistants_turn_becomes_items_in_order() -> None:
    """T-45: thought, text and calls in the order of their blocks."""
    items = read_turn(
        "assistant",
        {"type": "thinking", "thinking": "t", "signature": "SIG"},
        {"type": "redacted_thinking", "data": "RED"},
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"b": 1, "a": "é"}},
    )
    assert items == [
        Reasoning(summary=["t"], carrier=Carrier("messages", "signature", {"thinking": "t", "signature": "SIG"})),
        Reasoning(carrier=Carrier("messages", "redacted", "RED")),
        Message(role="assistant", parts=[Text(text="a"), Text(text="b")]),
        ToolCall(call_id="toolu_1", name="f", arguments='{"b":1,"a":"é"}'),
    ]


def test_sealed_thought_is_opened() -> None:
    """T-50: what another family made comes back as it was."""
    carrier = Carrier("responses", "encrypted_content", "abc")
    (item,) = read_turn("assistant", {"type": "thinking", "thinking": "t", "signature": seal(carrier)})
    assert item == Reasoning(summary=["t"], carrier=carrier)
    (item,) = read_turn("assistant", {"type": "redacted_thinking", "data": seal(carrier)})
    assert item == Reasoning(carrier=carrier)


def test_thought_of_a_chat_model_comes_back_as_content() -> None:
    """Its raw text is what that model wants to see again."""
    carrier = Carrier("chat", "text", "")
    (item,) = read_turn("assistant", {"type": "thinking", "thinking": "t", "signature": seal(carrier)})
    assert item == Reasoning(content=["t"], carrier=carrier)


def test_t44_unsigned_thought_has_no_carrier() -> None:
    """T-44: it is text, and nothing that could be replayed."""
    (item,) = read_turn("assistant", {"type": "thinking", "thinking": "t"})
    assert item == Reasoning(summary=["t"])


def test_tool_results_are_items_before_the_text_after_them() -> None:
    """A user's turn with results and text is outputs, then a message."""
    items = read_turn(
        "user",
        {"type": "tool_result", "tool_use_id": "a", "content": "18 °C"},
        {"type": "tool_result", "tool_use_id": "b", "is_error": True},
        {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "x"}]},
        {"type": "text", "text": "Go on."},
    )
    assert items == [
        ToolOutput(call_id="a", output="18 °C"),
        ToolOutput(call_id="b", output="", is_error=True),
        ToolOutput(call_id="c", output=[Text(text="x")]),
        Message(role="user", parts=[Text(text="Go on.")]),
    ]


def test_pictures_by_data_url_and_file() -> None:
    """Three sources, one part."""
    (message,) = read_turn(
        "user",
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
        {"type": "image", "source": {"type": "file", "file_id": "file_1"}, "cache_control": {"type": "ephemeral"}},
    )
    assert message.parts == [
        Image(url="data:image/png;base64,AAAA"),
        Image(url="https://x/y.png"),
        Image(file_id="file_1", extras={"messages": {"cache_control": {"type": "ephemeral"}}}),
    ]


def test_t86_documents_by_every_source() -> None:
    """T-86: a document is a file, its title the name."""
    (message,) = read_turn(
        "user",
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "AA"},
            "title": "t.pdf",
        },
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hi"}},
        {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}, "citations": {"enabled": True}},
        {"type": "document", "source": {"type": "file", "file_id": "f"}},
        {"type": "document", "source": {"type": "content", "content": "Hi"}},
    )
    assert message.parts == [
        File(data="data:application/pdf;base64,AA", filename="t.pdf"),
        File(data="data:text/plain;base64,SGk="),
        File(url="https://x/y.pdf", extras={"messages": {"citations": {"enabled": True}}}),
        File(file_id="f"),
        OtherPart(
            dialect="messages",
            type="document",
            value={"type": "document", "source": {"type": "content", "content": "Hi"}},
        ),
    ]


def test_server_blocks_stay_in_place() -> None:
    """An assistant's blocks that only Anthropic knows are items; a user's are parts."""
    use = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    upload = {"type": "container_upload", "file_id": "f"}
    items = read_turn("assistant", {"type": "text", "text": "a"}, use, {"type": "text", "text": "b"})
    assert items[1] == OtherItem(dialect="messages", type="server_tool_use", value=use)
    (message,) = read_turn("user", upload)
    assert message.parts == [OtherPart(dialect="messages", type="container_upload", value=upload)]


def test_tools_of_the_callers_own() -> None:
    """Without a type, or `custom`; what has no word of ours is kept."""
    schema = {"type": "object", "properties": {"x": {"type": "string"}}}
    tools = read(
        tools=[
            {"name": "f", "input_schema": schema, "description": "d", "eager_input_streaming": True},
            {"type": "custom", "name": "g", "input_schema": schema, "strict": True},
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
        ]
    ).tools
    assert tools == [
        FunctionTool(
            name="f", description="d", parameters=schema, extras={"messages": {"eager_input_streaming": True}}
        ),
        FunctionTool(name="g", parameters=schema, strict=True),
        OtherTool(
            dialect="messages",
            type="web_search_20250305",
            value={"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
        ),
    ]


@pytest.mark.parametrize(
    ("given_choice", "expected", "parallel"),
    [
        ({"type": "auto"}, ToolChoice(mode="auto"), None),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice(mode="required"), False),
        ({"type": "tool", "name": "f", "disable_parallel_tool_use": False}, ToolChoice(mode="tool", name="f"), True),
        ({"type": "none"}, ToolChoice(mode="none"), None),
    ],
)
def test_tool_choice(given_choice: dict[str, Any], expected: ToolChoice, parallel: bool | None) -> None:
    """The choice, and whether calls may be parallel."""
    request = read(tool_choice=given_choice)
    assert (request.tool_choice, request.settings.parallel_tool_calls) == (expected, parallel)


@pytest.mark.parametrize(
    ("members", "effort", "summary", "budget"),
    [
        ({"thinking": {"type": "disabled"}}, "none", None, None),
        ({"thinking": {"type": "adaptive"}}, None, None, None),
        ({"thinking": {"type": "adaptive", "display": "summarized"}}, None, "auto", None),
        (
            {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "max"}},
            "max",
            None,
            None,
        ),
        ({"thinking": {"type": "between_tools"}}, "minimal", None, None),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "minimal", None, 1024),
        ({"thinking": {"type": "enabled", "budget_tokens": 8192}}, "medium", None, 8192),
        ({"thinking": {"type": "enabled", "budget_tokens": 64000}}, "xhigh", None, 64000),
        ({"output_config": {"effort": "low"}}, "low", None, None),
    ],
)
def test_thinking(members: dict[str, Any], effort: str | None, summary: str | None, budget: int | None) -> None:
    """Every way to say how hard to think is an effort; the wire's own words stay for Anthropic."""
    reasoning = read(**members).reasoning
    assert reasoning is not None
    assert (reasoning.effort, reasoning.summary, reasoning.budget_tokens) == (effort, summary, budget)
    assert reasoning.extras == ({"messages": {"thinking": members["thinking"]}} if "thinking" in members else {})


@pytest.mark.parametrize(
    ("thinking", "is_shown"),
    [
        ({"type": "enabled", "budget_tokens": 1024}, True),
        ({"type": "adaptive"}, True),
        ({"type": "adaptive", "display": "omitted"}, False),
        ({"type": "disabled"}, False),
    ],
)
def test_thoughts_are_shown(thinking: dict[str, Any], is_shown: bool) -> None:
    """Unless that is said not to be wished."""
    reasoning = read(thinking=thinking).reasoning
    assert reasoning is not None
    assert reasoning.is_shown is is_shown


@pytest.mark.parametrize("older", [True, False])
def test_structured_output(older: bool) -> None:
    """`output_config.format`, and the name it had as a beta."""
    shape = {"type": "json_schema", "schema": {"type": "object"}}
    request = read(output_format=shape) if older else read(output_config={"format": shape, "task_budget": 1})
    assert request.text_format == TextFormat(type="json_schema", schema={"type": "object"})
    assert request.reasoning in (None, ReasoningSettings())
    assert request.extras == ({} if older else {"messages": {"output_config": {"task_budget": 1}}})


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"model": None}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [HELLO, {"role": "user"}]}, "messages[1].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content[0]"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url"}}]}]},
            "messages[0].content[0].source.url",
        ),
        (
            {
                "messages": [
                    {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": []}]}
                ]
            },
            "messages[0].content[0].input",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": 5}]}]},
            "messages[0].content[0].content",
        ),
        ({"system": [{"type": "image"}]}, "system[0].type"),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tools": [{"name": "", "input_schema": {}}]}, "tools[0].name"),
        ({"tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "hard"}}, "thinking.type"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type"),
        ({"stream": "yes"}, "stream"),
        ({"provider_options": {"x": 1}}, "provider_options.x"),
    ],
)
def test_what_is_wrong_is_named(members: dict[str, Any], param: str) -> None:
    """A wrong type or a missing member is refused with its path."""
    with pytest.raises(InvalidRequest) as raised:
        read(**members)
    assert raised.value.param == param
    assert param in raised.value.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from(
    ["text", "image", "tool_use", "tool_result", "thinking", "redacted_thinking", "document", "x", "base64", "url"]
)
BLOCKS = st.fixed_dictionaries(
    {},
    optional={
        "type": WORDS | JSON,
        "text": JSON,
        "source": JSON | st.fixed_dictionaries({"type": WORDS}, optional={"data": JSON, "url": JSON}),
        "id": JSON,
        "name": JSON,
        "input": JSON,
        "tool_use_id": st.text(max_size=3) | JSON,
        "content": JSON,
        "thinking": JSON,
        "signature": JSON,
        "citations": JSON,
    },
)
TURNS = st.fixed_dictionaries(
    {}, optional={"role": st.sampled_from(["user", "assistant", "system"]) | JSON, "content": JSON | st.lists(BLOCKS)}
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "model": st.just("m") | JSON,
        "max_tokens": st.just(5) | JSON,
        "messages": st.lists(TURNS, max_size=3) | JSON,
        "system": JSON | st.lists(BLOCKS, max_size=2),
        "tools": JSON,
        "tool_choice": JSON,
        "thinking": JSON,
        "output_config": JSON,
        "metadata": JSON,
        "stop_sequences": JSON,
        "provider_options": JSON,
    },
)


@settings(max_examples=60, deadline=None)
@given(BODIES)
def test_any_json_is_read_or_refused(body: dict[str, Any]) -> None:
    """Nothing but a request or one of two errors comes of a JSON object."""
    try:
        outcome: Any = DIALECT.read_request(body, unseal)
    except (InvalidRequest, UnknownParameter) as error:
        outcome = error
    assert isinstance(outcome, ModelRequest | InvalidRequest | UnknownParameter)
