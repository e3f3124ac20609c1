"""Anthropic's own compactions: an item for callers of Responses, the very block again for its models, words for others."""

from typing import Any

import msgspec
import pytest
from stored_scene import StoredScene

from scripted_gateway import Answer, ScriptedReply, json_reply, stream

BLOCK = {"type": "compaction", "content": "The lamp is blue.", "signature": "c2ln", "tool_changes": []}
TEXT = {"type": "text", "text": "Wet."}
ALLOWED = {"anthropic": {"context_management": {"edits": [{"type": "compact_20260112"}]}}}
OLD = {"role": "user", "content": "Find the lamp."}
NEW = {"role": "user", "content": "And the other one?"}


def message(*content: dict[str, Any]) -> dict[str, Any]:
    usage = {"input_tokens": 7, "output_tokens": 2}
    said = {"id": "msg_up", "type": "message", "role": "assistant", "model": "m", "content": content}
    return {**said, "stop_reason": "end_turn", "usage": usage}


def events(*content: dict[str, Any]) -> list[bytes]:
    """As Anthropic streams them: what a compaction says comes in one delta."""
    told: list[dict[str, Any]] = [{"type": "message_start", "message": {**message(), "stop_reason": None}}]
    for index, block in enumerate(content):
        begun, delta = block, None
        if block["type"] == "compaction":
            begun, delta = {**block, "content": None}, {"type": "compaction_delta", "content": block["content"]}
        told.append({"type": "content_block_start", "index": index, "content_block": begun})
        if delta is not None:
            told.append({"type": "content_block_delta", "index": index, "delta": delta})
        told.append({"type": "content_block_stop", "index": index})
    told.append({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}})
    told.append({"type": "message_stop"})
    return [b"event: %b\ndata: %b\n\n" % (each["type"].encode(), msgspec.json.encode(each)) for each in told]


async def compacted(scene: StoredScene, *, is_stream: bool = False, **members: Any) -> list[dict[str, Any]]:
    """What a caller of Responses gets of a model that compacted on its way."""
    reply: ScriptedReply = stream(*events(BLOCK, TEXT)) if is_stream else json_reply(message(BLOCK, TEXT))
    answer = await scene.generate(
        "responses", "messages", reply, input=[OLD], stream=is_stream, provider_options=ALLOWED, **members
    )
    assert answer.status == 200, answer.body
    if not is_stream:
        output: list[dict[str, Any]] = answer.json["output"]
        return output
    told = [
        msgspec.json.decode(part.partition(b"data: ")[2]) for part in answer.body.split(b"\n\n") if b"data: {" in part
    ]
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    done = [event["item"] for event in told if event["type"] == "response.output_item.done"]
    assert done == told[-1]["response"]["output"]
    return done


async def go_on(scene: StoredScene, upstream: str, output: list[dict[str, Any]], reply: ScriptedReply) -> Answer:
    return await scene.generate("responses", upstream, reply, input=[OLD, *output, NEW], store=False)


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("members", [{}, {"tools": [{"type": "web_search"}]}])
async def test_a_block_is_an_item(is_stream: bool, members: dict[str, Any]) -> None:
    """In its place, sealed, however the answer comes."""
    item, text = await compacted(StoredScene(), is_stream=is_stream, **members)
    assert (item["type"], item["id"][:4], text["type"]) == ("compaction", "cmp_", "message")
    assert item["encrypted_content"].startswith("tl1.k1.")
    assert "lamp" not in item["encrypted_content"]


async def test_it_goes_back_to_anthropic_as_the_block_it_was() -> None:
    """Signature and all; what it stands for need not be sent again."""
    scene = StoredScene()
    output = await compacted(scene, store=False)
    await go_on(scene, "messages", output, json_reply(message(TEXT)))
    turns = scene.upstream.json["messages"]
    assert [block for turn in turns for block in turn["content"] if block["type"] == "compaction"] == [BLOCK]
    assert "Find the lamp." not in scene.upstream.body.decode()
    assert "And the other one?" in scene.upstream.body.decode()


@pytest.mark.parametrize("upstream", ["chat", "responses", "gemini"])
async def test_others_are_told_what_it_says(upstream: str) -> None:
    """In the place of all that came before it."""
    scene = StoredScene()
    output = await compacted(scene, store=False)
    await go_on(scene, upstream, output, json_reply({"error": {"message": "enough"}}, 400))
    sent = scene.upstream.body.decode()
    assert "Summary of the conversation so far: The lamp is blue." in sent
    assert "Find the lamp." not in sent
    assert "And the other one?" in sent


async def test_a_chain_goes_on_from_it() -> None:
    """Out of the store, with another model."""
    scene = StoredScene()
    scene.upstream.answer = json_reply(message(BLOCK, TEXT))
    asked = {"model": "messages-model", "input": [OLD], "provider_options": ALLOWED}
    first = (await scene.ask("/v1/responses", asked)).json["id"]
    scene.upstream.answer = json_reply({"error": {"message": "enough"}}, 400)
    await scene.ask("/v1/responses", {"model": "chat-model", "input": [NEW], "previous_response_id": first})
    sent = scene.upstream.body.decode()
    assert "Summary of the conversation so far: The lamp is blue." in sent
    assert "Find the lamp." not in sent


@pytest.mark.parametrize(("content", "is_told"), [("The lamp is blue.", True), (None, False)])
async def test_a_callers_own_block_is_told_to_others(content: str | None, is_told: bool) -> None:
    """A failed one is passed over, and nothing goes for it."""
    scene = StoredScene()
    turns = [OLD, {"role": "assistant", "content": [{**BLOCK, "content": content}, TEXT]}, NEW]
    await scene.generate("messages", "chat", json_reply({"error": {"message": "enough"}}, 400), messages=turns)
    sent = scene.upstream.body.decode()
    assert ("Summary of the conversation so far: The lamp is blue." in sent) is is_told
    assert ("Find the lamp." in sent) is not is_told
    assert "Wet." in sent
