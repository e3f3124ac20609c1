"""A faithful provider's stream passes byte for byte, and the listener misses nothing."""

import time
from typing import Any

import pytest

from trunkline.dialects.dialect import TeeOptions
from trunkline.dialects.openai_chat import DIALECT
from trunkline.dialects.sse import DEFAULT_LIMIT_BYTES
from trunkline.errors import Busy, Failed, TimedOut
from trunkline.usage import Usage

USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}


def tee(stream: bytes, cut_usage: bool = False, size: int = 0) -> tuple[Any, bytes]:
    passage = DIALECT.tee(TeeOptions(cut_usage=cut_usage))
    size = size or len(stream) or 1
    written = b"".join(passage.feed(stream[at : at + size]) for at in range(0, len(stream), size))
    return passage, written + passage.end()


def texts(wire: Any, count: int = 3) -> list[dict[str, Any]]:
    return [wire.chunk({"role": "assistant", "content": ""}), *[wire.chunk({"content": "x" * 50})] * count]


@pytest.mark.parametrize("size", [0, 1, 7, 300, 5000])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_t96_bytes_pass_as_they_are(wire: Any, size: int, line_end: bytes) -> None:
    """T-96: comments, unknown members and line ends included; usage is known at the end."""
    ending = [wire.chunk({}, "stop", vendor=1), wire.chunk(choices=[], usage=USAGE)]
    stream = (b": comment\n\n" + wire.frame([*texts(wire, 200), *ending])).replace(b"\n", line_end)
    passage, written = tee(stream, size=size)
    assert written == stream
    assert (passage.usage, passage.has_content, passage.error) == (Usage(9, 0, 0, 2), True, None)


@pytest.mark.parametrize("size", [0, 1, 7, 300, 5000])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("count", [3, 200])
def test_t26_an_unwanted_usage_chunk_is_cut_out(wire: Any, size: int, line_end: bytes, count: int) -> None:
    """T-26: that chunk alone, and its counts are kept; Azure's filter results stay."""
    azure = {"choices": [], "id": "", "prompt_filter_results": []}
    before = wire.frame([azure, *texts(wire, count), wire.chunk({}, "stop", usage=None)], done=False)
    usage = wire.frame([wire.chunk(choices=[], usage=USAGE)], done=False)
    passage, written = tee((before + usage + b"data: [DONE]\n\n").replace(b"\n", line_end), True, size)
    assert written == (before + b"data: [DONE]\n\n").replace(b"\n", line_end)
    assert passage.usage == Usage(9, 0, 0, 2)


def test_a_cut_answer_says_so(wire: Any) -> None:
    """For the record."""
    assert tee(wire.frame([*texts(wire), wire.chunk({}, "length")]))[0].incomplete
    assert not tee(wire.frame([*texts(wire), wire.chunk({}, "stop")]))[0].incomplete


@pytest.mark.parametrize("rest", [b"", b'data: {"id":"chatcmpl-1","cho'])
def test_t22_an_end_without_an_end(wire: Any, rest: bytes) -> None:
    """T-22: an error event and the mark are added, never inside a torn event."""
    stream = wire.frame(texts(wire), done=False)
    passage, written = tee(stream + rest)
    assert written.startswith(stream)
    error, done = wire.decode(written[len(stream) :])
    assert (set(error), done) == ({"error"}, "[DONE]")
    assert isinstance(passage.error, Failed)


def test_a_missing_done_is_the_providers_business(wire: Any) -> None:
    """A finish was seen: nothing is added."""
    stream = wire.frame([*texts(wire), wire.chunk({}, "stop")], done=False)
    passage, written = tee(stream)
    assert (written, passage.error) == (stream, None)


def test_a_last_event_without_its_blank_line(wire: Any) -> None:
    """Passes at the end."""
    stream = wire.frame([*texts(wire), wire.chunk({}, "stop")])[:-1]
    passage, written = tee(stream, size=50)
    assert (written, passage.error) == (stream, None)


@pytest.mark.parametrize("count", [0, 3])
def test_t23_the_providers_own_error_event(wire: Any, count: int) -> None:
    """T-23: passes as it is, and is known; before any content it can still become a status."""
    error = {"error": {"message": "exploded", "type": "rate_limit_error", "param": None, "code": "429"}}
    stream = wire.frame([*texts(wire, count), error], done=False)
    passage, written = tee(stream)
    assert written == stream
    assert isinstance(passage.error, Busy)
    assert passage.has_content == bool(count)


def test_a_json_error_where_a_stream_was_asked_for() -> None:
    """It is that error."""
    passage, _ = tee(b'{"error": {"message": "no", "code": 429}}\n')
    assert isinstance(passage.error, Busy)
    assert not passage.has_content


@pytest.mark.parametrize(
    ("delta", "has_content"),
    [
        ({"role": "assistant", "content": ""}, False),
        ({"content": "x"}, True),
        ({"refusal": "x"}, True),
        ({"reasoning_content": "x"}, True),
        ({"tool_calls": [{"index": 0}]}, True),
    ],
)
def test_what_is_content(wire: Any, delta: dict[str, Any], has_content: bool) -> None:
    """Text, a thought or a call is worth a status 200; a role is not."""
    passage = DIALECT.tee(TeeOptions())
    passage.feed(wire.frame([wire.chunk(delta)], done=False))
    assert passage.has_content == has_content


def test_a_broken_connection(wire: Any) -> None:
    """The error and the mark; nothing after a proper end."""
    passage = DIALECT.tee(TeeOptions())
    passage.feed(wire.frame(texts(wire), done=False))
    assert wire.decode(passage.fail(TimedOut("silence")))[-1] == "[DONE]"
    assert passage.end() == b""
    done = DIALECT.tee(TeeOptions())
    done.feed(wire.frame([*texts(wire), wire.chunk({}, "stop", usage=USAGE)]))
    assert done.fail(TimedOut("late")) == b""
    assert done.error is None
    assert done.usage == Usage(9, 0, 0, 2)
    finished = DIALECT.tee(TeeOptions())
    finished.feed(wire.frame([*texts(wire), wire.chunk({}, "stop")], done=False))
    assert finished.fail(TimedOut("late")) == b""
    assert finished.error is None


def test_a_connection_that_breaks_behind_an_error(wire: Any) -> None:
    """The upstream's own error event is enough."""
    passage = DIALECT.tee(TeeOptions())
    passage.feed(wire.frame([*texts(wire), {"error": {"message": "exploded"}}], done=False))
    assert passage.fail(TimedOut("late")) == b""
    assert passage.error is not None
    assert "exploded" in passage.error.message


def test_of_several_choices_all_must_have_finished(wire: Any) -> None:
    """One that was speaking lately and has not said why it stopped may go on."""
    passage = DIALECT.tee(TeeOptions())
    one, two = wire.chunk({"content": "x"}), wire.chunk({"content": "x"})
    two["choices"][0]["index"] = 1
    passage.feed(wire.frame([one, two, wire.chunk({}, "stop")], done=False))
    assert not passage.is_finished()
    end = wire.chunk({}, "stop")
    end["choices"][0]["index"] = 1
    passage.feed(wire.frame([end], done=False))
    assert passage.is_finished()


def test_an_event_without_end_is_not_gathered(wire: Any) -> None:
    """Nor looked through again with each of its pieces."""
    passage = DIALECT.tee(TeeOptions())
    passage.feed(wire.frame(texts(wire), done=False))
    piece = b"x" * 65_536
    begin = time.monotonic()
    passed = sum(len(passage.feed(piece)) for _ in range(4 * DEFAULT_LIMIT_BYTES // len(piece)))
    assert passed > 3 * DEFAULT_LIMIT_BYTES
    assert time.monotonic() - begin < 5
