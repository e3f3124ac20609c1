"""A lowered request becomes a body that every Chat vendor takes."""

from typing import Any

import pytest

from trunkline.capabilities import Capabilities
from trunkline.dialects.openai_chat import DIALECT
from trunkline.errors import Unsupported
from trunkline.items import (
    Carrier,
    CustomTool,
    File,
    FunctionTool,
    Image,
    Item,
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


def say(role: Any, *texts: str, **members: Any) -> Message:
    return Message(role=role, parts=[Text(text=text) for text in texts], **members)


def call(name: str) -> ToolCall:
    return ToolCall(call_id=f"c_{name}", name=name, arguments="{}")


def write(items: list[Item] | None = None, capabilities: dict[str, Any] | None = None, **fields: Any) -> Any:
    request = ModelRequest(model="m", items=items or [say("user", "hi")], **fields)
    return DIALECT.write_request(request, Capabilities(**(capabilities or {})))


def messages(*items: Item, **capabilities: Any) -> list[dict[str, Any]]:
    return write(list(items), capabilities).body["messages"]


def wire_call(name: str) -> dict[str, Any]:
    return {"id": f"c_{name}", "type": "function", "function": {"name": name, "arguments": "{}"}}


def test_fr11_a_plain_request_invents_nothing() -> None:
    """FR-11, FR-09: no tools, no choice, and streaming only where it was asked for."""
    assert write().body == {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": False}
    body = write(tool_choice=ToolChoice(mode="auto"), settings=ModelSettings(parallel_tool_calls=True)).body
    assert set(body) == {"model", "messages", "stream"}


def test_a_stream_asks_for_usage() -> None:
    """Where the target takes that."""
    assert write(stream=True).body["stream_options"] == {"include_usage": True}
    assert "stream_options" not in write(stream=True, capabilities={"stream_options": False}).body


def test_instructions_come_first() -> None:
    """As a system message, which every target knows; developers are systems where the role is unknown."""
    items = [say("developer", "d"), say("user", "u")]
    assert write(items, instructions="i").body["messages"][:2] == [
        {"role": "system", "content": "i"},
        {"role": "system", "content": "d"},
    ]
    assert messages(*items, developer_role=True)[0]["role"] == "developer"


def test_t37_one_turn_is_one_message() -> None:
    """T-37: reasoning, text and both calls stand in one assistant message, outputs right behind it."""
    assert messages(
        say("user", "hi"),
        Reasoning(summary=["a", "b"]),
        say("assistant", "x"),
        call("f"),
        call("g"),
        ToolOutput(call_id="c_f", output="1"),
        ToolOutput(call_id="c_g", output=[Text(text="2")]),
    )[1:] == [
        {
            "role": "assistant",
            "content": "x",
            "reasoning_content": "a\n\nb",
            "tool_calls": [wire_call("f"), wire_call("g")],
        },
        {"role": "tool", "tool_call_id": "c_f", "content": "1"},
        {"role": "tool", "tool_call_id": "c_g", "content": "2"},
    ]


def test_thoughts_between_text_and_call_belong_to_the_turn() -> None:
    """Interleaved reasoning of one turn is joined."""
    [turn] = messages(Reasoning(content=["a"]), say("assistant", "x"), Reasoning(content=["b"]), call("f"))
    assert (turn["reasoning_content"], turn["content"], len(turn["tool_calls"])) == ("a\n\nb", "x", 1)


def test_thoughts_before_the_next_message_go_with_it() -> None:
    """Two messages in a row stay two."""
    written = messages(say("assistant", "x"), Reasoning(content=["b"]), say("assistant", "y"))
    assert written == [
        {"role": "assistant", "content": "x"},
        {"role": "assistant", "content": "y", "reasoning_content": "b"},
    ]


def test_text_after_a_call_joins_its_turn() -> None:
    """The outputs must follow the calls directly."""
    written = messages(say("assistant", "a"), call("f"), say("assistant", "b"), ToolOutput(call_id="c_f", output="1"))
    assert [message["role"] for message in written] == ["assistant", "tool"]
    assert written[0]["content"] == "ab"


def test_t49_reasoning_goes_back_under_the_targets_name() -> None:
    """T-49: or not at all."""
    items = [Reasoning(content=["a"]), call("f")]
    assert messages(*items, reasoning_field="reasoning")[0]["reasoning"] == "a"
    assert set(messages(*items, reasoning_field=None)[0]) == {"role", "content", "tool_calls"}


def test_t103_own_details_go_back_as_they_were() -> None:
    """T-103: encrypted entries and their order included; another family's never."""
    details = [
        {"type": "reasoning.text", "text": "a", "index": 0},
        {"type": "reasoning.encrypted", "data": "x", "index": 1},
    ]
    [turn] = messages(Reasoning(content=["a"], carrier=Carrier("chat", "reasoning_details", details)), call("f"))
    assert turn["reasoning_details"] == details
    assert "reasoning_content" not in turn
    foreign = Reasoning(carrier=Carrier("messages", "signature", "s"))
    assert set(messages(foreign, call("f"))[0]) == {"role", "content", "tool_calls"}


def test_a_calls_own_signature_goes_back() -> None:
    """Google's compatible endpoint needs it."""
    signed = ToolCall(call_id="c", name="f", arguments="", carrier=Carrier("chat", "extra_content", {"google": {}}))
    [turn] = messages(signed)
    assert turn["tool_calls"][0]["extra_content"] == {"google": {}}
    assert turn["tool_calls"][0]["function"]["arguments"] == "{}"


def test_outputs_stand_right_behind_their_calls() -> None:
    """T-35: what was said between a call and its output comes after all of the turn's outputs, in call order."""
    said = messages(
        call("f"),
        call("g"),
        ToolOutput(call_id="c_g", output="two"),
        say("user", "wait"),
        ToolOutput(call_id="c_f", output="one"),
    )
    assert [message["role"] for message in said] == ["assistant", "tool", "tool", "user"]
    assert [message["content"] for message in said[1:]] == ["one", "two", "wait"]


def test_t38_pictures_in_an_output_follow_in_a_user_message() -> None:
    """T-38: after the last output, labelled with the call."""
    image = Image(url="data:image/png;base64,AA==")
    written = messages(
        call("f"),
        call("g"),
        ToolOutput(call_id="c_f", output=[Text(text="see"), image]),
        ToolOutput(call_id="c_g", output=[image]),
        say("user", "go on"),
    )
    assert [message["role"] for message in written] == ["assistant", "tool", "tool", "user", "user"]
    assert written[1]["content"] == "see"
    label, first, second_label, _ = written[3]["content"]
    assert "c_f" in label["text"]
    assert "c_g" in second_label["text"]
    assert first == {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}


def test_refusals_in_the_history_are_text() -> None:
    """T-34: vendors know no refusals."""
    refused = Message(role="assistant", parts=[Refusal(refusal="No.")])
    assert messages(refused) == [{"role": "assistant", "content": "No."}]


def test_content_is_a_string_where_it_can_be() -> None:
    """Parts are for what is not plain text."""
    assert messages(say("user", "a", "b"))[0]["content"] == "a\n\nb"
    mixed = Message(
        role="user", parts=[Text(text="a"), Image(url="https://a.example/i", detail="high"), File(file_id="f")]
    )
    assert messages(mixed)[0]["content"] == [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "https://a.example/i", "detail": "high"}},
        {"type": "file", "file": {"file_id": "f"}},
    ]


@pytest.mark.parametrize(
    "part",
    [File(url="https://a.example/f.pdf"), Image(file_id="f"), OtherPart(dialect="responses", type="x", value={})],
)
def test_t86_what_chat_has_no_shape_for_is_refused(part: Any) -> None:
    """T-86: never sent as something else."""
    with pytest.raises(Unsupported):
        messages(Message(role="user", parts=[part]))


def test_a_target_without_eyes() -> None:
    """A picture is refused, naming the item."""
    with pytest.raises(Unsupported) as caught:
        messages(say("user", "a"), Message(role="user", parts=[Image(url="https://a.example/i")]), images=False)
    assert caught.value.param == "input[1]"


def test_another_dialects_item_is_refused() -> None:
    """Lowering should have seen it; the writer does not lose it either."""
    with pytest.raises(Unsupported):
        messages(OtherItem(dialect="responses", type="web_search_call", value={}))


def test_names_are_sent_or_reported() -> None:
    """Most vendors know none."""
    item = say("user", "a", name="ann")
    assert messages(item, message_names=True)[0]["name"] == "ann"
    written = write([item, item])
    assert written.dropped == ["name"]
    assert "name" not in written.body["messages"][0]


def test_t63_tools_get_nothing_that_was_not_said() -> None:
    """T-63: no empty description, no `strict`; but a schema is an object."""
    written = write(
        tools=[
            FunctionTool(name="f"),
            FunctionTool(
                name="g", description="d", parameters={"type": "object", "properties": {"$ref": {}}}, strict=True
            ),
            CustomTool(name="p", format={"type": "grammar", "syntax": "lark", "definition": "x"}),
            OtherTool(dialect="chat", type="web_search", value={"type": "web_search"}),
        ]
    ).body["tools"]
    assert written == [
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}},
        {
            "type": "function",
            "function": {
                "name": "g",
                "description": "d",
                "parameters": {"type": "object", "properties": {"$ref": {}}},
                "strict": True,
            },
        },
        {
            "type": "custom",
            "custom": {"name": "p", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}},
        },
        {"type": "web_search"},
    ]


def test_strict_is_reported_where_it_is_unknown() -> None:
    """And not sent."""
    written = write(tools=[FunctionTool(name="f", strict=True)], capabilities={"strict_tools": False})
    assert written.dropped == ["strict"]
    assert "strict" not in written.body["tools"][0]["function"]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice(mode="required"), "required"),
        (ToolChoice(mode="tool", name="f"), {"type": "function", "function": {"name": "f"}}),
        (ToolChoice(mode="tool", name="p", kind="custom"), {"type": "custom", "custom": {"name": "p"}}),
        (
            ToolChoice(mode="auto", allowed=["f", "p"]),
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "auto",
                    "tools": [
                        {"type": "function", "function": {"name": "f"}},
                        {"type": "custom", "custom": {"name": "p"}},
                    ],
                },
            },
        ),
        (ToolChoice(mode="tool", other={"type": "x"}), {"type": "x"}),
    ],
)
def test_t60_choices_are_nested(choice: ToolChoice, expected: Any) -> None:
    """T-60: in Chat's own shape."""
    tools: Any = [FunctionTool(name="f"), CustomTool(name="p")]
    assert write(tools=tools, tool_choice=choice).body["tool_choice"] == expected


def test_settings_have_their_names() -> None:
    """The limit by the target's field, log probabilities as one, effort as it was left."""
    body = write(
        settings=ModelSettings(max_output_tokens=5, temperature=0, stop=["E"], top_logprobs=2, top_k=4, user="u"),
        reasoning=ReasoningSettings(effort="none", summary="auto"),
        unknown={"repetition_penalty": 1.1},
        extras={"chat": {"prediction": {"x": 1}}, "responses": {"y": 2}},
    ).body
    assert {name: body[name] for name in body if name not in ("model", "messages", "stream")} == {
        "max_tokens": 5,
        "temperature": 0,
        "stop": ["E"],
        "top_k": 4,
        "user": "u",
        "logprobs": True,
        "top_logprobs": 2,
        "reasoning_effort": "none",
        "repetition_penalty": 1.1,
        "prediction": {"x": 1},
    }
    newer = write(
        settings=ModelSettings(max_output_tokens=5), capabilities={"max_tokens_field": "max_completion_tokens"}
    )
    assert newer.body["max_completion_tokens"] == 5


def test_t78_log_probabilities_asked_for_as_responses_does() -> None:
    """T-78: by `include`."""
    asked = ModelSettings(include=["message.output_text.logprobs"], top_logprobs=0)
    assert write(settings=asked).body["logprobs"] is True
    assert "logprobs" not in write(settings=ModelSettings(top_logprobs=0)).body


def test_structured_output() -> None:
    """By schema, or as any object."""
    format = TextFormat(type="json_schema", name="n", schema={"type": "object"}, strict=True)
    assert write(text_format=format).body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
    }
    assert "response_format" not in write(text_format=TextFormat()).body
    asked = write(text_format=TextFormat(type="json_object"))
    assert asked.body["response_format"] == {"type": "json_object"}


def test_a_chat_request_survives_reading_and_writing() -> None:
    """What both ends know comes out as it went in."""
    body = {
        "model": "m",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]},
            {"role": "assistant", "content": None, "reasoning_content": "r", "tool_calls": [wire_call("f")]},
            {"role": "tool", "tool_call_id": "c_f", "content": "1"},
            {"role": "assistant", "content": "x", "prefix": True},
        ],
        "stream": False,
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "parameters": {"type": "object", "properties": {}}},
                "cache": 1,
            }
        ],
        "tool_choice": "auto",
        "response_format": {"type": "json_object"},
        "temperature": 0.5,
        "web_search_options": {"search_context_size": "low"},
    }
    request = DIALECT.read_request(body, lambda value: None)
    assert DIALECT.write_request(request, Capabilities()).body == body
