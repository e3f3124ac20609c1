"""The little that routing reads of a body."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.engine.envelope import decode_body, encode_members, read_envelope, read_members
from trunkline.errors import InvalidRequest


def test_every_other_value_keeps_its_bytes() -> None:
    """Numbers, escapes and white space inside a value are not touched."""
    body = b'{"model":"m","x":1.0e+2,"y":{ "a" : "\\u00e9\\/" },"stream":true}'
    envelope = read_envelope(body)
    assert (envelope.model, envelope.stream) == ("m", True)
    assert encode_members(envelope.members) == body


@pytest.mark.parametrize(
    ("body", "param", "message"),
    [
        (b"", None, "empty"),
        (b"{", None, "not valid JSON"),
        (b"[1]", None, "JSON object"),
        (b'"model"', None, "JSON object"),
        (b"null", None, "JSON object"),
        (b"{}", "model", "missing"),
        (b'{"model":null}', "model", "missing"),
        (b'{"model":" "}', "model", "non-empty string"),
        (b'{"model":7}', "model", "non-empty string"),
        (b'{"model":"' + b"m" * 513 + b'"}', "model", "at most 512"),
        (b'{"model":"m","stream":"yes"}', "stream", "true or false"),
        (b'{"model":"m","stream":1}', "stream", "true or false"),
        (b'{"model":"m","model":"n"}', "model", "more than once"),
        (b'{"model":"m", "mod\\u0065l" : "n", "x": "\\"model\\""}', "model", "more than once"),
        (b'{"model":"m","stream":true,"stream":false}', "stream", "more than once"),
        (b'{"model":"\xff"}', None, "UTF-8"),
        (b'{"model":"m","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", None, "nested too deeply"),
    ],
)
def test_bad_bodies_are_refused(body: bytes, param: str | None, message: str) -> None:
    """Each names what is wrong, and where."""
    with pytest.raises(InvalidRequest, match=message) as caught:
        read_envelope(body)
    assert caught.value.param == param


def test_a_nested_model_is_no_second_one() -> None:
    """Only the top level counts."""
    assert read_envelope(b'{"model":"m","metadata":{"model":"n"},"tools":[{"model":"o"}]}').model == "m"


@given(st.dictionaries(st.text(max_size=4), st.text(max_size=2), max_size=4), st.booleans())
def test_no_member_comes_out_longer(value: dict[str, str], escapes: bool) -> None:
    """So that a body which comes out as long as it went in holds no member twice."""
    body = json.dumps(value, ensure_ascii=escapes, separators=(",", ":")).encode("utf-8", "surrogatepass")
    with contextlib.suppress(InvalidRequest):
        assert len(encode_members(read_members(body))) <= len(body)


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Nothing else is ever raised."""
    with contextlib.suppress(InvalidRequest):
        assert decode_body(read_envelope(body).members)["model"]


@pytest.mark.parametrize(
    "text", [rb"\ud83d", rb"a\ud83d and more text", rb"\ude00", rb"\ud83d\ud83d\ude00", rb"\\\uD83D"]
)
def test_half_a_surrogate_pair_is_refused(text: bytes) -> None:
    """FR-36: half a character is the caller's mistake, not a 500, and the error names it."""
    with pytest.raises(InvalidRequest, match=r"`\\u[dD]\w{3}` \(byte \d+\) is half of a surrogate pair"):
        read_envelope(b'{"model":"m","input":"' + text + b'"}')


def test_half_a_surrogate_pair_is_not_searched_for_in_vain() -> None:
    """What is wrong with a body must not take longer to tell than to find: of a long one the beginning is searched."""
    with pytest.raises(InvalidRequest, match="truncated"):
        read_members(b'{"a":"' + b"\\ud83d\\ude00" * 100_000 + b"\\ud83d")


def test_a_whole_surrogate_pair_is_a_character() -> None:
    """And an escaped backslash no escape."""
    assert read_envelope(rb'{"model":"\ud83d\ude00","input":"\\ud83d"}').model == "\U0001f600"


@pytest.mark.parametrize(
    "crowd", [[{"role": "user", "content": "a"}] * 30_001, [[]] * 150_000, [{}] * 150_000, [1] * 150_000]
)
def test_what_is_looked_into_is_bounded(crowd: list[object]) -> None:
    """What looks like an object in a text is not counted."""
    code = '{"a":[{}, 1]}' * 160_000
    members = read_members(json.dumps({"model": "m", "texts": [code], "messages": crowd}).encode())
    assert decode_body({"texts": members["texts"]})["texts"] == [code]
    with pytest.raises(InvalidRequest, match="more than 150,000 texts, numbers, objects and lists") as caught:
        decode_body(members)
    assert caught.value.param == "messages"


def test_a_body_has_a_bounded_number_of_members() -> None:
    """Whether it is passed on or looked into."""
    with pytest.raises(InvalidRequest, match="more than 1,000 members"):
        read_members(json.dumps({f"k{number}": 1 for number in range(1001)}).encode())


def test_a_body_that_is_too_large_to_look_through_says_its_model_once() -> None:
    """Names within are told from those of the top level by reading all of it."""
    within = json.dumps([{"model": 1}] * 200_000)
    with pytest.raises(InvalidRequest, match="too much for a look"):
        read_envelope(f'{{"model": "m", "messages": {within}}}'.encode())
    assert read_envelope(f'{{"model":"m","messages":{within.replace(" ", "")}}}'.encode()).model == "m"
