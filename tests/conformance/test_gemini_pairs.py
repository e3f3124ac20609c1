"""Gemini's callers before every upstream, and every caller before Gemini, streamed and whole."""

import json
from pathlib import Path
from typing import Any

import pytest
from callers import Items, Seen
from callers import read_reply as read_others_reply
from callers import read_stream as read_others_stream
from gemini_side import plain, read_reply, read_stream, write_reply, write_stream
from test_pairs import check_beginning, gather_message
from upstreams import ANSWERS, INPUT_TOKENS, KINDS, OUTPUT_TOKENS, Answer
from upstreams import write_reply as write_others_reply
from upstreams import write_stream as write_others_stream

from scripted_gateway import PATHS, Scene, json_reply, stream
from scripted_gateway import Answer as Got
from trunkline.dialects import anthropic
from trunkline.folding import fold
from trunkline.grammar import check
from trunkline.items import Message, ToolCall

PAIRS = [("gemini", upstream) for upstream in KINDS] + [(caller, "gemini") for caller in PATHS] + [("gemini", "gemini")]
# Gemini's arguments are objects, never half of one.
HELD = {name: answer for name, answer in ANSWERS.items() if name not in ("cut_call", "error_in_a_call")}
ENDED = [name for name, answer in HELD.items() if answer.end in ("stop", "length")]
FAILED = [name for name, answer in HELD.items() if answer.end in ("error", "cut")]


async def ask_stream(caller: str, upstream: str, answer: Answer, size: int = 0) -> tuple[Scene, Got]:
    scene = Scene()
    pieces = write_stream(answer) if upstream == "gemini" else write_others_stream(upstream, answer)
    if size:
        data = b"".join(pieces)
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return scene, await scene.generate(caller, upstream, stream(*pieces), stream=True)


async def ask_whole(caller: str, upstream: str, answer: Answer) -> tuple[Scene, Got]:
    scene = Scene()
    body = write_reply(answer) if upstream == "gemini" else write_others_reply(upstream, answer)
    return scene, await scene.generate(caller, upstream, json_reply(body))


def see(caller: str, body: bytes) -> Seen:
    return read_stream(body) if caller == "gemini" else read_others_stream(caller, body)


def see_whole(caller: str, body: Any) -> Seen:
    return read_reply(body) if caller == "gemini" else read_others_reply(caller, body)


def expect(caller: str, upstream: str, answer: Answer) -> tuple[Items, str]:
    """What the caller must see, and why it ended."""
    items = plain(answer.items)
    is_refusal = any(item[0] == "refusal" for item in answer.items)
    finish = {"stop": "stop", "length": "length"}[answer.end]
    if caller == "chat":
        items = gather_message(items, "\n\n")
    if any(item[0] == "call" for item in items) and finish == "stop" and caller != "responses":
        finish = "tool_calls"
    if is_refusal and upstream != "gemini":
        finish = "refusal"
    return items, finish


@pytest.mark.parametrize("name", ENDED)
@pytest.mark.parametrize(("caller", "upstream"), PAIRS)
@pytest.mark.parametrize("size", [0, 1])
async def test_a_stream_arrives(caller: str, upstream: str, name: str, size: int) -> None:
    """All of it, in order, by the caller's grammar, also byte by byte; the record has its usage."""
    scene, got = await ask_stream(caller, upstream, ANSWERS[name], size)
    assert got.status == 200
    seen = see(caller, got.body)
    items, finish = expect(caller, upstream, ANSWERS[name])
    assert (plain(seen.items), seen.finish, seen.error) == (items, finish, None)
    if caller != "chat":
        assert (seen.input_tokens, seen.output_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS)
    assert scene.records.only.usage.total == INPUT_TOKENS + OUTPUT_TOKENS


@pytest.mark.parametrize("name", ENDED)
@pytest.mark.parametrize(("caller", "upstream"), PAIRS)
async def test_a_whole_reply_arrives(caller: str, upstream: str, name: str) -> None:
    """The same answer as its stream makes."""
    scene, got = await ask_whole(caller, upstream, ANSWERS[name])
    assert got.status == 200
    seen = see_whole(caller, got.json)
    items, finish = expect(caller, upstream, ANSWERS[name])
    if upstream in ("chat", "native_chat"):
        items = plain(gather_message(ANSWERS[name].items))
        items = merge_words(items)
    assert (plain(seen.items), seen.finish) == (items, finish)
    assert (seen.input_tokens, seen.output_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS)
    assert scene.records.only.usage.total == INPUT_TOKENS + OUTPUT_TOKENS


def merge_words(items: Items) -> Items:
    """A text and the words of a refusal are one run of words."""
    merged: Items = []
    for item in items:
        if merged and item[0] == merged[-1][0] == "text":
            merged[-1] = ("text", merged[-1][1] + item[1])
        else:
            merged.append(item)
    return merged


@pytest.mark.parametrize("name", FAILED)
@pytest.mark.parametrize(("caller", "upstream"), PAIRS)
async def test_a_failure_is_never_a_success(caller: str, upstream: str, name: str) -> None:
    """T-17, T-22, T-23: what came stays, and an error ends it."""
    answer = ANSWERS[name]
    scene, got = await ask_stream(caller, upstream, answer)
    assert got.status == 200, "it had begun"
    seen = see(caller, got.body)
    assert seen.error
    assert seen.finish is None
    if answer.end == "error":
        assert "upstream exploded" in seen.error
    items = answer.items if caller != "chat" else gather_message(answer.items)
    if not (caller == "gemini" and any(item[0] == "call" for item in items)):
        check_beginning(plain(seen.items), plain(items))
    assert (scene.records.only.outcome, scene.records.only.status) == ("error", 200)


@pytest.mark.parametrize("caller", [*PATHS, "gemini"])
async def test_a_block_is_a_filtered_answer_t83(caller: str) -> None:
    """With status 200, streamed and whole."""
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 7}}
    whole = await Scene().generate(caller, "gemini", json_reply(blocked))
    data = b"data: " + json.dumps(blocked).encode() + b"\r\n\r\n"
    streamed = await Scene().generate(caller, "gemini", stream(data), stream=True)
    assert (whole.status, streamed.status) == (200, 200)
    word = {"chat": "content_filter", "responses": "content_filter", "messages": "refusal", "gemini": "SAFETY"}[caller]
    assert word in whole.body.decode()
    assert word in streamed.body.decode()


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("caller", list(PATHS))
async def test_a_malformed_call_is_an_error_t83(caller: str, is_stream: bool) -> None:
    """502 before there is a reply."""
    value = {"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL", "index": 0}]}
    reply = stream(b"data: " + json.dumps(value).encode() + b"\r\n\r\n") if is_stream else json_reply(value)
    got = await Scene().generate(caller, "gemini", reply, stream=is_stream)
    assert got.status == 502
    assert got.error["message"]


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("caller", ["chat", "responses"])
async def test_a_generated_picture_arrives_fr24(caller: str, is_stream: bool) -> None:
    """Beside the words."""
    parts = [{"text": "Here:"}, {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgoPICTURE"}}]
    value = {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP", "index": 0}]}
    reply = stream(b"data: " + json.dumps(value).encode() + b"\r\n\r\n") if is_stream else json_reply(value)
    body = (await Scene().generate(caller, "gemini", reply, stream=is_stream)).body.decode()
    assert "Here:" in body
    assert body.count("iVBORw0KGgoPICTURE") == 1 if caller == "chat" else "iVBORw0KGgoPICTURE" in body


# --- thought over two turns ---------------------------------------------------------------------------------------

SIGNED = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"text": "hm", "thought": True},
                    {"functionCall": {"name": "f", "args": {"x": 1}, "id": "own1"}, "thoughtSignature": "c2lnbmF0dXJl"},
                    {"functionCall": {"name": "f", "args": {"x": 2}, "id": "own2"}},
                ],
            },
            "finishReason": "STOP",
            "index": 0,
        }
    ]
}
REPLAYED = [
    {"functionCall": {"name": "f", "args": {"x": 1}, "id": "own1"}, "thoughtSignature": "c2lnbmF0dXJl"},
    {"functionCall": {"name": "f", "args": {"x": 2}, "id": "own2"}},
]


def second_turn(caller: str, body: Any) -> dict[str, Any]:
    """What a client sends next: everything it was given, and the results."""
    if caller == "responses":
        calls = [item for item in body["output"] if item["type"] == "function_call"]
        outputs = [{"type": "function_call_output", "call_id": call["call_id"], "output": "ok"} for call in calls]
        return {"input": [{"role": "user", "content": "Hi?"}, *body["output"], *outputs]}
    if caller == "messages":
        calls = [block for block in body["content"] if block["type"] == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": call["id"], "content": "ok"} for call in calls]
        turns = [{"role": "assistant", "content": body["content"]}, {"role": "user", "content": results}]
        return {"messages": [{"role": "user", "content": "Hi?"}, *turns]}
    message = body["choices"][0]["message"]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "ok"} for call in message["tool_calls"]]
    return {"messages": [{"role": "user", "content": "Hi?"}, message, *results]}


@pytest.mark.parametrize("caller", list(PATHS))
async def test_a_signature_comes_back_to_its_call_t47(caller: str) -> None:
    """Byte for byte, on the first of parallel calls alone, with the model's own ids."""
    scene = Scene()
    first = await scene.generate(caller, "gemini", json_reply(SIGNED))
    assert b"c2lnbmF0dXJl" not in first.body
    await scene.generate(caller, "gemini", json_reply(SIGNED), **second_turn(caller, first.json))
    contents = scene.upstream.json["contents"]
    assert contents[1]["parts"] == REPLAYED
    assert [part["functionResponse"]["id"] for part in contents[2]["parts"]] == ["own1", "own2"]


async def test_anothers_thought_comes_back_through_gemini() -> None:
    """Anthropic's signature, over a Gemini caller, byte for byte and before its call."""
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "SIG=="},
        {"type": "redacted_thinking", "data": "RED=="},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"x": 1}},
    ]
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": content}
    message |= {"stop_reason": "tool_use", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
    scene = Scene()
    first = await scene.generate("gemini", "messages", json_reply(message))
    assert b"SIG==" not in first.body
    said = first.json["candidates"][0]["content"]
    result = {"functionResponse": {"name": "f", "id": "toolu_1", "response": {"output": "ok"}}}
    turns = [{"role": "user", "parts": [{"text": "Hi?"}]}, said, {"role": "user", "parts": [result]}]
    await scene.generate("gemini", "messages", json_reply(message), contents=turns)
    assert scene.upstream.json["messages"][1]["content"] == content
    # Towards Gemini itself it would be refused: it goes without, and says so.
    await scene.generate("gemini", "gemini", json_reply(SIGNED), contents=turns)
    assert b"tl1." not in scene.upstream.body
    parts = scene.upstream.json["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in parts if "functionCall" in part] == [
        "skip_thought_signature_validator"
    ]
    assert scene.records.kept[-1].dropped == ["thoughtSignature"]


# --- recorded -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", [*PATHS, "gemini"])
async def test_recorded_streams_reach_every_caller(caller: str, test_data: Path) -> None:
    """Whole, by the caller's grammar."""
    seen_files = 0
    for path in sorted((test_data / "recorded" / "gemini").glob("*.chunks.txt")):
        lines = [line for line in path.read_bytes().splitlines() if line.strip()]
        pieces = [b"data: " + line + b"\r\n\r\n" for line in lines]
        got = await Scene().generate(caller, "gemini", stream(*pieces), stream=True)
        if caller == "gemini":
            assert got.body == b"".join(pieces)
            continue
        if caller == "messages":
            # A signature without words, which the shared answers never hold.
            reader = anthropic.DIALECT.reader()
            answer = fold(check([*reader.feed(got.body), *reader.end()]))
            assert answer.error is None
            assert any(isinstance(item, Message | ToolCall) for item in answer.items)
            seen_files += 1
            continue
        seen = see(caller, got.body)
        assert seen.error is None, path.name
        assert any(item[0] in ("text", "call") for item in seen.items), path.name
        if "tool-call" in path.name:
            calls = [item for item in seen.items if item[0] == "call"]
            assert len(calls) == 1
            assert json.loads(calls[0][3])
        seen_files += 1
    assert caller == "gemini" or seen_files == 5
