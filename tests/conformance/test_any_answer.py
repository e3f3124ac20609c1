"""Answers that nobody thought of: any order of text, thoughts and calls, in any pieces, arrives as it was said."""

import asyncio
import json
from typing import Any

import pytest
from callers import read_reply, read_stream
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_pairs import SPEAKS, expect, gather_message, plain
from upstreams import KINDS, Answer, Args, Move, Open, Say, Think, write_reply, write_stream

from scripted_gateway import PATHS, Scene, json_reply, stream

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
ARGUMENTS = st.dictionaries(TEXTS, st.integers() | TEXTS | st.lists(st.booleans(), max_size=2), min_size=1, max_size=2)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """Text and thoughts, then calls whose pieces interleave, perhaps twice."""
    moves: list[Move] = []
    number = 0
    for _ in range(draw(st.integers(1, 2))):
        for kind, text in draw(st.lists(st.tuples(st.sampled_from([Say, Think]), TEXTS), max_size=4)):
            moves.append(kind(text=text))
        pieces: list[list[Args]] = []
        for _ in range(draw(st.integers(0, 3))):
            number += 1
            moves.append(Open(number, draw(st.sampled_from(["f", "get_weather", "g-2"]))))
            text = json.dumps(draw(ARGUMENTS), ensure_ascii=draw(st.booleans()))
            at = draw(st.integers(0, len(text)))
            pieces.append([Args(number, piece) for piece in (text[:at], text[at:]) if piece])
        while any(pieces):
            moves.append(draw(st.sampled_from([rest for rest in pieces if rest])).pop(0))
    return Answer(moves, draw(st.sampled_from(["stop", "length"])) if not number else "stop")


@pytest.mark.slow
@pytest.mark.parametrize("upstream", KINDS)
@pytest.mark.parametrize("caller", list(PATHS))
def test_any_answer_arrives(caller: str, upstream: str) -> None:
    """Streamed, and whole as far as a whole reply can tell its order."""

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(answer=answers(), size=st.integers(1, 400))
    def run(answer: Answer, size: int) -> None:
        data = b"".join(write_stream(upstream, answer))
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        items, finish = expect(caller, upstream, answer)
        got = asyncio.run(Scene().generate(caller, upstream, stream(*pieces), stream=True))
        seen = read_stream(caller, got.body)
        assert (plain(seen.items), seen.finish) == (plain(items), finish)
        if SPEAKS[upstream] != "chat":
            got = asyncio.run(Scene().generate(caller, upstream, json_reply(write_reply(upstream, answer))))
            seen = read_reply(caller, got.json)
            assert (plain(seen.items), seen.finish) == (plain(items), finish)

    run()


@pytest.mark.slow
@pytest.mark.parametrize("upstream", KINDS)
@pytest.mark.parametrize("caller", list(PATHS))
def test_any_answer_is_folded_where_json_was_asked_for(caller: str, upstream: str) -> None:
    """FR-03: an upstream that streams unasked."""

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(answer=answers())
    def run(answer: Answer) -> None:
        items, finish = expect(caller, upstream, answer)
        if caller == "chat":
            # Thoughts that a whole message has no order for stay apart to the eye.
            items = gather_message(answer.items, "\n\n")
        got = asyncio.run(Scene().generate(caller, upstream, stream(*write_stream(upstream, answer))))
        assert got.headers["content-type"] == "application/json"
        seen = read_reply(caller, got.json)
        assert (plain(seen.items), seen.finish) == (plain(items), finish)

    run()


@pytest.mark.slow
@pytest.mark.parametrize("upstream", KINDS)
@pytest.mark.parametrize("caller", list(PATHS))
def test_any_answer_is_unfolded_where_a_stream_was_asked_for(caller: str, upstream: str) -> None:
    """An upstream that answers whole; a caller of Chat is told the usage if it asked."""

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(answer=answers())
    def run(answer: Answer) -> None:
        reply = json_reply(write_reply(upstream, answer))
        whole = asyncio.run(Scene().generate(caller, upstream, json_reply(write_reply(upstream, answer))))
        expected = read_reply(caller, whole.json)
        got = asyncio.run(Scene().generate(caller, upstream, reply, stream=True))
        seen = read_stream(caller, got.body)
        assert (plain(seen.items), seen.finish) == (plain(expected.items), expected.finish)

    run()


# --- Responses upstreams that keep something back ---------------------------------------------------------------


def frames(*events: dict[str, Any]) -> bytes:
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps({**event, 'sequence_number': number})}\n\n".encode()
        for number, event in enumerate(events)
    )


def end_with(output: list[Any]) -> dict[str, Any]:
    usage = {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}
    response = {"id": "r", "object": "response", "status": "completed", "model": "m", "output": output, "usage": usage}
    return {"type": "response.completed", "response": response}


CREATED = {"type": "response.created", "response": {"id": "r", "model": "m", "status": "in_progress", "output": []}}


@pytest.mark.parametrize("caller", ["chat", "messages"])
async def test_fr07_a_final_response_without_output(caller: str) -> None:
    """What was streamed counts, once."""
    call = {"type": "function_call", "id": "fc", "call_id": "call_1", "name": "f", "status": "completed"}
    data = frames(
        CREATED,
        {"type": "response.output_item.added", "output_index": 0, "item": {**call, "arguments": ""}},
        {"type": "response.function_call_arguments.delta", "output_index": 0, "item_id": "fc", "delta": '{"x":1}'},
        {"type": "response.output_item.done", "output_index": 0, "item": {**call, "arguments": '{"x":1}'}},
        end_with([]),
    )
    got = await Scene().generate(caller, "responses", stream(data), stream=True)
    seen = read_stream(caller, got.body)
    assert (seen.items, seen.finish) == ([("call", "call_1", "f", '{"x":1}')], "tool_calls")


@pytest.mark.parametrize("caller", ["chat", "messages"])
async def test_fr20_reasoning_in_the_finished_item_alone(caller: str) -> None:
    """It is told, once."""
    thought = {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "Hm"}]}
    part = {"type": "output_text", "text": "Hi", "annotations": []}
    message = {"type": "message", "id": "msg", "role": "assistant", "status": "completed", "content": [part]}
    data = frames(
        CREATED,
        {"type": "response.output_item.added", "output_index": 0, "item": {**thought, "summary": []}},
        {"type": "response.output_item.done", "output_index": 0, "item": thought},
        {"type": "response.output_item.added", "output_index": 1, "item": {**message, "content": []}},
        {"type": "response.output_item.done", "output_index": 1, "item": message},
        end_with([thought, message]),
    )
    got = await Scene().generate(caller, "responses", stream(data), stream=True)
    assert read_stream(caller, got.body).items == [("reasoning", "Hm"), ("text", "Hi")]


@pytest.mark.parametrize("caller", list(PATHS))
@pytest.mark.parametrize("upstream", ["chat", "native_chat"])
async def test_a_call_that_never_got_a_name_is_no_success(caller: str, upstream: str) -> None:
    """Nobody can answer it."""
    fragment = {"index": 0, "id": "c", "type": "function", "function": {"arguments": '{"x":1}'}}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choices = [{"index": 0, "delta": {"role": "assistant", "tool_calls": [fragment]}, "finish_reason": None}]
    end = [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]
    data = b"".join(b"data: " + json.dumps({**chunk, "choices": one}).encode() + b"\n\n" for one in (choices, end))
    got = await Scene().generate(caller, upstream, stream(data, b"data: [DONE]\n\n"), stream=True)
    if caller == "chat":
        assert got.status in (200, 502)
    else:
        assert got.status == 502 or read_stream(caller, got.body).error
