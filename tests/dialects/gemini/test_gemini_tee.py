"""Gemini's replies passed on, and what is read of them in passing."""

import json

import pytest
from gemini_wire import END, call, event, frame, text

from trunkline.dialects.dialect import TeeOptions
from trunkline.dialects.gemini import DIALECT
from trunkline.errors import Busy, Failed, Garbled
from trunkline.usage import Usage

COUNTS = {"promptTokenCount": 5, "cachedContentTokenCount": 2, "candidatesTokenCount": 2, "thoughtsTokenCount": 3}


def pass_on(*pieces: bytes):
    tee = DIALECT.tee(TeeOptions())
    out = b"".join(tee.feed(piece) for piece in pieces)
    return tee, out, tee.end()


@pytest.mark.parametrize("size", [1, 10, 100_000])
def test_bytes_pass_t96(size: int) -> None:
    """All of them, nothing after them."""
    stream = text("Hel", "lo") + frame({"text": ""}, finishReason="STOP", usage=COUNTS)
    tee, out, after = pass_on(*(stream[at : at + size] for at in range(0, len(stream), size)))
    assert (out, after, tee.error) == (stream, b"", None)
    assert tee.usage == Usage(3, 2, 0, 2, 3)
    assert tee.has_content
    assert not tee.incomplete


@pytest.mark.parametrize("first", [frame({"text": "a"}), frame(call("f")), frame({"text": "t", "thought": True}), END])
def test_content_is_seen_at_once(first: bytes) -> None:
    """Text, a call, thought or the end."""
    tee = DIALECT.tee(TeeOptions())
    tee.feed(event({"usageMetadata": {"trafficType": "ON_DEMAND"}}))
    assert not tee.has_content
    tee.feed(first)
    assert tee.has_content


def test_a_big_last_frame_is_read_from_its_end() -> None:
    """A picture of a megabyte stands before the counts."""
    image = {"inlineData": {"mimeType": "image/png", "data": "A" * 1_000_000}}
    tee, _, after = pass_on(frame(image, finishReason="STOP", usage=COUNTS))
    assert (after, tee.error, tee.usage.total_input) == (b"", None, 5)


def test_words_that_look_like_members_are_words() -> None:
    """A quote within a string is never bare."""
    looks = '"finishReason": "STOP", "usageMetadata": {"promptTokenCount": 99}'
    tee, _, after = pass_on(text(looks))
    assert isinstance(tee.error, Failed)
    assert tee.usage == Usage()
    assert json.loads(after[6:])["error"]["status"] == "INTERNAL"


def test_a_stream_cut_in_a_frame_gets_its_error() -> None:
    """Apart from what was cut."""
    tee, _, after = pass_on(text("Hi"), b'data: {"cand')
    assert after.startswith(b"\r\n\r\ndata: ")
    assert tee.error is not None


def test_a_break_after_the_finish_is_none() -> None:
    """Everything had come."""
    tee = DIALECT.tee(TeeOptions())
    tee.feed(text("Hi") + END)
    assert (tee.fail(Failed("cut")), tee.error) == (b"", None)


def test_an_error_before_content_is_held() -> None:
    """So that it becomes a status."""
    tee = DIALECT.tee(TeeOptions())
    tee.feed(event({"error": {"code": 429, "message": "Slow.", "status": "RESOURCE_EXHAUSTED"}}))
    assert isinstance(tee.error, Busy)
    assert not tee.has_content


def test_an_error_in_mid_stream_has_been_said() -> None:
    """Once is enough."""
    tee, _, after = pass_on(text("Hi"), event({"error": {"code": 500, "message": "Oops.", "status": "INTERNAL"}}))
    assert (after, isinstance(tee.error, Failed)) == (b"", True)


def test_an_error_where_a_stream_was_asked_for() -> None:
    """Plain JSON."""
    tee, _, _ = pass_on(json.dumps({"error": {"code": 503, "message": "No.", "status": "UNAVAILABLE"}}).encode())
    assert isinstance(tee.error, Busy)


@pytest.mark.parametrize("reason", ["MAX_TOKENS", "SAFETY"])
def test_a_cut_answer_is_incomplete(reason: str) -> None:
    """For the record."""
    tee, _, _ = pass_on(frame({"text": "a"}, finishReason=reason))
    assert tee.incomplete
    whole = {"candidates": [{"finishReason": reason}], "usageMetadata": COUNTS}
    assert DIALECT.tee_reply(json.dumps(whole).encode()).incomplete


def test_a_blocked_prompt_is_an_end() -> None:
    """An incomplete one."""
    tee, _, after = pass_on(event({"promptFeedback": {"blockReason": "SAFETY"}}))
    assert (after, tee.error, tee.incomplete) == (b"", None, True)


def test_whole_replies() -> None:
    """Their counts, or the error in them."""
    body = json.dumps({"candidates": [{"finishReason": "STOP"}], "usageMetadata": COUNTS}).encode()
    read = DIALECT.tee_reply(body)
    assert (read.body, read.usage, read.incomplete) == (body, Usage(3, 2, 0, 2, 3), False)
    assert isinstance(DIALECT.tee_reply(b"<html>").error, Garbled)
    error = json.dumps([{"error": {"code": 503, "message": "No.", "status": "UNAVAILABLE"}}]).encode()
    assert isinstance(DIALECT.tee_reply(error).error, Busy)
