"""What providers behind Chat's wire sign a call with (Google's own endpoint does): back in its call in the next turn."""

from typing import Any

import msgspec
import pytest

from scripted_gateway import Scene, json_reply, stream

SIGNATURES = [{"google": {"thought_signature": "signature-1"}}, {"google": {"thought_signature": "signature-2"}}]
CALLS = [
    {
        "id": f"call_{number}",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
        "extra_content": signature,
    }
    for number, signature in enumerate(SIGNATURES)
]
PLAIN: dict[str, Any] = {"id": "c", "model": "m", "object": "chat.completion"}


def _reply(is_stream: bool) -> Any:
    if not is_stream:
        message = {"role": "assistant", "content": None, "tool_calls": CALLS}
        return json_reply({**PLAIN, "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]})
    deltas = [{"tool_calls": [{"index": number, **call}]} for number, call in enumerate(CALLS)]
    choices = [{"index": 0, "delta": delta} for delta in deltas] + [
        {"index": 0, "delta": {}, "finish_reason": "tool_calls"}
    ]
    return stream(*(b"data: %b\n\n" % msgspec.json.encode({**PLAIN, "choices": [choice]}) for choice in choices))


def _frames(body: bytes) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in body.decode().splitlines()]
    return [msgspec.json.decode(line) for line in lines if line.startswith("{")]


def _said(caller: str, answer: Any, is_stream: bool) -> list[dict[str, Any]]:
    """The assistant's turn, as the caller keeps it."""
    frames = _frames(answer.body)
    if caller == "responses":
        whole = frames[-1]["response"] if is_stream else frames[0]
        return list(whole["output"])
    if caller == "messages":
        if not is_stream:
            return list(frames[0]["content"])
        return [frame["content_block"] for frame in frames if frame["type"] == "content_block_start"]
    return [part for frame in frames for part in frame["candidates"][0]["content"]["parts"] if part != {"text": ""}]


def _next_turn(caller: str, said: list[dict[str, Any]]) -> dict[str, Any]:
    ids = ["call_0", "call_1"]
    if caller == "responses":
        outputs = [{"type": "function_call_output", "call_id": id, "output": "1"} for id in ids]
        return {"input": [{"role": "user", "content": "Hi?"}, *said, *outputs]}
    if caller == "messages":
        results = [{"type": "tool_result", "tool_use_id": id, "content": "1"} for id in ids]
        hello = {"role": "user", "content": "Hi?"}
        return {"messages": [hello, {"role": "assistant", "content": said}, {"role": "user", "content": results}]}
    results = [{"functionResponse": {"name": "f", "id": id, "response": {"output": "1"}}} for id in ids]
    hello = {"role": "user", "parts": [{"text": "Hi?"}]}
    return {"contents": [hello, {"role": "model", "parts": said}, {"role": "user", "parts": results}]}


@pytest.mark.parametrize("caller", ["responses", "messages", "gemini"])
@pytest.mark.parametrize("is_stream", [False, True])
async def test_it_comes_back(caller: str, is_stream: bool) -> None:
    """Each in its own call, whole and streamed."""
    scene = Scene()
    answer = await scene.generate(caller, "chat", _reply(is_stream), stream=is_stream)
    assert b"signature-1" not in answer.body
    await scene.generate(caller, "chat", _reply(False), **_next_turn(caller, _said(caller, answer, is_stream)))
    [turn] = [message for message in scene.upstream.json["messages"] if message["role"] == "assistant"]
    assert [call["extra_content"] for call in turn["tool_calls"]] == SIGNATURES
