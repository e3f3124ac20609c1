"""What the fake's small model answers."""

import json
from typing import Any

import pytest

from trunkline.upstream.fake.instances import fill
from trunkline.upstream.fake.model import Answer, Ask, Entry, Tool, answer, split_arguments, split_text

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Tool("get_weather", CITY)
CLOCK = Tool("get_time", CITY)
BILLING = Tool("transfer_to_billing_agent", {"type": "object", "properties": {}})


def ask(text: str, *later: Entry, **facts: Any) -> Answer:
    return answer(Ask(entries=(Entry("system", "Be brief."), Entry("user", text), *later), **facts))


def names(said: Answer) -> list[str]:
    return [call.name for call in said.calls]


def test_said_back() -> None:
    """Without tools it says back what the user said."""
    assert ask("Hello there").text == "ok, you said: Hello there"


def test_exactly() -> None:
    """It replies with exactly what it is told to."""
    assert ask("Reply with exactly ok.").text == "ok"


def test_turns() -> None:
    """It counts the user's turns, so that a lost history shows."""
    said = ask("One", Entry("assistant", "ok"), Entry("user", "Two"))
    assert said.text == "ok, you said: Two (turn 2)"


def test_first_tool() -> None:
    """Of tools that nobody mentions it calls the first."""
    assert names(ask("Hello", tools=(WEATHER, CLOCK))) == ["get_weather"]


def test_mentioned_tool() -> None:
    """It calls the tool that the user mentions, with the name in the user's text."""
    said = ask("What is the time in Oslo?", tools=(WEATHER, CLOCK))
    assert [(call.name, json.loads(call.arguments)) for call in said.calls] == [("get_time", {"city": "Oslo"})]


def test_parallel() -> None:
    """It calls all the tools that the user mentions at once."""
    assert names(ask("Weather and time in Oslo?", tools=(WEATHER, CLOCK))) == ["get_weather", "get_time"]


def test_not_parallel() -> None:
    """It calls one at a time when it is told to."""
    assert names(ask("Weather and time in Oslo?", tools=(WEATHER, CLOCK), parallel=False)) == ["get_weather"]


def test_results() -> None:
    """It quotes the results of its calls."""
    later = (Entry("call", "{}", "c1", "get_weather"), Entry("output", "sunny", "c1", "get_weather"))
    assert ask("Weather?", *later, tools=(WEATHER,)).text == "The tools say: sunny."


@pytest.mark.parametrize(("choice", "called"), [("none", []), ("required", ["get_time"]), ("get_time", ["get_time"])])
def test_choice(choice: str, called: list[str]) -> None:
    """It obeys a tool choice, results or not: where it must call one more, it calls what it has not called yet."""
    later = (Entry("call", "{}", "c1", "get_weather"), Entry("output", "sunny", "c1", "get_weather"))
    assert names(ask("Weather?", *later, tools=(WEATHER, CLOCK), choice=choice)) == called


def test_required_again() -> None:
    """Where it has called all of them it begins again."""
    later = (Entry("call", "{}", "c1", "get_weather"), Entry("output", "sunny", "c1", "get_weather"))
    assert names(ask("Weather?", *later, tools=(WEATHER,), choice="required")) == ["get_weather"]


def test_handoff() -> None:
    """It hands over, and does nothing else, to the agent that the user mentions."""
    assert names(ask("A billing and weather question", tools=(WEATHER, BILLING))) == ["transfer_to_billing_agent"]


def test_no_handoff() -> None:
    """It hands over to nobody whom the user does not mention."""
    assert ask("Hello", tools=(BILLING,)).text == "ok, you said: Hello"


def test_after_handoff() -> None:
    """That a handoff happened is no tool result: the next agent still calls its tools."""
    name = BILLING.name
    later = (Entry("call", "{}", "c1", name), Entry("output", "billing", "c1", name))
    assert names(ask("A billing question on the weather", *later, tools=(WEATHER,))) == ["get_weather"]


def test_schema() -> None:
    """With a schema it answers with an instance."""
    assert json.loads(ask("Weather in Oslo?", schema=CITY).text) == {"city": "Oslo"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Answer with one JSON object.", {"ok": True}),
        ("Answer with one JSON object, by this JSON schema:\n" + json.dumps(CITY) + "\nBe brief.", {"city": "Oslo"}),
    ],
)
def test_schema_in_words(words: str, said: dict[str, Any]) -> None:
    """It does as well what the instructions say of JSON."""
    entries = (Entry("system", words), Entry("user", "Weather in Oslo?"))
    assert json.loads(answer(Ask(entries=entries)).text) == said


def test_limit() -> None:
    """It stops at the limit and says so."""
    said = ask("one two three four", limit=3)
    assert (said.text, said.finish, said.output_tokens) == ("ok, you", "length", 3)


def test_stop() -> None:
    """It stops before a stop sequence."""
    said = ask("one two three", stops=("two",))
    assert (said.text, said.finish, said.stop_sequence) == ("ok, you said: one ", "stop_sequence", "two")


def test_same_again() -> None:
    """The same request has the same answer, tokens included."""
    assert ask("Hello", reasons=True) == ask("Hello", reasons=True)


@pytest.mark.parametrize("text", ["", " ", "a b  c\n", "ok, you said: é漢"])
def test_split(text: str) -> None:
    """The deltas are the text."""
    assert "".join(split_text(text)) == "".join(split_arguments(text)) == text


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "enum": ["b", "a"]}, "b"),
        ({"const": 7}, 7),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "number"}, 1),
        ({"type": "boolean"}, True),
        ({"type": ["null", "integer"]}, 1),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 1),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"$ref": "#/$defs/P", "$defs": {"P": {"type": "object", "properties": {"n": {"type": "null"}}}}}, {"n": None}),
        ({"type": "string", "format": "date"}, "2026-01-02"),
        (
            {"type": "object", "properties": {"a": {"type": "string"}, "input": {"type": "string"}}},
            {"a": "Oslo", "input": "Go to Oslo and see."},
        ),
        ({"type": "OBJECT", "properties": {"n": {"type": "INTEGER"}}}, {"n": 1}),
    ],
)
def test_instances(schema: dict[str, Any], value: Any) -> None:
    """Each schema has its one instance."""
    assert fill(schema, "Go to Oslo and see.") == value


def test_endless_schema() -> None:
    """A schema that holds itself is filled to an end."""
    node = {"type": "object", "properties": {"next": {"$ref": "#"}}}
    assert "next" in fill(node)
