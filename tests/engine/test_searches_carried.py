"""A search that OpenAI made for a caller of Messages: the caller brings it back, and its maker has it again."""

from typing import Any

import msgspec
import pytest

from scripted_gateway import Answer, Scene, json_reply, stream

SEARCH = {
    "id": "ws_1",
    "type": "web_search_call",
    "status": "completed",
    "action": {
        "type": "search",
        "query": "news",
        "sources": [{"type": "url", "url": "https://a.example/"}, {"type": "url", "url": "https://b.example/"}],
    },
}
SAID = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [
        {
            "type": "output_text",
            "text": "So it is.",
            "annotations": [
                {"type": "url_citation", "url": "https://a.example/", "title": "A", "start_index": 3, "end_index": 5}
            ],
        }
    ],
}
RESPONSE = {"id": "resp_1", "object": "response", "status": "completed", "model": "m", "output": [SEARCH, SAID]}
TOOL = {"type": "web_search_20250305", "name": "web_search"}
ASKED = {"role": "user", "content": "What is new?"}


def _stream() -> Any:
    events: list[dict[str, Any]] = [{"type": "response.created", "response": {**RESPONSE, "output": []}}]
    for index, item in enumerate((SEARCH, SAID)):
        events.append({"type": "response.output_item.added", "output_index": index, "item": item})
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    events.append({"type": "response.completed", "response": RESPONSE})
    return stream(*(b"data: %b\n\n" % msgspec.json.encode(event) for event in events))


async def _ask(scene: Scene, *turns: dict[str, Any], model: str = "responses-model", **members: Any) -> Answer:
    body = {"model": model, "max_tokens": 100, "tools": [TOOL], "messages": [ASKED, *turns], **members}
    return await scene.ask("/v1/messages", body)


def _blocks(answer: Answer, is_stream: bool) -> list[dict[str, Any]]:
    if not is_stream:
        blocks: list[dict[str, Any]] = answer.json["content"]
        return blocks
    events = [msgspec.json.decode(line[6:]) for line in answer.body.split(b"\n") if line.startswith(b"data: {")]
    return [event["content_block"] for event in events if event["type"] == "content_block_start"]


async def _found(scene: Scene, is_stream: bool = False) -> list[dict[str, Any]]:
    scene.upstream.answer = _stream() if is_stream else json_reply(RESPONSE)
    answer = await _ask(scene, stream=is_stream)
    assert answer.status == 200, answer.body
    return _blocks(answer, is_stream)


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_search_comes_back_to_its_maker(is_stream: bool) -> None:
    """Whatever was opaque in it to the caller."""
    scene = Scene()
    use, result, _ = await _found(scene, is_stream)
    assert (use["type"], result["type"]) == ("server_tool_use", "web_search_tool_result")
    assert all(page["encrypted_content"].startswith("tl1.") for page in result["content"])
    scene.upstream.answer = json_reply(RESPONSE)
    answer = await _ask(
        scene, {"role": "assistant", "content": [use, result, {"type": "text", "text": "So it is."}]}, ASKED
    )
    assert answer.status == 200, answer.body
    kinds = [item.get("type", "message") for item in scene.upstream.json["input"]]
    assert kinds == ["message", "web_search_call", "message", "message"]
    assert scene.upstream.json["input"][1] == SEARCH


async def test_another_model_is_told_of_a_search_in_words() -> None:
    """It knows what was looked for and found, and sees nothing sealed."""
    scene = Scene()
    use, result, _ = await _found(scene)
    scene.upstream.answer = json_reply(
        {"id": "c", "choices": [{"message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}]}
    )
    body = {
        "model": "chat-model",
        "max_tokens": 9,
        "messages": [ASKED, {"role": "assistant", "content": [use, result]}, ASKED],
    }
    assert (await scene.ask("/v1/messages", body)).status == 200
    assert "news" in scene.upstream.json["messages"][1]["content"]
    assert b"tl1." not in scene.upstream.body


async def test_anthropic_is_told_of_a_search_in_words() -> None:
    """Its own content alone would be taken."""
    scene = Scene()
    use, result, text = await _found(scene)
    scene.upstream.answer = json_reply({"id": "m", "type": "message", "content": [], "usage": {}})
    answer = await _ask(scene, {"role": "assistant", "content": [use, result, text]}, ASKED, model="messages-model")
    assert answer.status == 200, answer.body
    assert answer.headers["x-trunkline-route"].startswith("patch")
    assert scene.upstream.json["messages"][1]["content"] == [
        {
            "type": "text",
            "text": "(I searched the web: news)\n- https://a.example/: https://a.example/"
            "\n- https://b.example/: https://b.example/",
        },
        {"type": "text", "text": "So it is."},
    ]


async def test_a_page_that_was_opened_comes_back_as_well() -> None:
    """It is what was found."""
    scene = Scene()
    opened = {**SEARCH, "action": {"type": "open_page", "url": "https://a.example/"}}
    scene.upstream.answer = json_reply({**RESPONSE, "output": [opened, SAID]})
    content = (await _ask(scene)).json["content"]
    assert content[1]["content"][0]["url"] == "https://a.example/"
    await _ask(scene, {"role": "assistant", "content": content}, ASKED)
    assert scene.upstream.json["input"][1] == opened


async def test_citations_come_back_where_they_stood() -> None:
    """Offsets and all, to a model that has a word for them; Anthropic, which takes none but its own, sees none."""
    scene = Scene()
    content = await _found(scene)
    turn = {"role": "assistant", "content": content[2:]}
    await _ask(scene, turn, ASKED)
    assert scene.upstream.json["input"][1]["content"] == [{**SAID["content"][0], "logprobs": []}]
    scene.upstream.answer = json_reply({"id": "m", "type": "message", "content": [], "usage": {}})
    await _ask(scene, turn, ASKED, model="messages-model")
    assert scene.upstream.json["messages"][1]["content"] == [{"type": "text", "text": "So it is."}]


async def test_what_a_source_says_is_told_to_those_who_have_a_word_for_it() -> None:
    """Anthropic's callers, who may ask Bedrock for citations in their own words."""
    cited = {
        "title": "A",
        "sourceContent": [{"text": "It is "}, {"text": "so."}],
        "location": {"web": {"url": "https://a.example/"}},
    }
    content = [{"citationsContent": {"content": [{"text": "So it is."}], "citations": [cited]}}]
    reply = {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": "end_turn"}
    document = {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "It is so."},
        "context": "news",
        "citations": {"enabled": True},
    }
    scene = Scene()
    turns = [{"role": "user", "content": [document]}]
    answer = await scene.generate("messages", "bedrock", json_reply(reply), messages=turns)
    assert "x-trunkline-dropped" not in answer.headers
    sent = scene.upstream.json["messages"][0]["content"][0]["document"]
    assert (sent["context"], sent["citations"]) == ("news", {"enabled": True})
    assert answer.json["content"][0]["citations"][0]["cited_text"] == "It is so."
    for caller in ("responses", "chat"):
        answer = await Scene().generate(caller, "bedrock", json_reply(reply))
        assert b"url_citation" in answer.body
        assert b"It is so." not in answer.body
