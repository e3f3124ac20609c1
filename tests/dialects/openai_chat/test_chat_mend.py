"""Crooked streams and replies reach a Chat caller straight, and what is straight passes as it was."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.dialects.dialect import TeeOptions
from trunkline.dialects.openai_chat import DIALECT
from trunkline.errors import Busy, Failed, Refused, TimedOut
from trunkline.usage import NO_USAGE, Usage

USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}


def mend(stream: bytes, cut_usage: bool = True) -> tuple[Any, bytes]:
    passage = DIALECT.mend(TeeOptions(cut_usage=cut_usage))
    written = passage.feed(stream) + passage.end()
    single = DIALECT.mend(TeeOptions(cut_usage=cut_usage))
    again = b"".join(single.feed(stream[at : at + 1]) for at in range(len(stream))) + single.end()
    assert again == written
    assert (single.usage, single.has_content, single.incomplete) == (
        passage.usage,
        passage.has_content,
        passage.incomplete,
    )
    return passage, written


def begin(index: Any, name: str, arguments: Any = "", call_id: Any = None) -> dict[str, Any]:
    return {
        "index": index,
        "id": call_id or f"call_{name}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def test_straight_events_pass_as_the_bytes_they_were(wire: Any) -> None:
    """Spaces, order and unknown members included."""
    first = wire.frame([wire.chunk({"role": "assistant", "content": ""})], done=False)
    odd = b'data: {"object":"chat.completion.chunk", "x":1.50, "id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"\\"usage\\":{"},"finish_reason":null}],"usage":null}\n\n'
    _, written = mend(first + odd + wire.frame([wire.chunk({}, "stop")]))
    assert odd in written


def test_t03_calls_get_dense_indexes(wire: Any) -> None:
    """T-03: two calls at index 0 and a `stop`."""
    _, written = mend(wire.frame([wire.calls(begin(0, "a", '{"x":1}'), begin(0, "b", "{}")), wire.chunk({}, "stop")]))
    gathered = wire.gather(written)
    assert [entry["id"] for entry in gathered["message"]["tool_calls"]] == ["call_a", "call_b"]
    assert gathered["finish"] == "tool_calls"


def test_t05_indexes_from_one(wire: Any) -> None:
    """T-05: `gather` insists on 0."""
    stream = [
        wire.calls(begin(1, "a", "{")),
        wire.calls({"index": 1, "function": {"arguments": "}"}}),
        wire.chunk({}, "tool_calls"),
    ]
    call = wire.gather(mend(wire.frame(stream))[1])["message"]["tool_calls"][0]
    assert call["function"] == {"name": "a", "arguments": "{}"}


def test_t06_one_id_and_one_name(wire: Any) -> None:
    """T-06: rotated ids and empty names are taken off; unknown members stay."""
    later = {"index": 0, "id": "rotated", "function": {"name": "", "arguments": "{}"}, "vendor": 1}
    _, written = mend(wire.frame([wire.calls(begin(0, "a")), wire.calls(later), wire.chunk({}, "tool_calls")]))
    call = wire.gather(written)["message"]["tool_calls"][0]
    assert call == {"id": "call_a", "type": "function", "function": {"name": "a", "arguments": "{}"}, "vendor": 1}


def test_a_call_without_an_id_gets_one(wire: Any) -> None:
    """And two get two."""
    calls = [begin(0, "a", {}), begin(1, "b", {})]
    for call in calls:
        del call["id"]
    _, written = mend(wire.frame([wire.calls(*calls), wire.chunk({}, "stop")]))
    ids = [call["id"] for call in wire.gather(written)["message"]["tool_calls"]]
    assert len(set(ids)) == 2


@pytest.mark.parametrize(("arguments", "expected"), [({"x": 1}, '{"x":1}'), ("", "{}"), (None, "{}"), ("null", "{}")])
def test_t15_arguments_are_text(wire: Any, arguments: Any, expected: str) -> None:
    """T-15, T-07: objects are written out, nothing is `{}`."""
    _, written = mend(wire.frame([wire.calls(begin(0, "a", arguments)), wire.chunk({}, "stop")]))
    assert wire.gather(written)["message"]["tool_calls"][0]["function"]["arguments"] == expected


def test_fr14_a_finish_of_calls_without_a_call(wire: Any) -> None:
    """FR-14: it is a stop, and the empty list is gone."""
    _, written = mend(wire.frame([wire.chunk({"content": "x", "tool_calls": []}), wire.chunk({}, "tool_calls")]))
    gathered = wire.gather(written)
    assert (gathered["finish"], gathered["message"]["content"]) == ("stop", "x")
    assert "tool_calls" not in gathered["message"]


@pytest.mark.parametrize(
    "chunks",
    [
        [{"choices": [], "usage": USAGE}],
        [{"usage": USAGE}],
        [{"x_groq": {"id": "r", "usage": USAGE}}],
        [{"usage": {**USAGE, "completion_tokens": 1}}, {"usage": USAGE}],
    ],
)
def test_t26_usage_once_and_only_if_wanted(wire: Any, chunks: list[dict[str, Any]]) -> None:
    """T-26: wherever the vendor hides it, it is known, and told in one chunk."""
    stream = wire.frame(
        [wire.chunk({"content": "x"}), wire.chunk({}, "stop"), *[wire.chunk({}, **chunk) for chunk in chunks]]
    )
    passage, written = mend(stream, cut_usage=True)
    assert wire.gather(written)["usages"] == []
    assert passage.usage == Usage(9, 0, 0, 2)
    [usage] = wire.gather(mend(stream, cut_usage=False)[1])["usages"]
    assert {name: usage[name] for name in USAGE} == USAGE


def test_usage_is_put_right(wire: Any) -> None:
    """xAI's reasoning counts, DeepSeek's cache, and their own members stay."""
    usage = {
        "prompt_tokens": 12,
        "completion_tokens": 1,
        "total_tokens": 303,
        "completion_tokens_details": {"reasoning_tokens": 290},
        "prompt_cache_hit_tokens": 11,
        "cost": 5,
    }
    _, written = mend(wire.frame([wire.chunk({"content": "x"}, "stop", usage=usage)]), cut_usage=False)
    [told] = wire.gather(written)["usages"]
    assert (told["completion_tokens"], told["total_tokens"], told["cost"]) == (291, 303, 5)
    assert told["prompt_tokens_details"]["cached_tokens"] == 11


def test_content_arrays_become_text(wire: Any) -> None:
    """Mistral's thinking becomes `reasoning_content`."""
    content = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "x"}]
    message = wire.gather(mend(wire.frame([wire.chunk({"content": content}), wire.chunk({}, "stop")]))[1])["message"]
    assert (message["reasoning_content"], message["content"]) == ("hm", "x")


def test_fr05_a_finish_on_every_chunk(wire: Any) -> None:
    """FR-05: `gather` insists on one, after the text."""
    _, written = mend(wire.frame([wire.chunk({"content": "a"}, "stop"), wire.chunk({"content": "b"}, "stop")]))
    assert wire.gather(written)["message"]["content"] == "ab"


def test_unknown_finish_words_are_translated(wire: Any) -> None:
    """SDKs know five."""
    passage, written = mend(wire.frame([wire.chunk({"content": "x"}, "model_length")]))
    assert wire.gather(written)["finish"] == "length"
    assert passage.incomplete


def test_a_missing_done_is_added(wire: Any) -> None:
    """A finish is a proper end."""
    passage, written = mend(wire.frame([wire.chunk({"content": "x"}, "stop")], done=False))
    assert written.endswith(b"data: [DONE]\n\n")
    assert passage.error is None


def test_t22_a_cut_stream_ends_in_an_error(wire: Any) -> None:
    """T-22: the error, then the mark."""
    passage, written = mend(wire.frame([wire.chunk({"content": "x"})], done=False))
    *_, error, done = wire.decode(written)
    assert (done, set(error)) == ("[DONE]", {"error"})
    assert isinstance(passage.error, Failed)


def test_t23_an_error_in_mid_stream(wire: Any) -> None:
    """T-23: in OpenAI's shape, and nothing after it."""
    error = {"error": {"message": "exploded", "code": 529}, "id": "x"}
    passage, written = mend(wire.frame([wire.chunk({"content": "x"}), error, wire.chunk({"content": "y"}, "stop")]))
    *_, error, _ = wire.decode(written)
    assert set(error["error"]) == {"message", "type", "param", "code"}
    assert b'"y"' not in written
    assert isinstance(passage.error, Busy)


def test_fr01_an_error_before_anything(wire: Any) -> None:
    """FR-01: known before any content, so that it becomes a status."""
    passage = DIALECT.mend(TeeOptions())
    passage.feed(wire.frame([{"error": {"message": "no", "code": 400}}]))
    assert isinstance(passage.error, Refused)
    assert not passage.has_content


@pytest.mark.parametrize(
    ("delta", "has_content"),
    [
        ({"role": "assistant", "content": ""}, False),
        ({"content": "x"}, True),
        ({"reasoning": "x"}, True),
        ({"tool_calls": [begin(0, "f")]}, True),
    ],
)
def test_what_is_content(wire: Any, delta: dict[str, Any], has_content: bool) -> None:
    """Text, a thought or a call is worth a status 200; a role is not. Straight events too."""
    passage = DIALECT.mend(TeeOptions())
    passage.feed(wire.frame([wire.chunk({"role": "assistant", "content": ""})], done=False))
    passage.feed(wire.frame([wire.chunk(delta)], done=False))
    assert passage.has_content == has_content


def test_missing_members_are_filled_in(wire: Any) -> None:
    """An id that comes and goes, no `object`, no role: the SDKs need them on every chunk."""
    chunks = [
        wire.chunk({"content": "a"}, object=...),
        wire.chunk({"content": "b"}, id="other"),
        wire.chunk({}, "stop", id=...),
    ]
    *written, _ = wire.decode(mend(wire.frame(chunks))[1])
    assert {(chunk["id"], chunk["object"]) for chunk in written} == {("chatcmpl-1", "chat.completion.chunk")}
    assert written[0]["choices"][0]["delta"]["role"] == "assistant"


def test_t27_a_first_chunk_without_choices(wire: Any) -> None:
    """T-27: filter results pass and fix no id."""
    azure = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": [1]}
    written = wire.decode(mend(wire.frame([azure, wire.chunk({"content": "x"}, "stop")]))[1])
    assert written[0] == azure
    assert written[1]["id"] == "chatcmpl-1"


def test_t32_choices_keep_apart(wire: Any) -> None:
    """T-32: with `n` each choice has its own finish."""
    second = wire.chunk({"content": "b"}, "length")
    second["choices"][0]["index"] = 1
    *chunks, _ = wire.decode(mend(wire.frame([wire.chunk({"content": "a"}, "stop"), second]))[1])
    finishes = {
        choice["index"]: choice["finish_reason"]
        for chunk in chunks
        for choice in chunk["choices"]
        if choice["finish_reason"]
    }
    assert finishes == {0: "stop", 1: "length"}


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_t25_framing_makes_no_difference(wire: Any, line_end: bytes) -> None:
    """T-25: comments go, line ends are ours."""
    stream = b": PROCESSING\n\n" + wire.frame([wire.chunk({"content": "é🎉"}), wire.chunk({}, "stop")])
    assert mend(stream.replace(b"\n", line_end))[1] == mend(stream)[1]


def test_a_json_error_where_a_stream_was_asked_for() -> None:
    """It is that error."""
    passage, _ = mend(b'{"error": {"message": "no", "code": 429}}')
    assert isinstance(passage.error, Busy)
    assert not passage.has_content


def test_a_whole_reply_where_a_stream_was_asked_for(wire: Any) -> None:
    """It is passed on as a stream."""
    message = {"role": "assistant", "content": "hi"}
    reply = {"id": "x", "model": "m", "object": "chat.completion", "created": 1, "usage": USAGE}
    _, written = mend(
        msgspec.json.encode({**reply, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    )
    assert wire.gather(written)["message"]["content"] == "hi"


def test_a_broken_connection(wire: Any) -> None:
    """The error, the mark, then silence; nothing after a proper end."""
    passage = DIALECT.mend(TeeOptions())
    passage.feed(wire.frame([wire.chunk({"content": "x"})], done=False))
    assert wire.decode(passage.fail(TimedOut("silence")))[-1] == "[DONE]"
    assert passage.feed(b"data: {}\n\n") + passage.end() + passage.fail(TimedOut("again")) == b""
    done = DIALECT.mend(TeeOptions())
    done.feed(wire.frame([wire.chunk({"content": "x"}, "stop")]))
    assert done.fail(TimedOut("late")) == b""
    assert done.error is None


def test_a_connection_that_breaks_behind_the_finish(wire: Any) -> None:
    """The answer is whole: it is closed as if it had ended well."""
    passage = DIALECT.mend(TeeOptions())
    written = passage.feed(wire.frame([wire.chunk({"content": "x"}), wire.chunk({}, "stop")], done=False))
    written += passage.fail(TimedOut("late"))
    assert wire.gather(written)["finish"] == "stop"
    assert passage.error is None


def test_the_old_function_call_passes(wire: Any) -> None:
    """With its own finish."""
    chunks = [wire.chunk({"function_call": {"name": "f", "arguments": "{}"}}), wire.chunk({}, "function_call")]
    assert wire.gather(mend(wire.frame(chunks))[1])["finish"] == "function_call"


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=60),
    st.lists(st.sampled_from([b'data: {"choices":', b"[", b"]", b"{}", b"\n\n", b'"delta":', b"3", b"}"])),
)
def test_garbage_never_raises(garbage: bytes, pieces: list[bytes]) -> None:
    """It ends in an error."""
    for passage in (DIALECT.mend(TeeOptions()), DIALECT.tee(TeeOptions(cut_usage=True))):
        passage.feed(garbage + b"".join(pieces) + b"\n\n")
        passage.end()
        assert passage.error is not None or passage.has_content
    DIALECT.reader().feed(garbage + b"".join(pieces) + b"\n\n")


# --- whole replies ------------------------------------------------------------------------------------------------


def reply(message: dict[str, Any], finish: Any = "stop", **members: Any) -> bytes:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return msgspec.json.encode(
        {"id": "r-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], **members}
    )


def mend_reply(body: bytes) -> Any:
    mended = DIALECT.mend_reply(body)
    assert mended.error is None
    return msgspec.json.decode(mended.body)


def test_a_crooked_reply_is_straightened() -> None:
    """Objects as arguments, a stop with calls, ids that are missing or given twice, usage in Groq's corner."""
    calls = [
        {"id": "c", "function": {"name": "a", "arguments": {"x": 1}}},
        {"id": "c", "function": {"name": "b", "arguments": ""}},
    ]
    body = mend_reply(reply({"content": None, "tool_calls": calls}, x_groq={"usage": USAGE}, vendor=1))
    choice = body["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert [call["function"]["arguments"] for call in choice["message"]["tool_calls"]] == ['{"x":1}', "{}"]
    assert len({call["id"] for call in choice["message"]["tool_calls"]}) == 2
    assert {call["type"] for call in choice["message"]["tool_calls"]} == {"function"}
    assert body["usage"]["total_tokens"] == 11
    assert body["vendor"] == 1


def test_a_content_array_in_a_reply() -> None:
    """Becomes text and reasoning."""
    content = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "x"}]
    message = mend_reply(reply({"content": content}))["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"], message["refusal"]) == ("x", "hm", None)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"message": "no", "code": 400}}',
        b'[{"error": {"message": "no"}}]',
        reply({"content": ""}, "error"),
        b"<html>",
        b"{}",
        b"[]",
        b"3",
    ],
)
def test_an_error_in_a_reply(body: bytes) -> None:
    """It is an error, whatever its status was."""
    assert DIALECT.mend_reply(body).error is not None
    assert DIALECT.tee_reply(body).error is not None or body == b"{}"


def test_fr03_a_stream_where_json_was_asked_for(wire: Any) -> None:
    """FR-03: one reply with the whole text, finish and usage."""
    stream = wire.frame(
        [wire.chunk({"content": "a"}), wire.chunk({"content": "b"}), wire.chunk({}, "stop", usage=USAGE)]
    )
    body = mend_reply(stream)
    assert body["object"] == "chat.completion"
    assert body["choices"][0]["message"]["content"] == "ab"
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["usage"]["total_tokens"] == 11
    assert DIALECT.read_reply(stream).usage == Usage(9, 0, 0, 2)
    assert DIALECT.mend_reply(wire.frame([wire.chunk({"content": "a"})])).error is not None


def test_a_cut_reply_says_so() -> None:
    """For the record."""
    assert DIALECT.mend_reply(reply({"content": "x"}, "length")).incomplete
    cut = DIALECT.tee_reply(reply({"content": "x"}, "length", usage=USAGE))
    assert (cut.incomplete, cut.usage) == (True, Usage(9, 0, 0, 2))
    assert DIALECT.tee_reply(reply({"content": "x"})).usage == NO_USAGE


# --- what vendors leave out, and what they call thought -------------------------------------------------------------

TOLD = TeeOptions(model="served", created=1_700_000_000)


@pytest.mark.parametrize("head", [{}, {"model": "", "created": 0}, {"model": None, "created": None}])
def test_a_missing_model_and_time_are_filled_in(wire: Any, head: dict[str, Any]) -> None:
    """SDKs have types for both; every chunk says the same."""
    chunks = [wire.chunk({"role": "assistant", "content": "x"}), wire.chunk({"content": "y"}), wire.chunk({}, "stop")]
    for chunk in chunks:
        del chunk["model"], chunk["created"]
        chunk.update(head)
    passage = DIALECT.mend(TOLD)
    written = passage.feed(wire.frame(chunks)) + passage.end()
    events = [msgspec.json.decode(line[6:]) for line in written.split(b"\n\n") if line.startswith(b"data: {")]
    assert {(event["model"], event["created"]) for event in events} == {("served", 1_700_000_000)}
    reply = {"id": "c", "choices": [{"message": {"role": "assistant", "content": "x"}}], **head}
    whole = msgspec.json.decode(DIALECT.mend_reply(msgspec.json.encode(reply), TOLD).body)
    assert (whole["model"], whole["created"]) == ("served", 1_700_000_000)


def test_what_a_vendor_says_of_model_and_time_stays(wire: Any) -> None:
    """It knows better."""
    reply = {"id": "c", "model": "its-own", "created": 5, "choices": [{"message": {"content": "x"}}]}
    whole = msgspec.json.decode(DIALECT.mend_reply(msgspec.json.encode(reply), TOLD).body)
    assert (whole["model"], whole["created"]) == ("its-own", 5)


def test_thought_is_told_under_both_names(wire: Any) -> None:
    """Most clients look for `reasoning_content`; those of the vendor find what they know."""
    thoughts = ["Let", " me", ' "think"', "\n", " ends"]
    stream = [wire.chunk({"role": "assistant", "reasoning": thoughts[0]})]
    stream += [wire.chunk({"reasoning": thought}) for thought in thoughts[1:]]
    stream += [wire.chunk({"content": "yes"}), wire.chunk({}, "stop")]
    _, written = mend(wire.frame(stream))
    deltas = [
        msgspec.json.decode(line[6:])["choices"][0]["delta"]
        for line in written.split(b"\n\n")
        if line.startswith(b"data: {")
    ]
    told = [delta for delta in deltas if "reasoning" in delta]
    assert [delta["reasoning"] for delta in told] == thoughts
    assert [delta["reasoning_content"] for delta in told] == thoughts
    assert [delta.get("role") for delta in told] == ["assistant", None, None, None, None]


def test_thought_that_has_its_name_passes_as_it_is(wire: Any) -> None:
    """DeepSeek's events need no mending."""
    first = wire.frame([wire.chunk({"role": "assistant", "content": ""})], done=False)
    thought = wire.frame([wire.chunk({"reasoning_content": "hm"})], done=False)
    assert thought in mend(first + thought + wire.frame([wire.chunk({}, "stop")]))[1]


def test_thought_of_a_whole_reply_is_told_under_both_names() -> None:
    """Likewise."""
    reply = {"id": "c", "choices": [{"message": {"content": "x", "reasoning": "hm"}}]}
    message = msgspec.json.decode(DIALECT.mend_reply(msgspec.json.encode(reply), TOLD).body)["choices"][0]["message"]
    assert (message["reasoning"], message["reasoning_content"]) == ("hm", "hm")


@settings(max_examples=200)
@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=8))
def test_thought_comes_whole_whatever_it_is(thoughts: list[str]) -> None:
    """However an event differs from the one before."""
    chunks = [
        {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
         "choices": [{"index": 0, "delta": {"reasoning": thought}, "finish_reason": None}]}
        for thought in thoughts
    ]  # fmt: skip
    passage = DIALECT.mend(TOLD)
    written = b"".join(passage.feed(b"data: %b\n\n" % msgspec.json.encode(chunk)) for chunk in chunks)
    deltas = [msgspec.json.decode(line[6:])["choices"][0]["delta"] for line in written.split(b"\n\n") if line]
    assert [delta["reasoning_content"] for delta in deltas] == thoughts
    assert [delta["reasoning"] for delta in deltas] == thoughts
