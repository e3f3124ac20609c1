"""What a Gemini caller asks, read."""

import contextlib
from typing import Any

import pytest
from gemini_wire import read_body, unseal
from hypothesis import given
from hypothesis import strategies as st

from trunkline.dialects.gemini import DIALECT
from trunkline.dialects.gemini.schema import read_schema
from trunkline.dialects.gemini.wire import camel
from trunkline.errors import CallerError, InvalidRequest
from trunkline.items import (
    Audio,
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
from trunkline.request import ReasoningSettings, TextFormat

CALL = {"functionCall": {"name": "f", "args": {"x": 1}}}


def read_contents(*contents: Any) -> list:
    return DIALECT.read_request({"contents": list(contents)}, unseal).items


def model(*parts: dict) -> dict:
    return {"role": "model", "parts": list(parts)}


def user(*parts: dict) -> dict:
    return {"role": "user", "parts": list(parts)}


def result(name: str, response: Any, **members: Any) -> dict:
    return {"functionResponse": {"name": name, "response": response, **members}}


def test_both_spellings_are_read() -> None:
    """Google's JSON may be written in either."""
    snake = {
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"parts": [{"inline_data": {"mime_type": "image/png", "data": "AAAA"}}]}],
        "generation_config": {"max_output_tokens": 5, "thinking_config": {"thinking_level": "low"}},
        "tools": [{"function_declarations": [{"name": "f", "parameters_json_schema": {"type": "object"}}]}],
        "tool_config": {"function_calling_config": {"mode": "any", "allowed_function_names": ["f"]}},
    }

    def camelled(value: Any) -> Any:
        if isinstance(value, dict):
            return {camel(name): camelled(member) for name, member in value.items()}
        return [camelled(member) for member in value] if isinstance(value, list) else value

    request = DIALECT.read_request(snake, unseal)
    assert request == DIALECT.read_request(camelled(snake), unseal)
    assert request.instructions == "Be brief."
    assert request.items == [Message(role="user", parts=[Image(url="data:image/png;base64,AAAA")])]
    assert request.settings.max_output_tokens == 5
    assert request.reasoning == ReasoningSettings(effort="low")
    assert request.tool_choice == ToolChoice(mode="tool", name="f")


def test_calls_without_ids_get_lasting_ones_t12() -> None:
    """The same for the same history, and unique in it; results answer them in order."""
    first = (user({"text": "Hi"}), model(CALL, CALL), user(result("f", {"output": "1"}), result("f", {"output": "2"})))
    items = read_contents(*first, model(CALL), user(result("f", {"output": "3"})))
    calls = [item.call_id for item in items if isinstance(item, ToolCall)]
    assert len(set(calls)) == 3
    assert [item.call_id for item in items if isinstance(item, ToolOutput)] == calls
    assert read_contents(*first) == items[: len(read_contents(*first))]


def test_ids_pair_calls_and_results() -> None:
    """Whatever their order."""
    calls = [{"functionCall": {"name": "f", "id": name}} for name in ("a", "b")]
    items = read_contents(model(*calls), user(result("f", {}, id="b"), result("f", {}, id="a")))
    assert [item.call_id for item in items] == ["a", "b", "b", "a"]


def test_a_result_without_its_call_is_refused() -> None:
    """By its place."""
    with pytest.raises(InvalidRequest) as caught:
        read_contents(user(result("g", {})))
    assert caught.value.param == "contents[0].parts[0].functionResponse"


@pytest.mark.parametrize(
    ("response", "text", "is_error"),
    [
        ({"output": "ok"}, "ok", None),
        ({"result": {"a": 1}}, '{"a":1}', None),
        ({"error": "no"}, "no", True),
        ({"a": 1, "b": 2}, '{"a":1,"b":2}', None),
        ({}, "", None),
        (None, "", None),
    ],
)
def test_results(response: Any, text: str, is_error: bool | None) -> None:
    """One member of a usual name is the result itself."""
    output = read_contents(model(CALL), user(result("f", response)))[1]
    assert (output.output, output.is_error) == (text, is_error)


def test_a_picture_in_a_result() -> None:
    """A part of it."""
    media = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    output = read_contents(model(CALL), user(result("f", {"output": "see"}, parts=[media])))[1]
    assert output.output == [Text(text="see"), Image(url="data:image/png;base64,AAAA")]


def test_googles_own_signatures_are_kept() -> None:
    """Each with the part it came on."""
    items = read_contents(
        model(
            {"text": "hm", "thought": True},
            {**CALL, "thoughtSignature": "S"},
            {"text": "so", "thoughtSignature": "T"},
        )
    )
    assert items[0] == Reasoning(summary=["hm"], carrier=Carrier("gemini", "call", {"signature": "S", "id": ""}))
    assert isinstance(items[1], ToolCall)
    assert items[3] == Reasoning(carrier=Carrier("gemini", "part", {"signature": "T", "length": 2}))


def test_parts() -> None:
    """Pictures, sound and files by type; what we have no word for stays as it is."""
    [message] = read_contents(
        user(
            {"inlineData": {"mimeType": "audio/mp3", "data": "AAAA"}},
            {"inlineData": {"mimeType": "application/pdf", "data": "AA-_", "displayName": "a.pdf"}},
            {"fileData": {"fileUri": "gs://a", "mimeType": "image/png"}},
            {"fileData": {"fileUri": "https://youtu.be/x"}},
            {"futureData": {"x": 1}},
        )
    )
    assert message.parts == [
        Audio(data="AAAA", format="mp3"),
        File(data="data:application/pdf;base64,AA+/", filename="a.pdf"),
        Image(url="gs://a", extras={"gemini": {"mimeType": "image/png"}}),
        File(url="https://youtu.be/x"),
        OtherPart(dialect="gemini", type="futureData", value={"futureData": {"x": 1}}),
    ]
    code = {"executableCode": {"code": "1"}}
    assert read_contents(model(code)) == [OtherItem(dialect="gemini", type="executableCode", value=code)]


def test_schemas_of_googles_own_kind_become_json_schema() -> None:
    """Types in lower case, null as a type."""
    parameters = {
        "type": "OBJECT",
        "properties": {"a": {"type": "ARRAY", "items": {"type": "STRING", "nullable": True}, "minItems": "2"}},
        "required": ["a"],
    }
    request = read_body(
        tools=[{"functionDeclarations": [{"name": "f", "parameters": parameters}]}, {"googleSearch": {}}]
    )
    items = {"type": ["string", "null"]}
    assert request.tools == [
        FunctionTool(
            name="f",
            parameters={
                "type": "object",
                "properties": {"a": {"type": "array", "items": items, "minItems": 2}},
                "required": ["a"],
            },
        ),
        OtherTool(dialect="gemini", type="googleSearch", value={"googleSearch": {}}),
    ]


def test_what_google_says_of_a_schema_has_words_in_json_schema() -> None:
    """Null among the values where it may be one, and properties in their order."""
    schema = read_schema(
        {
            "type": "OBJECT",
            "properties": {
                "a": {"type": "STRING", "format": "enum", "enum": ["x"], "nullable": True},
                "b": {"type": "NUMBER"},
            },
            "propertyOrdering": ["b", "c", "a"],
        }
    )
    assert schema == {
        "type": "object",
        "properties": {"b": {"type": "number"}, "a": {"type": ["string", "null"], "enum": ["x", None]}},
    }
    assert list(schema["properties"]) == ["b", "a"]


@pytest.mark.parametrize(
    ("config", "choice"),
    [
        ({}, None),
        ({"mode": "AUTO"}, None),
        ({"mode": "NONE"}, ToolChoice(mode="none")),
        ({"mode": "ANY"}, ToolChoice(mode="required")),
        ({"mode": "ANY", "allowedFunctionNames": ["f", "g"]}, ToolChoice(mode="required", allowed=["f", "g"])),
        ({"mode": "VALIDATED"}, ToolChoice(mode="auto")),
    ],
)
def test_choices(config: dict, choice: ToolChoice | None) -> None:
    """Google's four modes."""
    assert read_body(toolConfig={"functionCallingConfig": config}).tool_choice == choice


@pytest.mark.parametrize(
    ("config", "reasoning"),
    [
        ({"thinkingBudget": 0}, ReasoningSettings(effort="none")),
        ({"thinkingBudget": -1, "includeThoughts": True}, ReasoningSettings(summary="auto")),
        ({"thinkingBudget": 2000}, ReasoningSettings(effort="low", budget_tokens=2000)),
        ({"thinkingLevel": "HIGH", "includeThoughts": False}, ReasoningSettings(effort="high")),
    ],
)
def test_thinking(config: dict, reasoning: ReasoningSettings) -> None:
    """Levels are efforts, a budget is a budget."""
    assert read_body(generationConfig={"thinkingConfig": config}).reasoning == reasoning


@pytest.mark.parametrize(
    ("config", "format"),
    [
        ({"responseMimeType": "text/plain"}, None),
        ({"responseMimeType": "application/json"}, TextFormat(type="json_object")),
        (
            {"responseMimeType": "application/json", "responseSchema": {"type": "STRING"}},
            TextFormat(type="json_schema", name="response", schema={"type": "string"}),
        ),
        (
            {"responseMimeType": "application/json", "responseJsonSchema": {"type": "string"}},
            TextFormat(type="json_schema", name="response", schema={"type": "string"}),
        ),
    ],
)
def test_formats(config: dict, format: TextFormat | None) -> None:
    """Either kind of schema."""
    assert read_body(generationConfig=config).text_format == format


def test_unknown_fields_are_told_apart() -> None:
    """What the dialect defines is an extra, what it does not is unknown, or refused where it can only be a mistake."""
    request = read_body(safetySettings=[{"category": "X"}], future=1, generationConfig={"speechConfig": {"a": 1}})
    assert request.extras == {"gemini": {"safetySettings": [{"category": "X"}], "speechConfig": {"a": 1}}}
    assert request.unknown == {"future": 1}
    with pytest.raises(InvalidRequest) as caught:
        read_body(generationConfig={"temprature": 1})
    assert caught.value.param == "generationConfig.temprature"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": 7}, "contents"),
        ({"contents": [7]}, "contents[0]"),
        ({"contents": [{"role": "assistant", "parts": []}]}, "contents[0].role"),
        ({"contents": [{"parts": [{"text": 7}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"parts": [{"functionCall": {}}]}]}, "contents[0].parts[0].functionCall.name"),
        ({"contents": [{}], "generationConfig": {"temperature": "hot"}}, "generationConfig.temperature"),
        ({"contents": [{}], "tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations[0].name"),
        (
            {"contents": [{}], "toolConfig": {"functionCallingConfig": {"mode": "X"}}},
            "toolConfig.functionCallingConfig.mode",
        ),
    ],
)
def test_what_is_wrong_is_named(body: dict, param: str) -> None:
    """By its path."""
    with pytest.raises(InvalidRequest) as caught:
        DIALECT.read_request(body, unseal)
    assert caught.value.param == param


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "contents",
    "parts",
    "role",
    "text",
    "functionCall",
    "functionResponse",
    "name",
    "inlineData",
    "thoughtSignature",
)
SHAPES = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=10,
)
TOP = ("contents", "tools", "toolConfig", "generationConfig", "systemInstruction", "serviceTier", "provider_options")


@given(st.dictionaries(st.sampled_from(TOP), SHAPES, max_size=5))
def test_any_json_is_read_or_refused_t95(body: dict) -> None:
    """With one of the caller's errors, and none other."""
    with contextlib.suppress(CallerError):
        assert DIALECT.read_request(body, unseal).items is not None
