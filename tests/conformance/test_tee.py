"""What is passed on loses nothing: requests value for value, replies byte for byte, whatever is in them."""

import asyncio
import itertools
import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Raw
from upstreams import ANSWERS, write_reply, write_stream

from scripted_gateway import PATHS, STREAM, Scene, ScriptedReply, json_reply, stream

# Each caller, and the account that speaks its dialect natively.
NATIVE = {"chat": "native_chat", "responses": "responses", "messages": "messages"}

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

# Values as clients spell them: their numbers, escapes and white space are theirs.
SPELLINGS = st.sampled_from(
    [
        b"1.0",
        b"1e3",
        b"-0",
        b"12345678901234567890123",
        b"0.30000000000000004",
        b'"\\u00e9\\/\\ud83c\\udf89"',
        '"é 🎉 \u2028"'.encode(),
        b'{ "a" : [ 1 ,2 ] }',
        b'{"x":1,"x":2}',
        b"[ ]",
        b"null",
        b"true",
        b'"tl1 is no seal"',
    ]
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
VALUES = SPELLINGS | JSON_VALUES.map(lambda value: json.dumps(value, ensure_ascii=True).encode())
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6).filter(
    lambda name: name not in ("model", "stream", "stream_options", "provider_options")
)


@pytest.mark.parametrize("caller", list(PATHS))
def test_a_request_goes_out_value_for_value(caller: str) -> None:
    """T-96: whatever its members are called and hold, in their order; only the model's name is the provider's."""

    @QUICK
    @given(before=st.dictionaries(NAMES, VALUES, max_size=4), after=st.dictionaries(NAMES, VALUES, max_size=4))
    def run(before: dict[str, bytes], after: dict[str, bytes]) -> None:
        members = [*before.items(), ("model", b"%b"), *((k, v) for k, v in after.items() if k not in before)]
        account = NATIVE[caller]
        body = b"{%b}" % b" , ".join(json.dumps(name).encode() + b" : " + value for name, value in members)
        scene = Scene()
        scene.upstream.answer = json_reply(write_reply(account, ANSWERS["text"]))
        name = json.dumps(f"{account}/some-model").encode()
        got = asyncio.run(scene.ask(PATHS[caller], body.replace(b'"model" : %b', b'"model" : ' + name)))
        assert got.status == 200, got.body
        assert got.headers["x-trunkline-route"] == f"tee {account}/some-model"
        sent = msgspec.json.decode(scene.upstream.body, type=dict[str, Raw])
        assert list(sent) == [name for name, _ in members]
        assert {name: bytes(value) for name, value in sent.items()} == dict(members) | {"model": b'"some-model"'}

    run()


def with_extras(events: list[bytes], extras: list[tuple[int, str, bytes]]) -> list[bytes]:
    """Events with unknown members in their objects, and unknown events between them."""
    changed = list(events)
    for number, name, value in extras:
        at = number % len(changed)
        head, brace, rest = changed[at].partition(b"data: {")
        if brace:
            changed[at] = head + b'data: {"x_%b":%b,' % (name.encode().hex().encode(), value) + rest
    return changed


def cut(data: bytes, at: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(place % len(data) for place in at)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


EXTRAS = st.lists(st.tuples(st.integers(0, 50), st.text(max_size=3), SPELLINGS), max_size=5)
ENDS = [name for name, answer in ANSWERS.items() if answer.end in ("stop", "length")]


@pytest.mark.parametrize("caller", list(PATHS))
def test_a_stream_comes_back_byte_for_byte(caller: str) -> None:
    """T-96: unknown members and events included, however it is cut; a Chat caller who asks for usage has its chunk."""

    @QUICK
    @given(name=st.sampled_from(ENDS), extras=EXTRAS, at=st.lists(st.integers(0, 5000), max_size=8))
    def run(name: str, extras: list[tuple[int, str, bytes]], at: list[int]) -> None:
        account = NATIVE[caller]
        events = with_extras(write_stream(account, ANSWERS[name]), extras)
        if caller != "chat":
            events.insert(1, b'event: brand.new\ndata: {"type":"brand.new","x": 1.0}\n\n')
        data = b"".join(events)
        pieces = cut(data, at)
        members: dict[str, Any] = {"stream_options": {"include_usage": True}} if caller == "chat" else {}
        got = asyncio.run(Scene().generate(caller, account, stream(*pieces), stream=True, **members))
        assert got.body == data

    run()


def test_an_unasked_usage_chunk_is_all_that_is_cut() -> None:
    """Of a Chat stream, whose caller did not ask for it."""

    @QUICK
    @given(name=st.sampled_from(ENDS), extras=EXTRAS, at=st.lists(st.integers(0, 5000), max_size=8))
    def run(name: str, extras: list[tuple[int, str, bytes]], at: list[int]) -> None:
        events = with_extras(write_stream("native_chat", ANSWERS[name]), extras)
        data = b"".join(events)
        pieces = cut(data, at)
        got = asyncio.run(Scene().generate("chat", "native_chat", stream(*pieces), stream=True))
        assert got.body == b"".join(events[:-2] + events[-1:])

    run()


@pytest.mark.parametrize("caller", list(PATHS))
def test_a_whole_reply_comes_back_byte_for_byte(caller: str) -> None:
    """T-96: its white space included."""

    @QUICK
    @given(name=st.sampled_from(ENDS), extras=st.dictionaries(st.text(max_size=4), VALUES, max_size=4))
    def run(
        name: str,
        extras: dict[str, bytes],
    ) -> None:
        account = NATIVE[caller]
        body = json.dumps(write_reply(account, ANSWERS[name]), indent=1).encode()
        for key, value in extras.items():
            body = b"{" + json.dumps("x_" + key).encode() + b" :" + value + b"," + body[1:]
        scene = Scene()
        got = asyncio.run(scene.generate(caller, account, json_reply(body)))
        assert got.body == body
        assert scene.records.only.usage.total == 12

    run()


@pytest.mark.parametrize("caller", list(PATHS))
async def test_a_long_stream_comes_back_byte_for_byte(caller: str) -> None:
    """A megabyte, in reads that fall anywhere."""
    account = NATIVE[caller]
    events = write_stream(account, ANSWERS["text"])
    is_delta = [b"Hel" in event and b"lo there" not in event and b".done" not in event for event in events]
    at = is_delta.index(True)
    if caller == "responses":
        data = b"".join(events)
        data = data.replace(b'"delta":"Hel"', b'"delta":"' + b"x" * 1_000_000 + b'"')
    else:
        data = b"".join([*events[:at], *(events[at] for _ in range(5000)), *events[at + 1 :]])
    pieces = [data[start : start + 1447] for start in range(0, len(data), 1447)]
    members: dict[str, Any] = {"stream_options": {"include_usage": True}} if caller == "chat" else {}
    scene = Scene()
    got = await scene.generate(caller, account, stream(*pieces), stream=True, **members)
    assert got.body == data
    assert scene.records.only.usage.total == 12


@pytest.mark.parametrize("caller", list(PATHS))
async def test_an_oddly_written_content_type_is_understood(caller: str) -> None:
    """A stream whose content type has parameters or capitals is one all the same."""
    account = NATIVE[caller]
    data = b"".join(write_stream(account, ANSWERS["text"]))
    headers = STREAM | {b"content-type": b"Text/Event-Stream;charset=UTF-8"}
    got = await Scene().generate(caller, account, ScriptedReply(200, headers, [data]), stream=True)
    assert got.status == 200
    assert got.body.startswith(data[:100])
