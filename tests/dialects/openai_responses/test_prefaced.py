"""Items put before an answer are part of it: in their places, with numbers that go on, and with what they cost."""

import json
from typing import Any

import pytest
from responses_wire import context, numbered, written

from trunkline.dialects.dialect import JsonReply, TeeOptions
from trunkline.dialects.openai_responses import DIALECT
from trunkline.dialects.openai_responses.prefaced import Preface, Prefaced, preface_reply, preface_stream
from trunkline.dialects.sse import walk
from trunkline.errors import Failed
from trunkline.events import (
    Event,
    ItemEnded,
    ItemStarted,
    PartEnded,
    PartStarted,
    ResponseEnded,
    ResponseStarted,
    TextAdded,
    UsageReported,
)
from trunkline.items import Message
from trunkline.usage import Usage

ITEM = {"id": "cmp_1", "type": "compaction", "encrypted_content": "tl1.k1.x"}
PREFACE = Preface(items=[ITEM], usage=Usage(input_tokens=100, output_tokens=10))

ANSWER: list[Event] = [
    ResponseStarted("resp_up", "m"),
    ItemStarted(0, Message(role="assistant", parts=[])),
    PartStarted(0, 0, "text"),
    TextAdded(0, 0, "text", "Hel"),
    TextAdded(0, 0, "text", "lo"),
    PartEnded(0, 0, "text"),
    ItemEnded(0),
    UsageReported(Usage(input_tokens=5, output_tokens=2, tier="default")),
    ResponseEnded(),
]


def passage() -> Prefaced:
    return Prefaced(DIALECT.tee(TeeOptions()), PREFACE)


def prefaced(size: int) -> list[dict[str, Any]]:
    """The events of a written answer, passed in pieces of some size."""
    body = DIALECT.writer(context()).write(ANSWER)
    around = passage()
    out = b"".join(around.feed(body[at : at + size]) for at in range(0, len(body), size)) + around.end()
    assert around.usage == Usage(input_tokens=105, output_tokens=12, tier="default")
    return written(out)


def test_a_compaction_has_an_event_of_its_own() -> None:
    """Between its announcement and its end; it says where, and nothing of the summary."""
    told = [event for event in prefaced(100_000) if event["type"] == "response.compaction.compacting"]
    place = {"item_id": "cmp_1", "output_index": 0, "sequence_number": 3}
    assert told == [{"type": "response.compaction.compacting", **place}]


@pytest.mark.parametrize("size", [7, 100_000])
def test_an_item_comes_first_in_the_stream(size: int) -> None:
    """It is announced and ended behind the beginning; everything else moves up one place."""
    events = prefaced(size)
    assert [(event["type"], event.get("output_index")) for event in events] == [
        ("response.created", None),
        ("response.in_progress", None),
        ("response.output_item.added", 0),
        ("response.compaction.compacting", 0),
        ("response.output_item.done", 0),
        ("response.output_item.added", 1),
        ("response.content_part.added", 1),
        ("response.output_text.delta", 1),
        ("response.output_text.delta", 1),
        ("response.output_text.done", 1),
        ("response.content_part.done", 1),
        ("response.output_item.done", 1),
        ("response.completed", None),
    ]
    assert events[2]["item"] == events[4]["item"] == ITEM


def test_the_response_holds_the_item_and_its_cost() -> None:
    """The last event shows the whole output, and the usage of both."""
    response = prefaced(100_000)[-1]["response"]
    assert [item["type"] for item in response["output"]] == ["compaction", "message"]
    assert response["usage"]["input_tokens"] == 105
    assert response["usage"]["output_tokens"] == 12
    assert response["usage"]["total_tokens"] == 117


def test_a_break_is_numbered_behind_the_item() -> None:
    """The error that ends a broken stream counts on."""
    body = DIALECT.writer(context()).write(ANSWER[:4])
    around = passage()
    out = around.feed(body) + around.fail(Failed("cut"))
    events = [json.loads(line[6:]) for line in out.split(b"\n") if line.startswith(b"data: {")]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
    assert events[-1]["response"]["output"][0] == ITEM
    assert around.error is not None


def test_a_stream_that_begins_with_an_error_has_no_item() -> None:
    """There is no answer that it could stand before."""
    error = {"type": "error", "code": "server_error", "message": "Oops", "param": None}
    (body,) = walk(passage().feed(numbered(error)))
    assert json.loads(body) == {**error, "sequence_number": 0}


def test_a_whole_reply_holds_the_item_first() -> None:
    """Members that only the upstream knows stay as they were."""
    usage = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7, "cost": 0.5}
    reply = JsonReply(
        body=json.dumps({"id": "r", "output": [{"a": 1}], "usage": usage}).encode(), usage=Usage(5, 0, 0, 2)
    )
    told = preface_reply(reply, PREFACE)
    body = json.loads(told.body)
    assert body["output"] == [ITEM, {"a": 1}]
    assert (body["usage"]["total_tokens"], body["usage"]["cost"]) == (117, 0.5)
    assert told.usage == Usage(input_tokens=105, output_tokens=12)


def test_a_stream_that_came_whole_holds_it_too() -> None:
    """Where the upstream answered a wish for a stream with one JSON reply."""
    reply = JsonReply(body=DIALECT.writer(context()).write(ANSWER), usage=Usage(5, 0, 0, 2))
    told = preface_stream(reply, PREFACE)
    assert written(told.body)[2]["item"] == ITEM
    assert told.usage == Usage(input_tokens=105, output_tokens=12)


def test_an_error_in_place_of_a_reply_is_left_alone() -> None:
    """It will be raised, not told."""
    reply = JsonReply(body=b"{}", usage=Usage(), error=Failed("no"))
    assert preface_reply(reply, PREFACE) is reply
    assert preface_stream(reply, PREFACE) is reply
