"""What a caller of the Responses API is sent: the whole sequence, and a response object with every member."""

import json
from typing import Any, get_args

import pytest
from responses_wire import context, read, seal, unseal, without_ids, write_stream

from trunkline import events as grammar
from trunkline.dialects.openai_responses import DIALECT, writer
from trunkline.errors import Busy, Failed, InvalidRequest, TrunklineError
from trunkline.events import (
    AnnotationAdded,
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

START: list[Event] = [ResponseStarted("up", "up-model")]
STOP: list[Event] = [UsageReported(Usage(30, 60, 10, 15, 5)), ResponseEnded("stop")]
REQUIRED = {
    "id", "object", "created_at", "completed_at", "status", "incomplete_details", "model", "previous_response_id",
    "instructions", "output", "error", "tools", "tool_choice", "truncation", "parallel_tool_calls", "text", "top_p",
    "presence_penalty", "frequency_penalty", "top_logprobs", "temperature", "reasoning", "usage", "max_output_tokens",
    "max_tool_calls", "store", "background", "service_tier", "metadata", "safety_identifier", "prompt_cache_key",
}  # fmt: skip


def say(index: int, *texts: str, status: Any = "completed", part: int = 0) -> list[Event]:
    """A message of one text part."""
    return [
        ItemStarted(index, Message(role="assistant", parts=[])),
        PartStarted(index, part, "text"),
        *(TextAdded(index, part, "text", text) for text in texts),
        PartEnded(index, part, "text"),
        ItemEnded(index, status),
    ]


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def test_every_event_has_its_writer() -> None:
    """The table of the writer knows each event of the grammar."""
    assert set(writer._WRITERS) == set(get_args(grammar.Event))


def test_t18_the_whole_sequence_of_a_plain_answer() -> None:
    """T-18: created, in progress, item, part, deltas, dones, one terminal event; numbers without a gap."""
    events = write_stream(START + say(0, "Hel", "lo") + STOP)
    assert types(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    item_id = events[2]["item"]["id"]
    assert item_id.startswith("msg_")
    place = {"item_id": item_id, "output_index": 0, "content_index": 0}
    assert events[4] == {
        "type": "response.output_text.delta",
        **place,
        "delta": "Hel",
        "logprobs": [],
        "sequence_number": 4,
    }
    assert events[6].items() >= {**place, "text": "Hello", "logprobs": []}.items()
    part = {"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}
    assert events[7]["part"] == part
    item = {"id": item_id, "type": "message", "status": "completed", "role": "assistant", "content": [part]}
    assert events[8]["item"] == item
    assert events[9]["response"]["output"] == [item]


def test_every_required_member_is_there() -> None:
    """Each response object holds all that OpenAI and Open Responses require, with their defaults."""
    events = write_stream(START + say(0, "x") + STOP)
    for event in (events[0], events[1], events[-1]):
        assert set(event["response"]) >= REQUIRED
    response = events[-1]["response"]
    assert response["model"] == "up-model"
    assert response["temperature"] == response["top_p"] == 1.0
    assert response["service_tier"] == "default"
    assert response["truncation"] == "disabled"
    assert response["text"] == {"format": {"type": "text"}}
    assert response["reasoning"] == {"effort": None, "summary": None}
    assert response["completed_at"] == response["created_at"] == 1_700_000_000
    assert response["usage"] == {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 120,
    }
    assert events[0]["response"]["usage"] is None


def test_an_ended_response_has_usage() -> None:
    """Of nothing, where the upstream told none: clients count on it."""
    events = write_stream([*START, *say(0, "hi"), ResponseEnded("stop")])
    assert events[-1]["response"]["usage"]["total_tokens"] == 0


def test_t80_the_request_is_echoed() -> None:
    """T-80: what the caller set is shown in the response object."""
    asked = {
        "instructions": "be brief",
        "temperature": 0.5,
        "top_p": 0.9,
        "text": {
            "format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True},
            "verbosity": "low",
        },
        "truncation": "auto",
        "max_tool_calls": 3,
        "max_output_tokens": 99,
        "service_tier": "flex",
        "store": False,
        "background": True,
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "reasoning": {"effort": "low", "summary": "auto"},
        "tool_choice": {"type": "function", "name": "f"},
        "user": "u",
        "safety_identifier": "s",
        "prompt_cache_key": "k",
        "top_logprobs": 2,
        "presence_penalty": 0.5,
    }
    tool = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": False}
    response = write_stream(START + STOP, **asked, tools=[tool])[-1]["response"]
    assert {name: response[name] for name in asked} == asked
    assert response["tools"] == [tool]


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        ({"type": "object", "properties": {}, "additionalProperties": False}, True),
        ({"type": "object", "properties": {"a": {}}, "additionalProperties": False}, False),
        ({"type": "object", "properties": {"a": {"type": "object"}}, "required": ["a"], "additionalProperties": False}, False),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}, True),
        (None, False),
    ],
)  # fmt: skip
def test_t63_strictness_is_shown_as_it_was_taken(schema: Any, strict: bool) -> None:
    """T-63: here silence means strict, as far as the schema is fit for it."""
    tool = {"type": "function", "name": "f", "parameters": schema}
    assert write_stream(START + STOP, tools=[tool])[0]["response"]["tools"][0]["strict"] is strict


def test_t02_calls_under_way_at_once() -> None:
    """T-02: parallel calls interleave under their own ids, and finish with name and whole arguments."""
    events = write_stream(
        [
            *START,
            ItemStarted(0, ToolCall(call_id="c1", name="f", arguments="")),
            ItemStarted(1, ToolCall(call_id="c2", name="g", arguments="")),
            ArgumentsAdded(0, '{"x":'),
            ArgumentsAdded(1, '{"y":'),
            ArgumentsAdded(0, "1}"),
            ArgumentsAdded(1, "2}"),
            ItemEnded(0),
            ItemEnded(1),
            *STOP,
        ]
    )
    ids = [event["item"]["id"] for event in events if event["type"] == "response.output_item.added"]
    deltas = [event for event in events if event["type"] == "response.function_call_arguments.delta"]
    assert [(event["item_id"], event["output_index"]) for event in deltas] == [(ids[0], 0), (ids[1], 1)] * 2
    ends = [event for event in events if event["type"] == "response.function_call_arguments.done"]
    assert [(event["name"], event["arguments"]) for event in ends] == [("f", '{"x":1}'), ("g", '{"y":2}')]
    assert [(item["id"], item["call_id"]) for item in events[-1]["response"]["output"]] == [
        (ids[0], "c1"),
        (ids[1], "c2"),
    ]
    assert all(item_id.startswith("fc_") for item_id in ids)


def test_t07_a_call_without_arguments_has_an_empty_object() -> None:
    """T-07: nothing to pass is an object without members, in the deltas too."""
    events = write_stream([*START, ItemStarted(0, ToolCall(call_id="c", name="f", arguments="")), ItemEnded(0), *STOP])
    assert [event["delta"] for event in events if event["type"].endswith("arguments.delta")] == ["{}"]
    assert events[-1]["response"]["output"][0]["arguments"] == "{}"


def test_t10_a_call_cut_off_is_incomplete_everywhere() -> None:
    """T-10: half arguments stay raw, and both the item and the answer say incomplete."""
    events = write_stream(
        [
            *START,
            ItemStarted(0, ToolCall(call_id="c", name="f", arguments="")),
            ArgumentsAdded(0, '{"x":"unfin'),
            ItemEnded(0, "incomplete"),
            ResponseEnded("length"),
        ]
    )
    assert events[-1]["type"] == "response.incomplete"
    response = events[-1]["response"]
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["completed_at"] is None
    for item in (events[-2]["item"], response["output"][0]):
        assert (item["status"], item["arguments"]) == ("incomplete", '{"x":"unfin')


def test_t58_custom_calls_have_their_own_events() -> None:
    """T-58: free text comes as input, not as arguments."""
    item = ToolCall(kind="custom", call_id="c", name="patch", arguments="")
    events = write_stream([*START, ItemStarted(0, item), ArgumentsAdded(0, "a\nb"), ItemEnded(0), *STOP])
    assert types(events)[2:-1] == [
        "output_item.added",
        "custom_tool_call_input.delta",
        "custom_tool_call_input.done",
        "output_item.done",
    ]
    (found,) = events[-1]["response"]["output"]
    assert found["id"].startswith("ctc_")
    assert (found["type"], found["input"]) == ("custom_tool_call", "a\nb")


def test_t31_late_reasoning_is_an_item_of_its_own() -> None:
    """T-31, T-14: what comes in turns stays in turns."""

    def think(index: int, text: str) -> list[Event]:
        return [
            ItemStarted(index, Reasoning()),
            PartStarted(index, 0, "reasoning"),
            TextAdded(index, 0, "reasoning", text),
            PartEnded(index, 0, "reasoning"),
            ItemEnded(index),
        ]

    output = write_stream(START + think(0, "A") + say(1, "hello") + think(2, "B") + say(3, " world") + STOP)[-1][
        "response"
    ]["output"]
    assert [item["type"] for item in output] == ["reasoning", "message", "reasoning", "message"]
    assert output[2]["content"] == [{"type": "reasoning_text", "text": "B"}]


def test_summaries_and_sealed_reasoning() -> None:
    """A summary has events of its own; what makes reasoning replayable comes sealed, in the finished item alone."""
    carrier = Carrier("messages", "signature", "SIG")
    events = write_stream(
        [
            *START,
            ItemStarted(0, Reasoning()),
            PartStarted(0, 0, "summary"),
            TextAdded(0, 0, "summary", "hm"),
            PartEnded(0, 0, "summary"),
            ItemEnded(0, "completed", carrier),
            *STOP,
        ]
    )
    assert types(events)[3:-2] == [
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
    ]
    assert events[4]["summary_index"] == 0
    assert "encrypted_content" not in events[2]["item"]
    (item,) = events[-1]["response"]["output"]
    assert item == events[-2]["item"]
    assert item["id"].startswith("rs_")
    assert item["summary"] == [{"type": "summary_text", "text": "hm"}]
    assert unseal(item["encrypted_content"]) == carrier


@pytest.mark.parametrize("early", [True, False])
def test_a_calls_carrier_travels_beside_it(early: bool) -> None:
    """A call's opaque value has no place in the call: it comes in a reasoning item, and reads back to the call."""
    carrier = Carrier("gemini", "thought_signature", "SIG")
    item = ToolCall(call_id="c", name="f", arguments="", carrier=carrier if early else None)
    events = write_stream(
        [*START, ItemStarted(0, item), ArgumentsAdded(0, "{}"), ItemEnded(0, "completed", carrier), *STOP]
    )
    output = events[-1]["response"]["output"]
    assert [found["type"] for found in output] == (
        ["reasoning", "function_call"] if early else ["function_call", "reasoning"]
    )
    (call,) = read({"input": output}).items
    assert isinstance(call, ToolCall)
    assert call.carrier == carrier


def test_t81_refusals_are_parts() -> None:
    """T-81: a refusal is a part with events of its own."""
    events = write_stream(
        START + list(unfold(ModelResponse(items=[Message(role="assistant", parts=[Refusal(refusal="No.")])])))[1:]
    )
    assert types(events)[3:7] == ["content_part.added", "refusal.delta", "refusal.done", "content_part.done"]
    assert events[-1]["response"]["output"][0]["content"] == [{"type": "refusal", "refusal": "No."}]


def test_a_filter_that_explains_itself_is_a_refusal() -> None:
    """A filtered answer with a reason is a complete refusal; one without is an incomplete answer."""
    explained = write_stream([*START, ResponseEnded("content_filter", None, "not this")])[-1]
    assert explained["type"] == "response.completed"
    assert explained["response"]["output"][0]["content"] == [{"type": "refusal", "refusal": "not this"}]
    silent = write_stream([*START, ResponseEnded("content_filter")])[-1]
    assert silent["response"]["incomplete_details"] == {"reason": "content_filter"}


def test_citations_are_numbered() -> None:
    """A citation is announced in its part, and kept in the whole."""
    citation = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}
    events = write_stream(
        [*START, *say(0, "x")[:3], AnnotationAdded(0, 0, citation), AnnotationAdded(0, 0, citation), *say(0)[2:], *STOP]
    )
    found = [event for event in events if event["type"] == "response.output_text.annotation.added"]
    assert [(event["annotation_index"], event["annotation"]) for event in found] == [(0, citation), (1, citation)]
    assert events[-1]["response"]["output"][0]["content"][0]["annotations"] == [citation, citation]


def test_t78_logprobs_are_given_back() -> None:
    """T-78: log probabilities come with their delta, and whole at the end."""
    entry = {"token": "x", "logprob": -0.5, "bytes": [120], "top_logprobs": []}
    events = write_stream([*START, *say(0)[:2], TextAdded(0, 0, "text", "x", [entry]), *say(0)[2:], *STOP])
    assert events[4]["logprobs"] == events[5]["logprobs"] == events[6]["part"]["logprobs"] == [entry]


def test_hosted_items_show_their_steps() -> None:
    """A hosted call of this dialect passes with its progress; another dialect's has no shape here."""
    item = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}}
    hosted = OtherItem(dialect="responses", type="web_search_call", value=item, id="ws_1")
    foreign = OtherItem(dialect="messages", type="server_tool_use", value={}, id="x")
    events = write_stream(list(unfold(ModelResponse(items=[foreign, hosted]))))
    assert types(events)[2:-1] == [
        "output_item.added",
        "web_search_call.in_progress",
        "web_search_call.searching",
        "web_search_call.completed",
        "output_item.done",
    ]
    assert events[2]["output_index"] == 0
    assert events[-1]["response"]["output"] == [item]


@pytest.mark.parametrize(
    ("error", "code", "folded"),
    [
        (Failed("exploded", code="overloaded"), "overloaded", "server_error"),
        (Busy("slow"), "rate_limit_exceeded", "rate_limit_exceeded"),
        (InvalidRequest("bad", param="x"), None, "invalid_prompt"),
    ],
)
def test_t23_an_error_in_the_middle(error: TrunklineError, code: str | None, folded: str) -> None:
    """T-23: an error event flat and nested at once, then a failed response with what had come, its code folded."""
    events = write_stream([*START, *say(0, "par", status="incomplete"), ResponseFailed(error)])
    told, failed = events[-2:]
    assert told == {
        "type": "error",
        "sequence_number": len(events) - 2,
        "code": code,
        "message": error.message,
        "param": error.param,
        "error": {"type": error.type, "code": code, "message": error.message, "param": error.param},
    }
    assert failed["type"] == "response.failed"
    response = failed["response"]
    assert (response["status"], response["error"]) == ("failed", {"code": folded, "message": error.message})
    assert [item["status"] for item in response["output"]] == ["incomplete"]
    assert response["id"] == events[0]["response"]["id"]


def test_an_error_before_anything_still_begins() -> None:
    """A stream that fails at once has its beginning all the same."""
    assert types(write_stream([ResponseFailed(Failed("x"))])) == ["created", "in_progress", "error", "failed"]


def test_nothing_follows_the_end() -> None:
    """Whatever comes after the end is not written."""
    open_writer = DIALECT.writer(context())
    open_writer.write([*START, *STOP])
    assert open_writer.write(START) == b""


def test_no_event_but_the_error_has_an_error_member() -> None:
    """Clients raise on a truthy top-level `error`, so only error events have one."""
    events = write_stream([*START, *say(0, "par"), ResponseFailed(Failed("x"))])
    assert [event["type"] for event in events if "error" in event] == ["error"]


WHOLE = ModelResponse(
    id="up",
    model="up-model",
    items=[
        Reasoning(summary=["s1", "s2"], carrier=Carrier("messages", "signature", "SIG"), status="completed"),
        Message(role="assistant", parts=[Text(text="a", annotations=[{"type": "file_path"}]), Text(text="b")], status="completed"),
        ToolCall(call_id="c", name="f", arguments="{}", status="completed"),
        ToolCall(kind="custom", call_id="d", name="p", arguments="raw", namespace="n", status="completed"),
    ],
    usage=Usage(1, 2, 3, 4, 5, tier="default"),
    has_usage=True,
)  # fmt: skip


@pytest.mark.parametrize("finish", ["stop", "length", "content_filter"])
def test_streamed_and_whole_replies_are_one(finish: Any) -> None:
    """The terminal object of a stream equals the plain reply but for ids."""
    response = ModelResponse(**{name: getattr(WHOLE, name) for name in WHOLE.__struct_fields__} | {"finish": finish})
    streamed = write_stream(check(unfold(response)))[-1]["response"]
    assert without_ids(json.loads(DIALECT.write_reply(response, context()))) == without_ids(streamed)


def test_a_failed_answer_as_a_whole_reply() -> None:
    """A failed answer is a response object that says so."""
    body = json.loads(DIALECT.write_reply(ModelResponse(error=Failed("exploded")), context()))
    assert (body["status"], body["error"]) == ("failed", {"code": "server_error", "message": "exploded"})
    assert body["model"] == "asked-for"


def test_a_reply_reads_back() -> None:
    """What we write as a reply reads as the same answer."""
    read_back = DIALECT.read_reply(DIALECT.write_reply(WHOLE, context()))
    assert [type(item) for item in read_back.items] == [type(item) for item in WHOLE.items]
    assert (read_back.usage, read_back.finish) == (WHOLE.usage, WHOLE.finish)
    reasoning = read_back.items[0]
    assert isinstance(reasoning, Reasoning)
    assert reasoning.carrier is not None
    assert reasoning.carrier.payload["encrypted_content"] == seal(Carrier("messages", "signature", "SIG"))
