"""A picture that a model made for a caller of Messages, and what becomes of it when it comes back."""

from typing import Any

import msgspec
import pytest

from scripted_gateway import Scene, json_reply, stream

DATA = "iVBORw0KGgo="
BLOCK = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}}
MADE = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [{"text": "Here."}, {"inlineData": {"mimeType": "image/png", "data": DATA}}],
            },
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 5},
}


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_picture_is_a_block(is_stream: bool) -> None:
    """As the caller itself would send one, beside the text."""
    scene = Scene()
    reply = stream(b"data: %b\n\n" % msgspec.json.encode(MADE)) if is_stream else json_reply(MADE)
    answer = await scene.generate("messages", "gemini", reply, stream=is_stream)
    assert answer.status == 200, answer.body
    if is_stream:
        events = [msgspec.json.decode(line[6:]) for line in answer.body.split(b"\n") if line.startswith(b"data: {")]
        blocks = [event["content_block"] for event in events if event["type"] == "content_block_start"]
    else:
        blocks = answer.json["content"]
    assert blocks[1] == BLOCK


async def _replayed(upstream: str, reply: Any) -> Any:
    scene = Scene()
    scene.upstream.answer = json_reply(reply)
    turns = [
        {"role": "user", "content": "Draw."},
        {"role": "assistant", "content": [{"type": "text", "text": "Here."}, BLOCK]},
        {"role": "user", "content": "Once more."},
    ]
    answer = await scene.ask("/v1/messages", {"model": f"{upstream}-model", "max_tokens": 9, "messages": turns})
    assert answer.status == 200, answer.body
    return scene.upstream.json


async def test_a_picture_comes_back_to_any_model() -> None:
    """As one that the user shows, since models take none in their own turns."""
    reply = {"id": "c", "choices": [{"message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}]}
    sent = await _replayed("chat", reply)
    assert DATA in str([turn for turn in sent["messages"] if turn["role"] == "user"])
    assert DATA not in str([turn for turn in sent["messages"] if turn["role"] == "assistant"])


async def test_a_picture_comes_back_as_what_it_is() -> None:
    """Not every model draws PNG."""
    made = {
        "type": "image_generation_call",
        "id": "ig_1",
        "status": "completed",
        "result": DATA,
        "output_format": "webp",
    }
    scene = Scene()
    scene.upstream.answer = json_reply({"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}]})
    turns = [{"role": "user", "content": "Draw."}, made, {"role": "user", "content": "Once more."}]
    await scene.ask("/v1/responses", {"model": "chat-model", "input": turns})
    assert f"data:image/webp;base64,{DATA}" in str(scene.upstream.json)


async def test_a_picture_comes_back_to_openai_as_its_own() -> None:
    """With an id, which it must have."""
    sent = await _replayed("responses", {"id": "resp_1", "object": "response", "status": "completed", "output": []})
    [made] = [item for item in sent["input"] if item.get("type") == "image_generation_call"]
    assert (made["result"], made["status"]) == (DATA, "completed")
    assert made["id"].startswith("ig_")
