"""Answers that are no JSON objects, on targets whose schemas are of objects alone."""

from itertools import pairwise
from typing import Any

import pytest
from crossings import Crossed, say
from hypothesis import given
from hypothesis import strategies as st

from trunkline.dialects.lowering.wrapped import WrappedAnswerReader
from trunkline.events import ItemEnded, ItemStarted, ModelResponse, PartEnded, PartStarted, ResponseEnded, TextAdded
from trunkline.folding import fold
from trunkline.items import Message

LIST = {"type": "array", "items": {"type": "string"}}
ENUM = {"type": "STRING", "enum": ["oboe", "lute"]}
WRAPPED = {"type": "object", "properties": {"answer": LIST}, "required": ["answer"], "additionalProperties": False}
OPENAI = ("responses", "chat")


def asked(upstream: str, kind: str = "application/json", schema: Any = LIST, **known: Any) -> Crossed:
    config = {"responseMimeType": kind, "responseSchema": schema}
    contents = [{"role": "user", "parts": [{"text": "Which?"}]}]
    return Crossed({"contents": contents, "generationConfig": config}, "gemini", upstream, **known)


def schema_of(seen: Crossed) -> Any:
    body = seen.body
    format = body["text"]["format"] if "text" in body else body["response_format"]["json_schema"]
    return format["schema"]


def said(response: ModelResponse) -> str:
    return "".join(part.text for item in response.items if isinstance(item, Message) for part in item.parts)  # type: ignore[union-attr]


@pytest.mark.parametrize("upstream", OPENAI)
def test_a_list(upstream: str) -> None:
    """It is asked for within an object, taken out of it, and said to be emulated."""
    seen = asked(upstream)
    assert schema_of(seen) == WRAPPED
    assert said(seen.answer(say('{ "answer": ["a", "b}"] }\n'), finish="stop")) == '["a", "b}"]'
    assert seen.emulated == ["generationConfig.responseJsonSchema"]


def test_named_schemas_stay_at_the_root() -> None:
    """There their references look for them."""
    named = {"P": {"type": "object", "properties": {}}}
    seen = asked("responses", schema={"type": "array", "items": {"$ref": "#/$defs/P"}, "$defs": named})
    assert schema_of(seen)["$defs"] == named
    assert "$defs" not in schema_of(seen)["properties"]["answer"]


def test_a_reference() -> None:
    """OpenAI wants to read at the root that it is an object, and not behind a reference."""
    named = {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}}
    seen = asked("responses", schema={"$ref": "#/$defs/Node", "$defs": named})
    assert schema_of(seen) == {**WRAPPED, "properties": {"answer": {"$ref": "#/$defs/Node"}}, "$defs": named}


def test_an_object_is_left_alone() -> None:
    """Nothing stands around it."""
    schema = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
    seen = asked("responses", schema=schema)
    assert schema_of(seen) == schema
    assert said(seen.answer(say('{"answer":"x"}'), finish="stop")) == '{"answer":"x"}'


def test_a_target_that_takes_all() -> None:
    """Anthropic's schemas may be of anything."""
    seen = asked("messages")
    assert seen.body["output_config"]["format"]["schema"] == LIST


@pytest.mark.parametrize("upstream", ["responses", "chat", "messages"])
@pytest.mark.parametrize("answer", ['{"answer":"lute"}', "lute", '"lute"'])
def test_a_choice_in_plain_words(upstream: str, answer: str) -> None:
    """Google's enums come without quotes, however the model writes them."""
    assert said(asked(upstream, "text/x.enum", ENUM).answer(say(answer), finish="stop")) == "lute"


def test_in_words() -> None:
    """A model that keeps no schema is told of the object, and judged by it."""
    seen = asked("chat", json_schema="none")
    assert said(seen.answer(say('Sure: {"answer": ["a"]}.'), finish="stop")) == '["a"]'
    assert seen.answer(say("[1]"), finish="stop").error is not None


def test_cut_short() -> None:
    """An answer that was cut short is shown as far as it came."""
    assert said(asked("responses").answer(say('{"answer":["a","b'), finish="length")) == '["a","b'


@given(
    st.sampled_from(['{"answer":[{"a":{}},{}]}', ' {\n "answer" : [1] } ', "[1]", '{"other":{}}', "{", "", "no } {"]),
    st.lists(st.integers(0, 24)),
)
def test_any_pieces(text: str, cuts: list[int]) -> None:
    """However a text is cut it comes out as it does whole, but for white space around it."""
    places = [0, *sorted(cuts), len(text)]
    pieces = [text[start:end] for start, end in pairwise(places)]
    assert read(*pieces).strip() == read(text).strip()


def read(*pieces: str) -> str:
    reader = WrappedAnswerReader(is_bare=False)
    started = [ItemStarted(0, Message(role="assistant", parts=[])), PartStarted(0, 0, "text")]
    added = [TextAdded(0, 0, "text", piece) for piece in pieces]
    ended = [PartEnded(0, 0, "text"), ItemEnded(0), ResponseEnded("stop")]
    return said(fold([shown for event in (*started, *added, *ended) for shown in reader.read([event])]))
