"""Server-sent events are cut rightly, however the bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.dialects.sse import EventTooLarge, Splitter

STREAM = (
    "\ufeffdata: one\n\n"
    ": a comment\n\n"
    "event: named\ndata: two\n\n"
    "data:no space\ndata: second line\nid: 7\nretry: 10\n\n"
    "data: é 🎉\n\n"
    "data\n\n"
    "event: without data\n\n"
    "data: [DONE]\n\n"
).encode()

EVENTS = [
    (b"", b"one"),
    (b"named", b"two"),
    (b"", b"no space\nsecond line"),
    (b"", "é 🎉".encode()),
    (b"", b""),
    (b"", b"[DONE]"),
]

LINE_ENDS = [b"\n", b"\r\n", b"\r"]


def split(chunks: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Everything a splitter says about these chunks."""
    splitter = Splitter()
    events = [event for chunk in chunks for event in splitter.feed(chunk)]
    return events + splitter.end()


@pytest.mark.parametrize("line_end", LINE_ENDS)
def test_line_ends_make_no_difference(line_end: bytes) -> None:
    """LF, CRLF and CR mean the same."""
    assert split([STREAM.replace(b"\n", line_end)]) == EVENTS


@pytest.mark.parametrize("line_end", LINE_ENDS)
def test_single_bytes_make_the_same_events(line_end: bytes) -> None:
    """One byte a read, a UTF-8 sequence cut in its middle included."""
    stream = STREAM.replace(b"\n", line_end)
    assert split([stream[at : at + 1] for at in range(len(stream))]) == EVENTS


@pytest.mark.parametrize("line_end", LINE_ENDS)
def test_every_cut_in_two_makes_the_same_events(line_end: bytes) -> None:
    """Wherever a stream is cut in two, between CR and LF too."""
    stream = STREAM.replace(b"\n", line_end)
    for at in range(len(stream)):
        assert split([stream[:at], stream[at:]]) == EVENTS, at


@given(st.lists(st.integers(0, len(STREAM) * 2)), st.sampled_from(LINE_ENDS))
def test_any_cuts_make_the_same_events(cuts: list[int], line_end: bytes) -> None:
    """Any cutting at all."""
    stream = STREAM.replace(b"\n", line_end)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    assert split([stream[a:b] for a, b in pairwise(edges)]) == EVENTS


@pytest.mark.parametrize("rest", [b"data: last", b"data: last\n", b"data: last\r\n", b"data: last\r"])
def test_an_event_without_its_blank_line_is_given_at_the_end(rest: bytes) -> None:
    """The end of the stream ends an event too."""
    assert split([b"data: first\n\n", rest]) == [(b"", b"first"), (b"", b"last")]


def test_a_mark_of_byte_order_is_only_taken_off_at_the_start() -> None:
    """In later events the bytes are data."""
    assert split([b"data: a\n\n\xef\xbb\xbfdata: b\n\n"]) == [(b"", b"a")]


def test_extra_blank_lines_are_no_events() -> None:
    """Any number of them."""
    assert split([b"\n\n\n\ndata: a\n\n\n\n\ndata: b\n\n\n"]) == [(b"", b"a"), (b"", b"b")]


def test_only_one_space_is_taken_off() -> None:
    """The others are data."""
    assert split([b"data:  two spaces\n\n"]) == [(b"", b" two spaces")]


def test_a_name_and_several_lines_of_data() -> None:
    """The name stays, the lines are joined, in whichever order they come."""
    assert split([b"data: a\nevent: x\ndata: b\n\n"]) == [(b"x", b"a\nb")]


def test_an_event_beyond_the_limit_is_refused() -> None:
    """Memory has a bound, whoever sends."""
    splitter = Splitter(limit_bytes=100)
    for _ in range(100):
        splitter.feed(b"x")
    with pytest.raises(EventTooLarge):
        splitter.feed(b"x")


def test_many_events_together_may_pass_the_limit() -> None:
    """The limit is on one event, not on one read."""
    assert len(Splitter(limit_bytes=100).feed(b"data: x\n\n" * 100)) == 100


def test_what_is_pending_can_be_looked_at() -> None:
    """A JSON body where a stream was asked for never makes an event before its end."""
    splitter = Splitter()
    splitter.feed(b'{"error": ')
    splitter.feed(b"{}}")
    assert splitter.pending == b'{"error": {}}'


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b"event: a\ndata: 1\n\n", [(b"a", b"1")]),
        (b"event: a\r\ndata: 1\r\n\r\n", [(b"a", b"1")]),
        (b"event: a\rdata: 1\ndata: 2\n\n", [(b"a", b"1\n2")]),
        (b"event: a\ndata: 1\ndata: 2\n\n", [(b"a", b"1\n2")]),
        (b"event: a\ndata: 1\n\ndata: 2\n\n", [(b"a", b"1"), (b"", b"2")]),
        (b"event: a\n\n", []),
    ],
)
def test_a_named_event_alone_is_cut_as_among_others(data: bytes, events: list[tuple[bytes, bytes]]) -> None:
    """One whole event a read is taken at a glance only where that is all that it is."""
    assert Splitter().feed(data) == events
