"""AWS event streams: cut into messages whatever the reads, and nothing believed that is not whole."""

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstream_messages import write_message
from trunkline.dialects.eventstream import Corrupt, Message, Splitter

# The smallest message there is, from the format's own description: no headers, no payload.
EMPTY = bytes.fromhex("000000100000000005c248eb7d98c8ff")
# One with a payload and a header, from the same place.
ONE_HEADER = bytes.fromhex(
    "0000003d0000002007fd83960c636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e"
    "7b27666f6f273a27626172277d8d9c08b1"
)

HEADERS = st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=50), max_size=4)
MESSAGES = st.lists(st.tuples(HEADERS, st.binary(max_size=200)), max_size=6)


def cut(*pieces: bytes, limit: int = 1 << 20) -> list[Message]:
    splitter = Splitter(limit)
    return [message for piece in pieces for message in splitter.feed(piece)]


def frame(headers: bytes, payload: bytes = b"") -> bytes:
    """A message whose headers are bytes of our choice, with sound checksums."""
    lengths = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    body = lengths + struct.pack(">I", zlib.crc32(lengths)) + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


def test_published_messages() -> None:
    """The messages that AWS publishes as examples read as it says, and are written the same."""
    assert cut(EMPTY) == [Message({}, b"")]
    assert cut(ONE_HEADER) == [Message({"content-type": "application/json"}, b"{'foo':'bar'}")]
    assert write_message({}, b"") == EMPTY
    assert write_message({"content-type": "application/json"}, b"{'foo':'bar'}") == ONE_HEADER


@settings(max_examples=50, deadline=None)
@given(messages=MESSAGES, size=st.integers(1, 64))
def test_any_reads_make_the_same_messages(messages: list[tuple[dict[str, str], bytes]], size: int) -> None:
    """What is written is read, however it is cut."""
    data = b"".join(write_message(headers, payload) for headers, payload in messages)
    expected = [Message(headers, payload) for headers, payload in messages]
    assert cut(data) == expected
    assert cut(*(data[at : at + size] for at in range(0, len(data), size))) == expected


def test_headers_of_other_types_are_passed_over() -> None:
    """Numbers, times and the like stand between the strings; all of them are skipped by their length."""
    others = b"".join(
        bytes([1]) + b"a" + value
        for value in (
            b"\x00",
            b"\x01",
            b"\x02\x05",
            b"\x03\x00\x05",
            b"\x04\x00\x00\x00\x05",
            b"\x05" + bytes(8),
            b"\x06\x00\x03abc",
            b"\x08" + bytes(8),
            b"\x09" + bytes(16),
        )
    )
    assert cut(frame(others + b"\x01b\x07\x00\x02hi", b"x")) == [Message({"b": "hi"}, b"x")]


@pytest.mark.parametrize("at", range(len(ONE_HEADER)))
def test_a_flipped_bit_is_noticed(at: int) -> None:
    """Wherever it is: nothing is read of such a message."""
    broken = bytearray(ONE_HEADER)
    broken[at] ^= 0x10
    with pytest.raises(Corrupt):
        cut(bytes(broken), bytes(1000))


@pytest.mark.parametrize(
    "headers", [b"\x05ab", b"\x01a\x0a", b"\x01a\x07\x00\x09hi", b"\x01a\x07\x00", b"\x01a", b"\x01a\x07\x00\x01\xff"]
)
def test_broken_headers(headers: bytes) -> None:
    """Lengths that lead beyond the end, types that there are not, and bytes that are no text."""
    with pytest.raises(Corrupt):
        cut(frame(headers))


def test_too_large() -> None:
    """A message over the limit is refused before any of it is gathered."""
    with pytest.raises(Corrupt, match="too large"):
        cut(write_message({}, bytes(100))[:12], limit=64)


def test_contradicting_lengths() -> None:
    """Headers that are longer than their message."""
    lengths = struct.pack(">II", 16, 8)
    with pytest.raises(Corrupt, match="contradict"):
        cut(lengths + struct.pack(">I", zlib.crc32(lengths)) + bytes(8))


def test_what_came_before_is_given_first() -> None:
    """A broken message takes nothing from those before it."""
    messages = Splitter().feed(EMPTY + EMPTY + b"\xff" * 12)
    assert [next(messages), next(messages)] == [Message({}, b"")] * 2
    with pytest.raises(Corrupt):
        next(messages)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=300), size=st.integers(1, 50))
def test_noise(data: bytes, size: int) -> None:
    """Any bytes make messages, or are corrupt; nothing else comes of them, and no more than them is kept."""
    splitter = Splitter(1024)
    try:
        for at in range(0, len(data), size):
            list(splitter.feed(data[at : at + size]))
    except Corrupt:
        return
    assert len(splitter.pending) <= len(data)
