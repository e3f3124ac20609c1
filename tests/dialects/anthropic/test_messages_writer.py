"""An Anthropic stream and reply, written."""

import json
from typing import Any, get_args

import pytest
from messages_wire import ASKED, accumulate, context, parse, read_answer, seal, write

from trunkline.dialects.anthropic import DIALECT
from trunkline.dialects.anthropic.writer import _HANDLERS
from trunkline.errors import Busy, Failed
from trunkline.events import (
    ArgumentsAdded,
    Event,
    ItemEnded,
    ItemStarted,
    ModelResponse,
    PartEnded,
    PartStarted,
    ResponseEnded,
    ResponseFailed,
    ResponseStarted,
    TextAdded,
    UsageReported,
)
from trunkline.folding import unfold
from trunkline.grammar import check
from trunkline.items import Carrier, Message, OtherItem, Reasoning, Refusal, Text, ToolCall
from trunkline.usage import Usage


def message(*texts: str) -> Message:
    return Message(role="assistant", parts=[Text(text=text) for text in texts])


def answer(*items: Any, **members: Any) -> dict[str, Any]:
    """What a caller sees of an answer, streamed; and the same not streamed, but for the id."""
    response = ModelResponse(items=[*items], **members)
    streamed = accumulate(write(check(unfold(response))))
    whole = json.loads(DIALECT.write_reply(response, context()))
    assert streamed == whole
    return whole


def call(index: int, name: str) -> ItemStarted:
    return ItemStarted(index, ToolCall(call_id=f"call_{name}", name=name, arguments="", status="in_progress"))


def test_every_event_has_its_handler() -> None:
    """An event that is new to the grammar cannot be forgotten here."""
    assert set(_HANDLERS) == set(get_args(Event))


def test_the_whole_sequence_of_a_plain_answer() -> None:
    """The events that SDKs wait for, in order."""
    events = write([*unfold(ModelResponse(id="x", model="m", items=[message("Hi")]))])
    assert [event["type"] for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[2] == {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}}


def test_t98_the_start_counts_the_input() -> None:
    """T-98: the input is estimated before anybody has counted it."""
    first = write([ResponseStarted()])[0]["message"]
    assert first["usage"]["input_tokens"] > 0
    assert first["model"] == "asked-model"
    assert first["id"].startswith("msg_")


def test_t98_the_end_has_both_reasons() -> None:
    """T-98: `stop_sequence` is there, null."""
    (delta,) = [event for event in write([*unfold(ModelResponse())]) if event["type"] == "message_delta"]
    assert delta["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert delta["usage"]["input_tokens"] > 0


def test_t70_usage_in_anthropics_convention() -> None:
    """T-70: cached input is beside the rest."""
    usage = Usage(25, 75, 0, 10, 5)
    seen = answer(message("a"), usage=usage, has_usage=True)["usage"]
    assert seen == {
        "input_tokens": 25,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 75,
        "output_tokens": 15,
        "output_tokens_details": {"thinking_tokens": 5},
    }


def test_t01_interleaved_calls_are_put_in_order() -> None:
    """T-01: each call is one block with its own arguments, the blocks one after another."""
    events = check(
        [
            ResponseStarted(),
            call(0, "f"),
            call(1, "g"),
            ArgumentsAdded(0, '{"x":'),
            ArgumentsAdded(1, '{"y":'),
            ArgumentsAdded(0, "1}"),
            ArgumentsAdded(1, "2}"),
            ItemEnded(0),
            ItemEnded(1),
            ResponseEnded(),
        ]
    )
    seen = accumulate(write(events))
    assert [(block["name"], block["input"]) for block in seen["content"]] == [("f", {"x": 1}), ("g", {"y": 2})]
    assert seen["stop_reason"] == "tool_use"


def test_the_first_call_streams_while_others_wait() -> None:
    """Only what would stand in another's block is held back."""
    writer = DIALECT.writer(context())
    writer.write([ResponseStarted(), call(0, "f"), call(1, "g")])
    assert parse(writer.write([ArgumentsAdded(0, "{")]))[0]["delta"]["partial_json"] == "{"
    assert writer.write([ArgumentsAdded(1, "{}")]) == b""
    flushed = [event["type"] for event in parse(writer.write([ItemEnded(0)]))]
    assert flushed == ["content_block_stop", "content_block_start", "content_block_delta"]
    assert parse(writer.write([ArgumentsAdded(1, " ")]))[0]["index"] == 1


def test_three_interleaved_items_whose_first_ends_last() -> None:
    """Items that have ended in waiting follow whole, in order."""
    events = check(
        [
            ResponseStarted(),
            call(0, "f"),
            call(1, "g"),
            call(2, "h"),
            ArgumentsAdded(2, "{}"),
            ItemEnded(2),
            ItemEnded(1),
            ItemEnded(0),
            ResponseEnded(),
        ]
    )
    assert [block["name"] for block in accumulate(write(events))["content"]] == ["f", "g", "h"]


def test_t14_text_call_text() -> None:
    """T-14: the order stays."""
    seen = answer(message("one"), ToolCall(call_id="c", name="f", arguments='{"a":1}'), message("two"))
    assert [block["type"] for block in seen["content"]] == ["text", "tool_use", "text"]
    assert seen["stop_reason"] == "tool_use"


def test_t07_a_call_without_arguments() -> None:
    """T-07: no arguments are an empty object."""
    (block,) = answer(ToolCall(call_id="c", name="f", arguments=""))["content"]
    assert block == {"type": "tool_use", "id": "c", "name": "f", "input": {}}


def test_t10_a_call_cut_short() -> None:
    """T-10: the stream has the partial JSON as it is, the reply what of it is whole."""
    cut = ToolCall(call_id="c", name="f", arguments='{"a":1,"x":"unfin', status="incomplete")
    response = ModelResponse(items=[cut], finish="length")
    pieces = [event["delta"]["partial_json"] for event in write([*unfold(response)]) if "partial_json" in str(event)]
    assert pieces == ['{"a":1,"x":"unfin']
    whole = json.loads(DIALECT.write_reply(response, context()))
    assert whole["content"][0]["input"] == {"a": 1}
    assert whole["stop_reason"] == "max_tokens"


def test_a_custom_call_is_text_under_input() -> None:
    """Free text becomes the one string argument."""
    (block,) = answer(ToolCall(call_id="c", name="f", arguments='say "hi"\nü', kind="custom"))["content"]
    assert block["input"] == {"input": 'say "hi"\nü'}


def test_t98_thinking_is_signed() -> None:
    """T-98: the block starts with an empty signature and gets one, sealed, before it stops."""
    carrier = Carrier("responses", "encrypted_content", "abc")
    events = write([*unfold(ModelResponse(items=[Reasoning(summary=["A", "B"], carrier=carrier), message("x")]))])
    assert events[1]["content_block"] == {"type": "thinking", "thinking": "", "signature": ""}
    assert [event["delta"]["type"] for event in events[2:5]] == ["thinking_delta", "thinking_delta", "signature_delta"]
    assert accumulate(events)["content"][0] == {"type": "thinking", "thinking": "A\n\nB", "signature": seal(carrier)}


def test_thinking_of_a_chat_model_is_signed_as_such() -> None:
    """Raw thought without anything opaque must be known as ours when it comes back."""
    seen = answer(Reasoning(content=["Hm."]))["content"][0]
    assert seen == {"type": "thinking", "thinking": "Hm.", "signature": seal(Carrier("chat", "text", ""))}


def test_opaque_thought_without_text_is_redacted() -> None:
    """What cannot be shown travels all the same."""
    carrier = Carrier("responses", "encrypted_content", "abc")
    assert answer(Reasoning(carrier=carrier))["content"] == [{"type": "redacted_thinking", "data": seal(carrier)}]


def test_t43_a_signature_without_text_stays_a_thinking_block() -> None:
    """T-43: Anthropic's own is drawn as Anthropic draws it."""
    carrier = Carrier("messages", "signature", {"thinking": "", "signature": "S"})
    assert answer(Reasoning(carrier=carrier))["content"] == [
        {"type": "thinking", "thinking": "", "signature": seal(carrier)}
    ]


def test_reasoning_without_anything_is_no_block() -> None:
    """An empty step has nothing to show or to keep."""
    assert answer(Reasoning(), message("a"))["content"] == [{"type": "text", "text": "a"}]


def test_a_carrier_of_a_call_follows_it() -> None:
    """What makes a call replayable is not lost."""
    carrier = Carrier("gemini", "thought_signature", "sig")
    content = answer(ToolCall(call_id="c", name="f", arguments="{}", carrier=carrier))["content"]
    assert content[1] == {"type": "redacted_thinking", "data": seal(carrier)}


def test_t81_a_refusal_is_text_and_a_reason() -> None:
    """T-81: the words are kept in a block, and again as explanation."""
    seen = answer(Message(role="assistant", parts=[Refusal(refusal="I won't.")]))
    assert seen["content"] == [{"type": "text", "text": "I won't."}]
    assert seen["stop_reason"] == "refusal"
    assert seen["stop_details"] == {"type": "refusal", "category": None, "explanation": "I won't."}


@pytest.mark.parametrize(
    ("members", "reason", "sequence"),
    [
        ({"finish": "stop"}, "end_turn", None),
        ({"finish": "stop", "stop_sequence": "END"}, "stop_sequence", "END"),
        # Which one of several, an upstream may not say.
        ({"finish": "stop", "stop_sequence": ""}, "end_turn", None),
        ({"finish": "length"}, "max_tokens", None),
        ({"finish": "content_filter"}, "refusal", None),
        ({"finish": "paused"}, "pause_turn", None),
    ],
)
def test_reasons_to_stop(members: dict[str, Any], reason: str, sequence: str | None) -> None:
    """T-28, FR-14: each of our words has its reason."""
    seen = answer(message("a"), **members)
    assert (seen["stop_reason"], seen["stop_sequence"]) == (reason, sequence)


def test_citations_follow_their_text() -> None:
    """An annotation becomes a citation of the slice it covers."""
    annotation = {"type": "url_citation", "url": "https://x", "title": "X", "start_index": 0, "end_index": 6}
    cited = Message(role="assistant", parts=[Text(text="Zürich 🎉", annotations=[annotation])])
    (block,) = answer(cited)["content"]
    assert block["citations"] == [
        {
            "type": "web_search_result_location",
            "url": "https://x",
            "title": "X",
            "cited_text": "Zürich",
            "encrypted_index": seal(Carrier("responses", "citation", None)),
        }
    ]


def test_an_own_item_is_a_block_as_it_is() -> None:
    """A server's tool is shown to a caller that knows it, and only to it."""
    own = OtherItem(dialect="messages", type="server_tool_use", value={"type": "server_tool_use", "id": "s"})
    foreign = OtherItem(dialect="responses", type="web_search_call", value={"type": "web_search_call"})
    assert answer(own, foreign, message("a"))["content"] == [own.value, {"type": "text", "text": "a"}]


def test_t23_an_error_ends_the_stream_without_message_stop() -> None:
    """T-23: the open block is closed, the error is the last event."""
    started = Message(role="assistant", parts=[], status="in_progress")
    events = [
        ResponseStarted(),
        ItemStarted(0, started),
        PartStarted(0, 0, "text"),
        TextAdded(0, 0, "text", "par"),
        PartEnded(0, 0, "text"),
        ItemEnded(0, "incomplete"),
        UsageReported(Usage(1)),
        ResponseFailed(Busy("Overloaded", status=503)),
    ]
    written = write(check(events))
    assert written[-1] == {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    assert [event["type"] for event in written[:-1]] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
    ]


def test_half_a_surrogate_pair_does_not_break_the_stream() -> None:
    """FR-36: text that no UTF-8 can hold is mended, not raised."""
    started = ItemStarted(0, message())
    written = write([ResponseStarted(), started, PartStarted(0, 0, "text"), TextAdded(0, 0, "text", "a\ud83d")])
    assert written[-1]["delta"]["text"] == "a?"


def test_a_write_is_whole_events() -> None:
    """What one call returns ends with a whole event."""
    writer = DIALECT.writer(context(ASKED))
    for event in unfold(ModelResponse(items=[message("a", "b")])):
        written = writer.write([event])
        assert not written or written.endswith(b"\n\n")


def test_errors_have_the_dialects_envelope() -> None:
    """Every key is there."""
    assert json.loads(DIALECT.write_error(Failed("boom"), "req_1")) == {
        "type": "error",
        "error": {"type": "api_error", "message": "boom"},
        "request_id": "req_1",
    }


def test_what_is_written_can_be_read_again() -> None:
    """An answer survives our own stream, but for what its signature has become."""
    response = ModelResponse(
        items=[message("a", "b"), ToolCall(call_id="c", name="f", arguments='{"a":1}', status="completed")],
        usage=Usage(1, 2, 3, 4, 5),
        has_usage=True,
    )
    seen = read_answer(DIALECT.writer(context()).write([*unfold(response)]))
    assert seen.usage == response.usage
    assert seen.items[1] == response.items[1]
