"""Lowered requests → bodies of Cohere's v2 chat."""

from typing import Any

import pytest

from trunkline.capabilities import Capabilities
from trunkline.dialects.cohere import DIALECT
from trunkline.dialects.dialect import Written
from trunkline.dialects.turns import NO_OUTPUT
from trunkline.errors import Unsupported
from trunkline.items import (
    Audio,
    Carrier,
    File,
    FunctionTool,
    Image,
    Item,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolChoice,
    ToolOutput,
)
from trunkline.request import ModelRequest, ModelSettings, ReasoningSettings, TextFormat

PNG = "data:image/png;base64,iVBORw0KGgo="
TOOL = FunctionTool(name="f", description="d", parameters={"type": "object", "properties": {"x": {"type": "string"}}})


def user(*parts: Part | str) -> Message:
    return Message(role="user", parts=[Text(text=part) if isinstance(part, str) else part for part in parts])


def said(*texts: str) -> Message:
    return Message(role="assistant", parts=[Text(text=text) for text in texts])


def call(call_id: str = "c1", arguments: str = "{}") -> ToolCall:
    return ToolCall(call_id=call_id, name="f", arguments=arguments)


def gave(output: str | list[Part], call_id: str = "c1") -> ToolOutput:
    return ToolOutput(call_id=call_id, output=output)


def written(items: list[Item], **members: Any) -> Written:
    return DIALECT.write_request(ModelRequest(model="m", items=items, **members), Capabilities())


def messages(items: list[Item], **members: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = written(items, **members).body["messages"]
    return found


def with_settings(**settings: Any) -> Written:
    return written([user("Hi")], settings=ModelSettings(**settings))


# --- turns --------------------------------------------------------------------------------------------------------


def test_a_plain_question() -> None:
    """Nothing is sent that was not asked."""
    assert written([user("Hi")], instructions="Be brief.", stream=True).body == {
        "model": "m",
        "stream": True,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
    }


def test_a_turn_is_one_message() -> None:
    """T-35, T-37: plan, text and calls in one; the results behind it in the order of the calls."""
    plan = Reasoning(content=["I look."], carrier=Carrier("cohere", "tool_plan", "I look."))
    history = [
        user("Hi"),
        plan,
        said("Let me see."),
        call("c1", '{"x":1}'),
        call("c2"),
        gave("2", "c2"),
        gave("1", "c1"),
    ]
    function = {"name": "f", "arguments": '{"x":1}'}
    assert messages([*history, user("And?")])[1:] == [
        {
            "role": "assistant",
            "tool_plan": "I look.",
            "content": [{"type": "text", "text": "Let me see."}],
            "tool_calls": [
                {"id": "c1", "type": "function", "function": function},
                {"id": "c2", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
        {"role": "tool", "tool_call_id": "c2", "content": "2"},
        {"role": "user", "content": "And?"},
    ]


def test_its_own_thought_goes_back() -> None:
    """Where it stood; anybody else's is left out."""
    steps = [
        Reasoning(content=["Hm"], carrier=Carrier("cohere", "thinking", "Hm")),
        Reasoning(content=["x"]),
        Reasoning(carrier=Carrier("messages", "signature", {"signature": "S"})),
        said("Hello"),
    ]
    assert messages([user("Hi"), *steps, user("And?")])[1]["content"] == [
        {"type": "thinking", "thinking": "Hm"},
        {"type": "text", "text": "Hello"},
    ]


def test_no_empty_text() -> None:
    """T-34."""
    refusal = Message(role="assistant", parts=[Refusal(refusal="No.")])
    assert messages([user("Hi"), said(""), call(), gave(" "), user(" "), refusal]) == [
        {"role": "user", "content": "Hi"},
        {
            "role": "assistant",
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": NO_OUTPUT},
        {"role": "assistant", "content": [{"type": "text", "text": "No."}]},
    ]


def test_system_messages_keep_their_place() -> None:
    """T-55: this wire takes them anywhere."""
    middle = Message(role="developer", parts=[Text(text="Be kind.")])
    assert [m["role"] for m in messages([user("Hi"), said("Hello"), middle, user("And?")])] == [
        "user",
        "assistant",
        "system",
        "user",
    ]


def test_pictures() -> None:
    """In user messages; what a tool gave comes behind its text, with its name (T-38)."""
    picture = Image(url=PNG, detail="low")
    block = {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}
    assert messages([user("See", picture)]) == [{"role": "user", "content": [{"type": "text", "text": "See"}, block]}]
    assert messages([user("Hi"), call(), gave([Text(text="seen"), picture]), user("So?")])[2:] == [
        {"role": "tool", "tool_call_id": "c1", "content": "seen"},
        {"role": "user", "content": [{"type": "text", "text": "From the tool call c1:"}, block]},
        {"role": "user", "content": "So?"},
    ]


@pytest.mark.parametrize(
    "part", [File(data="data:application/pdf;base64,AAAA"), Audio(data="AAAA", format="wav"), Image(file_id="f")]
)
def test_media_that_the_wire_has_no_words_for(part: Part) -> None:
    """A clear error, before anything is sent."""
    with pytest.raises(Unsupported):
        messages([user(part)])
    with pytest.raises(Unsupported):
        messages([user("Hi"), Message(role="assistant", parts=[part])])


# --- tools --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "names", "word"),
    [
        (None, ["f", "g"], None),
        (ToolChoice(mode="auto"), ["f", "g"], None),
        (ToolChoice(mode="none"), ["f", "g"], "NONE"),
        (ToolChoice(mode="required"), ["f", "g"], "REQUIRED"),
        (ToolChoice(mode="tool", name="g"), ["g"], "REQUIRED"),
    ],
)
def test_tool_choice(choice: ToolChoice | None, names: list[str], word: str | None) -> None:
    """A certain tool is forced by offering no other."""
    body = written([user("Hi")], tools=[TOOL, FunctionTool(name="g")], tool_choice=choice).body
    assert [tool["function"]["name"] for tool in body["tools"]] == names
    assert body.get("tool_choice") == word


def test_tools() -> None:
    """T-63: schemas untouched, nothing added."""
    [full, bare] = written([user("Hi")], tools=[TOOL, FunctionTool(name="g")]).body["tools"]
    assert full == {"type": "function", "function": {"name": "f", "description": "d", "parameters": TOOL.parameters}}
    assert bare["function"] == {"name": "g", "parameters": {"type": "object", "properties": {}}}


def test_a_choice_without_tools_is_not_sent() -> None:
    """FR-11."""
    body = written([user("Hi")], tool_choice=ToolChoice(mode="none")).body
    assert not {"tools", "tool_choice"} & body.keys()


def test_strict_is_for_all_or_none() -> None:
    """And wants something required in each; else it is left out, and said."""
    strict = FunctionTool(name="f", parameters={"type": "object", "required": ["x"]}, strict=True)
    loose = FunctionTool(name="g")
    optional = FunctionTool(name="h", parameters={"type": "object"}, strict=True)
    assert written([user("Hi")], tools=[strict]).body["strict_tools"] is True
    for tools in ([strict, loose], [strict, optional]):
        result = written([user("Hi")], tools=tools)
        assert "strict_tools" not in result.body
        assert result.dropped == ["tools.strict"]


# --- the rest -----------------------------------------------------------------------------------------------------


def test_settings() -> None:
    """Each under the wire's own name."""
    result = with_settings(
        max_output_tokens=5,
        temperature=0.5,
        top_p=0.5,
        top_k=7,
        stop=["END"],
        seed=1,
        logprobs=True,
        frequency_penalty=0.5,
        presence_penalty=1,
    )
    del result.body["messages"], result.body["model"], result.body["stream"]
    assert result.body == {
        "max_tokens": 5,
        "temperature": 0.5,
        "p": 0.5,
        "k": 7,
        "stop_sequences": ["END"],
        "seed": 1,
        "logprobs": True,
        "frequency_penalty": 0.5,
        "presence_penalty": 1,
    }
    assert result.dropped == []


def test_settings_out_of_range() -> None:
    """Penalties that had to be cut are said; a `top_p` of 1 is everybody's word for all."""
    result = with_settings(frequency_penalty=-1, presence_penalty=1.5, top_p=1)
    assert (result.body["frequency_penalty"], result.body["presence_penalty"], result.body["p"]) == (0, 1, 0.99)
    assert result.dropped == ["frequency_penalty", "presence_penalty"]


@pytest.mark.parametrize(
    ("asked", "thinking"),
    [
        (None, None),
        (ReasoningSettings(summary="auto"), None),
        (ReasoningSettings(effort="none"), {"type": "disabled"}),
        (ReasoningSettings(effort="low"), {"type": "enabled", "token_budget": 2048}),
        (ReasoningSettings(effort="max"), {"type": "enabled"}),
        (ReasoningSettings(effort="low", budget_tokens=5000), {"type": "enabled", "token_budget": 5000}),
    ],
)
def test_thinking(asked: ReasoningSettings | None, thinking: Any) -> None:
    """An effort is a budget; above `high` the model's own limit holds."""
    assert written([user("Hi")], reasoning=asked).body.get("thinking") == thinking


def test_shapes() -> None:
    """A JSON object, with its schema where there is one."""
    schema = {"type": "object", "properties": {}}
    asked = TextFormat(type="json_schema", name="n", schema=schema)
    assert written([user("Hi")], text_format=asked).body["response_format"] == {
        "type": "json_object",
        "json_schema": schema,
    }
    plain = written([user("Hi")], text_format=TextFormat(type="json_object")).body
    assert plain["response_format"] == {"type": "json_object"}
    assert "response_format" not in written([user("Hi")], text_format=TextFormat()).body


def test_fields_that_the_provider_is_known_to_take() -> None:
    """As they are."""
    assert written([user("Hi")], unknown={"safety_mode": "STRICT"}).body["safety_mode"] == "STRICT"
