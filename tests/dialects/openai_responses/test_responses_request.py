"""A Responses caller's request, read."""

from typing import Any

import pytest
from responses_wire import no_unseal, read, seal, write

from trunkline.dialects.openai_responses import DIALECT
from trunkline.errors import InvalidRequest, UnknownParameter
from trunkline.items import (
    Audio,
    Carrier,
    CustomTool,
    File,
    FunctionTool,
    Image,
    Message,
    OtherItem,
    OtherPart,
    OtherTool,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolChoice,
    ToolOutput,
)
from trunkline.request import ModelRequest, ModelSettings, ReasoningSettings, TextFormat


def test_a_string_input_is_one_user_message() -> None:
    """A string as input is what the user said."""
    assert read({"input": "hello"}).items == [Message(role="user", parts=[Text(text="hello")])]


def test_easy_messages_have_no_type() -> None:
    """A message is known by its role alone, in every role."""
    items = read(
        {"input": [{"role": role, "content": "x"} for role in ("user", "assistant", "system", "developer")]}
    ).items
    assert [item.role for item in items if isinstance(item, Message)] == ["user", "assistant", "system", "developer"]


def test_every_known_part_is_read() -> None:
    """Each kind of content part becomes its own kind; a strange one is kept as it is."""
    content = [
        {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "input_image", "image_url": "https://x/y.png", "detail": "high"},
        {"type": "input_image", "file_id": "file_1"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,AA", "filename": "a.pdf", "detail": "low"},
        {"type": "input_file", "file_url": "https://x/a.pdf"},
        {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
        {"type": "refusal", "refusal": "no"},
        {"type": "output_text", "text": "b", "annotations": [{"type": "file_path"}], "logprobs": []},
        {"type": "input_hologram", "x": 1},
    ]
    (item,) = read({"input": [{"role": "user", "content": content}]}).items
    assert isinstance(item, Message)
    assert item.parts == [
        Text(text="a", extras={"responses": {"prompt_cache_breakpoint": {"mode": "explicit"}}}),
        Image(url="https://x/y.png", detail="high"),
        Image(file_id="file_1"),
        File(data="data:application/pdf;base64,AA", filename="a.pdf", extras={"responses": {"detail": "low"}}),
        File(url="https://x/a.pdf"),
        Audio(data="AA", format="wav"),
        Refusal(refusal="no"),
        Text(text="b", annotations=[{"type": "file_path"}]),
        OtherPart(dialect="responses", type="input_hologram", value={"type": "input_hologram", "x": 1}),
    ]


def test_calls_and_outputs_are_read() -> None:
    """Function and custom calls pair with their outputs, as text or as parts."""
    items = read(
        {
            "input": [
                {
                    "type": "function_call",
                    "id": "fc_1",
                    "call_id": "c1",
                    "name": "f",
                    "arguments": "{}",
                    "status": "completed",
                },
                {"type": "function_call_output", "call_id": "c1", "output": "ok", "status": "completed"},
                {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "raw", "namespace": "crm"},
                {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "t"}]},
            ]
        }
    ).items
    assert items == [
        ToolCall(call_id="c1", name="f", arguments="{}", id="fc_1", status="completed"),
        ToolOutput(call_id="c1", output="ok", status="completed"),
        ToolCall(kind="custom", call_id="c2", name="patch", arguments="raw", namespace="crm"),
        ToolOutput(kind="custom", call_id="c2", output=[Text(text="t")]),
    ]


def test_native_reasoning_keeps_what_makes_it_replayable() -> None:
    """Encrypted content that is not ours is the provider's own, bound to its id."""
    wire = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "s"}],
        "content": [{"type": "reasoning_text", "text": "c"}],
        "encrypted_content": "gAAA",
    }
    carrier = Carrier("responses", "encrypted_content", {"id": "rs_1", "encrypted_content": "gAAA"})
    assert read({"input": [wire]}).items == [Reasoning(summary=["s"], content=["c"], carrier=carrier, id="rs_1")]


def test_sealed_reasoning_is_opened() -> None:
    """T-45, T-50: what we sealed comes back as the carrier it was."""
    carrier = Carrier("messages", "signature", {"signature": "SIG0"})
    wire = {"type": "reasoning", "id": "rs_9", "summary": [], "encrypted_content": seal(carrier)}
    assert read({"input": [wire]}).items == [Reasoning(carrier=carrier, id="rs_9")]


@pytest.mark.parametrize(
    "wire",
    [
        {"type": "item_reference", "id": "msg_1"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}},
        {"type": "compaction", "id": "cmp_1", "encrypted_content": "x"},
        {"type": "mcp_approval_response", "approval_request_id": "a", "approve": True},
        {"type": "brand_new_item", "anything": [1]},
    ],
)
def test_other_items_are_kept_as_they_are(wire: dict[str, Any]) -> None:
    """Hosted and unknown items never raise: they are this dialect's own."""
    assert read({"input": [wire]}).items == [
        OtherItem(dialect="responses", type=wire["type"], value=wire, id=wire.get("id"))
    ]


def test_an_id_alone_is_a_reference() -> None:
    """An item that is only an id refers to a stored one."""
    (item,) = read({"input": [{"id": "msg_1"}]}).items
    assert isinstance(item, OtherItem)
    assert item.type == "item_reference"


def test_settings_are_read() -> None:
    """Every setting lands in its word of the vocabulary."""
    request = read(
        {
            "instructions": "be brief",
            "max_output_tokens": 5,
            "temperature": 0.5,
            "top_p": 1,
            "frequency_penalty": 0.1,
            "presence_penalty": 0.2,
            "top_logprobs": 3,
            "include": ["message.output_text.logprobs"],
            "parallel_tool_calls": False,
            "text": {"format": {"type": "json_object"}, "verbosity": "low"},
            "reasoning": {"effort": "high", "summary": "auto", "context": "all_turns"},
            "service_tier": "flex",
            "truncation": "auto",
            "store": False,
            "metadata": {"a": "b"},
            "user": "u",
            "safety_identifier": "s",
            "prompt_cache_key": "k",
            "prompt_cache_retention": "24h",
            "max_tool_calls": 2,
            "background": False,
            "stream": True,
            "stream_options": {"include_obfuscation": False},
            "provider_options": {"groq": {"x": 1}},
            "top_k": 4,
        }
    )
    assert request.settings == ModelSettings(
        max_output_tokens=5,
        temperature=0.5,
        top_p=1,
        frequency_penalty=0.1,
        presence_penalty=0.2,
        top_logprobs=3,
        logprobs=True,
        parallel_tool_calls=False,
        verbosity="low",
        service_tier="flex",
        truncation="auto",
        store=False,
        metadata={"a": "b"},
        user="u",
        safety_identifier="s",
        prompt_cache_key="k",
        prompt_cache_retention="24h",
        max_tool_calls=2,
        include=["message.output_text.logprobs"],
        background=False,
    )
    assert request.instructions == "be brief"
    assert request.text_format == TextFormat(type="json_object")
    extras = {"responses": {"context": "all_turns"}}
    assert request.reasoning == ReasoningSettings(effort="high", summary="auto", extras=extras)
    assert request.stream
    assert request.extras == {"responses": {"stream_options": {"include_obfuscation": False}}}
    assert request.provider_options == {"groq": {"x": 1}}
    assert request.unknown == {"top_k": 4}


def test_null_counts_as_absent() -> None:
    """A field that is null was not said."""
    nulls = dict.fromkeys(("tools", "tool_choice", "text", "reasoning", "include", "metadata", "stream", "temperature"))
    assert read(nulls) == read({})


def test_tools_are_read() -> None:
    """Functions are flat and keep what the JavaScript SDK adds; custom tools keep their grammar; the rest is other."""
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {}}
    custom = {"type": "grammar", "syntax": "lark", "definition": "start: /x/"}
    tools = [
        {
            "type": "function",
            "name": "f",
            "description": "d",
            "parameters": schema,
            "strict": True,
            "defer_loading": True,
        },
        {"type": "custom", "name": "patch", "format": custom},
        {"type": "web_search", "search_context_size": "low"},
    ]
    assert read({"tools": tools}).tools == [
        FunctionTool(
            name="f", description="d", parameters=schema, strict=True, extras={"responses": {"defer_loading": True}}
        ),
        CustomTool(name="patch", format=custom),
        OtherTool(dialect="responses", type="web_search", value=tools[2]),
    ]


CHOICES: list[tuple[Any, ToolChoice]] = [
    ("auto", ToolChoice(mode="auto")),
    ("none", ToolChoice(mode="none")),
    ("required", ToolChoice(mode="required")),
    ({"type": "function", "name": "f"}, ToolChoice(mode="tool", name="f")),
    ({"type": "custom", "name": "patch"}, ToolChoice(mode="tool", name="patch", kind="custom")),
    (
        {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]},
        ToolChoice(mode="required", allowed=["f"]),
    ),
    ({"type": "web_search_preview"}, ToolChoice(mode="tool", kind="web_search_preview")),
    (
        {"type": "mcp", "server_label": "s"},
        ToolChoice(mode="tool", kind="mcp", other={"type": "mcp", "server_label": "s"}),
    ),
    (
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp", "server_label": "s"}]},
        ToolChoice(
            mode="auto",
            other={"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp", "server_label": "s"}]},
        ),
    ),
]


@pytest.mark.parametrize(("wire", "choice"), CHOICES)
def test_t60_every_tool_choice_is_read(wire: Any, choice: ToolChoice) -> None:
    """T-60: each legal shape of `tool_choice` has its meaning."""
    assert read({"tool_choice": wire}).tool_choice == choice


@pytest.mark.parametrize(("wire", "choice"), CHOICES)
def test_t60_every_tool_choice_is_written_back(wire: Any, choice: ToolChoice) -> None:
    """T-60: the same choice goes out as it came in."""
    tools = [FunctionTool(name="f"), CustomTool(name="patch")]
    assert write(ModelRequest(model="m", items=[], tools=list(tools), tool_choice=choice))["tool_choice"] == wire


def test_a_prompt_needs_neither_model_nor_input() -> None:
    """A stored prompt may own both."""
    request = DIALECT.read_request({"prompt": {"id": "pmpt_1"}}, no_unseal)
    assert (request.model, request.items, request.prompt) == ("", [], {"id": "pmpt_1"})


def test_a_conversation_may_be_an_object() -> None:
    """A conversation is its id, however it is written."""
    assert read({"conversation": {"id": "conv_1"}}).conversation == read({"conversation": "conv_1"}).conversation


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 3}, "model"),
        ({"input": None}, "input"),
        ({"input": 3}, "input"),
        ({"input": [3]}, "input[0]"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"type": 1}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0].image_url"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call", "call_id": "", "name": "f", "arguments": ""}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "call_id": "c"}]}, "input[0].output"),
        ({"input": [{"type": "reasoning", "summary": ["x"]}]}, "input[0].summary[0]"),
        ({"stream": "yes"}, "stream"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"tools": [{"name": "f"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "function", "name": "f", "parameters": "x"}]}, "tools[0].parameters"),
        ({"tool_choice": "maybe"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.name"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"include": [1]}, "include[0]"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"provider_options": {"groq": 1}}, "provider_options.groq"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], param: str) -> None:
    """A malformed field is refused with its path."""
    with pytest.raises(InvalidRequest) as caught:
        read(body)
    assert caught.value.param == param


def test_t95_an_unknown_member_of_text_is_named() -> None:
    """T-95: nothing is silently lost inside `text`."""
    with pytest.raises(UnknownParameter) as caught:
        read({"text": {"tone": "warm"}})
    assert caught.value.param == "text.tone"
