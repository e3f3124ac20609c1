"""ConverseStream and Converse replies → events."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstream_messages import write_message
from trunkline.dialects.bedrock import DIALECT
from trunkline.errors import Busy, Denied, Failed, Garbled, Refused, TimedOut, TrunklineError
from trunkline.events import Event, ModelResponse
from trunkline.folding import fold
from trunkline.grammar import check
from trunkline.items import Carrier, Message, OtherItem, Reasoning, Text, ToolCall
from trunkline.usage import Usage


def event(kind: str, **members: Any) -> bytes:
    headers = {":message-type": "event", ":event-type": kind, ":content-type": "application/json"}
    return write_message(headers, json.dumps(members).encode())


def exception(kind: str, **members: Any) -> bytes:
    return write_message({":message-type": "exception", ":exception-type": kind}, json.dumps(members).encode())


def delta(number: int, **members: Any) -> bytes:
    return event("contentBlockDelta", contentBlockIndex=number, delta=members)


def stop(number: int) -> bytes:
    return event("contentBlockStop", contentBlockIndex=number)


START = event("messageStart", role="assistant")
USAGE = event("metadata", usage={"inputTokens": 10, "outputTokens": 5, "totalTokens": 15})


def end(reason: str = "end_turn", **members: Any) -> bytes:
    return event("messageStop", stopReason=reason, **members)


def read(*pieces: bytes) -> list[Event]:
    reader = DIALECT.reader()
    return check([*(one for piece in pieces for one in reader.feed(piece)), *reader.end()])


def answer(*pieces: bytes) -> ModelResponse:
    return fold(read(*pieces))


def thought(**members: str) -> dict[str, Any]:
    return {"reasoningContent": members}


def test_thought_keeps_its_signature() -> None:
    """T-43: byte for byte, in its place; a step may be all signature."""
    response = answer(
        START,
        delta(0, **thought(text="Hm, ")),
        delta(0, **thought(text="so")),
        delta(0, **thought(signature="S0+/=")),
        stop(0),
        delta(1, **thought(redactedContent="UkVE")),
        stop(1),
        delta(2, **thought(signature="S2")),
        stop(2),
        delta(3, text="Hello"),
        stop(3),
        end(),
        USAGE,
    )
    first, second, third, message = response.items
    assert isinstance(first, Reasoning)
    assert first.summary == ["Hm, so"]
    assert first.carrier == Carrier("bedrock", "signature", {"text": "Hm, so", "signature": "S0+/="})
    assert isinstance(second, Reasoning)
    assert second.carrier == Carrier("bedrock", "redacted", "UkVE")
    assert isinstance(third, Reasoning)
    assert third.carrier == Carrier("bedrock", "signature", {"text": "", "signature": "S2"})
    assert isinstance(message, Message)


def test_redacted_thought_in_pieces() -> None:
    """Each piece is base64 by itself."""
    pieces = (delta(0, **thought(redactedContent=piece)) for piece in ("UkU=", "RA=="))
    [item] = answer(START, *pieces, stop(0), end(), USAGE).items
    assert isinstance(item, Reasoning)
    assert item.carrier == Carrier("bedrock", "redacted", "UkVE")


def test_usage_before_the_end() -> None:
    """Some models count first; the answer ends with whichever comes last."""
    reader = DIALECT.reader()
    events = [*reader.feed(START + delta(0, text="Hi") + stop(0) + USAGE)]
    assert fold(events).finish == "stop"
    assert not any(type(one).__name__ == "ResponseEnded" for one in events)
    events += reader.feed(end("max_tokens"))
    response = fold(check(events))
    assert response.usage == Usage(10, 0, 0, 5, 0)
    assert response.finish == "length"
    assert reader.end() == []


def test_without_usage() -> None:
    """An answer that was not counted is whole all the same."""
    response = answer(START, delta(0, text="Hi"), stop(0), end())
    assert (response.error, response.has_usage) == (None, False)


def test_usage_buckets() -> None:
    """T-69: cached tokens stand beside the input."""
    counts: dict[str, Any] = {
        "inputTokens": 6,
        "outputTokens": 2,
        "cacheReadInputTokens": 100,
        "cacheWriteInputTokens": 50,
    }
    response = answer(START, end(), event("metadata", usage=counts))
    assert response.usage == Usage(6, 100, 50, 2, 0)
    counts["cacheDetails"] = [{"ttl": "1h", "inputTokens": 20}, {"ttl": "5m", "inputTokens": 30}]
    response = answer(START, end(), event("metadata", usage=counts))
    assert response.usage == Usage(6, 100, 30, 2, 0, 20)


@pytest.mark.parametrize("inputs", [[], [""], ["", ""]])
def test_no_arguments(inputs: list[str]) -> None:
    """T-07."""
    start = event("contentBlockStart", contentBlockIndex=0, start={"toolUse": {"toolUseId": "t", "name": "now"}})
    pieces = [delta(0, toolUse={"input": text}) for text in inputs]
    [call] = answer(START, start, *pieces, stop(0), end("tool_use"), USAGE).items
    assert call == ToolCall(call_id="t", name="now", arguments="{}", status="completed")


def test_cut_arguments() -> None:
    """T-10: as far as they came, and the call is incomplete."""
    start = event("contentBlockStart", contentBlockIndex=0, start={"toolUse": {"toolUseId": "t", "name": "f"}})
    [call] = answer(START, start, delta(0, toolUse={"input": '{"x":"un'}), stop(0), end("max_tokens"), USAGE).items
    assert call == ToolCall(call_id="t", name="f", arguments='{"x":"un', status="incomplete")


def test_blocks_of_text_are_parts_of_one_message() -> None:
    """With their citations, which cover the whole block."""
    web = {"title": "T", "location": {"web": {"url": "https://x.test/a", "domain": "x.test"}}}
    page = {"title": "Doc", "location": {"documentPage": {"documentIndex": 0, "start": 1, "end": 2}}}
    found = {"source": "https://y.test", "location": {"searchResultLocation": {"searchResultIndex": 0}}}
    response = answer(
        START,
        delta(0, text="Zürich 🎉"),
        delta(0, citation=web),
        stop(0),
        delta(1, text="two"),
        delta(1, citation=page),
        delta(1, citation=found),
        delta(1, citation={}),
        stop(1),
        end(),
        USAGE,
    )
    [message] = response.items
    assert isinstance(message, Message)
    first, second = message.parts
    assert isinstance(first, Text)
    assert first.annotations == [
        {"type": "url_citation", "url": "https://x.test/a", "title": "T", "start_index": 0, "end_index": 8}
    ]
    assert isinstance(second, Text)
    assert [one["type"] for one in second.annotations] == ["file_citation", "url_citation"]


@pytest.mark.parametrize("reason", ["malformed_tool_use", "malformed_model_output"])
def test_a_malformed_answer_is_a_failure(reason: str) -> None:
    """As T-83 has it: never an odd reason to finish."""
    assert isinstance(answer(START, delta(0, text="x"), stop(0), end(reason), USAGE).error, Failed)


def test_a_stop_sequence_is_told() -> None:
    """T-28: where the model tells which."""
    fields = {"stop_sequence": "END"}
    response = answer(START, end("stop_sequence", additionalModelResponseFields=fields), USAGE)
    assert (response.finish, response.stop_sequence) == ("stop", "END")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("throttlingException", Busy),
        ("serviceUnavailableException", Busy),
        ("internalServerException", Failed),
        ("modelStreamErrorException", Failed),
        ("modelTimeoutException", TimedOut),
        ("validationException", Refused),
        ("accessDeniedException", Denied),
        ("somethingNewException", Failed),
    ],
)
def test_exceptions(kind: str, error: type[TrunklineError]) -> None:
    """An exception in the stream is an error of its class, and what was open is incomplete."""
    response = answer(START, delta(0, text="par"), exception(kind, message="upstream exploded"))
    assert type(response.error) is error
    [message] = response.items
    assert isinstance(message, Message)
    assert message.status == "incomplete"


def test_an_error_in_headers_alone() -> None:
    """A message of type `error` says it there."""
    headers = {":message-type": "error", ":error-code": "InternalServerException", ":error-message": "gone"}
    response = answer(START, write_message(headers, b""))
    assert isinstance(response.error, Failed)
    assert response.error.message == "gone"


def test_unknown_blocks_and_events_are_passed_over() -> None:
    """T-95: what comes new is held by its kind or not at all, and breaks nothing."""
    start = event("contentBlockStart", contentBlockIndex=0, start={"image": {"format": "png"}})
    new = event("somethingNew", x=1)
    response = answer(START, new, start, delta(0, image={}), stop(0), delta(1, text="hi"), stop(1), end(), USAGE)
    other, message = response.items
    assert isinstance(other, OtherItem)
    assert (other.dialect, other.type) == ("bedrock", "image")
    assert isinstance(message, Message)


def test_a_server_tool_is_no_call_of_ours() -> None:
    """The caller has no such tool to run."""
    used = {"toolUse": {"toolUseId": "t", "name": "nova_grounding", "type": "server_tool_use"}}
    start = event("contentBlockStart", contentBlockIndex=0, start=used)
    [item] = answer(START, start, delta(0, toolUse={"input": "{}"}), stop(0), end(), USAGE).items
    assert isinstance(item, OtherItem)


@pytest.mark.parametrize("body", [b'{"message":"no"}', b"<html>", b"[1]", b" {}"])
def test_a_body_that_is_no_stream(body: bytes) -> None:
    """An error that came with a success status is one, in one piece and byte by byte."""
    for pieces in ([body], [bytes([byte]) for byte in body]):
        assert answer(*pieces).error is not None


def test_a_broken_stream() -> None:
    """Bytes that are no message, after sound ones."""
    response = answer(START, delta(0, text="Hi"), b"\xff" * 40)
    assert isinstance(response.error, Garbled)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "messageStart",
                    "contentBlockStart",
                    "contentBlockDelta",
                    "contentBlockStop",
                    "messageStop",
                    "metadata",
                ]
            ),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.text(max_size=3),
                lambda inner: (
                    st.lists(inner, max_size=2)
                    | st.dictionaries(
                        st.sampled_from(
                            "contentBlockIndex delta start text toolUse input reasoningContent signature stopReason usage "
                            "redactedContent citation toolUseId name".split()
                        ),
                        inner,
                        max_size=3,
                    )
                ),
                max_leaves=8,
            ),
        ),
        max_size=8,
    )
)
def test_any_events_keep_the_grammar(events: list[tuple[str, Any]]) -> None:
    """Whatever JSON stands in them: an answer or a failure, and no exception."""
    headers = {":message-type": "event"}
    data = [write_message({**headers, ":event-type": kind}, json.dumps(value).encode()) for kind, value in events]
    assert read(*data)


@given(st.binary(max_size=200))
def test_any_reply_is_an_answer_or_an_error(body: bytes) -> None:
    """Nothing but our errors comes out of a whole reply."""
    try:
        DIALECT.read_reply(body)
    except TrunklineError:
        pass


@pytest.mark.requires_test_data
def test_recordings(test_data: Path) -> None:
    """Real streams and replies, in one piece and in small ones."""
    folder = test_data / "recorded" / "bedrock"
    for path in sorted(folder.glob("*.chunks.txt")):
        lines = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        data = b"".join(event(kind, **members) for line in lines for kind, members in line.items())
        events = read(data)
        assert read(*(data[at : at + 7] for at in range(0, len(data), 7))) == events
        response = fold(events)
        assert response.error is None
        given = "".join(
            line["contentBlockDelta"]["delta"]["toolUse"]["input"] for line in lines if "contentBlockDelta" in line
        )
        assert [item.arguments for item in response.items if isinstance(item, ToolCall)] == [given]
    for path in sorted(folder.glob("*.json")):
        body = path.read_bytes()
        wire = json.loads(body)
        response = DIALECT.read_reply(body)
        assert response.usage.total_input == wire["usage"]["inputTokens"]
        assert len(response.items) == len(wire["output"]["message"]["content"])
