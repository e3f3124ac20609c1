"""An Anthropic reply, passed on."""

import json

import pytest
from messages_wire import block, event, finish, parse, start, text, tool

from trunkline.dialects.anthropic import DIALECT
from trunkline.dialects.anthropic.tee import Tee
from trunkline.dialects.dialect import TeeOptions
from trunkline.errors import Busy, Failed, Garbled, TimedOut, TrunklineError
from trunkline.usage import Usage

WHOLE = start() + event("ping") + text(0, *("Zürich 🎉",) * 50) + tool(1, "{}") + finish("tool_use")


def tee(*pieces: bytes) -> tuple[Tee, bytes]:
    passage = DIALECT.tee(TeeOptions())
    assert isinstance(passage, Tee)
    passed = b"".join(passage.feed(piece) for piece in pieces)
    return passage, passed + passage.end()


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("size", [1, 5, 100, 1_000_000])
def test_t96_every_byte_passes(size: int, line_end: bytes) -> None:
    """T-96: whatever the cuts, the bytes are the upstream's, and the counts are read."""
    stream = WHOLE.replace(b"\n", line_end)
    passage, passed = tee(*(stream[at : at + size] for at in range(0, len(stream), size)))
    assert passed == stream
    assert (passage.error, passage.has_content, passage.incomplete) == (None, True, False)
    assert passage.usage == Usage(input_tokens=10, output_tokens=7)


def test_a_long_answer_is_not_kept() -> None:
    """Memory is bounded, and the end is still seen."""
    passage = DIALECT.tee(TeeOptions())
    assert isinstance(passage, Tee)
    passage.feed(start() + event("content_block_start", index=0, content_block={"type": "text", "text": ""}))
    for _ in range(5000):
        passage.feed(event("content_block_delta", index=0, delta={"type": "text_delta", "text": "x" * 50}))
        assert passage._size < 40_000
    passage.feed(event("content_block_stop", index=0) + finish("max_tokens"))
    assert passage.end() == b""
    assert (passage.usage.output_tokens, passage.incomplete) == (7, True)


@pytest.mark.parametrize(
    ("content", "has_content"),
    [
        (b"", False),
        (event("ping"), False),
        (event("content_block_start", index=0, content_block={"type": "text", "text": ""}), False),
        (text(0, "a"), True),
        (event("content_block_start", index=0, content_block={"type": "tool_use", "id": "t", "name": "f"}), True),
        (event("content_block_start", index=0, content_block={"type": "thinking", "thinking": ""}), True),
        (finish(), True),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_what_counts_as_content(content: bytes, has_content: bool, at_once: bool) -> None:
    """Text, thought, the start of a call, or the proper end."""
    passage = DIALECT.tee(TeeOptions())
    for piece in [start() + content] if at_once else [start(), content]:
        passage.feed(piece)
    assert passage.has_content is has_content


def test_a_message_that_comes_whole_in_its_start() -> None:
    """Code that calls tools streams so."""
    passage, _ = tee(start(content=[{"type": "tool_use"}], stop_reason="tool_use"), event("message_stop"))
    assert (passage.has_content, passage.error) == (True, None)


def test_fr01_an_error_before_any_content() -> None:
    """FR-01: the engine can still answer with a status."""
    passage = DIALECT.tee(TeeOptions())
    passage.feed(start() + event("error", error={"type": "overloaded_error", "message": "Overloaded"}))
    assert isinstance(passage.error, Busy)
    assert passage.has_content is False


def test_an_error_in_mid_stream_is_passed_on() -> None:
    """The upstream has drawn it already."""
    error = event("error", error={"type": "api_error", "message": "boom"})
    passage, passed = tee(start(), text(0, "a"), error)
    assert passed.endswith(error)
    assert isinstance(passage.error, Failed)
    assert passage.error.message == "boom"


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_an_error_passes_in_one_piece(size: int, line_end: bytes) -> None:
    """However it came: only so can the relay find our credential in it."""
    error = event("error", error={"type": "api_error", "message": "the key sk-123"}).replace(b"\n", line_end)
    stream = (start() + text(0, "a")).replace(b"\n", line_end) + error
    passage = DIALECT.tee(TeeOptions())
    pieces = [passage.feed(stream[at : at + size]) for at in range(0, len(stream), size)]
    assert b"".join([*pieces, passage.end()]) == stream
    assert [piece for piece in pieces if b"sk-123" in piece]
    assert passage.error is not None


def test_an_error_that_never_ends_is_not_gathered() -> None:
    """Nor lost: what is too long for an error goes on as it is."""
    endless = b"event: error\ndata: " + b"x" * 100_000
    passage = DIALECT.tee(TeeOptions())
    assert passage.feed(start() + endless) == start() + endless
    passage = DIALECT.tee(TeeOptions())
    assert passage.feed(start() + endless[:50]) == start()
    assert passage.fail(TimedOut("late")).startswith(endless[:50] + b"\n\nevent: error\n")


@pytest.mark.parametrize("cut", [0, 5])
def test_t22_a_cut_stream_gets_our_error_event(cut: int) -> None:
    """T-22: also when it was cut in the middle of an event, which must not swallow ours."""
    stream = start() + text(0, "a", "b")
    stream = stream[: len(stream) - cut]
    passage, passed = tee(stream)
    assert passed.startswith(stream)
    assert passed[len(stream) :].startswith(b"\n\nevent: error\n" if cut else b"event: error\n")
    assert [event["type"] for event in parse(passed[len(stream) :].lstrip(b"\n"))] == ["error"]
    assert isinstance(passage.error, Failed)
    assert passage.usage.input_tokens == 10


def test_the_end_without_its_last_event_is_proper() -> None:
    """A reason to stop is enough."""
    passage, passed = tee(WHOLE.split(b"event: message_stop")[0])
    assert (passage.error, b"error" in passed) == (None, False)


def test_a_json_error_instead_of_a_stream() -> None:
    """The error that the body holds is the one to tell."""
    passage, _ = tee(b'{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}')
    assert isinstance(passage.error, Busy)


def test_a_broken_connection_draws_an_error_once() -> None:
    """Nothing is said after the end, be it ours or the upstream's."""
    passage = DIALECT.tee(TeeOptions())
    passage.feed(start() + text(0, "a"))
    assert b"timeout_error" in passage.fail(TimedOut("silence"))
    assert (passage.fail(TimedOut("again")), passage.end()) == (b"", b"")
    done = DIALECT.tee(TeeOptions())
    done.feed(WHOLE)
    assert done.fail(TimedOut("late")) == b""
    assert done.error is None


def test_words_of_the_grammar_in_the_text_are_text() -> None:
    """An answer about this very API does not end the stream."""
    passage, _ = tee(start(), text(0, "message_delta", '"message_stop" and "error"', "message_delta"))
    assert isinstance(passage.error, Failed)


def test_mend_has_nothing_to_do() -> None:
    """No provider is known to bend this grammar."""
    passage = DIALECT.mend(TeeOptions())
    assert passage.feed(WHOLE) + passage.end() == WHOLE


def test_a_whole_reply_is_passed_with_its_counts() -> None:
    """The same for JSON."""
    body = json.dumps({"type": "message", "usage": {"input_tokens": 3}, "stop_reason": "max_tokens"}).encode()
    reply = DIALECT.tee_reply(body)
    assert (reply.body, reply.usage, reply.incomplete, reply.error) == (body, Usage(3), True, None)


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b'{"type":"error","error":{"type":"overloaded_error","message":"m"}}', Busy), (b"<html>", Garbled)],
)
def test_an_error_in_a_success(body: bytes, expected: type[TrunklineError]) -> None:
    """A status of 200 does not make it one."""
    assert isinstance(DIALECT.tee_reply(body).error, expected)


def test_a_block_of_thought_is_content() -> None:
    """Also when nothing of it is shown."""
    passage, _ = tee(start(), block(0, {"type": "redacted_thinking", "data": "R"}), finish())
    assert passage.has_content
