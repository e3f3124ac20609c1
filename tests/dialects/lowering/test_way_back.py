"""Whatever a model does, its restored answer keeps the grammar, however its events are cut into batches."""

import json
from typing import Any

from crossings import Crossed, plain
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.errors import Failed
from trunkline.events import (
    ArgumentsAdded,
    Event,
    ItemEnded,
    ItemStarted,
    PartEnded,
    PartStarted,
    ResponseEnded,
    ResponseFailed,
    ResponseStarted,
    TextAdded,
    UsageReported,
)
from trunkline.folding import fold
from trunkline.grammar import check
from trunkline.items import Message, OtherItem, Reasoning, ToolCall
from trunkline.usage import NO_USAGE

SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}}
TOOLS: list[Any] = [
    {"type": "function", "name": "plain", "parameters": SCHEMA},
    {"type": "custom", "name": "patch"},
    {"type": "shell"},
    {
        "type": "namespace",
        "name": "ns",
        "description": "",
        "tools": [{"type": "function", "name": "f", "parameters": SCHEMA}],
    },
    {"type": "web_search"},
]
ALLOWED = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "custom", "name": "patch"}]}
FORMAT = {"format": {"type": "json_schema", "name": "x", "schema": SCHEMA}}

ASKED: list[Crossed] = [
    Crossed({"input": "x", **body}, "responses", "messages", **known)
    for body, known in (
        ({"tools": TOOLS}, {}),
        ({"tools": TOOLS, "tool_choice": ALLOWED}, {}),
        ({"tools": TOOLS, "parallel_tool_calls": False}, {"parallel_switch": False}),
        ({"tools": TOOLS[:2], "text": FORMAT}, {"json_schema": "none"}),
        ({"text": FORMAT, "tools": TOOLS}, {"json_schema": "none"}),
        ({"text": {"format": {"type": "json_object"}}}, {}),
    )
]

NAMES = st.sampled_from(["plain", "patch", "shell", "ns__f", "answer", "nobody"])
ARGUMENTS = st.one_of(
    st.sampled_from(['{"x":1}', '{"input":"a\\n\\ud83d\\ude00"}', '{"commands":["ls"]}', "", "bare", '{"input":"cut']),
    st.text(max_size=12),
)
TEXTS = st.one_of(st.just('{"x":1}'), st.text(max_size=12))
SEARCH = (
    {"type": "server_tool_use", "id": "s", "name": "web_search"},
    {"type": "web_search_tool_result", "tool_use_id": "s"},
)


@st.composite
def items(draw: st.DrawFn, index: int) -> list[Event]:
    """One item's events."""
    kind = draw(st.sampled_from(["message", "refusal", "call", "reasoning", "use", "result"]))
    status = draw(st.sampled_from(["completed", "incomplete"]))
    if kind == "call":
        text = draw(ARGUMENTS)
        size = draw(st.integers(1, 5))
        call = ToolCall(call_id=draw(st.sampled_from(["", "c1", "c2"])), name=draw(NAMES), arguments="")
        pieces = [ArgumentsAdded(index, text[at : at + size]) for at in range(0, len(text), size)]
        return [ItemStarted(index, call), *pieces, ItemEnded(index, status)]
    if kind in ("use", "result"):
        value = SEARCH[kind == "result"]
        item = OtherItem(dialect="messages", type=value["type"], value=dict(value))
        return [ItemStarted(index, item), ItemEnded(index, "completed", None, item)]
    if kind == "reasoning":
        part: list[Event] = [
            PartStarted(index, 0, "summary"),
            TextAdded(index, 0, "summary", "hm"),
            PartEnded(index, 0, "summary"),
        ]
        return [ItemStarted(index, Reasoning()), *part, ItemEnded(index, status)]
    events: list[Event] = [ItemStarted(index, Message(role="assistant", parts=[]))]
    for number in range(draw(st.integers(0, 2))):
        name: Any = "text" if kind == "message" else "refusal"
        events.append(PartStarted(index, number, name))
        events += [TextAdded(index, number, name, letter) for letter in draw(TEXTS)]
        events.append(PartEnded(index, number, name))
    return [*events, ItemEnded(index, status)]


@st.composite
def answers(draw: st.DrawFn) -> list[Event]:
    """A whole answer whose items interleave."""
    count = draw(st.integers(0, 4))
    waiting = [draw(items(index)) for index in range(count)]
    woven: list[Event] = []
    started = 0
    while any(waiting):
        open_ones = [number for number in range(started) if waiting[number]]
        if started < count and (not open_ones or draw(st.booleans())):
            open_ones.append(started)
        number = draw(st.sampled_from(open_ones))
        started = max(started, number + 1)
        woven.append(waiting[number].pop(0))
    end = draw(st.sampled_from([ResponseEnded(), ResponseEnded("length"), ResponseFailed(Failed("x"))]))
    return [ResponseStarted(), *woven, UsageReported(NO_USAGE), end]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ASKED), answers(), st.integers(1, 7))
def test_every_answer_keeps_the_grammar(asked: Crossed, events: list[Event], size: int) -> None:
    """The same in any batches."""
    check(events)
    back = asked.lowering.restore()
    cut = check(shown for at in range(0, len(events), size) for shown in back(events[at : at + size]))
    whole = check(asked.lowering.restore()(events))
    assert [plain(item) for item in fold(cut).items if not isinstance(item, ToolCall)] == [
        plain(item) for item in fold(whole).items if not isinstance(item, ToolCall)
    ]


def test_a_broken_stream_is_restored_to_its_end() -> None:
    """What is open when the connection breaks is ended by the reader, and so here."""
    back = ASKED[0].lowering.restore()
    call = ToolCall(call_id="c", name="patch", arguments="")
    events: list[Event] = [ResponseStarted(), ItemStarted(0, call), ArgumentsAdded(0, json.dumps({"input": "ab"})[:-4])]
    events += [ItemEnded(0, "incomplete"), ResponseFailed(Failed("cut"))]
    [item] = fold(check(back(events))).items
    assert isinstance(item, ToolCall)
    assert (item.status, item.arguments) == ("incomplete", "")
