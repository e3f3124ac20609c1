"""What lowering changed comes back through the door as the caller asked for it, streamed and whole."""

import json
from typing import Any

from msgspec.structs import replace

from scripted_gateway import Answer, Scene, json_reply, stream
from trunkline.capabilities import Capabilities

PATCH = {"type": "custom", "name": "apply_patch", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}}
TEXT = '*** Begin Patch\n+ "é" 😀'
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
USE = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "news"}}
RESULT = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [{"type": "web_search_result", "url": "https://a.example/", "title": "A", "encrypted_content": "E"}],
}


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode() + b"\n\n"


def chat_stream(*deltas: dict[str, Any], finish: str) -> list[bytes]:
    return [*(chunk(delta) for delta in deltas), chunk({}, finish), b"data: [DONE]\n\n"]


def calls(name: str, arguments: str) -> list[dict[str, Any]]:
    """A call in pieces of three letters."""
    opening = {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": ""}}
    pieces = [arguments[start : start + 3] for start in range(0, len(arguments), 3)]
    return [
        {"tool_calls": [opening]},
        *({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in pieces),
    ]


def message(*blocks: dict[str, Any]) -> dict[str, Any]:
    usage = {"input_tokens": 1, "output_tokens": 1}
    content = [*blocks, {"type": "text", "text": "So."}]
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None}
    return {**head, "content": content, "stop_reason": "end_turn", "usage": usage}


def events(got: Answer) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in got.body.decode().splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


async def test_t58_a_custom_call_streams_through_the_door() -> None:
    """From a function's arguments to the input's deltas; the header says that it was emulated."""
    reply = stream(*chat_stream(*calls("apply_patch", json.dumps({"input": TEXT})), finish="tool_calls"))
    got = await Scene().generate("responses", "chat", reply, tools=[PATCH], stream=True)
    assert got.headers["x-trunkline-emulated"] == "tools[0]"
    seen = events(got)
    deltas = [event["delta"] for event in seen if event["type"] == "response.custom_tool_call_input.delta"]
    assert "".join(deltas) == TEXT
    assert len(deltas) > 5
    [item] = seen[-1]["response"]["output"]
    assert (item["type"], item["name"], item["input"]) == ("custom_tool_call", "apply_patch", TEXT)


async def test_t67_a_search_is_played_back_in_the_next_turn() -> None:
    """What Anthropic must have back travels sealed, and arrives as it was."""
    scene = Scene()
    tools = [{"type": "web_search"}]
    first = await scene.generate("responses", "messages", json_reply(message(USE, RESULT)), tools=tools)
    output = first.json["output"]
    assert [item["type"] for item in output] == ["web_search_call", "reasoning", "message"]
    assert "encrypted_content" in output[1]
    turns = [{"role": "user", "content": "News?"}, *output, {"role": "user", "content": "And?"}]
    await scene.generate("responses", "messages", json_reply(message()), tools=tools, input=turns)
    assert scene.upstream.json["messages"][1]["content"] == [USE, RESULT, {"type": "text", "text": "So."}]


async def test_t67_towards_another_provider_the_search_is_told_in_words() -> None:
    """The sealed part is left out."""
    scene = Scene()
    first = await scene.generate(
        "responses", "messages", json_reply(message(USE, RESULT)), tools=[{"type": "web_search"}]
    )
    turns = [{"role": "user", "content": "News?"}, *first.json["output"], {"role": "user", "content": "And?"}]
    reply = {"id": "c", "model": "m", "choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}]}
    await scene.generate("responses", "chat", json_reply(reply), input=turns)
    told = json.dumps(scene.upstream.json["messages"])
    assert "I searched the web: news" in told
    assert "encrypted" not in told


async def test_t72_an_answer_that_breaks_its_schema_fails() -> None:
    """A stream with an error, a whole reply with 502."""
    text = {"format": {"type": "json_schema", "name": "x", "schema": SCHEMA}}
    scene = Scene()
    reply = message({"type": "tool_use", "id": "t1", "name": "answer", "input": {"town": "Zug"}})
    scene.catalog.capabilities = lambda provider, model, base: without_schemas(base)  # type: ignore[method-assign]
    whole = await scene.generate("responses", "messages", json_reply(reply), text=text)
    assert whole.status == 502
    assert "city is missing" in whole.error["message"]


async def test_t72_the_device_does_not_show_through_the_door() -> None:
    """The caller gets text; the header names its own field."""
    text = {"format": {"type": "json_schema", "name": "x", "schema": SCHEMA}}
    scene = Scene()
    reply = message({"type": "tool_use", "id": "t1", "name": "answer", "input": {"city": "Zug"}})
    scene.catalog.capabilities = lambda provider, model, base: without_schemas(base)  # type: ignore[method-assign]
    whole = await scene.generate("responses", "messages", json_reply(reply), text=text)
    assert whole.headers["x-trunkline-emulated"] == "text.format"
    [item] = whole.json["output"]
    assert item["content"][0]["text"] == '{"city":"Zug"}'


def without_schemas(base: Capabilities) -> Capabilities:
    return replace(base, json_schema="none")


async def test_a_strict_request_is_refused_what_would_be_left_out() -> None:
    """By the caller's own name."""
    scene = Scene()
    body = {
        "model": "chat-model",
        "max_tokens": 9,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]}
        ],
    }
    got = await scene.ask("/v1/messages", body, x_trunkline_strict="true")
    assert got.status == 400
    assert "cache_control" in got.error["message"]
