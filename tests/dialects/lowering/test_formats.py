"""T-72 to T-74 and FR-22: the shape of the answer, on targets that keep it and on those that do not."""

import json
from typing import Any

import pytest
from crossings import Crossed, call, say, user
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.dialects.lowering.json_answers import JsonScanner
from trunkline.dialects.lowering.schemas import find_fault
from trunkline.errors import Garbled
from trunkline.events import ModelResponse
from trunkline.items import Message, Refusal, Text, ToolCall

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
FORMAT = {"format": {"type": "json_schema", "name": "place", "schema": SCHEMA}}
GET = {"type": "function", "name": "get", "parameters": {"type": "object", "properties": {}}}
ZUG = '{"city":"Zug"}'


def crossed(upstream: str = "messages", tools: Any = (), text: Any = FORMAT, asks: Any = None, **known: Any) -> Crossed:
    body = {"input": "hello", "text": text, "tools": [*tools], **(asks or {})}
    return Crossed(body, "responses", upstream, **known)


def said(response: ModelResponse) -> str:
    return "".join(part.text for item in response.items if isinstance(item, Message) for part in item.parts)  # type: ignore[union-attr]


# --- natively -----------------------------------------------------------------------------------------------------


def test_t72_anthropic_keeps_a_schema_by_itself() -> None:
    """Beside tools too, and nothing is emulated."""
    seen = crossed(tools=[GET])
    assert seen.body["output_config"]["format"]["schema"] == SCHEMA
    assert seen.emulated == []


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "object", "additionalProperties": True},
        {"type": "object", "properties": {"tags": {"type": "object", "additionalProperties": {"type": "string"}}}},
    ],
)
def test_maps_on_anthropic(schema: dict[str, Any]) -> None:
    """Its own way closes every object, so that a map would always be empty: a function's arguments may be any."""
    seen = crossed(text={"format": {"type": "json_schema", "name": "x", "schema": schema}})
    assert "output_config" not in seen.body
    assert seen.body["tools"][0]["input_schema"] == schema
    assert seen.emulated == ["text.format"]


@pytest.mark.parametrize("members", [{}, {"properties": {"a": {"type": "string"}}, "additionalProperties": True}])
def test_objects_on_anthropic(members: dict[str, Any]) -> None:
    """What else an object may hold is left out, as it is of no answer that the model has to give."""
    seen = crossed(text={"format": {"type": "json_schema", "name": "x", "schema": {"type": "object", **members}}})
    assert seen.body["output_config"]["format"]["schema"]["additionalProperties"] is False


def test_fr22_no_enum_beside_a_list_of_types() -> None:
    """Its values are kept, in branches."""
    level = {"type": ["string", "null"], "enum": ["low", "high", None]}
    schema = {"type": "object", "properties": {"level": level}, "required": ["level"]}
    seen = crossed(text={"format": {"type": "json_schema", "name": "x", "schema": schema}})
    written = seen.body["output_config"]["format"]["schema"]["properties"]["level"]
    assert written == {"anyOf": [{"type": "string", "enum": ["low", "high"]}, {"type": "null"}]}


@pytest.mark.parametrize(
    ("city", "strict"),
    [
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, False),
        ({"type": "string", "default": "Zug"}, False),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, True),
    ],
)
def test_words_that_openais_strict_mode_lacks(city: dict[str, Any], strict: bool) -> None:
    """A schema with one of them is asked for as it can be; a property of such a name is no such word."""
    names = {"default": {"type": "string"}, "city": city}
    schema = {"type": "object", "properties": names, "required": list(names), "additionalProperties": False}
    body = {"messages": [user()], "output_config": {"format": {"type": "json_schema", "schema": schema}}}
    assert Crossed(body, "messages", "responses").body["text"]["format"]["strict"] is strict


@pytest.mark.parametrize("upstream", ["chat", "responses"])
def test_anthropics_callers_get_openais_strict_schemas(upstream: str) -> None:
    """Theirs is always kept, so the schema that is fit for it is asked for strictly."""
    body = {"messages": [user()], "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}
    written = Crossed(body, "messages", upstream).body
    shape = written["text"]["format"] if upstream == "responses" else written["response_format"]["json_schema"]
    assert shape["strict"] is True
    assert shape["schema"] == SCHEMA


# --- by a function ------------------------------------------------------------------------------------------------


def test_t72_older_models_must_call_a_function() -> None:
    """Its arguments are the answer's schema."""
    seen = crossed(json_schema="none")
    [tool] = seen.body["tools"]
    assert tool["input_schema"] == SCHEMA
    assert seen.body["tool_choice"] == {"type": "tool", "name": tool["name"]}
    assert seen.emulated == ["text.format"]


def test_t72_the_device_never_shows() -> None:
    """The caller sees text, and no call."""
    seen = crossed(json_schema="none")
    answer = seen.answer(call("answer", ZUG))
    assert said(answer) == ZUG
    assert [type(item) for item in answer.items] == [Message]
    assert answer.finish == "stop"


def test_t72_beside_tools_the_model_may_call_either() -> None:
    """A call of a tool is a call, an answer is text."""
    seen = crossed(json_schema="none", tools=[GET])
    assert seen.body["tool_choice"] == {"type": "any"}
    [item] = seen.answer(call("get", "{}")).items
    assert isinstance(item, ToolCall)
    assert said(seen.answer(call("answer", ZUG))) == ZUG


def test_t72_what_is_said_beside_the_device_is_not_shown() -> None:
    """It would not be JSON."""
    assert said(crossed(json_schema="none", tools=[GET]).answer(say("Let me see."), call("answer", ZUG))) == ZUG


def test_t72_a_model_that_answers_in_plain_text_is_taken_at_its_word() -> None:
    """If the text is what was asked for."""
    assert said(crossed(json_schema="none", tools=[GET]).answer(say(ZUG))) == ZUG


def test_t72_a_tool_of_that_name_is_kept_apart() -> None:
    """The device takes another name."""
    seen = crossed(json_schema="none", tools=[{**GET, "name": "answer"}])
    assert [tool["name"] for tool in seen.body["tools"]] == ["answer", "answer_"]
    [item] = seen.answer(call("answer", "{}")).items
    assert isinstance(item, ToolCall)


def test_t72_a_forced_tool_comes_before_the_answer() -> None:
    """The caller wants its call now."""
    seen = crossed(json_schema="none", tools=[GET], asks={"tool_choice": "required"})
    assert [tool["name"] for tool in seen.body["tools"]] == ["get"]


def test_t73_a_schema_that_excludes_tools_becomes_a_function_beside_them() -> None:
    """As on Gemini 2."""
    seen = crossed("chat", tools=[GET], json_schema_with_tools=False)
    assert "response_format" not in seen.body
    assert [tool["function"]["name"] for tool in seen.body["tools"]] == ["get", "answer"]
    assert "response_format" in crossed("chat", json_schema_with_tools=False).body


# --- in words -----------------------------------------------------------------------------------------------------


def test_t74_any_object_is_asked_for_in_words_on_anthropic() -> None:
    """It has no such thing, and no prefill."""
    seen = crossed(text={"format": {"type": "json_object"}})
    assert "JSON object" in seen.body["system"]
    assert seen.emulated == ["text.format"]
    assert seen.body["messages"][-1]["role"] == "user"


def test_words_do_where_thought_would_have_to_give_way() -> None:
    """A forced function would switch it off."""
    seen = crossed(json_schema="none", asks={"reasoning": {"effort": "high"}}, thinking="manual")
    assert "tools" not in seen.body
    assert json.dumps(SCHEMA, separators=(",", ":")) in seen.body["system"]


def test_a_vendor_with_objects_alone_gets_the_schema_in_words() -> None:
    """DeepSeek's way."""
    seen = crossed("chat", json_schema="json_object")
    assert seen.body["response_format"] == {"type": "json_object"}
    assert "city" in seen.body["messages"][0]["content"]


WORDS = {"json_schema": "json_object", "upstream": "chat"}


@pytest.mark.parametrize("text", [ZUG, f"```json\n{ZUG}\n```", f"Here it is: {ZUG} Anything else?"])
def test_what_stands_around_the_json_is_not_shown(text: str) -> None:
    """Fences and politeness."""
    assert said(crossed(**WORDS).answer(say(text))) == ZUG


@pytest.mark.parametrize("text", ["Zug.", '{"city":7}', '{"town":"Zug"}', '{"city":"Zug"'])
def test_an_answer_that_is_not_as_asked_is_an_error(text: str) -> None:
    """The caller is not given anything else."""
    assert isinstance(crossed(**WORDS).answer(say(text)).error, Garbled)


def test_an_answer_that_was_cut_is_what_it_is() -> None:
    """The caller is told that it is incomplete."""
    answer = crossed(**WORDS).answer(say('{"city":"Zu'), finish="length")
    assert answer.error is None
    assert said(answer) == '{"city":"Zu'


def test_a_refusal_is_an_answer() -> None:
    """It is no JSON, and need not be."""
    refused = Message(role="assistant", parts=[Refusal(refusal="No.")], status="completed")
    assert crossed(**WORDS).answer(refused).items == [refused]


def test_a_call_is_an_answer() -> None:
    """The JSON comes when the tools are done."""
    items = crossed(**WORDS, tools=[GET]).answer(say("Let me look."), call("get", "{}")).items
    assert [type(item) for item in items] == [ToolCall]


def test_the_value_may_span_parts() -> None:
    """Some providers begin a new part for each citation."""
    spread = Message(role="assistant", parts=[Text(text="So: "), Text(text='{"city":'), Text(text='"Zug"}')])
    assert said(crossed(**WORDS).answer(spread)) == ZUG


@settings(max_examples=50, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ),
    st.integers(1, 9),
)
def test_the_scanner_finds_the_value(value: Any, size: int) -> None:
    """In any pieces, whatever stands in its strings."""
    text = json.dumps({"value": value})
    told = f"so {text} }} {{"
    scanner = JsonScanner()
    assert "".join(scanner.feed(told[at : at + size]) for at in range(0, len(told), size)) == text


@pytest.mark.parametrize(
    ("value", "schema", "fault"),
    [
        ({"a": 1}, {"type": "object", "properties": {"a": {"type": "string"}}}, "a is not `string`"),
        ({}, {"required": ["a"]}, "a is missing"),
        ({"b": 1}, {"properties": {}, "additionalProperties": False}, "b is not allowed"),
        ([1, "x"], {"items": {"type": ["integer", "null"]}}, "[1] is not `integer` or `null`"),
        (True, {"enum": [1]}, "it is none of the allowed values"),
        (
            {"a": {"a": 1}},
            {"$defs": {"n": {"properties": {"a": {"$ref": "#/$defs/n"}}, "type": "object"}}, "$ref": "#/$defs/n"},
            "a.a is not `object`",
        ),
        (5, {"anyOf": [{"type": "string"}, {"maximum": 4}]}, "it fits none of the allowed shapes"),
        ("abc", {"allOf": [{"maxLength": 2}]}, "it breaks `maxLength`"),
    ],
)
def test_a_fault_is_found_and_named(value: Any, schema: Any, fault: str) -> None:
    """Where it is, and what is wrong."""
    assert find_fault(value, schema) == fault


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ({"a": None}, {"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}),
        (2.0, {"type": "integer", "minimum": 2}),
        ("x", {"const": "x", "somethingElse": 1}),
        ([], True),
    ],
)
def test_what_fits_has_no_fault(value: Any, schema: Any) -> None:
    """Words that are not known ask for nothing."""
    assert find_fault(value, schema) is None
