"""What must hold for any input: nothing but stated errors, no loss on the way out and back."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from responses_wire import context, no_unseal, unseal

from trunkline.capabilities import Capabilities
from trunkline.dialects.openai_responses import DIALECT
from trunkline.errors import InvalidRequest, UnknownParameter
from trunkline.events import Event, ItemEnded, ItemStarted, ModelResponse
from trunkline.folding import fold, unfold
from trunkline.grammar import check
from trunkline.items import Carrier, Item, Message, Reasoning, Refusal, Text, ToolCall
from trunkline.usage import Usage

words = st.text(max_size=8)
scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False, allow_infinity=False) | words
FIELDS = (
    "type", "role", "content", "text", "id", "call_id", "name", "arguments", "output", "summary", "encrypted_content",
    "image_url", "file_data", "status", "tools", "mode", "format", "schema", "effort", "annotations", "input", "model",
    "parameters", "strict", "prompt",
)  # fmt: skip
VALUES = (
    "message", "user", "assistant", "function_call", "function_call_output", "reasoning", "custom_tool_call",
    "input_text", "output_text", "input_image", "input_file", "function", "custom", "allowed_tools", "json_schema",
    "auto", "completed", "item_reference",
)  # fmt: skip
json_values = st.recursive(
    scalars | st.sampled_from(VALUES),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | words, inner, max_size=6),
    max_leaves=25,
)
TOP = (
    "input", "tools", "tool_choice", "text", "reasoning", "include", "metadata", "prompt", "conversation", "stream",
    "temperature", "max_output_tokens", "instructions", "provider_options", "previous_response_id",
)  # fmt: skip
bodies = st.builds(
    lambda base, rest: base | rest,
    st.fixed_dictionaries({"model": st.just("m"), "input": st.just("hi") | json_values}),
    st.dictionaries(st.sampled_from(TOP) | words, json_values, max_size=5),
)


@settings(max_examples=100, deadline=None)
@given(bodies)
def test_any_json_is_read_or_refused(body: dict[str, Any]) -> None:
    """Whatever a caller sends is a request that can be written again, or an error that names a field."""
    param: str | None = ""
    try:
        DIALECT.write_request(DIALECT.read_request(body, no_unseal), Capabilities())
    except (InvalidRequest, UnknownParameter) as error:
        param = error.param
    assert param is not None


@settings(max_examples=60, deadline=None)
@given(st.lists(json_values, max_size=5), st.binary(max_size=40))
def test_any_stream_keeps_the_grammar(values: list[Any], junk: bytes) -> None:
    """Whatever an upstream sends, the events keep the grammar, and reading never raises."""
    types = (
        "response.output_item.added",
        "response.output_text.delta",
        "response.output_item.done",
        "response.completed",
    )
    reader = DIALECT.reader()
    events: list[Event] = []
    for number, value in enumerate(values):
        event = {"type": types[number % 4], "output_index": 0, "item": value, "response": value, "delta": value}
        events += reader.feed(b"data: " + json.dumps(event).encode() + b"\n\n")
    check(events + reader.feed(junk) + reader.end())


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
parts = st.builds(lambda text: Text(text=text), texts) | st.builds(lambda text: Refusal(refusal=text), texts)
messages = st.builds(
    lambda content, status: Message(role="assistant", parts=content, status=status),
    st.lists(parts, max_size=3),
    st.sampled_from(["completed", "incomplete"]),
)
carriers = st.none() | st.builds(lambda payload: Carrier("messages", "signature", payload), texts)
reasonings = st.builds(
    lambda summary, content, carrier: Reasoning(summary=summary, content=content, carrier=carrier, status="completed"),
    st.lists(texts, max_size=2),
    st.lists(texts, max_size=2),
    carriers,
)
calls = st.builds(
    lambda number, kind, arguments: ToolCall(
        call_id=f"call_{number}", name="f", kind=kind, arguments=arguments or "{}", status="completed"
    ),
    st.integers(0, 10**6),
    st.sampled_from(["function", "custom"]),
    texts,
)
items: st.SearchStrategy[Item] = st.one_of(messages, reasonings, calls)
usages = st.builds(Usage, *[st.integers(0, 1000)] * 5)
responses = st.builds(
    lambda content, usage, finish: ModelResponse(items=content, usage=usage, has_usage=True, finish=finish),
    st.lists(items, max_size=4),
    usages,
    st.sampled_from(["stop", "length", "content_filter"]),
)


def interleave(events: list[Event], order: list[int]) -> list[Event]:
    """The same events with the items' bodies shuffled into one another, each still in its own order."""
    head, tail = events[0], [event for event in events if not hasattr(event, "index")][1:]
    lanes: dict[int, list[Event]] = {}
    for event in events:
        if hasattr(event, "index"):
            lanes.setdefault(event.index, []).append(event)
    starts = [lane.pop(0) for lane in lanes.values()]
    mixed: list[Event] = []
    turns = iter(order * 100)
    while any(lanes.values()):
        lane = lanes[next(turns) % len(lanes)]
        if lane:
            mixed.append(lane.pop(0))
        else:
            mixed += next(other for other in lanes.values() if other)[:1]
            next(other for other in lanes.values() if other).pop(0)
    return [head, *starts, *mixed, *tail]


def project(response: ModelResponse) -> ModelResponse:
    """What the wire can hold of an answer: not our ids; sealed carriers count as the seal they are read from, and no
    word for where it was served is the usual place."""

    def without_id(item: Item) -> Item:
        if isinstance(item, Reasoning):
            return replace(item, id=None, carrier=None if item.carrier is None else _unsealed(item.carrier))
        return replace(item, id=None)

    tier = response.usage.tier or ("default" if response.has_usage else "")
    items = [without_id(item) for item in response.items]
    return replace(response, id="", model="", items=items, usage=replace(response.usage, tier=tier))


def _unsealed(carrier: Carrier) -> Carrier:
    """The carrier that a native reader took our seal for."""
    payload = carrier.payload
    return (unseal(payload["encrypted_content"]) or carrier) if isinstance(payload, dict) else carrier


@settings(max_examples=60, deadline=None)
@given(responses, st.lists(st.integers(0, 5), min_size=1, max_size=6), st.integers(1, 60))
def test_out_and_back_loses_nothing(response: ModelResponse, order: list[int], size: int) -> None:
    """Items written as a stream, interleaved and cut anywhere, read back as they were."""
    events = check(interleave(list(unfold(response)), order) if response.items else unfold(response))
    data = DIALECT.writer(context()).write(events)
    reader = DIALECT.reader()
    read = [event for at in range(0, len(data), size) for event in reader.feed(data[at : at + size])] + reader.end()
    assert project(fold(check(read))) == project(response)
    starts = [event for event in read if isinstance(event, ItemStarted)]
    assert len(starts) == len([event for event in read if isinstance(event, ItemEnded)]) == len(response.items)


@settings(max_examples=40, deadline=None)
@given(responses)
def test_a_whole_reply_loses_nothing(response: ModelResponse) -> None:
    """The same holds for a plain reply."""
    assert project(DIALECT.read_reply(DIALECT.write_reply(response, context()))) == project(response)
