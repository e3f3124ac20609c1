"""T-58: free-text tools for models that have functions alone."""

import json
from typing import Any

import pytest
from crossings import OPENAI, Crossed, call, user
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.dialects.lowering.freeform import FreeformReader, read_input, write_input
from trunkline.events import ArgumentsAdded, ItemEnded, ItemStarted, ResponseEnded, ResponseStarted
from trunkline.folding import fold
from trunkline.grammar import check
from trunkline.items import ToolCall

GRAMMAR = 'start: "*** Begin Patch" LINE+'
PATCH = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edit files",
    "format": {"type": "grammar", "syntax": "lark", "definition": GRAMMAR},
}
TEXT = '*** Begin Patch\n+ "é" \\ 😀\n'
HISTORY = [
    user(),
    {"type": "custom_tool_call", "call_id": "c1", "name": "apply_patch", "input": TEXT},
    {"type": "custom_tool_call_output", "call_id": "c1", "output": "done"},
]


def crossed(upstream: str, **capabilities: Any) -> Crossed:
    body = {"input": HISTORY, "tools": [PATCH], "tool_choice": {"type": "custom", "name": "apply_patch"}}
    return Crossed(body, "responses", upstream, **capabilities)


def test_t58_the_model_gets_a_function_with_the_grammar_in_its_description() -> None:
    """Its one parameter is `input`."""
    [tool] = crossed("chat").body["tools"]
    function = tool["function"]
    assert tool["type"] == "function"
    assert function["name"] == "apply_patch"
    assert function["parameters"]["properties"] == {"input": {"type": "string"}}
    assert function["description"].startswith("Edit files")
    assert GRAMMAR in function["description"]
    assert "lark" in function["description"]


def test_t58_it_is_reported_as_emulated() -> None:
    """By its place in the caller's list."""
    assert crossed("messages").emulated == ["tools[0]"]


def test_t58_a_target_that_has_custom_tools_is_given_one() -> None:
    """OpenAI's Chat nests the grammar once more."""
    seen = crossed("chat", **OPENAI)
    [tool] = seen.body["tools"]
    assert tool["custom"]["format"]["grammar"] == {"syntax": "lark", "definition": GRAMMAR}
    assert seen.body["tool_choice"] == {"type": "custom", "custom": {"name": "apply_patch"}}
    assert seen.emulated == []


@pytest.mark.parametrize(
    ("upstream", "choice"),
    [
        ("chat", {"type": "function", "function": {"name": "apply_patch"}}),
        ("messages", {"type": "tool", "name": "apply_patch"}),
    ],
)
def test_t58_the_choice_of_a_custom_tool_forces_the_function(upstream: str, choice: Any) -> None:
    """In the target's own shape."""
    assert crossed(upstream).body["tool_choice"] == choice


def test_t58_the_history_is_lowered_equally() -> None:
    """What the model said once must look like what it can say now."""
    chat = crossed("chat").body["messages"]
    assert json.loads(chat[1]["tool_calls"][0]["function"]["arguments"]) == {"input": TEXT}
    assert chat[2] == {"role": "tool", "tool_call_id": "c1", "content": "done"}
    messages = crossed("messages").body["messages"]
    assert messages[1]["content"] == [{"type": "tool_use", "id": "c1", "name": "apply_patch", "input": {"input": TEXT}}]


@pytest.mark.parametrize("name", ["input", "patch", "content", "whatever"])
def test_t58_the_call_comes_back_as_custom(name: str) -> None:
    """Under whichever name the model put the text."""
    [item] = crossed("chat").answer(call("apply_patch", json.dumps({name: TEXT}))).items
    assert isinstance(item, ToolCall)
    assert (item.kind, item.name, item.arguments) == ("custom", "apply_patch", TEXT)


def test_t58_bare_text_is_the_input() -> None:
    """Some models forget the JSON."""
    [item] = crossed("chat").answer(call("apply_patch", TEXT)).items
    assert isinstance(item, ToolCall)
    assert item.arguments == TEXT


def test_t58_the_input_streams_across_cut_escapes() -> None:
    """Each letter of the JSON in an event of its own, surrogate pairs and all."""
    arguments = json.dumps({"input": TEXT})
    back = crossed("chat").lowering.restore()
    events = back([ResponseStarted(), ItemStarted(0, ToolCall(call_id="c", name="apply_patch", arguments=""))])
    for letter in arguments:
        events += back([ArgumentsAdded(0, letter)])
    deltas = sum(isinstance(event, ArgumentsAdded) for event in events)
    events += back([ItemEnded(0), ResponseEnded()])
    [item] = fold(check(events)).items
    assert isinstance(item, ToolCall)
    assert item.arguments == TEXT
    assert deltas > len(TEXT) // 2, "it streams"


def test_t58_a_call_that_is_cut_off_keeps_what_came() -> None:
    """Half an escape is no text."""
    cut = call("apply_patch", '{"input":"abc\\u00')
    [item] = crossed("messages").answer(cut, finish="length").items
    assert isinstance(item, ToolCall)
    assert item.arguments == "abc"


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=("Cs",))), st.integers(1, 12), st.booleans())
def test_what_is_written_is_read(text: str, size: int, is_ascii: bool) -> None:
    """In any pieces, with letters escaped or not."""
    arguments = json.dumps({"input": text}, ensure_ascii=is_ascii)
    reader = FreeformReader()
    pieces = [reader.feed(arguments[start : start + size]) for start in range(0, len(arguments), size)]
    assert "".join(pieces) + reader.end() == text
    assert read_input(write_input(text)) == text


def test_an_object_that_is_no_wrapping_is_the_text() -> None:
    """A program may begin with a brace."""
    reader = FreeformReader()
    assert reader.feed("{ let x = 1; }") + reader.end() == "{ let x = 1; }"


def test_half_a_pair_is_replaced() -> None:
    """What no text can hold."""
    reader = FreeformReader()
    assert reader.feed('{"input":"\\ud83dx"}') == "\ufffdx"
