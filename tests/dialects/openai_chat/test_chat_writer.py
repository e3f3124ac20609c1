"""A Chat caller gets the grammar that the SDKs rely on, and the same answer streamed or whole."""

from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.chat._completions import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from trunkline.clock import CountingMint
from trunkline.dialects.dialect import ReplyContext
from trunkline.dialects.openai_chat import DIALECT
from trunkline.dialects.openai_chat.writer import WRITES
from trunkline.errors import Busy
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
from trunkline.items import (
    Carrier,
    CustomTool,
    FunctionTool,
    Item,
    Message,
    OtherItem,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from trunkline.request import ModelRequest
from trunkline.usage import Usage


def say(*texts: str) -> Message:
    return Message(role="assistant", parts=[Text(text=text) for text in texts], status="completed")


def call(name: str, arguments: str = "{}", **members: Any) -> ToolCall:
    return ToolCall(call_id=f"c_{name}", name=name, arguments=arguments, **{"status": "completed", **members})


def stream(response: ModelResponse, context: ReplyContext) -> bytes:
    writer = DIALECT.writer(context)
    return b"".join(writer.write([event]) for event in unfold(response))


def test_every_event_has_its_line() -> None:
    """A new event cannot be lost by forgetting it."""
    assert set(WRITES) == set(get_args(Event))


def test_the_chunks_of_a_text(wire: Any, make_context: Any) -> None:
    """Role, text, finish, `[DONE]`; every chunk has the same head."""
    response = ModelResponse(model="m", items=[say("Hé")], usage=Usage(1, 0, 0, 2), has_usage=True)
    chunks = wire.decode(stream(response, make_context()))
    head = {"id": f"chatcmpl-{1:048x}", "object": "chat.completion.chunk", "created": 7, "model": "m"}
    assert all({name: chunk[name] for name in head} == head for chunk in chunks[:-1])
    assert [chunk["choices"] for chunk in chunks[:-1]] == [
        [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
        for delta, finish in [
            ({"role": "assistant", "content": "", "refusal": None}, None),
            ({"content": "Hé"}, None),
            ({}, "stop"),
        ]
    ]
    assert not any("usage" in chunk for chunk in chunks[:-1])


def test_t26_usage_comes_once_if_wanted(wire: Any, make_context: Any) -> None:
    """T-26: in a chunk of its own, and null on all others."""
    response = ModelResponse(items=[say("x")], usage=Usage(3, 4, 5, 6, 7), has_usage=True)
    *chunks, last, _ = wire.decode(stream(response, make_context(include_usage=True)))
    assert all(chunk["usage"] is None for chunk in chunks)
    assert last["choices"] == []
    usage = last["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (12, 13, 25)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 4
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 7


def test_t01_interleaved_calls(wire: Any, make_context: Any) -> None:
    """T-01: each fragment under its call's index."""
    writer = DIALECT.writer(make_context())
    written = writer.write(
        [
            ResponseStarted(),
            ItemStarted(0, call("f", "")),
            ItemStarted(1, call("g", "")),
            ArgumentsAdded(0, '{"x":'),
            ArgumentsAdded(1, '{"y":2}'),
            ArgumentsAdded(0, "1}"),
            ItemEnded(0),
            ItemEnded(1),
            ResponseEnded(),
        ]
    )
    gathered = wire.gather(written)
    assert gathered["message"]["content"] is None
    assert gathered["finish"] == "tool_calls"
    assert [entry["function"] for entry in gathered["message"]["tool_calls"]] == [
        {"name": "f", "arguments": '{"x":1}'},
        {"name": "g", "arguments": '{"y":2}'},
    ]


def test_t07_a_call_without_arguments(wire: Any, make_context: Any) -> None:
    """T-07: `{}`, unless it was cut off."""
    gathered = wire.gather(stream(ModelResponse(items=[call("f", "")]), make_context()))
    assert gathered["message"]["tool_calls"][0]["function"]["arguments"] == "{}"
    cut = ModelResponse(items=[call("f", "", status="incomplete")], finish="length")
    gathered = wire.gather(stream(cut, make_context()))
    assert gathered["message"]["tool_calls"][0]["function"]["arguments"] == ""
    assert gathered["finish"] == "length"


def test_a_call_without_an_id_gets_one(wire: Any, make_context: Any) -> None:
    """Ids are made here, not read from nothing."""
    response = ModelResponse(items=[ToolCall(call_id="", name="f", arguments="{}")])
    gathered = wire.gather(stream(response, make_context()))
    assert gathered["message"]["tool_calls"][0]["id"].startswith("call_0")


def test_carriers_come_sealed_at_the_end(wire: Any, make_context: Any) -> None:
    """Of reasoning in `reasoning_details`, of a call in `extra_content`."""
    signed = Reasoning(content=["hm"], carrier=Carrier("messages", "signature", "s"))
    silent = Reasoning(carrier=Carrier("messages", "redacted", "d"))
    response = ModelResponse(items=[signed, silent, say("x"), call("f", carrier=Carrier("gemini", "thought", "t"))])
    message = wire.gather(stream(response, make_context()))["message"]
    assert message["reasoning_content"] == "hm"
    assert message["reasoning_details"] == [
        {"type": "reasoning.encrypted", "data": 'sealed:["messages","signature","s"]', "index": 0},
        {"type": "reasoning.encrypted", "data": 'sealed:["messages","redacted","d"]', "index": 1},
    ]
    assert message["tool_calls"][0]["extra_content"]["google"]["thought_signature"] == 'sealed:["gemini","thought","t"]'


def test_t41_citations_count_from_the_start_of_the_whole(wire: Any, make_context: Any) -> None:
    """T-41: nested, and shifted by the texts before their part."""
    citation = {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 2}
    parts = [Text(text="é🎉"), Text(text="hi", annotations=[citation, {"type": "file_citation", "file_id": "f"}])]
    response = ModelResponse(items=[Message(role="assistant", parts=parts)])
    message = wire.gather(stream(response, make_context()))["message"]
    nested = {"url": "https://a.example", "title": "A", "start_index": 2, "end_index": 4}
    assert message["annotations"] == [{"type": "url_citation", "url_citation": nested}]


def test_t81_refusals_and_filters(wire: Any, make_context: Any) -> None:
    """T-81: a refusal is its own member; a filter's explanation stands in for one."""
    refused = ModelResponse(items=[Message(role="assistant", parts=[Refusal(refusal="No")])])
    assert wire.gather(stream(refused, make_context()))["message"]["refusal"] == "No"
    filtered = ModelResponse(finish="content_filter", explanation="Why")
    gathered = wire.gather(stream(filtered, make_context()))
    assert (gathered["message"]["refusal"], gathered["finish"]) == ("Why", "content_filter")


def test_t23_an_error_ends_the_stream(wire: Any, make_context: Any) -> None:
    """T-23: the error, then the mark."""
    response = ModelResponse(items=[say("par")], error=Busy("too much"))
    *_, error, done = wire.decode(stream(response, make_context()))
    expected = {"message": "too much", "type": "rate_limit_error", "param": None, "code": "rate_limit_exceeded"}
    assert (error, done) == ({"error": expected}, "[DONE]")


def test_the_old_functions_way(wire: Any, make_context: Any) -> None:
    """Who sends `functions` is answered with `function_call`."""
    request = DIALECT.read_request(
        {"model": "m", "messages": [{"role": "user", "content": "x"}], "functions": [{"name": "f"}]}, lambda value: None
    )
    context = make_context(tools=request.tools)
    response = ModelResponse(items=[call("f", '{"x":1}')])
    chunks = wire.decode(stream(response, context))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1]]
    assert "".join(delta.get("function_call", {}).get("arguments", "") for delta in deltas) == '{"x":1}'
    assert chunks[-2]["choices"][0]["finish_reason"] == "function_call"
    whole = msgspec.json.decode(DIALECT.write_reply(response, context))["choices"][0]
    assert whole["message"]["function_call"] == {"name": "f", "arguments": '{"x":1}'}
    assert whole["finish_reason"] == "function_call"


def test_log_probabilities(wire: Any, make_context: Any) -> None:
    """T-78: with the text they belong to."""
    entry = {"token": "x", "logprob": -0.5, "bytes": [120], "top_logprobs": []}
    response = ModelResponse(items=[Message(role="assistant", parts=[Text(text="x", logprobs=[entry])])])
    chunks = wire.decode(stream(response, make_context(include_usage=True)))
    assert chunks[1]["choices"][0]["logprobs"] == {"content": [entry], "refusal": None}
    whole = msgspec.json.decode(DIALECT.write_reply(response, make_context()))
    assert whole["choices"][0]["logprobs"] == {"content": [entry], "refusal": None}


def test_hosted_calls_have_no_place(wire: Any, make_context: Any) -> None:
    """What only another dialect knows is not shown."""
    response = ModelResponse(items=[OtherItem(dialect="responses", type="web_search_call", value={}), say("x")])
    assert wire.gather(stream(response, make_context()))["message"]["content"] == "x"


def test_the_members_of_a_whole_reply(make_context: Any) -> None:
    """All that the description requires."""
    body = msgspec.json.decode(DIALECT.write_reply(ModelResponse(items=[say("x")], has_usage=True), make_context()))
    assert set(body) == {"id", "object", "created", "model", "choices", "usage"}
    assert set(body["choices"][0]) == {"index", "message", "logprobs", "finish_reason"}
    assert {"role", "content", "refusal"} <= set(body["choices"][0]["message"])
    assert body["model"] == "shown"


def test_the_official_accumulator_reads_the_stream(wire: Any, make_context: Any) -> None:
    """openai-python makes the same answer of the stream as of the whole reply."""
    response = ModelResponse(
        model="m",
        items=[Reasoning(content=["hm"]), say("a"), call("f", '{"x":1}'), call("g")],
        usage=Usage(1, 0, 0, 2),
        has_usage=True,
    )
    state: Any = ChatCompletionStreamState()
    for chunk in wire.decode(stream(response, make_context(include_usage=True)))[:-1]:
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    streamed = state.get_final_completion().model_dump(exclude_none=True)
    whole = msgspec.json.decode(DIALECT.write_reply(response, make_context()))
    message = streamed["choices"][0]["message"]
    for member in ("content", "reasoning_content"):
        assert message[member] == whole["choices"][0]["message"][member]
    expected = whole["choices"][0]["message"]["tool_calls"]
    got = [
        {
            "id": one["id"],
            "type": one["type"],
            "function": {"name": one["function"]["name"], "arguments": one["function"]["arguments"]},
        }
        for one in message["tool_calls"]
    ]
    assert got == expected
    assert streamed["usage"]["total_tokens"] == whole["usage"]["total_tokens"]


# --- properties -------------------------------------------------------------------------------------------------

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
_MESSAGES = st.lists(_TEXT, min_size=1, max_size=2).map(lambda texts: say(*texts))
_REASONING = _TEXT.map(lambda text: Reasoning(content=[text], status="completed"))
_CALLS = st.builds(
    lambda name, arguments, kind: ToolCall(call_id="", name=name, arguments=arguments, kind=kind, status="completed"),
    st.sampled_from(["f", "g"]),
    st.sampled_from(["{}", '{"x":1}', '{"é":"🎉"}']),
    st.sampled_from(["function", "custom"]),
)


def _number(items: list[Item]) -> list[Item]:
    return [
        msgspec.structs.replace(item, call_id=f"c{number}") if isinstance(item, ToolCall) else item
        for number, item in enumerate(items)
    ]


_ITEMS = st.lists(_MESSAGES | _REASONING | _CALLS, max_size=5).map(_number)


def _context() -> ReplyContext:
    request = ModelRequest(
        model="m", items=[], tools=[FunctionTool(name="f"), CustomTool(name="g")], include_usage=True
    )
    return ReplyContext(request=request, model="m", created_at=1, mint=CountingMint(), seal=str)


def _held(response: ModelResponse) -> Any:
    """What Chat can hold of an answer: all thoughts, all text, all calls, each in order."""
    texts = [
        part.text
        for item in response.items
        if isinstance(item, Message)
        for part in item.parts
        if isinstance(part, Text)
    ]
    thoughts = [text for item in response.items if isinstance(item, Reasoning) for text in item.content]
    calls = [item for item in response.items if isinstance(item, ToolCall)]
    return "".join(texts), "".join(thoughts).replace("\n\n", ""), calls, response.usage, response.finish


def _shuffle(events: list[Event], order: Iterator[int]) -> list[Event]:
    """The same answer with its calls open side by side."""
    arguments = [event for event in events if isinstance(event, ArgumentsAdded)]
    starts = [event for event in events if isinstance(event, ItemStarted)]
    ends = [event for event in events if isinstance(event, ItemEnded)]
    pieces: list[Event] = [ArgumentsAdded(event.index, letter) for event in arguments for letter in event.text]
    keyed = sorted(pieces, key=lambda piece: (next(order), 0))
    by_call = {event.index: iter(list(event.text)) for event in arguments}
    mixed: list[Event] = [ArgumentsAdded(piece.index, next(by_call[piece.index])) for piece in keyed]  # type: ignore[union-attr]
    return [events[0], *starts, *mixed, *ends, events[-1]]


@settings(max_examples=150, deadline=None)
@given(_ITEMS, st.sampled_from(["stop", "length", "content_filter"]))
def test_what_is_written_is_read_again(items: list[Item], finish: Any) -> None:
    """Streamed and whole, up to what Chat can hold."""
    response = ModelResponse(items=items, usage=Usage(1, 2, 3, 4, 5), has_usage=True, finish=finish)
    reader = DIALECT.reader()
    streamed = fold(reader.feed(stream(response, _context())) + reader.end())
    whole = DIALECT.read_reply(DIALECT.write_reply(response, _context()))
    held = _held(response)
    assert _held(streamed)[:2] == held[:2]
    assert _held(streamed)[3:] == held[3:]
    names = [(one.name, one.arguments, one.kind, one.call_id) for one in held[2]]
    assert [(one.name, one.arguments, one.kind, one.call_id) for one in _held(streamed)[2]] == names
    assert [(one.name, one.arguments, one.kind, one.call_id) for one in _held(whole)[2]] == names
    assert _held(whole)[:2] == held[:2]


@settings(max_examples=100, deadline=None)
@given(st.lists(_CALLS, min_size=1, max_size=4).map(_number), st.lists(st.integers(0, 9), min_size=100, max_size=100))
def test_parallel_calls_keep_apart(calls: list[Item], order: list[int]) -> None:
    """Fragments in any interleaving come to the same calls."""
    events = _shuffle(list(unfold(ModelResponse(items=calls))), iter(order))
    reader = DIALECT.reader()
    written = DIALECT.writer(_context()).write(events)
    assert fold(reader.feed(written) + reader.end()).items == calls


@pytest.mark.parametrize("finish", ["stop", "paused"])
def test_a_stop_without_calls_is_a_stop(wire: Any, make_context: Any, finish: Any) -> None:
    """FR-14: `tool_calls` needs calls."""
    assert wire.gather(stream(ModelResponse(items=[say("x")], finish=finish), make_context()))["finish"] == "stop"
