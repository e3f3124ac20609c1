"""An upstream's Responses stream becomes events that keep the grammar, however crooked it is."""

import json
from typing import Any

import pytest
from responses_wire import CREATED, added, call, completed, done, frame, message, numbered, read_stream, text_delta

from trunkline.dialects.openai_responses import DIALECT
from trunkline.errors import Busy, Failed, Garbled, TrunklineError
from trunkline.events import (
    AnnotationAdded,
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
from trunkline.items import Carrier, Message, OtherItem, Reasoning, Refusal, Text, ToolCall
from trunkline.usage import Usage

MESSAGE = {"type": "message", "id": "msg_up", "role": "assistant", "status": "in_progress", "content": []}
USAGE = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 120,
}

PLAIN = [
    CREATED,
    {"type": "response.in_progress", "response": {"id": "resp_up"}},
    added(0, **MESSAGE),
    {
        "type": "response.content_part.added",
        "output_index": 0,
        "content_index": 0,
        "part": {"type": "output_text", "text": "", "annotations": []},
    },
    text_delta(0, "Zü"),
    text_delta(0, "rich 🎉"),
    {"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "Zürich 🎉"},
    {
        "type": "response.content_part.done",
        "output_index": 0,
        "content_index": 0,
        "part": {"type": "output_text", "text": "Zürich 🎉", "annotations": []},
    },
    done(0, **message("Zürich 🎉")),
    completed(message("Zürich 🎉"), usage=USAGE),
]


def error_of(events: list[Event]) -> TrunklineError:
    last = events[-1]
    assert isinstance(last, ResponseFailed)
    return last.error


def test_a_plain_answer() -> None:
    """Text comes in its pieces, once, with usage in disjoint buckets."""
    assert read_stream(numbered(*PLAIN)) == [
        ResponseStarted("resp_up", "up-model"),
        ItemStarted(0, Message(role="assistant", parts=[], id="msg_up", status="in_progress")),
        PartStarted(0, 0, "text"),
        TextAdded(0, 0, "text", "Zü"),
        TextAdded(0, 0, "text", "rich 🎉"),
        PartEnded(0, 0, "text"),
        ItemEnded(0),
        UsageReported(Usage(30, 60, 10, 15, 5)),
        ResponseEnded("stop"),
    ]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_t25_chunking_makes_no_difference(line_end: str, size: int) -> None:
    """T-25: any cutting and any line end give the same events, UTF-8 cut in the middle included."""
    data = b"".join(
        f"event: {event['type']}\ndata:{json.dumps(event, ensure_ascii=False)}\n\n".encode() for event in PLAIN
    ).replace(b"\n", line_end.encode())
    reader = DIALECT.reader()
    events = [event for at in range(0, len(data), size) for event in reader.feed(data[at : at + size])]
    assert events + reader.end() == read_stream(numbered(*PLAIN))


def test_fr07_a_terminal_event_without_output_loses_nothing() -> None:
    """FR-07: what was streamed stands, also when the end repeats none of it."""
    item = call("f", '{"a":1}', "call_1")
    events = [
        CREATED,
        added(0, **item | {"arguments": ""}),
        {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": '{"a":1}'},
        done(0, **item),
        completed(usage=USAGE),
    ]
    (found,) = fold(read_stream(frame(*events))).items
    assert found == ToolCall(call_id="call_1", name="f", arguments='{"a":1}', id="fc_up", status="completed")


def test_fr20_reasoning_only_in_the_finished_item_is_told_once() -> None:
    """FR-20: a summary that was never streamed comes from the finished item."""
    finished = {"type": "reasoning", "id": "rs_up", "summary": [{"type": "summary_text", "text": "hm"}]}
    events = read_stream(
        frame(CREATED, added(0, type="reasoning", id="rs_up", summary=[]), done(0, **finished), completed(finished))
    )
    assert [event.text for event in events if isinstance(event, TextAdded)] == ["hm"]


def test_encrypted_content_is_taken_from_the_finished_item() -> None:
    """The value at the start may be incomplete: only the last counts, with the id it is bound to."""
    start = added(0, type="reasoning", id="rs_up", summary=[], encrypted_content="gA")
    end = done(0, type="reasoning", id="rs_up", summary=[], encrypted_content="gAAA")
    (item,) = fold(read_stream(frame(CREATED, start, end, completed()))).items
    assert isinstance(item, Reasoning)
    assert item.carrier == Carrier("responses", "encrypted_content", {"id": "rs_up", "encrypted_content": "gAAA"})


@pytest.mark.parametrize(
    "events",
    [
        [added(0, **call("f", "", "c")), {"type": "response.function_call_arguments.done", "output_index": 0, "arguments": "{}"}, done(0, **call("f", "{}", "c")), completed()],
        [added(0, **call("f", "", "c")), done(0, **call("f", "{}", "c")), completed()],
        [done(0, **call("f", "{}", "c")), completed()],
        [completed(call("f", "{}", "c"))],
        [added(0, **call("f", "", "c")), completed(call("f", "{}", "c"))],
        [{"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{"}, done(0, **call("f", "{}", "c")), completed()],
        [done(0, **call("f", "{}", "c")), done(0, **call("f", "{}", "c")), completed(call("f", "{}", "c"))],
    ],
)  # fmt: skip
def test_a_call_is_told_whole_and_once(events: list[dict[str, Any]]) -> None:
    """Arguments without deltas, an item never announced, an answer only in the end, one said twice: one call."""
    read = read_stream(frame(CREATED, *events))
    assert "".join(event.text for event in read if isinstance(event, ArgumentsAdded)) == "{}"
    assert fold(read).items == [ToolCall(call_id="c", name="f", arguments="{}", id="fc_up", status="completed")]


def test_t09_parallel_calls_interleave_and_gaps_close() -> None:
    """T-09: calls under way at once keep apart; a gap in the upstream's counting is closed."""
    events = read_stream(
        frame(
            CREATED,
            added(0, **call("f", "", "c1")),
            added(2, **call("g", "", "c2")),
            {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "[2"},
            {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "[1"},
            {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "]"},
            {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "]"},
            done(2, **call("g", "[2]", "c2")),
            done(0, **call("f", "[1]", "c1")),
            completed(call("f", "[1]", "c1"), call("g", "[2]", "c2")),
        )
    )
    assert [(event.index, event.text) for event in events if isinstance(event, ArgumentsAdded)] == [
        (1, "[2"),
        (0, "[1"),
        (1, "]"),
        (0, "]"),
    ]
    assert len(fold(events).items) == 2


def test_rotating_ids_are_one_item() -> None:
    """Ids that change from event to event do not make new items."""
    start = added(0, **MESSAGE | {"id": "a"})
    delta = text_delta(0, "x") | {"item_id": "b"}
    events = read_stream(frame(CREATED, start, delta, done(0, **message("x", id="c")), completed(message("x", id="d"))))
    assert len(fold(events).items) == 1


def test_custom_calls() -> None:
    """A custom call's input is free text, and its own `done` may be missing."""
    item = {"type": "custom_tool_call", "id": "ctc_up", "call_id": "c", "name": "patch", "input": "*** raw"}
    delta = {"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": "*** "}
    (found,) = fold(
        read_stream(frame(CREATED, added(0, **item | {"input": ""}), delta, done(0, **item), completed()))
    ).items
    assert found == ToolCall(
        kind="custom", call_id="c", name="patch", arguments="*** raw", id="ctc_up", status="completed"
    )


def test_hosted_items_come_whole() -> None:
    """A hosted call is this dialect's own item, as it was when it was finished; its progress is passed over."""
    finished = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    progress = {"type": "response.web_search_call.searching", "output_index": 0, "item_id": "ws_1"}
    start = added(0, type="web_search_call", id="ws_1", status="in_progress")
    (item,) = fold(read_stream(frame(CREATED, start, progress, done(0, **finished), completed(finished)))).items
    assert item == OtherItem(dialect="responses", type="web_search_call", value=finished, id="ws_1")


def test_citations_are_told_once() -> None:
    """A citation that was streamed is not repeated by the finished part; one that was not is told then."""
    first, second = {"type": "url_citation", "url": "a"}, {"type": "url_citation", "url": "b"}
    part = {"type": "output_text", "text": "x", "annotations": [first, second]}
    event = {
        "type": "response.output_text.annotation.added",
        "output_index": 0,
        "content_index": 0,
        "annotation_index": 0,
        "annotation": first,
    }
    whole = {"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "x"}
    end = done(0, **message("x", content=[part]))
    events = read_stream(frame(CREATED, added(0, **MESSAGE), text_delta(0, "x"), whole, event, end, completed()))
    assert [event.annotation for event in events if isinstance(event, AnnotationAdded)] == [first, second]


def test_t81_a_refusal_is_a_part_of_its_own() -> None:
    """T-81: a refusal keeps its words."""
    delta = {"type": "response.refusal.delta", "output_index": 0, "content_index": 0, "delta": "No"}
    end = done(0, **message("", content=[{"type": "refusal", "refusal": "No."}]))
    (item,) = fold(read_stream(frame(CREATED, added(0, **MESSAGE), delta, end, completed()))).items
    assert isinstance(item, Message)
    assert item.parts == [Refusal(refusal="No.")]


def test_reasoning_text_and_summaries_are_apart() -> None:
    """Raw thought and its summary count their parts separately."""
    events = [
        CREATED,
        added(0, type="reasoning", id="rs_up", summary=[]),
        {"type": "response.reasoning_text.delta", "output_index": 0, "content_index": 0, "delta": "raw"},
        {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "one"},
        {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 1, "delta": "two"},
        done(0, type="reasoning", id="rs_up", summary=[]),
        completed(),
    ]
    (item,) = fold(read_stream(frame(*events))).items
    assert isinstance(item, Reasoning)
    assert (item.summary, item.content) == (["one", "two"], ["raw"])


def test_text_without_any_announcement_opens_its_message() -> None:
    """A delta out of nowhere is text all the same."""
    (item,) = fold(read_stream(frame(text_delta(0, "x"), completed()))).items
    assert isinstance(item, Message)
    assert item.parts == [Text(text="x")]


def test_logprobs_ride_with_their_text() -> None:
    """Log probabilities stay with the piece they belong to."""
    delta = text_delta(0, "x") | {"logprobs": [{"token": "x", "logprob": -1}]}
    (item,) = fold(read_stream(frame(CREATED, added(0, **MESSAGE), delta, done(0, **message("x")), completed()))).items
    assert isinstance(item, Message)
    assert item.parts == [Text(text="x", logprobs=[{"token": "x", "logprob": -1}])]


@pytest.mark.parametrize(
    ("reason", "finish"), [("max_output_tokens", "length"), ("content_filter", "content_filter"), ("steered", "length")]
)
def test_t20_an_incomplete_answer_says_why(reason: str, finish: str) -> None:
    """T-20: an answer that was cut is no success."""
    item = message("par", status="incomplete")
    end = completed(item, status="incomplete", incomplete_details={"reason": reason})
    response = fold(read_stream(frame(CREATED, added(0, **MESSAGE), text_delta(0, "par"), done(0, **item), end)))
    assert response.finish == finish
    assert response.items[0].status == "incomplete"  # type: ignore[union-attr]  # a message


def test_t10_arguments_cut_in_the_middle_stay_as_they_are() -> None:
    """T-10: a call that was cut keeps its half JSON, and says that it is incomplete."""
    item = call("f", '{"x":"unfin', "c", status="incomplete")
    end = completed(item, status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    (found,) = fold(read_stream(frame(CREATED, added(0, **item | {"arguments": ""}), done(0, **item), end))).items
    assert isinstance(found, ToolCall)
    assert (found.arguments, found.status) == ('{"x":"unfin', "incomplete")


@pytest.mark.parametrize("nested", [True, False])
def test_t23_an_error_event_ends_the_stream(nested: bool) -> None:
    """T-23: flat or nested, an error ends what is open, incomplete, and keeps its words."""
    words = {"code": "rate_limit_exceeded", "message": "slow down", "param": None}
    event = {"type": "error", "error": words | {"type": "tokens"}} if nested else {"type": "error", **words}
    events = read_stream(frame(CREATED, added(0, **MESSAGE), text_delta(0, "par"), event, completed()))
    assert ItemEnded(0, "incomplete") in events
    error = error_of(events)
    assert isinstance(error, Busy)
    assert (error.message, error.code) == ("slow down", "rate_limit_exceeded")


def test_a_bare_error_ends_the_stream() -> None:
    """Proxies before a provider do not speak its dialect."""
    bare = b'data: {"error": {"type": "rate_limit_error", "message": "no"}}\n\n'
    error = error_of(read_stream(frame(CREATED) + bare))
    assert (type(error), error.message) == (Busy, "no")


def test_a_failed_response_before_any_content() -> None:
    """A response that fails at once is a failure with the provider's words."""
    failed = completed(status="failed", error={"code": "server_error", "message": "exploded"})
    error = error_of(read_stream(frame(CREATED, failed)))
    assert isinstance(error, Failed)
    assert error.message == "exploded"


def test_t22_a_stream_without_its_end_has_failed() -> None:
    """T-22: an end without a terminal event is an error, never a success."""
    events = read_stream(frame(CREATED, added(0, **MESSAGE), text_delta(0, "par")))
    assert events[-3:-1] == [PartEnded(0, 0, "text"), ItemEnded(0, "incomplete")]
    assert error_of(events).message == "the upstream's stream ended unexpectedly"


def test_t17_two_calls_cut_off_are_both_incomplete() -> None:
    """T-17: calls under way when the upstream dies are never completed."""
    events = read_stream(frame(CREATED, added(0, **call("f", "", "a")), added(1, **call("g", "", "b"))))
    assert [event.status for event in events if isinstance(event, ItemEnded)] == ["incomplete", "incomplete"]


def test_an_end_without_its_blank_line_is_an_end() -> None:
    """The last event counts even if the stream stops right after it."""
    assert read_stream(frame(CREATED, completed()).rstrip())[-1] == ResponseEnded("stop")


@pytest.mark.parametrize(
    "data",
    [
        b'data: {"type":"response.output_text.delta","output_index":0,"delta":"x"\n\n',
        b'data: {"type":"response.completed","output_index":"zero"}\n\n',
        b"data: <html>\n\n",
    ],
)
def test_a_malformed_event_fails_the_stream(data: bytes) -> None:
    """What is not JSON, or has the wrong types where they matter, cannot be passed off as an answer."""
    assert isinstance(error_of(read_stream(frame(CREATED) + data)), Garbled)


@pytest.mark.parametrize(
    "data",
    [
        b'data: {"type":"keepalive","output_index":"odd"}\n\n',
        b'data: {"type":"response.brand_new","delta":{"a":1}}\n\n',
        b": comment\n\n",
        b"data: {}\n\n",
        b"data: [DONE]\n\n",
        b"data: 7\n\n",
    ],
)
def test_unknown_events_are_passed_over(data: bytes) -> None:
    """What we would not have read does no harm."""
    assert read_stream(frame(CREATED) + data + frame(completed()))[-1] == ResponseEnded("stop")


def test_fr36_half_a_surrogate_pair_is_no_error() -> None:
    """FR-36: a lone half of a character costs that character, not the answer."""
    data = b'data: {"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a\\ud83d b"}\n\n'
    (item,) = fold(read_stream(frame(CREATED) + data + frame(completed()))).items
    assert isinstance(item, Message)
    assert item.parts == [Text(text="a? b")]


def test_a_response_with_a_number_beyond_all_numbers_fails_the_stream() -> None:
    """It stands where events are not looked into: in the response object at the end."""
    end = frame(completed(message("a"), usage={**USAGE, "input_tokens": 7777})).replace(b"7777", b"1e400")
    assert isinstance(error_of(read_stream(frame(CREATED) + end)), Garbled)


def test_half_a_surrogate_pair_in_the_last_response_is_no_error() -> None:
    """Nor there."""
    end = frame(completed(message("a~b"))).replace(b"~", b"\\ud83d")
    assert type(read_stream(frame(CREATED) + end)[-1]) is ResponseEnded


def test_a_json_error_instead_of_a_stream() -> None:
    """An upstream may answer a stream with a JSON error: that error it is."""
    reader = DIALECT.reader()
    body = json.dumps({"error": {"message": "no quota", "code": "insufficient_quota"}}).encode()
    events = reader.feed(body) + reader.end()
    assert error_of(events).code == "insufficient_quota"


def test_a_json_answer_instead_of_a_stream() -> None:
    """An upstream may ignore that a stream was asked for: its answer counts."""
    response = completed(message("hi"))["response"]
    reader = DIALECT.reader()
    assert (
        fold(reader.feed(json.dumps(response).encode()) + reader.end()).items
        == fold(read_stream(frame(CREATED, completed(message("hi"))))).items
    )


def test_fr03_a_stream_instead_of_json() -> None:
    """FR-03: a stream where JSON was asked for is one whole answer."""
    response = DIALECT.read_reply(numbered(*PLAIN))
    assert response.items == fold(read_stream(numbered(*PLAIN))).items
    assert response.has_usage


def test_a_reply_that_failed_is_raised() -> None:
    """A JSON reply whose status is `failed` is the error that it holds."""
    body = completed(status="failed", error={"code": "server_error", "message": "exploded"})["response"]
    with pytest.raises(Failed, match="exploded"):
        DIALECT.read_reply(json.dumps(body).encode())


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{", b"null"])
def test_a_reply_that_is_nothing_is_an_error(body: bytes) -> None:
    """Whatever is not a response object is an upstream's failure."""
    with pytest.raises((Garbled, Failed)):
        DIALECT.read_reply(body)


def test_a_broken_connection_says_so_once() -> None:
    """After a failure the reader says nothing more."""
    reader = DIALECT.reader()
    reader.feed(frame(CREATED, text_delta(0, "x")))
    error = Failed("cut")
    assert reader.fail(error)[-1] == ResponseFailed(error)
    assert reader.fail(error) + reader.end() + reader.feed(frame(completed())) == []
