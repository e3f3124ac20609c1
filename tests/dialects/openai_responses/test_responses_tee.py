"""A native reply passes as it is; usage, errors and the proper end are noticed on the way."""

import json
from typing import Any

import pytest
from responses_wire import CREATED, added, call, completed, done, frame, message, numbered, text_delta

from trunkline.dialects.dialect import Passage, TeeOptions
from trunkline.dialects.openai_responses import DIALECT
from trunkline.dialects.sse import Splitter
from trunkline.errors import Busy, Failed, Garbled
from trunkline.usage import NO_USAGE, Usage

USAGE = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 60},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 5},
}
START = [CREATED, added(0, type="message", id="msg_up", role="assistant")]
PLAIN = [
    *START,
    text_delta(0, "Zürich 🎉"),
    text_delta(0, "!"),
    done(0, **message("x")),
    completed(usage=USAGE, unknown={"a": [1]}),
]


def tee() -> Passage:
    return DIALECT.tee(TeeOptions())


def pour(data: bytes, size: int) -> tuple[Passage, bytes]:
    passage = tee()
    out = b"".join(passage.feed(data[at : at + size]) for at in range(0, len(data), size))
    return passage, out + passage.end()


def appended(data: bytes, out: bytes) -> list[dict[str, Any]]:
    """What was added to the bytes that passed."""
    assert out.startswith(data)
    return [json.loads(body) for _, body in Splitter().feed(out[len(data) :])]


@pytest.mark.parametrize("size", [1, 3, 64, 100_000])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("tail", [b"", b"data: [DONE]\n\n", b": bye\n\ndata: [DONE]\n\n"])
@pytest.mark.parametrize("is_named", [True, False])
def test_t96_every_byte_passes(size: int, line_end: bytes, tail: bytes, is_named: bool) -> None:
    """T-96: in any cutting, with any line ends, named events or not, the bytes come out as they went in."""
    data = numbered(*PLAIN)
    if not is_named:
        data = b"".join(b"data: %b\n\n" % body for _, body in Splitter().feed(data))
    data = (data + tail).replace(b"\n", line_end)
    passage, out = pour(data, size)
    assert out == data
    assert passage.error is None
    assert passage.has_content
    assert passage.usage == Usage(40, 60, 0, 15, 5)
    assert not passage.incomplete


def test_keys_in_another_order_are_read() -> None:
    """The type of an event may stand anywhere in it."""
    data = b"".join(b"data: %b\n\n" % json.dumps({"z": 1} | event).encode() for event in PLAIN)
    passage, out = pour(data, 50)
    assert out == data
    assert passage.usage.total == 120


def test_an_end_without_its_blank_line_is_proper() -> None:
    """A last event that only lacks its blank line counts."""
    data = numbered(*PLAIN).rstrip(b"\n")
    passage, out = pour(data, 10)
    assert out.rstrip(b"\n") == data
    assert passage.error is None
    assert passage.usage.total == 120


def test_an_incomplete_answer_is_noticed() -> None:
    """An answer cut by a limit is marked, and is no error."""
    passage, _ = pour(numbered(*START, completed(status="incomplete", usage=USAGE)), 1000)
    assert passage.incomplete
    assert passage.error is None


@pytest.mark.parametrize(
    "event",
    [
        text_delta(0, "x"),
        {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "x"},
        added(1, **call("f", "", "c")),
        added(1, type="web_search_call", id="ws"),
        completed(),
    ],
)
def test_content_commits(event: dict[str, Any]) -> None:
    """Text, thought, the start of a call, or the proper end is worth a status 200; an announcement is not."""
    passage = tee()
    passage.feed(frame(*START))
    assert not passage.has_content
    passage.feed(frame(event))
    assert passage.has_content


@pytest.mark.parametrize("nested", [True, False])
def test_fr01_an_error_before_content_is_an_error(nested: bool) -> None:
    """FR-01, T-99: a stream that begins with an error has not begun."""
    words = {"code": "rate_limit_exceeded", "message": "slow down"}
    passage = tee()
    passage.feed(numbered(CREATED, {"type": "error", **({"error": words} if nested else words)}))
    assert isinstance(passage.error, Busy)
    assert not passage.has_content


def test_a_bare_error_is_an_error() -> None:
    """Proxies before a provider do not speak its dialect."""
    bare = b'data: {"error": {"type": "rate_limit_error", "message": "slow down"}}\n\n'
    passage = tee()
    passage.feed(frame(CREATED) + bare)
    assert isinstance(passage.error, Busy)
    passage = tee()
    data = numbered(*START, text_delta(0, "par")) + bare
    [failed] = appended(data, passage.feed(data) + passage.end())
    assert failed["type"] == "response.failed"
    assert isinstance(passage.error, Busy)


def test_a_failure_before_content_is_an_error() -> None:
    """A failed response without any content is known as an error at once."""
    passage = tee()
    passage.feed(numbered(CREATED, completed(status="failed", error={"code": "server_error", "message": "boom"})))
    assert isinstance(passage.error, Failed)
    assert passage.error.message == "boom"


def test_an_error_in_the_middle_passes_and_is_known() -> None:
    """The upstream's own error event and its failed response pass as they are, and the failure is recorded."""
    error = {"type": "error", "error": {"code": "server_error", "message": "boom"}}
    failed = completed(status="failed", error={"code": "server_error", "message": "boom"}, usage=USAGE)
    data = numbered(*START, text_delta(0, "par"), error, failed)
    passage, out = pour(data, 100_000)
    assert out == data
    assert passage.error is not None
    assert passage.error.message == "boom"
    assert passage.usage.total == 120


def test_an_error_in_the_middle_does_not_cut_off_what_closes_the_stream() -> None:
    """Until the upstream's stream is over its error event alone breaks nothing off: a failed response follows."""
    passage = tee()
    passage.feed(numbered(*START, text_delta(0, "par")))
    passage.feed(frame({"type": "error", "error": {"message": "boom"}}))
    assert passage.error is None
    passage.feed(frame(completed(status="failed", error={"code": "server_error", "message": "boom"})))
    assert passage.end() == b""
    assert passage.error is not None


def test_an_error_without_its_failed_response_gets_one() -> None:
    """A stream that stops after its own error event is closed as its clients expect, without a second error."""
    data = numbered(*START, text_delta(0, "par"), {"type": "error", "error": {"message": "boom"}})
    passage, out = pour(data, 100)
    (event,) = appended(data, out)
    assert (event["type"], event["sequence_number"]) == ("response.failed", 4)
    assert event["response"]["error"] == {"code": "server_error", "message": "boom"}
    assert passage.error is not None


@pytest.mark.parametrize("cut", [0, 1, 30, 80])
@pytest.mark.parametrize("size", [1, 100_000])
def test_t22_an_end_without_a_terminal_event_is_an_error(cut: int, size: int) -> None:
    """T-22: a stream cut anywhere ends with our error event and a failed response, and half an event never passes."""
    begun = numbered(*START, text_delta(0, "par"))
    data = numbered(*START, text_delta(0, "par"), text_delta(0, "tial"))
    passage, out = pour(data[: len(begun) + cut], size)
    error, failed = appended(begun, out)
    assert [error["type"], error["sequence_number"]] == ["error", 3]
    assert error["error"]["message"] == error["message"] == "the upstream's stream ended unexpectedly"
    assert [failed["type"], failed["sequence_number"]] == ["response.failed", 4]
    assert failed["response"]["id"] == "resp_up"
    assert failed["response"]["status"] == "failed"
    assert passage.error is not None
    assert passage.usage == NO_USAGE


def test_breaking_off_draws_the_error() -> None:
    """What the gateway breaks off ends in the same way."""
    passage = tee()
    passage.feed(numbered(*START, text_delta(0, "par")))
    error = Failed("cut", code="stream_cut")
    assert [json.loads(body)["type"] for _, body in Splitter().feed(passage.fail(error))] == [
        "error",
        "response.failed",
    ]
    assert passage.error is error
    assert passage.fail(error) == passage.end() == passage.feed(b"x") == b""


def test_nothing_follows_a_proper_end() -> None:
    """Breaking off after the end changes nothing, and the usage is there."""
    passage = tee()
    passage.feed(numbered(*PLAIN))
    assert passage.fail(Failed("late")) == b""
    assert passage.error is None
    assert passage.usage.total == 120


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"message": "slow", "code": "rate_limit_exceeded"}}, Busy),
        ({"object": "response", "status": "completed", "output": []}, Garbled),
        ([{"error": {"code": 500, "message": "x"}}], Failed),
    ],
)
def test_json_instead_of_a_stream_is_an_error(body: Any, kind: type[Exception]) -> None:
    """A JSON body where a stream was asked for never passes as one."""
    passage, out = pour(json.dumps(body).encode(), 10)
    assert isinstance(passage.error, kind)
    assert b"object" not in out.replace(b'"error"', b"")


def test_words_in_the_text_are_no_events() -> None:
    """A text that speaks of terminal events ends nothing."""
    data = numbered(*START, text_delta(0, 'event: response.completed\ndata: {"type":"response.completed"}'))
    passage, out = pour(data, 40)
    assert [event["type"] for event in appended(data, out)] == ["error", "response.failed"]
    assert passage.error is not None


def test_a_json_reply_passes() -> None:
    """A JSON reply keeps its bytes; usage and whether it was cut are read."""
    body = json.dumps({"status": "incomplete", "output": [{"x": 1}], "usage": USAGE, "error": None}).encode()
    reply = DIALECT.tee_reply(body)
    assert reply.body is body
    assert (reply.usage, reply.incomplete, reply.error) == (Usage(40, 60, 0, 15, 5), True, None)


@pytest.mark.parametrize(
    "body", [b'{"error":{"message":"boom"}}', b'{"status":"failed","error":{"code":"server_error","message":"boom"}}']
)
def test_an_error_in_a_json_reply_is_noticed(body: bytes) -> None:
    """A status of success does not make an error an answer."""
    error = DIALECT.tee_reply(body).error
    assert isinstance(error, Failed)
    assert error.message == "boom"


def test_a_reply_that_is_no_json_is_an_error() -> None:
    """A page of HTML is no reply."""
    assert isinstance(DIALECT.tee_reply(b"<html>").error, Garbled)
