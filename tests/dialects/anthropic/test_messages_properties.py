"""What holds for every answer."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from messages_wire import accumulate, context, parse, seal, unseal

from trunkline.dialects.anthropic import DIALECT
from trunkline.events import (
    ArgumentsAdded,
    Event,
    ItemEnded,
    ItemStarted,
    ModelResponse,
    ResponseEnded,
    ResponseStarted,
)
from trunkline.folding import fold, unfold
from trunkline.grammar import check
from trunkline.items import Carrier, Item, Message, Reasoning, Text, ToolCall
from trunkline.usage import Usage

WORDS = st.text(min_size=1, max_size=6)
ARGUMENTS = st.dictionaries(WORDS, st.integers(-(2**60), 2**60) | WORDS, max_size=3).map(
    lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False)
)
CARRIERS = st.sampled_from(
    [
        Carrier("messages", "signature", {"thinking": "t", "signature": "S"}),
        Carrier("messages", "redacted", "R"),
        Carrier("responses", "encrypted_content", "E"),
    ]
)
MESSAGES = st.builds(
    lambda texts: Message(role="assistant", parts=[Text(text=text) for text in texts], status="completed"),
    st.lists(WORDS, min_size=1, max_size=3),
)
CALLS = st.builds(
    lambda number, name, arguments: ToolCall(
        call_id=f"call_{number}", name=name, arguments=arguments, status="completed"
    ),
    st.integers(0, 99),
    WORDS,
    ARGUMENTS,
)
THOUGHTS = st.builds(
    lambda texts, carrier: Reasoning(summary=texts, carrier=carrier, status="completed"),
    st.lists(WORDS, max_size=2),
    CARRIERS,
)
RESPONSES = st.builds(
    lambda items, usage: ModelResponse(items=items, usage=usage, has_usage=True),
    st.lists(MESSAGES | CALLS | THOUGHTS, max_size=5),
    st.builds(Usage, *(st.integers(0, 1000),) * 5),
)


def project(items: list[Item]) -> list[Any]:
    """What the dialect can hold of an answer: neighbouring messages are one, thought is one text and its carrier."""
    held: list[Any] = []
    for item in items:
        match item:
            case Message():
                texts = [part.text for part in item.parts if isinstance(part, Text)]
                if held and held[-1][0] == "text":
                    held[-1][1].extend(texts)
                else:
                    held.append(("text", texts))
            case Reasoning():
                held.append(("thought", "\n\n".join(item.summary), item.carrier))
            case ToolCall():
                held.append(("call", item.call_id, item.name, item.arguments))
            case _:
                raise AssertionError(item)
    return held


def unsealed(item: Item) -> Item:
    """A step of thought as the next request would read it: its seal opened."""
    if not isinstance(item, Reasoning) or item.carrier is None:
        return item
    payload = item.carrier.payload
    value = payload["signature"] if item.carrier.kind == "signature" else payload
    return Reasoning(summary=item.summary, carrier=unseal(value))


@settings(max_examples=60, deadline=None)
@given(RESPONSES)
def test_what_is_written_is_read_as_the_same(response: ModelResponse) -> None:
    """Answer → stream → answer: equal up to what the dialect can hold."""
    reader = DIALECT.reader()
    written = DIALECT.writer(context()).write([*unfold(response)])
    seen = fold(check([*reader.feed(written), *reader.end()]))
    assert project([unsealed(item) for item in seen.items]) == project(response.items)
    assert seen.usage == response.usage


@settings(max_examples=60, deadline=None)
@given(RESPONSES)
def test_streamed_equals_whole(response: ModelResponse) -> None:
    """The stream adds up to the reply."""
    written = DIALECT.writer(context()).write([*unfold(response)])
    assert accumulate(parse(written)) == json.loads(DIALECT.write_reply(response, context()))


@settings(max_examples=60, deadline=None)
@given(RESPONSES)
def test_a_reply_is_read_as_the_same(response: ModelResponse) -> None:
    """Answer → JSON → answer."""
    seen = DIALECT.read_reply(DIALECT.write_reply(response, context()))
    assert project([unsealed(item) for item in seen.items]) == project(response.items)


@settings(max_examples=50, deadline=None)
@given(RESPONSES, st.integers(1, 40))
def test_any_cutting_gives_the_same_events(response: ModelResponse, size: int) -> None:
    """T-25: where the network cuts is nobody's business."""
    stream = DIALECT.writer(context()).write([*unfold(response)])
    whole, cut = DIALECT.reader(), DIALECT.reader()
    events = [event for at in range(0, len(stream), size) for event in cut.feed(stream[at : at + size])]
    assert [*events, *cut.end()] == [*whole.feed(stream), *whole.end()]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(WORDS, max_size=4), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_calls_interleaved_in_any_way_come_out_whole(calls: list[list[str]], random: Any) -> None:
    """T-01: each call has its own arguments, in one block, in order of its start."""
    queues: list[list[Event]] = [
        [*(ArgumentsAdded(index, json.dumps({"x": piece})[5:-1]) for piece in pieces), ItemEnded(index)]
        for index, pieces in enumerate(calls)
    ]
    events: list[Event] = [ResponseStarted()]
    events += [
        ItemStarted(index, ToolCall(call_id=f"c{index}", name=f"f{index}", arguments="", status="in_progress"))
        for index in range(len(calls))
    ]
    while waiting := [queue for queue in queues if queue]:
        events.append(random.choice(waiting).pop(0))
    events.append(ResponseEnded())
    writer = DIALECT.writer(context())
    pieces: dict[int, str] = {}
    names: list[str] = []
    for wire in parse(b"".join(writer.write([event]) for event in check(events))):
        if wire["type"] == "content_block_start":
            names.append(wire["content_block"]["name"])
        elif wire["type"] == "content_block_delta":
            assert wire["index"] == len(names) - 1
            pieces[wire["index"]] = pieces.get(wire["index"], "") + wire["delta"]["partial_json"]
    assert names == [f"f{index}" for index in range(len(calls))]
    expected = ["".join(json.dumps({"x": piece})[5:-1] for piece in call) for call in calls]
    assert [pieces.get(index, "") for index in range(len(calls))] == expected


def test_the_seal_of_these_tests_opens() -> None:
    """The properties above would be empty without it."""
    assert unseal(seal(Carrier("a", "b", "c"))) == Carrier("a", "b", "c")


BYTES = st.lists(
    st.binary(max_size=20)
    | st.sampled_from(
        [
            b"data: {}\n\n",
            b'data: {"type":"message_start","message":{"usage":5,"content":[1,{"type":"text","text":"x"}]}}\n\n',
            b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text"}}\n\n',
            b'data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","input":5}}\n\n',
            b'data: {"type":"content_block_start","index":0,"content_block":7}\n\n',
            b'data: {"type":"content_block_delta","index":0,"delta":{"text":"a"}}\n\n',
            b'data: {"type":"content_block_delta","index":1,"delta":{"partial_json":"{"}}\n\n',
            b'data: {"type":"content_block_delta","index":0,"delta":{"citation":3}}\n\n',
            b'data: {"type":"content_block_stop","index":0}\n\n',
            b'data: {"type":"message_delta","delta":{"stop_reason":"max_tokens","stop_details":1},"usage":[]}\n\n',
            b'data: {"type":"message_stop"}\n\n',
            b'data: {"type":"error","error":"x"}\n\n',
        ]
    ),
    max_size=12,
)


@settings(max_examples=100, deadline=None)
@given(BYTES)
def test_any_bytes_are_read(pieces: list[bytes]) -> None:
    """The reader never raises, and what it says keeps the grammar."""
    reader = DIALECT.reader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    check([*events, *reader.end()])
