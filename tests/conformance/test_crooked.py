"""What careless Chat servers send reaches every caller straight: one case a carelessness, through the public door."""

import json
from pathlib import Path
from typing import Any

import pytest
from callers import Items, read_reply, read_stream
from msgspec.structs import replace

from chat_recordings import STREAMS as RECORDED
from chat_recordings import load_stream
from scripted_gateway import PATHS, Scene, json_reply, stream
from trunkline.usage import Usage

CALLERS = list(PATHS)
USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
DONE = b"data: [DONE]\n\n"


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **members: Any) -> bytes:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    whole = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]} | members
    return b"data: " + json.dumps(without_gaps(whole), ensure_ascii=False).encode() + b"\n\n"


def without_gaps(value: dict[str, Any]) -> dict[str, Any]:
    return {name: member for name, member in value.items() if member is not ...}


def call(index: Any, id: Any, name: Any, arguments: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    whole = {"index": index, "id": id, "type": "function", "function": without_gaps(function)}
    return without_gaps(whole)


def calls(*fragments: dict[str, Any]) -> bytes:
    return chunk({"tool_calls": list(fragments)})


ROLE = chunk({"role": "assistant", "content": ""})
HI: Items = [("text", "Hi")]
ONE: Items = [("call", "call_a", "f", '{"x":1}')]
TWO: Items = [("call", "call_a", "f", '{"x":1}'), ("call", "call_b", "g", '{"y":2}')]

STREAMS: dict[str, tuple[list[bytes], Items]] = {
    "T-03: two whole calls at one index": (
        [ROLE, calls(call(0, "call_a", "f", '{"x":1}'), call(0, "call_b", "g", '{"y":2}')), chunk({}, "stop"), DONE],
        TWO,
    ),
    "two whole calls at one index, a chunk each": (
        [calls(call(0, "call_a", "f", '{"x":1}')), calls(call(0, "call_b", "g", '{"y":2}')), chunk({}, "stop"), DONE],
        TWO,
    ),
    "calls without an index": (
        [calls(call(..., "call_a", "f", '{"x":1}'), call(..., "call_b", "g", '{"y":2}')), chunk({}, "tool_calls"), DONE],
        TWO,
    ),
    "T-05: indexes from one": (
        [calls(call(1, "call_a", "f", "")), calls(call(1, ..., ..., '{"x":1}')), chunk({}, "tool_calls"), DONE],
        ONE,
    ),
    "T-06: empty names and the id again": (
        [
            calls(call(0, "call_a", "f", '{"x"')),
            calls(call(0, "call_a", "", ":1")),
            calls(call(0, "call_a", "", "}")),
            chunk({}, "tool_calls"),
            DONE,
        ],
        ONE,
    ),
    "T-06: rotating ids": (
        [
            calls(call(0, "call_a", "f", "")),
            calls(call(0, "call_z", None, '{"x":')),
            calls(call(0, "call_y", None, "1}")),
            chunk({}, "tool_calls"),
            DONE,
        ],
        ONE,
    ),
    "T-15: arguments as an object": (
        [calls(call(0, "call_a", "f", {"x": 1})), chunk({}, "stop"), DONE],
        ONE,
    ),
    "T-01: interleaved arguments": (
        [
            calls(call(0, "call_a", "f", "")),
            calls(call(1, "call_b", "g", "")),
            calls({"index": 0, "function": {"arguments": '{"x":'}}),
            calls({"index": 1, "function": {"arguments": '{"y":'}}),
            calls({"index": 0, "function": {"arguments": "1}"}}),
            calls({"index": 1, "function": {"arguments": "2}"}}),
            chunk({}, "tool_calls"),
            DONE,
        ],
        TWO,
    ),
    "T-07: no arguments, never sent": (
        [calls({"index": 0, "id": "call_a", "type": "function", "function": {"name": "f"}}), chunk({}, "tool_calls"), DONE],
        [("call", "call_a", "f", "{}")],
    ),
    "T-07: no arguments, empty": (
        [calls(call(0, "call_a", "f", "")), chunk({}, "tool_calls"), DONE],
        [("call", "call_a", "f", "{}")],
    ),
    "T-07: no arguments, null": (
        [calls(call(0, "call_a", "f", None)), chunk({}, "tool_calls"), DONE],
        [("call", "call_a", "f", "{}")],
    ),
    "a finish of `stop` with a call": ([calls(call(0, "call_a", "f", '{"x":1}')), chunk({}, "stop"), DONE], ONE),
    "FR-14: a finish of calls without one": ([chunk({"content": "Hi", "tool_calls": []}), chunk({}, "tool_calls"), DONE], HI),
    "T-27: Azure's first chunk": (
        [
            chunk(choices=[], id="", model="", prompt_filter_results=[{"prompt_index": 0}]),
            chunk({"role": "assistant", "content": ""}),
            chunk({"content": "Hi"}),
            chunk({}, "stop"),
            DONE,
        ],
        HI,
    ),
    "no `[DONE]`": ([chunk({"content": "Hi"}), chunk({}, "stop")], HI),
    "comments, a retry and a byte order mark": (
        [b"\xef\xbb\xbf: OPENROUTER PROCESSING\n\nretry: 5\n\n", chunk({"content": "Hi"}), b": x\n\n", chunk({}, "stop"), DONE],
        HI,
    ),
    "the role on every chunk": (
        [chunk({"role": "assistant", "content": "H"}), chunk({"role": "assistant", "content": "i"}), chunk({}, "stop"), DONE],
        HI,
    ),
    "content and finish in one": ([chunk({"role": "assistant", "content": "Hi"}, "stop"), DONE], HI),
    "a call and its finish in one": (
        [chunk({"tool_calls": [call(0, "call_a", "f", '{"x":1}')]}, "tool_calls"), DONE],
        ONE,
    ),
    "reasoning under another name": (
        [chunk({"reasoning": "Hm"}), chunk({"content": "Hi", "reasoning": None}), chunk({}, "stop"), DONE],
        [("reasoning", "Hm"), ("text", "Hi")],
    ),
    "reasoning twice under both names": (
        [chunk({"reasoning": "Hm", "reasoning_content": "Hm"}), chunk({"content": "Hi"}), chunk({}, "stop"), DONE],
        [("reasoning", "Hm"), ("text", "Hi")],
    ),
    "reasoning and text in one chunk": (
        [chunk({"reasoning_content": "Hm", "content": "Hi"}), chunk({}, "stop"), DONE],
        [("reasoning", "Hm"), ("text", "Hi")],
    ),
    "empty reasoning": (
        [chunk({"reasoning_content": "", "content": "Hi"}), chunk({"reasoning_content": None}), chunk({}, "stop"), DONE],
        HI,
    ),
    "content as an array": (
        [
            chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]}),
            chunk({"content": [{"type": "text", "text": "Hi"}]}),
            chunk({}, "stop"),
            DONE,
        ],
        [("reasoning", "Hm"), ("text", "Hi")],
    ),
    "an event that is not JSON": (
        [chunk({"content": "H"}), b"data: {oops\n\n", chunk({"content": "i"}), chunk({}, "stop"), DONE],
        HI,
    ),
    "no id, object, created or model": (
        [chunk({"content": "Hi"}, id=..., object=..., created=..., model=...), chunk({}, "stop", id=..., model=...), DONE],
        HI,
    ),
    "a new id on every chunk": ([chunk({"content": "H"}, id="a"), chunk({"content": "i"}, id="b"), chunk({}, "stop"), DONE], HI),
    "several lines of data": (
        [b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m",\ndata: "choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n', chunk({}, "stop"), DONE],
        HI,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(STREAMS))
@pytest.mark.parametrize("caller", CALLERS)
async def test_a_crooked_stream_comes_out_straight(caller: str, name: str) -> None:
    """By the caller's own grammar, at once and byte by byte."""
    pieces, items = STREAMS[name]
    for cut in (pieces, [bytes([byte]) for byte in b"".join(pieces)]):
        scene = Scene()
        got = await scene.generate(caller, "chat", stream(*cut), stream=True)
        assert got.status == 200
        seen = read_stream(caller, got.body)
        assert (seen.items, seen.error) == (items, None)
        has_calls = any(item[0] == "call" for item in items)
        assert seen.finish == ("tool_calls" if has_calls and caller != "responses" else "stop")
        assert scene.records.only.outcome == "ok"


WITHOUT_ORDER: dict[str, tuple[dict[str, Any], str, Items]] = {
    "arguments as an object": ({"tool_calls": [call(..., "call_a", "f", {"x": 1})]}, "stop", ONE),
    "no arguments": ({"tool_calls": [call(..., "call_a", "f", "")]}, "tool_calls", [("call", "call_a", "f", "{}")]),
    "null for arguments": ({"tool_calls": [call(..., "call_a", "f", None)]}, "tool_calls", [("call", "call_a", "f", "{}")]),
    "a finish of calls without one": ({"content": "Hi", "tool_calls": []}, "tool_calls", HI),
    "content as an array": ({"content": [{"type": "text", "text": "H"}, {"type": "text", "text": "i"}]}, "stop", HI),
    "reasoning": ({"content": "Hi", "reasoning": "Hm"}, "stop", [("reasoning", "Hm"), ("text", "Hi")]),
}  # fmt: skip


@pytest.mark.parametrize("name", list(WITHOUT_ORDER))
@pytest.mark.parametrize("caller", CALLERS)
async def test_a_crooked_reply_comes_out_straight(caller: str, name: str) -> None:
    """The same for whole replies."""
    message, finish, items = WITHOUT_ORDER[name]
    choice = {"index": 0, "message": {"role": "assistant", "content": None} | message, "finish_reason": finish}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": USAGE}
    got = await Scene().generate(caller, "chat", json_reply(body))
    seen = read_reply(caller, got.json)
    assert seen.items == items
    has_calls = any(item[0] == "call" for item in items)
    assert seen.finish == ("tool_calls" if has_calls and caller != "responses" else "stop")


@pytest.mark.parametrize(
    "tail",
    [
        [chunk({}, "stop"), chunk(choices=[], usage=USAGE), DONE],
        [chunk({}, "stop", usage=USAGE), DONE],
        [chunk({}, "stop", x_groq={"id": "r", "usage": USAGE}), DONE],
        [chunk({}, usage={**USAGE, "completion_tokens": 1, "total_tokens": 10}), chunk({}, "stop", usage=USAGE), DONE],
        [chunk({}, "stop"), chunk({"content": ""}, usage=USAGE), DONE],
        [chunk({}, "stop", usage=USAGE), chunk(choices=[], usage=USAGE), DONE],
    ],
)
@pytest.mark.parametrize("caller", CALLERS)
async def test_usage_is_told_once(caller: str, tail: list[bytes]) -> None:
    """T-26: wherever it hides; to a Chat caller only when asked, to the record always."""
    for members in ({}, {"stream_options": {"include_usage": True}}):
        if members and caller != "chat":
            continue
        scene = Scene()
        reply = stream(chunk({"content": "Hi"}, usage=None), *tail)
        got = await scene.generate(caller, "chat", reply, stream=True, **members)
        seen = read_stream(caller, got.body)
        told = caller != "chat" or bool(members)
        assert (seen.input_tokens, seen.output_tokens) == ((9, 2) if told else (None, None))
        assert scene.records.only.usage == Usage(9, 0, 0, 2)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"error": {"message": "boom", "type": "server_error", "code": "overloaded"}}, 503),
        ({"error": {"message": "boom", "code": 400}}, 400),
        ({"error": "boom"}, 502),
        ([{"error": {"message": "boom", "code": 429, "status": "RESOURCE_EXHAUSTED"}}], 429),
        ({"object": "error", "message": "boom", "type": "BadRequestError", "code": 400}, 400),
        ({"error": {"message": "boom", "code": 502}, "choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]}, 502),
        ({"choices": [{"index": 0, "delta": {}, "finish_reason": "error", "error": {"message": "boom", "code": 502}}]}, 502),
    ],
)  # fmt: skip
@pytest.mark.parametrize("caller", CALLERS)
async def test_an_error_in_a_success_is_an_error(caller: str, fault: Any, status: int) -> None:
    """FR-01, T-23: a status before any content, an error event behind it."""
    event = b"data: " + json.dumps(fault).encode() + b"\n\n"
    got = await Scene().generate(caller, "chat", stream(ROLE, event), stream=True)
    assert got.status == (529 if status == 503 and caller == "messages" else status)
    assert "boom" in got.error["message"]
    got = await Scene().generate(caller, "chat", stream(ROLE, chunk({"content": "Hi"}), event, DONE), stream=True)
    seen = read_stream(caller, got.body)
    assert seen.items == HI
    assert seen.error == "boom"


@pytest.mark.parametrize("name", RECORDED)
async def test_a_recorded_stream_says_the_same_to_everybody(test_data: Path, name: str) -> None:
    """By each caller's grammar, in any chunking, with the same words, calls and usage; or it fails for all.

    Where nobody told how much came out each way has its own guess of that.
    """
    data = load_stream(test_data, name)
    told = []
    for caller in CALLERS:
        for pieces in ([data], [data[start : start + 7] for start in range(0, len(data), 7)]):
            scene = Scene()
            got = await scene.generate(caller, "chat", stream(*pieces), stream=True)
            assert got.status == 200
            seen = read_stream(caller, got.body)
            texts = {kind: "".join(item[1] for item in seen.items if item[0] == kind) for kind in ("text", "reasoning")}
            made = [item[1:] for item in seen.items if item[0] == "call"]
            record = scene.records.only
            is_guessed = any(attempt.is_estimated for attempt in record.attempts)
            usage = replace(record.usage, output_tokens=0) if is_guessed else record.usage
            told.append((texts, made, bool(seen.error), is_guessed, usage))
    assert all(one == told[0] for one in told)
