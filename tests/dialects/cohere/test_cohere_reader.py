"""Cohere's streams and replies → events."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.dialects.cohere import DIALECT
from trunkline.errors import Failed, Garbled, TimedOut, TrunklineError
from trunkline.events import Event, ModelResponse
from trunkline.folding import fold
from trunkline.grammar import check
from trunkline.items import Carrier, Message, Reasoning, Text, ToolCall
from trunkline.usage import Usage


def event(type: str, index: int | None = None, **message: Any) -> bytes:
    value: dict[str, Any] = {"type": type, "delta": {"message": message}}
    if index is not None:
        value["index"] = index
    return f"event: {type}\ndata: {json.dumps(value)}\n\n".encode()


def end(reason: str = "COMPLETE", **members: Any) -> bytes:
    delta = {"finish_reason": reason, **members}
    return f"data: {json.dumps({'type': 'message-end', 'delta': delta})}\n\n".encode()


def text(index: int, said: str) -> bytes:
    return event("content-delta", index, content={"text": said})


def call(index: int, *pieces: str, arguments: Any = "") -> list[bytes]:
    function = {"name": "f", "arguments": arguments}
    start = event("tool-call-start", index, tool_calls={"id": f"c{index}", "type": "function", "function": function})
    deltas = [event("tool-call-delta", index, tool_calls={"function": {"arguments": piece}}) for piece in pieces]
    return [start, *deltas, event("tool-call-end", index)]


def cite(start: int, stop: int, *sources: Any, index: int = 0, **members: Any) -> bytes:
    return event("citation-start", index, citations={"start": start, "end": stop, "sources": [*sources], **members})


def read(*pieces: bytes) -> list[Event]:
    reader = DIALECT.reader()
    return check([*(one for piece in pieces for one in reader.feed(piece)), *reader.end()])


def answer(*pieces: bytes) -> ModelResponse:
    return fold(read(*pieces))


def message_of(response: ModelResponse) -> Message:
    [message] = response.items
    assert isinstance(message, Message)
    return message


# --- text, thought and calls ----------------------------------------------------------------------------------------


def test_a_plan_is_a_thought() -> None:
    """It goes back as the plan it was, with its calls."""
    plan = [event("tool-plan-delta", tool_plan=piece) for piece in ("I will", " look.")]
    thought, done = answer(*plan, *call(0, '{"x":', "1}"), end("TOOL_CALL")).items
    assert isinstance(thought, Reasoning)
    assert thought.content == ["I will look."]
    assert thought.carrier == Carrier("cohere", "tool_plan", "I will look.")
    assert done == ToolCall(call_id="c0", name="f", arguments='{"x":1}', status="completed")


@pytest.mark.parametrize(
    ("pieces", "arguments"),
    [
        ((), "{}"),
        (("null",), "{}"),
        (("nu", "ll"), "{}"),
        (("{}",), "{}"),
        (("n", '"'), 'n"'),
        (("nul",), "nul"),
    ],
)
def test_no_arguments(pieces: tuple[str, ...], arguments: str) -> None:
    """T-07: `null`, which comes in pieces too, is no arguments; anything else is as it came."""
    [done] = answer(*call(0, *pieces), end("TOOL_CALL")).items
    assert isinstance(done, ToolCall)
    assert done.arguments == arguments


@pytest.mark.parametrize("given", [None, "null", ""])
def test_no_arguments_in_a_whole_reply(given: Any) -> None:
    """T-07."""
    function = {"name": "now", "arguments": given}
    message = {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": function}]}
    body = {"id": "x", "message": message, "finish_reason": "TOOL_CALL"}
    [done] = DIALECT.read_reply(json.dumps(body).encode()).items
    assert done == ToolCall(call_id="c", name="now", arguments="{}", status="completed")


def test_cut_arguments() -> None:
    """T-10: as far as they came; the calls before are whole."""
    first, second = answer(*call(0, "{}"), *call(1, '{"x":"un')[:-1], end("MAX_TOKENS")).items
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert (first.status, second.status) == ("completed", "incomplete")
    assert second.arguments == '{"x":"un'


def test_blocks_of_text_are_parts_of_one_message() -> None:
    """An empty block leaves no trace."""
    blocks = [
        event("content-start", 0, content={"type": "text", "text": ""}),
        text(0, "one"),
        event("content-end", 0),
        event("content-start", 1, content={"type": "text", "text": ""}),
        event("content-end", 1),
        event("content-start", 2, content={"type": "text", "text": "t"}),
        text(2, "wo"),
    ]
    message = message_of(answer(*blocks, end()))
    assert [part.text for part in message.parts if isinstance(part, Text)] == ["one", "two"]


# --- citations ------------------------------------------------------------------------------------------------------


def test_citations() -> None:
    """T-41: offsets are code points and stay so; one annotation a source, behind the text or amid it."""
    page = {"type": "document", "id": "d1", "document": {"id": "d1", "title": "T", "url": "https://x.test"}}
    found = {"type": "tool", "id": "c0:1", "tool_output": {"temperature": "5"}}
    message = message_of(
        answer(
            text(0, "Zürich 🎉 is "),
            cite(0, 8, page),
            text(0, "cold"),
            event("content-end", 0),
            cite(12, 16, found, page),
            event("citation-end", 1),
            end(),
        )
    )
    [part] = message.parts
    assert isinstance(part, Text)
    url = {"type": "url_citation", "url": "https://x.test", "title": "T"}
    assert part.annotations == [
        {**url, "start_index": 0, "end_index": 8},
        {"type": "file_citation", "file_id": "c0:1", "filename": "c0:1", "index": 16},
        {**url, "start_index": 12, "end_index": 16},
    ]
    assert part.text[12:16] == "cold"


def test_citations_of_thought_have_no_place() -> None:
    """Annotations belong to text."""
    plan = event("tool-plan-delta", tool_plan="I saw x")
    response = answer(
        plan, cite(0, 1, {"id": "d"}, type="PLAN"), text(0, "ok"), cite(0, 1, {"id": "d"}, type="PLAN"), end()
    )
    assert [part.annotations for part in getattr(response.items[1], "parts", ())] == [[]]


def test_citations_of_a_whole_reply() -> None:
    """Each in its own block."""
    citations = [
        {"start": 0, "end": 1, "sources": [{"id": "a"}], "content_index": 0},
        {"start": 1, "end": 2, "sources": [{"id": "b"}], "content_index": 1},
    ]
    content = [{"type": "text", "text": "xx"}, {"type": "text", "text": "yy"}]
    body = {"message": {"content": content, "citations": citations}, "finish_reason": "COMPLETE"}
    message = message_of(DIALECT.read_reply(json.dumps(body).encode()))
    cited = [[note["file_id"] for note in getattr(part, "annotations", ())] for part in message.parts]
    assert cited == [["a"], ["b"]]


# --- ends -----------------------------------------------------------------------------------------------------------


def test_usage() -> None:
    """All tokens, not those that are billed; cached ones are among them."""
    tokens = {"input_tokens": 507, "output_tokens": 10}
    usage = {"billed_units": {"input_tokens": 12, "output_tokens": 7}, "tokens": tokens, "cached_tokens": 448}
    assert answer(text(0, "Hi"), end(usage=usage)).usage == Usage(59, 448, 0, 10, 0)
    assert answer(text(0, "Hi"), end(usage={"billed_units": {"input_tokens": 2}})).usage == Usage(2, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("TOOL_CALL", "stop"),
        ("MAX_TOKENS", "length"),
        ("ERROR_TOXIC", "content_filter"),
        ("SOMETHING_NEW", "stop"),
    ],
)
def test_finish(reason: str, finish: str) -> None:
    """Its reasons in our words."""
    assert answer(text(0, "Hi"), end(reason)).finish == finish


@pytest.mark.parametrize(("reason", "error"), [("ERROR", Failed), ("TIMEOUT", TimedOut)])
def test_an_answer_that_failed(reason: str, error: type[TrunklineError]) -> None:
    """Says so at its end, in the stream and whole."""
    response = answer(text(0, "par"), end(reason, error="upstream exploded"))
    assert type(response.error) is error
    assert "upstream exploded" in str(response.error)
    assert message_of(response).status == "incomplete"
    with pytest.raises(error):
        DIALECT.read_reply(json.dumps({"message": {}, "finish_reason": reason}).encode())


def test_without_its_end() -> None:
    """T-22: never a success."""
    assert isinstance(answer(text(0, "par")).error, Failed)


def test_not_json() -> None:
    """An event that is none ends the stream; what some servers put at the end does not."""
    assert isinstance(answer(b"data: {\n\n").error, Garbled)
    assert answer(text(0, "Hi"), b"data: [DONE]\n\n", end()).error is None


@pytest.mark.parametrize("body", [b'{"message":"no such model"}', b'{"id":"1","message":"too many"}'])
def test_an_error_in_the_place_of_a_stream(body: bytes) -> None:
    """A JSON error under a success status, plain or as an event."""
    for data in (body, b"data: " + body + b"\n\n"):
        error = answer(data).error
        assert error is not None
        assert json.loads(body)["message"] in str(error)


def test_log_probabilities() -> None:
    """T-78: one entry a piece, in Responses' shape."""
    value = {"text": "é", "token_ids": [1, 2], "logprobs": [-0.5, -0.25]}
    data = {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "é"}}}, "logprobs": value}
    [part] = message_of(answer(b"data: " + json.dumps(data).encode() + b"\n\n", end())).parts
    assert isinstance(part, Text)
    assert part.logprobs == [{"token": "é", "logprob": -0.75, "bytes": [195, 169], "top_logprobs": []}]


# --- anything -------------------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                "index delta message content text thinking type tool_plan tool_calls function name arguments citations "
                "sources start end finish_reason usage tokens id".split()
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
TYPES = st.sampled_from(
    "message-start content-start content-delta content-end tool-plan-delta tool-call-start tool-call-delta "
    "tool-call-end citation-start citation-end message-end debug".split()
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(TYPES, st.dictionaries(st.sampled_from(["index", "delta", "id"]), VALUES)), max_size=8))
def test_any_events_keep_the_grammar(events: list[tuple[str, dict[str, Any]]]) -> None:
    """Whatever JSON stands in them: an answer or a failure, and no exception."""
    assert read(*(f"data: {json.dumps({**members, 'type': kind})}\n\n".encode() for kind, members in events))


@given(st.binary(max_size=100) | VALUES.map(lambda value: json.dumps({"message": value}).encode()))
def test_any_reply_is_an_answer_or_an_error(body: bytes) -> None:
    """Nothing but our errors comes out of a whole reply."""
    try:
        DIALECT.read_reply(body)
    except TrunklineError:
        pass


@pytest.mark.requires_test_data
def test_recordings(test_data: Path) -> None:
    """Real streams and replies: all text is there, in one piece and in small ones, with CRLF too."""
    folder = test_data / "recorded" / "cohere"
    seen = 0
    for path in sorted(folder.glob("*.chunks.txt")):
        lines = [line for line in path.read_text().splitlines() if line.strip()]
        data = b"".join(f"event: {json.loads(line)['type']}\ndata: {line}\n\n".encode() for line in lines)
        events = read(data)
        assert read(*(data[at : at + 11] for at in range(0, len(data), 11))) == events
        assert read(data.replace(b"\n", b"\r\n")) == events
        response = fold(events)
        assert response.error is None
        assert response.usage.total_output == json.loads(lines[-1])["delta"]["usage"]["tokens"]["output_tokens"]
        deltas = [json.loads(line).get("delta", {}).get("message", {}) for line in lines]
        said = "".join(
            one.get("content", {}).get("text") or "" for one in deltas if isinstance(one.get("content"), dict)
        )
        parts = [part for item in response.items if isinstance(item, Message) for part in item.parts]
        assert "".join(part.text for part in parts if isinstance(part, Text)) == said
        for item in response.items:
            if isinstance(item, ToolCall):
                json.loads(item.arguments)
        seen += 1
    assert seen >= 4
    for path in sorted(folder.glob("*.json")):
        response = DIALECT.read_reply(path.read_bytes())
        wire = json.loads(path.read_bytes())
        calls = [item for item in response.items if isinstance(item, ToolCall)]
        assert len(calls) == len(wire["message"].get("tool_calls", ()))
        assert response.usage.cached_input_tokens == wire["usage"]["cached_tokens"]
