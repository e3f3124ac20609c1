"""A Chat caller's request is read whole, or refused with the path of what is wrong."""

import contextlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.dialects.openai_chat import DIALECT
from trunkline.errors import InvalidRequest, UnknownParameter
from trunkline.items import (
    Audio,
    Carrier,
    CustomTool,
    File,
    FunctionTool,
    Image,
    Message,
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

USER = {"role": "user", "content": "hi"}


def unseal(value: str) -> Carrier | None:
    return Carrier("messages", "signature", value) if value.startswith("tl1.") else None


def read(messages: Any = None, **fields: Any) -> ModelRequest:
    return DIALECT.read_request({"model": "m", "messages": messages or [USER], **fields}, unseal)


def test_roles_and_names() -> None:
    """Each message is an item in its place; null and absent are one."""
    request = read(
        [
            {"role": "system", "content": "s"},
            {"role": "developer", "content": [{"type": "text", "text": "d"}]},
            {"role": "user", "content": "u", "name": "ann"},
            {"role": "assistant", "content": "a", "refusal": None, "tool_calls": None, "audio": None},
        ]
    )
    assert request.items == [
        Message(role="system", parts=[Text(text="s")]),
        Message(role="developer", parts=[Text(text="d")]),
        Message(role="user", parts=[Text(text="u")], name="ann"),
        Message(role="assistant", parts=[Text(text="a")]),
    ]
    assert request.instructions is None


def test_content_parts() -> None:
    """Every part of the API, and one that only the target may know."""
    mark = {"prompt_cache_breakpoint": {"mode": "explicit"}}
    parts = [
        {"type": "text", "text": "t", **mark},
        {"type": "image_url", "image_url": {"url": "https://a.example/i.png", "detail": "low"}},
        {"type": "image_url", "image_url": "https://a.example/j.png"},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "file", "file": {"file_data": "JVBE", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "video_url", "video_url": {"url": "https://a.example/v"}},
    ]
    assert read([{"role": "user", "content": parts}]).items[0].parts == [
        Text(text="t", extras={"chat": mark}),
        Image(url="https://a.example/i.png", detail="low"),
        Image(url="https://a.example/j.png"),
        Audio(data="AAAA", format="wav"),
        File(data="data:application/pdf;base64,JVBE", filename="a.pdf"),
        File(file_id="file-1"),
        OtherPart(dialect="chat", type="video_url", value=parts[-1]),
    ]


def test_calls_and_outputs() -> None:
    """One assistant message is reasoning, text and calls; outputs know what they answer."""
    request = read(
        [
            USER,
            {
                "role": "assistant",
                "content": "",
                "reasoning_content": "hm",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}, "index": 0},
                    {"id": "c2", "type": "custom", "custom": {"name": "p", "input": "x"}},
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "one", "name": "f"},
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "two"}]},
        ]
    )
    assert request.items[1:] == [
        Reasoning(content=["hm"]),
        ToolCall(call_id="c1", name="f", arguments="{}"),
        ToolCall(call_id="c2", name="p", arguments="x", kind="custom"),
        ToolOutput(call_id="c1", output="one"),
        ToolOutput(call_id="c2", output=[Text(text="two")], kind="custom"),
    ]


def test_the_old_functions_way() -> None:
    """Functions, the call and its output are mapped."""
    request = read(
        [
            USER,
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "42"},
        ],
        functions=[{"name": "f", "parameters": {"type": "object"}}],
        function_call={"name": "f"},
    )
    call, output = request.items[1:]
    assert (call.name, call.call_id) == ("f", output.call_id)
    assert output.output == "42"
    assert [tool.name for tool in request.tools] == ["f"]
    assert request.tool_choice == ToolChoice(mode="tool", name="f")


def test_reasoning_comes_back_in_any_spelling() -> None:
    """Sealed values are opened; what is not ours stays the provider's own."""
    signed = {"type": "reasoning.encrypted", "data": "tl1.x"}
    own = {"type": "reasoning.encrypted", "data": "theirs"}

    def items(**fields: Any) -> list[Any]:
        return read([USER, {"role": "assistant", "content": "a", **fields}]).items[1:-1]

    assert items(reasoning="r") == [Reasoning(content=["r"])]
    assert items(reasoning_content="r", reasoning_details=[signed]) == [
        Reasoning(content=["r"], carrier=Carrier("messages", "signature", "tl1.x"))
    ]
    assert items(reasoning_details=[own]) == [Reasoning(carrier=Carrier("chat", "reasoning_details", [own]))]
    assert items(thinking_blocks=[{"type": "thinking", "thinking": "t", "signature": "tl1.x"}]) == [
        Reasoning(content=["t"], carrier=Carrier("messages", "signature", "tl1.x"))
    ]
    assert items(thinking_blocks=[{"type": "redacted_thinking", "data": "d"}])[0].carrier.kind == "thinking_blocks"


def test_mistrals_thinking_parts() -> None:
    """They are reasoning."""
    content = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "x"}]
    assert read([USER, {"role": "assistant", "content": content}]).items[1:] == [
        Reasoning(content=["hm"]),
        Message(role="assistant", parts=[Text(text="x")]),
    ]


def test_a_signature_on_a_call() -> None:
    """Ours is opened, Google's is kept."""

    def carrier(signature: str) -> Carrier:
        call = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
        extra = {"extra_content": {"google": {"thought_signature": signature}}}
        return read([USER, {"role": "assistant", "tool_calls": [{**call, **extra}]}]).items[1].carrier

    assert carrier("tl1.x") == Carrier("messages", "signature", "tl1.x")
    assert carrier("g") == Carrier("chat", "extra_content", {"google": {"thought_signature": "g"}})


def test_t34_empty_content_makes_no_part() -> None:
    """T-34: an assistant's empty content is no message where there are calls, and an empty one where there is nothing."""
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]
    items = read([USER, {"role": "assistant", "content": "", "tool_calls": calls}]).items
    assert items[1:] == [ToolCall(call_id="c", name="f", arguments="{}")]
    assert read([USER, {"role": "assistant", "content": None}]).items[1:] == [Message(role="assistant", parts=[])]
    refusal = read([USER, {"role": "assistant", "refusal": "No"}]).items[1]
    assert refusal == Message(role="assistant", parts=[Refusal(refusal="No")])


def test_tools_and_choices() -> None:
    """Nested shapes become flat ones; tools that nobody knows are kept."""
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "d"}}
    request = read(
        tools=[
            {"type": "function", "function": {"name": "f"}},
            {
                "type": "function",
                "function": {"name": "g", "description": "", "parameters": {"type": "object"}, "strict": True},
            },
            {"type": "custom", "custom": {"name": "p", "format": grammar}},
            {"type": "web_search", "depth": 3},
        ],
        tool_choice={
            "type": "allowed_tools",
            "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]},
        },
    )
    assert request.tools == [
        FunctionTool(name="f"),
        FunctionTool(name="g", description="", parameters={"type": "object"}, strict=True),
        CustomTool(name="p", format={"type": "grammar", "syntax": "lark", "definition": "d"}),
        OtherTool(dialect="chat", type="web_search", value={"type": "web_search", "depth": 3}),
    ]
    assert request.tool_choice == ToolChoice(mode="required", allowed=["f"])
    assert read(tool_choice="none").tool_choice == ToolChoice(mode="none")
    named = read(tool_choice={"type": "custom", "custom": {"name": "p"}}).tool_choice
    assert named == ToolChoice(mode="tool", name="p", kind="custom")


def test_settings() -> None:
    """Each has its word; the newer limit wins; a stop string is a list of one."""
    request = read(
        max_tokens=5,
        max_completion_tokens=6,
        temperature=0,
        top_p=0.5,
        stop="END",
        seed=1,
        n=2,
        logprobs=True,
        top_logprobs=3,
        logit_bias={"1": -100},
        parallel_tool_calls=False,
        verbosity="low",
        service_tier="flex",
        store=True,
        metadata={"a": "b"},
        user="u",
        safety_identifier="s",
        prompt_cache_key="k",
        prompt_cache_retention="24h",
        frequency_penalty=0.1,
        presence_penalty=0.2,
        reasoning_effort="none",
        stream=True,
        stream_options={"include_usage": True, "include_obfuscation": False},
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": True}},
    )
    assert request.settings == ModelSettings(
        max_output_tokens=6,
        temperature=0,
        top_p=0.5,
        stop=["END"],
        seed=1,
        n=2,
        logprobs=True,
        top_logprobs=3,
        logit_bias={"1": -100},
        parallel_tool_calls=False,
        verbosity="low",
        service_tier="flex",
        store=True,
        metadata={"a": "b"},
        user="u",
        safety_identifier="s",
        prompt_cache_key="k",
        prompt_cache_retention="24h",
        frequency_penalty=0.1,
        presence_penalty=0.2,
    )
    assert request.reasoning == ReasoningSettings(effort="none")
    assert (request.stream, request.include_usage) == (True, True)
    assert request.extras == {"chat": {"stream_options": {"include_obfuscation": False}}}
    assert request.text_format == TextFormat(type="json_schema", name="n", schema={}, strict=True)


def test_t95_what_the_dialect_does_not_define_is_unknown() -> None:
    """T-95: defined fields without a word are extras, undefined ones are unknown, options go by provider."""
    request = read(modalities=["text"], top_k=5, provider_options={"groq": {"x": 1}})
    assert request.extras == {"chat": {"modalities": ["text"]}}
    assert request.unknown == {"top_k": 5}
    assert request.provider_options == {"groq": {"x": 1}}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": 3}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [3]}, "messages[0]"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]},
            "messages[0].content[0].file.file_data",
        ),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}]}, "messages[0].tool_calls[0].function"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tools": {}}, "tools"),
        ({"tool_choice": "maybe"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stop": [1]}, "stop[0]"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"logit_bias": {"1": "x"}}, "logit_bias.1"),
        ({"provider_options": {"groq": 1}}, "provider_options.groq"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], param: str) -> None:
    """The path of the field, and what would be right."""
    with pytest.raises(InvalidRequest) as caught:
        DIALECT.read_request({"model": "m", "messages": [USER], **body}, unseal)
    assert caught.value.param == param
    assert "must" in caught.value.message or "missing" in caught.value.message or "carries no" in caught.value.message


_WORDS = st.sampled_from(
    [
        "role",
        "content",
        "user",
        "assistant",
        "tool",
        "type",
        "text",
        "function",
        "name",
        "tool_calls",
        "id",
        "arguments",
    ]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=12,
)
_FIELDS = st.sampled_from(
    "messages tools tool_choice functions function_call response_format stop stream_options reasoning_effort logit_bias"
    " metadata provider_options n max_tokens store top_logprobs".split()
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(_FIELDS, _JSON, max_size=3), st.lists(_JSON, max_size=3))
def test_any_json_is_read_or_refused(fields: dict[str, Any], messages: list[Any]) -> None:
    """Never any other exception."""
    with contextlib.suppress(InvalidRequest, UnknownParameter):
        request = DIALECT.read_request({"model": "m", "messages": messages, **fields}, unseal)
        assert isinstance(request, ModelRequest)


def test_every_field_of_the_description_is_known(test_data: Path) -> None:
    """Nothing that OpenAI's description lists is taken for a vendor's field."""
    description = json.loads((test_data / "openai-openapi.json").read_bytes())
    schemas = description["components"]["schemas"]

    def names(schema: dict[str, Any]) -> set[str]:
        schema = schemas[schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema
        inner = [name for one in schema.get("allOf", []) + schema.get("anyOf", []) for name in names(one)]
        return {*inner, *schema.get("properties", {})}

    fields = names(schemas["CreateChatCompletionRequest"])
    request = read(**dict.fromkeys(fields - {"model", "messages"}))
    assert len(fields) > 30
    assert request.unknown == {}
    assert msgspec.json.encode(request)
