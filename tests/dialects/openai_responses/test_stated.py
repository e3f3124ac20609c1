"""What the gateway lays over a Responses reply, and how it holds the end back."""

import timeit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from trunkline.dialects.dialect import TeeOptions
from trunkline.dialects.openai_responses.stated import Stated, state_reply
from trunkline.dialects.openai_responses.tee import Tee
from trunkline.errors import Failed

CHANGES = {"previous_response_id": Raw(b'"resp_before"'), "store": Raw(b"true")}


def event(type_: str, **members: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (type_.encode(), msgspec.json.encode({"type": type_, **members}))


def response(status: str, **members: object) -> dict[str, object]:
    return {"id": "resp_1", "status": status, "previous_response_id": None, **members}


BEGINNING = [
    event("response.created", sequence_number=0, response=response("in_progress")),
    event("response.in_progress", sequence_number=1, response=response("in_progress")),
]
DELTA = event("response.output_text.delta", sequence_number=2, delta="response.completed is a word")
END = event("response.completed", sequence_number=3, response=response("completed", usage=None))
DONE = b"data: [DONE]\n\n"


def make(changes: dict[str, Raw]) -> Stated:
    return Stated(Tee(TeeOptions()), changes)


def feed(stated: Stated, *pieces: bytes) -> bytes:
    return b"".join([stated.feed(piece) for piece in pieces])


def test_the_end_is_held_back() -> None:
    """With what follows it, until it is released."""
    stated = make({})
    out = feed(stated, *BEGINNING, DELTA)
    assert out == b"".join(BEGINNING) + DELTA
    assert stated.response is None
    assert feed(stated, END, DONE) == b""
    assert msgspec.json.decode(stated.response or b"") == response("completed", usage=None)
    assert stated.end() == b""
    assert stated.release() == END + DONE


def test_nothing_else_is_changed_without_changes() -> None:
    """A stream in one read passes up to its end."""
    stated = make({})
    assert stated.feed(b"".join([*BEGINNING, DELTA, END, DONE])) == b"".join([*BEGINNING, DELTA])
    assert stated.release() == END + DONE


def test_changes_are_laid_over_the_response() -> None:
    """Wherever it shows; deltas keep their bytes."""
    stated = make(CHANGES)
    out = feed(stated, *BEGINNING, DELTA, END)
    out += stated.release()
    shown = [msgspec.json.decode(block.partition(b"data: ")[2]) for block in out.split(b"\n\n") if block]
    for index in (0, 1, 3):
        assert shown[index]["response"]["previous_response_id"] == "resp_before"
        assert shown[index]["response"]["store"] is True
        assert shown[index]["sequence_number"] == index
    assert DELTA in out


def test_a_last_word_changes_what_was_held() -> None:
    """When keeping has failed after all."""
    stated = make({})
    feed(stated, *BEGINNING, DELTA, END)
    assert b'"store":false' in stated.release({"store": Raw(b"false")})


def test_a_stream_with_other_line_ends_is_held_as_well() -> None:
    """CRLF is as good as LF."""
    stated = make({})
    whole = b"".join([*BEGINNING, DELTA, END]).replace(b"\n", b"\r\n")
    out = stated.feed(whole)
    assert out + stated.release() == whole
    assert stated.response is not None


def test_a_broken_stream_ends_failed() -> None:
    """The failure is a response like others, to be kept before it is told."""
    stated = make({})
    feed(stated, *BEGINNING, DELTA)
    out = stated.fail(Failed("cut"))
    assert b"event: error" in out
    assert stated.response is not None
    assert msgspec.json.decode(stated.response)["status"] == "failed"
    assert b"event: response.failed" in stated.release()


@pytest.mark.parametrize("text", ["response.completed", "\n\nevent: response.failed", "response.in_progress"])
def test_words_are_no_events(text: str) -> None:
    """Whatever an answer says, before its end and in it."""
    stated = make(CHANGES)
    said = event("response.output_text.delta", sequence_number=2, delta=text)
    end = event("response.completed", sequence_number=3, response=response("completed", output=[text]))
    out = feed(stated, *BEGINNING, said, said)
    assert out.endswith(said + said)
    assert stated.response is None
    assert feed(stated, said + end) == said
    assert msgspec.json.decode(stated.response or b"")["output"] == [text]


def test_an_answer_that_comes_at_once_is_looked_into_at_its_ends() -> None:
    """A hundred events cost no more than one."""

    def cost(count: int) -> float:
        whole = b"".join([*BEGINNING, *[DELTA.replace(b"response.completed", b"text")] * count, END])
        return min(timeit.repeat(lambda: make({}).feed(whole), number=20, repeat=5))

    assert cost(1000) < 10 * cost(10)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60))
def test_chunks_make_no_difference(lengths: list[int]) -> None:
    """However the bytes come in."""
    whole = b"".join([*BEGINNING, DELTA, END])
    stated = make(CHANGES)
    out, at = b"", 0
    for length in lengths:
        out += stated.feed(whole[at : at + length])
        at += length
    out += stated.feed(whole[at:]) if at < len(whole) else b""
    out += stated.end() + stated.release()
    again = make(CHANGES)
    assert out == again.feed(whole) + again.end() + again.release()


@pytest.mark.parametrize("body", [b"[]", b"not json", b'"text"'])
def test_what_is_no_object_passes(body: bytes) -> None:
    """It is not ours to mend."""
    assert state_reply(body, CHANGES) == body


def test_a_reply_is_changed_by_name() -> None:
    """Every other member keeps its bytes."""
    assert state_reply(b'{"id":"r","big":1.50}', {"store": Raw(b"true")}) == b'{"id":"r","big":1.50,"store":true}'
