"""An Anthropic stream, read."""

import json

import pytest
from messages_wire import block, event, finish, read, read_answer, start, text, tool

from trunkline.dialects.anthropic import DIALECT
from trunkline.errors import Busy, Failed, Garbled, TimedOut
from trunkline.events import AnnotationAdded, ArgumentsAdded, ItemEnded, ResponseEnded, ResponseFailed, ResponseStarted
from trunkline.items import Carrier, Message, OtherItem, Reasoning, Text, ToolCall
from trunkline.usage import Usage


def texts(*values: str) -> list[Text]:
    return [Text(text=value) for value in values]


def test_plain_text_is_one_message() -> None:
    """Text is a message with its parts, the usage and the end."""
    answer = read_answer(start(), text(0, "Hel", "lo"), finish())
    assert answer.items == [Message(role="assistant", parts=texts("Hello"), status="completed")]
    assert (answer.id, answer.model, answer.finish) == ("msg_1", "claude-x", "stop")
    assert answer.usage == Usage(input_tokens=10, output_tokens=7)


def test_neighbouring_text_blocks_are_parts_of_one_message() -> None:
    """Each text block is a part of its own, so that its citations stay with it."""
    answer = read_answer(start(), text(0, "a"), text(1, "b"), finish())
    assert answer.items == [Message(role="assistant", parts=texts("a", "b"), status="completed")]


def test_t14_text_after_a_call_is_a_new_message() -> None:
    """T-14: text, call, text stay three items in that order."""
    answer = read_answer(start(), text(0, "one"), tool(1, '{"x":', "1}"), text(2, "two"), finish("tool_use"))
    assert [type(item) for item in answer.items] == [Message, ToolCall, Message]
    assert answer.items[1] == ToolCall(call_id="toolu_1", name="f", arguments='{"x":1}', status="completed")


def test_an_empty_text_block_leaves_no_trace() -> None:
    """A text block without text opens no message and takes no index."""
    answer = read_answer(start(), text(0), tool(1), text(2, ""), finish("tool_use"))
    assert [type(item) for item in answer.items] == [ToolCall]


@pytest.mark.parametrize("pieces", [(), ("",)])
def test_t07_a_call_without_arguments_has_an_empty_object(pieces: tuple[str, ...]) -> None:
    """T-07: no delta, or an empty one, is `{}`."""
    events = read(start(), tool(0, *pieces), finish("tool_use"))
    assert [event.text for event in events if isinstance(event, ArgumentsAdded)] == ["{}"]


def test_a_call_that_comes_whole_in_its_start() -> None:
    """Code that calls a tool sends the whole input in the block's start, and keeps who called."""
    caller = {"type": "code_execution_20250825", "tool_id": "srvtoolu_1"}
    start_block = {"type": "tool_use", "id": "toolu_1", "name": "roll", "input": {"player": "p"}, "caller": caller}
    answer = read_answer(start(content=[start_block], stop_reason="tool_use"), event("message_stop"))
    (call,) = answer.items
    assert isinstance(call, ToolCall)
    assert call.arguments == '{"player":"p"}'
    assert call.extras == {"messages": {"caller": caller}}


def test_t10_a_call_cut_by_the_limit_is_incomplete() -> None:
    """T-10: the raw arguments stay, and the call says that it is not whole."""
    answer = read_answer(start(), tool(0, '{"x":"unfin'), finish("max_tokens"))
    assert answer.finish == "length"
    assert answer.items == [ToolCall(call_id="toolu_1", name="f", arguments='{"x":"unfin', status="incomplete")]


def test_only_the_last_item_is_incomplete() -> None:
    """What came before the cut is whole."""
    answer = read_answer(start(), text(0, "a"), tool(1, "{"), finish("max_tokens"))
    assert [item.status for item in answer.items if not isinstance(item, OtherItem)] == ["completed", "incomplete"]


def test_thinking_keeps_its_signature_byte_for_byte() -> None:
    """T-45: text and signature come back as they were."""
    thinking = block(
        0,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "Let me "},
        {"type": "thinking_delta", "thinking": "see."},
        {"type": "signature_delta", "signature": "Eq+/="},
    )
    answer = read_answer(start(), thinking, text(1, "Hi"), finish())
    carrier = Carrier("messages", "signature", {"thinking": "Let me see.", "signature": "Eq+/="})
    assert answer.items[0] == Reasoning(summary=["Let me see."], carrier=carrier, status="completed")


def test_t43_thinking_that_is_all_signature() -> None:
    """T-43: newer models show no thought but sign it all the same."""
    thinking = block(
        0, {"type": "thinking", "thinking": "", "signature": ""}, {"type": "signature_delta", "signature": "S"}
    )
    answer = read_answer(start(), thinking, finish())
    assert answer.items == [
        Reasoning(carrier=Carrier("messages", "signature", {"thinking": "", "signature": "S"}), status="completed")
    ]


def test_redacted_thinking_is_all_carrier() -> None:
    """Thought that only Anthropic can read travels whole."""
    answer = read_answer(start(), block(0, {"type": "redacted_thinking", "data": "RED"}), finish())
    assert answer.items == [Reasoning(carrier=Carrier("messages", "redacted", "RED"), status="completed")]


def test_a_server_tool_is_an_item_of_this_dialect() -> None:
    """A server's tool call is given on whole, its input decoded."""
    use = block(
        0,
        {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}},
        {"type": "input_json_delta", "partial_json": '{"query":'},
        {"type": "input_json_delta", "partial_json": '"x"}'},
    )
    result = {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": [{"type": "web_search_result"}]}
    answer = read_answer(start(), use, block(1, result), finish())
    value = {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "x"}}
    assert answer.items == [
        OtherItem(dialect="messages", type="server_tool_use", value=value),
        OtherItem(dialect="messages", type="web_search_tool_result", value=result),
    ]


def test_a_compaction_is_gathered() -> None:
    """A block of a kind that is new here keeps what its deltas bring."""
    compaction = block(0, {"type": "compaction", "content": None}, {"type": "compaction_delta", "content": "So far."})
    (item,) = read_answer(start(), compaction, finish("compaction")).items
    assert item == OtherItem(dialect="messages", type="compaction", value={"type": "compaction", "content": "So far."})


def test_t41_a_citation_covers_its_block() -> None:
    """T-41: offsets are code points of the part, known only at the block's end."""
    citation = {"type": "web_search_result_location", "url": "https://x", "title": "X", "cited_text": "…"}
    cited = block(
        1,
        {"type": "text", "text": "", "citations": []},
        {"type": "citations_delta", "citation": citation},
        {"type": "text_delta", "text": "Zürich 🎉"},
    )
    events = read(start(), text(0, "So: "), cited, finish())
    (added,) = [event for event in events if isinstance(event, AnnotationAdded)]
    assert added.part == 1
    assert added.annotation == {
        "type": "url_citation",
        "url": "https://x",
        "title": "X",
        "start_index": 0,
        "end_index": 8,
    }


def test_a_citation_of_a_kind_that_nobody_knows_is_no_error() -> None:
    """Anthropic adds kinds; the text stays."""
    cited = block(0, {"type": "text", "text": "a"}, {"type": "citations_delta", "citation": {"type": "new"}})
    assert read_answer(start(), cited, finish()).items == [
        Message(role="assistant", parts=texts("a"), status="completed")
    ]


def test_a_refusal_without_a_block() -> None:
    """The end alone tells that the model refused, and why."""
    details = {"type": "refusal", "category": "cyber", "explanation": "Not this."}
    answer = read_answer(start(), event("ping"), finish("refusal", stop_details=details))
    assert (answer.items, answer.finish, answer.explanation) == ([], "content_filter", "Not this.")


def test_t28_the_stop_sequence_that_was_hit_is_told() -> None:
    """T-28: Anthropic tells which one."""
    answer = read_answer(start(), text(0, "a"), finish("stop_sequence", stop_sequence="END"))
    assert (answer.finish, answer.stop_sequence) == ("stop", "END")


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("pause_turn", "paused"), ("model_context_window_exceeded", "length"), ("something_new", "stop")],
)
def test_other_reasons_to_stop(reason: str, expected: str) -> None:
    """Each reason has its word; a new one is a plain stop."""
    assert read_answer(start(), text(0, "a"), finish(reason)).finish == expected


def test_usage_is_the_last_count_that_is_not_null() -> None:
    """T-69: counts are cumulative, a missing or null one says nothing, caches are beside the input."""
    usage = {"input_tokens": 6, "cache_creation_input_tokens": 159217, "cache_read_input_tokens": 3, "output_tokens": 1}
    delta = event(
        "message_delta",
        delta={"stop_reason": "end_turn", "stop_sequence": None},
        usage={"input_tokens": None, "output_tokens": 2745, "output_tokens_details": {"thinking_tokens": 45}},
    )
    answer = read_answer(start(usage=usage), text(0, "a"), delta, event("message_stop"))
    assert answer.usage == Usage(6, 3, 159217, 2700, 45)


def test_a_second_start_keeps_what_was_closed() -> None:
    """A spliced answer: closed blocks stay, the open one is broken off, indexes begin anew."""
    open_block = event("content_block_start", index=1, content_block={"type": "text", "text": "half"})
    answer = read_answer(start(), tool(0, "{}"), open_block, start(id="msg_2"), text(0, "whole"), finish())
    assert [item.status for item in answer.items if not isinstance(item, OtherItem)] == [
        "completed",
        "incomplete",
        "completed",
    ]
    assert answer.id == "msg_1"


def test_interleaved_blocks_stay_apart() -> None:
    """A gateway upstream may keep two blocks open at once."""
    events = read(
        start(),
        event("content_block_start", index=0, content_block={"type": "text", "text": "a"}),
        event("content_block_start", index=1, content_block={"type": "text", "text": "b"}),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": "A"}),
        event("content_block_delta", index=1, delta={"type": "text_delta", "text": "B"}),
        event("content_block_stop", index=0),
        event("content_block_stop", index=1),
        finish(),
    )
    assert isinstance(events[-1], ResponseEnded)


def test_t22_a_stream_cut_short_has_failed() -> None:
    """T-22: an end without its event is never a success, and what was open is incomplete."""
    events = read(start(), event("content_block_start", index=0, content_block={"type": "text", "text": "par"}))
    assert isinstance(events[-1], ResponseFailed)
    assert events[-1].error.message == "the upstream's stream ended unexpectedly"
    assert [event.status for event in events if isinstance(event, ItemEnded)] == ["incomplete"]


def test_t17_a_call_before_the_cut_is_incomplete() -> None:
    """T-17: nobody may run the last call of an answer that broke."""
    answer = read_answer(start(), tool(0, "{}"))
    assert isinstance(answer.error, Failed)
    assert [item.status for item in answer.items if isinstance(item, ToolCall)] == ["incomplete"]


def test_an_empty_stream_has_failed() -> None:
    """Nothing at all is a failure too."""
    first, last = read()
    assert first == ResponseStarted()
    assert isinstance(last, ResponseFailed)


def test_the_end_without_its_last_event_is_proper() -> None:
    """A reason to stop is the end, even where `message_stop` is missing."""
    whole = start() + text(0, "a") + finish()
    assert read_answer(whole.split(b"event: message_stop")[0]).error is None


def test_t23_an_error_event_ends_the_stream() -> None:
    """T-23: its message and kind are kept; what follows it is not read."""
    error = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    answer = read_answer(start(), text(0, "par"), error, text(1, "more"))
    assert isinstance(answer.error, Busy)
    assert (answer.error.message, answer.error.code, answer.error.status) == ("Overloaded", "overloaded", 503)


def test_a_json_error_where_a_stream_was_asked_for() -> None:
    """A body that is no stream is the error that it holds."""
    answer = read_answer(b'{"type":"error","error":{"type":"api_error","message":"boom"}}')
    assert isinstance(answer.error, Failed)
    assert answer.error.message == "boom"


def test_a_json_message_where_a_stream_was_asked_for() -> None:
    """A server that does not stream has answered all the same."""
    body = {"type": "message", "id": "msg_1", "content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"}
    answer = read_answer(json.dumps(body).encode())
    assert answer.items == [Message(role="assistant", parts=texts("Hi"), status="completed")]


def test_a_garbled_event_fails_the_stream() -> None:
    """What is no JSON cannot be skipped: it may have been an argument."""
    answer = read_answer(start(), b"data: {oops\n\n", text(0, "a"), finish())
    assert isinstance(answer.error, Garbled)


def test_fr36_half_a_surrogate_pair_becomes_a_replacement() -> None:
    """FR-36: the rest of the text arrives."""
    broken = rb'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\ud83d"}}' + b"\n\n"
    opened = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    (item,) = read_answer(start(), opened, broken, event("content_block_stop", index=0), finish()).items
    assert isinstance(item, Message)
    (part,) = item.parts
    assert isinstance(part, Text)
    assert part.text == "a?"


def test_events_of_an_unknown_type_say_nothing() -> None:
    """Anthropic adds events."""
    assert read_answer(start(), event("brand_new", index=3), text(0, "a"), finish()).error is None


def test_a_broken_connection_fails_once() -> None:
    """The failure ends what is open; after it the reader says nothing."""
    reader = DIALECT.reader()
    reader.feed(start())
    assert isinstance(reader.fail(TimedOut("silence"))[-1], ResponseFailed)
    assert [reader.feed(text(0, "a")), reader.end(), reader.fail(TimedOut("again"))] == [[], [], []]


def test_a_failure_after_the_end_says_nothing() -> None:
    """A connection may break when all has been said."""
    reader = DIALECT.reader()
    reader.feed(start() + text(0, "a") + finish())
    assert reader.fail(TimedOut("late")) == []


def test_a_connection_that_breaks_behind_the_stop_reason() -> None:
    """Only `message_stop` is missing: the answer is whole."""
    reader = DIALECT.reader()
    events = reader.feed(start() + text(0, "a") + finish().partition(b"event: message_stop")[0])
    assert isinstance([*events, *reader.fail(TimedOut("late"))][-1], ResponseEnded)


STREAM = start() + text(0, "Zürich 🎉") + tool(1, '{"x":', '"é"}') + finish("tool_use")


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_t25_any_chunking_gives_the_same_events(line_end: bytes, size: int) -> None:
    """T-25: line ends and cuts, also inside a character, change nothing."""
    stream = STREAM.replace(b"\n", line_end)
    assert read(*(stream[at : at + size] for at in range(0, len(stream), size))) == read(STREAM)
