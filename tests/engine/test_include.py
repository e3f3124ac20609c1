"""What is shown only when it is asked for: by the first reply as by every later one, whoever has made it."""

from typing import Any

import msgspec
import pytest
from stored_scene import StoredScene

from scripted_gateway import ScriptedReply, json_reply, stream

USE = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "sea"}}
RESULT = {"type": "web_search_result", "url": "https://sea.test", "title": "Sea", "encrypted_content": "c2Vh"}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [RESULT]}
TEXT = {"type": "text", "text": "Wet."}
SOURCES = [{"type": "url", "url": "https://sea.test"}]
ASKED = {"include": ["web_search_call.action.sources"]}


def message(*content: dict[str, Any]) -> dict[str, Any]:
    usage = {"input_tokens": 7, "output_tokens": 2}
    said = {"id": "msg_up", "type": "message", "role": "assistant", "model": "m", "content": content}
    return {**said, "stop_reason": "end_turn", "usage": usage}


def events(*content: dict[str, Any]) -> list[bytes]:
    told: list[dict[str, Any]] = [{"type": "message_start", "message": {**message(), "stop_reason": None}}]
    for index, block in enumerate(content):
        told.append({"type": "content_block_start", "index": index, "content_block": block})
        told.append({"type": "content_block_stop", "index": index})
    told.append({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}})
    told.append({"type": "message_stop"})
    return [b"event: %b\ndata: %b\n\n" % (each["type"].encode(), msgspec.json.encode(each)) for each in told]


async def search(scene: StoredScene, is_stream: bool, **members: Any) -> dict[str, Any]:
    """The response to a question that was looked up, and of a stream all that shows the search alike."""
    reply: ScriptedReply = stream(*events(USE, FOUND, TEXT)) if is_stream else json_reply(message(USE, FOUND, TEXT))
    tools = [{"type": "web_search"}]
    answer = await scene.generate("responses", "messages", reply, tools=tools, stream=is_stream, **members)
    assert answer.status == 200, answer.body
    if not is_stream:
        whole: dict[str, Any] = answer.json
        return whole
    told = [
        msgspec.json.decode(part.partition(b"data: ")[2]) for part in answer.body.split(b"\n\n") if b"data: {" in part
    ]
    response: dict[str, Any] = told[-1]["response"]
    done = [event["item"] for event in told if event["type"] == "response.output_item.done"]
    assert done == response["output"]
    return response


def find_search(response: dict[str, Any]) -> dict[str, Any]:
    (found,) = (item for item in response["output"] if item["type"] == "web_search_call")
    action: dict[str, Any] = found["action"]
    return action


@pytest.mark.parametrize("is_stream", [False, True])
async def test_sources_are_shown_when_they_are_asked_for(is_stream: bool) -> None:
    """And kept in any case."""
    scene = StoredScene()
    plain = await search(scene, is_stream)
    assert find_search(plain) == {"type": "search", "query": "sea", "queries": ["sea"]}
    assert find_search(await search(scene, is_stream, **ASKED))["sources"] == SOURCES
    kept = await scene.get(f"/v1/responses/{plain['id']}?include[]=web_search_call.action.sources")
    assert find_search(kept.json)["sources"] == SOURCES


@pytest.mark.parametrize("is_stream", [False, True])
async def test_what_is_not_kept_is_shown_alike(is_stream: bool) -> None:
    """The same words for the same question."""
    scene = StoredScene()
    assert "sources" not in find_search(await search(scene, is_stream, store=False))
    assert find_search(await search(scene, is_stream, store=False, **ASKED))["sources"] == SOURCES


async def test_what_is_not_shown_comes_back_to_who_gave_it() -> None:
    """A client that replays what it was told hands back every block."""
    scene = StoredScene()
    told = await search(scene, is_stream=False, store=False)
    question = [{"role": "user", "content": "Hi?"}, *told["output"], {"role": "user", "content": "And?"}]
    await scene.generate("responses", "messages", json_reply(message(TEXT)), input=question, store=False)
    blocks = [block for turn in scene.upstream.json["messages"] for block in turn["content"]]
    assert USE in blocks
    assert FOUND in blocks
