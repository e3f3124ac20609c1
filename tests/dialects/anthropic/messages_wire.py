"""Anthropic's wire for tests: events as bytes, streams accumulated, a seal that can be read."""

import json
from typing import Any

from trunkline.clock import CountingMint
from trunkline.dialects.anthropic import DIALECT
from trunkline.dialects.dialect import ReplyContext
from trunkline.events import Event, ModelResponse
from trunkline.folding import fold
from trunkline.grammar import check
from trunkline.items import Carrier, Message, Text
from trunkline.request import ModelRequest

ASKED = ModelRequest(model="claude", items=[Message(role="user", parts=[Text(text="What is the weather?")])])


def event(name: str, **members: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **members})}\n\n".encode()


def start(**members: Any) -> bytes:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 1},
    }
    return event("message_start", message={**message, **members})


def block(index: int, content_block: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    """A whole block: start, deltas, stop."""
    return b"".join(
        [
            event("content_block_start", index=index, content_block=content_block),
            *(event("content_block_delta", index=index, delta=delta) for delta in deltas),
            event("content_block_stop", index=index),
        ]
    )


def text(index: int, *texts: str) -> bytes:
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": piece} for piece in texts))


def tool(index: int, *pieces: str, id: str = "toolu_1", name: str = "f") -> bytes:
    start = {"type": "tool_use", "id": id, "name": name, "input": {}}
    return block(index, start, *({"type": "input_json_delta", "partial_json": piece} for piece in pieces))


def finish(stop_reason: str = "end_turn", **members: Any) -> bytes:
    delta = {"stop_reason": stop_reason, "stop_sequence": None, **members}
    return event("message_delta", delta=delta, usage={"output_tokens": 7}) + event("message_stop")


def read(*pieces: bytes) -> list[Event]:
    """The events of a stream that comes in these pieces; they keep the grammar."""
    reader = DIALECT.reader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    return check([*events, *reader.end()])


def read_answer(*pieces: bytes) -> ModelResponse:
    return fold(read(*pieces))


def seal(carrier: Carrier) -> str:
    return "sealed:" + json.dumps([carrier.family, carrier.kind, carrier.payload])


def unseal(value: str) -> Carrier | None:
    if not value.startswith("sealed:"):
        return None
    family, kind, payload = json.loads(value.removeprefix("sealed:"))
    return Carrier(family, kind, payload)


def context(request: ModelRequest = ASKED) -> ReplyContext:
    return ReplyContext(request=request, model="asked-model", created_at=1, mint=CountingMint(), seal=seal)


def parse(stream: bytes) -> list[dict[str, Any]]:
    """The wire events of a stream of ours, each checked for its frame."""
    events = []
    for frame in stream.decode().split("\n\n")[:-1]:
        name, data = frame.split("\n")
        value = json.loads(data.removeprefix("data: "))
        assert name == f"event: {value['type']}"
        events.append(value)
    return events


def write(events: list[Event], request: ModelRequest = ASKED) -> list[dict[str, Any]]:
    """Events written one call each, and parsed again."""
    writer = DIALECT.writer(context(request))
    return parse(b"".join(writer.write([event]) for event in events))


def accumulate(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that a stream makes, strictly: blocks one after another, dense from 0."""
    message: dict[str, Any] = {}
    is_open = False
    pieces = ""
    for wire in events:
        kind = wire["type"]
        if kind == "message_start":
            message = wire["message"]
        elif kind == "content_block_start":
            assert not is_open
            assert wire["index"] == len(message["content"])
            is_open, pieces = True, ""
            message["content"].append(dict(wire["content_block"]))
        elif kind == "content_block_delta":
            assert is_open
            assert wire["index"] == len(message["content"]) - 1
            pieces += _add(message["content"][-1], wire["delta"])
        elif kind == "content_block_stop":
            assert is_open
            assert wire["index"] == len(message["content"]) - 1
            is_open = False
            if pieces:
                message["content"][-1]["input"] = json.loads(pieces)
        elif kind == "message_delta":
            assert not is_open
            message |= wire["delta"]
            message["usage"] = wire["usage"]
    return message


def _add(content: dict[str, Any], delta: dict[str, Any]) -> str:
    match delta["type"]:
        case "text_delta":
            content["text"] += delta["text"]
        case "thinking_delta":
            content["thinking"] += delta["thinking"]
        case "signature_delta":
            content["signature"] += delta["signature"]
        case "citations_delta":
            content.setdefault("citations", []).append(delta["citation"])
        case "input_json_delta":
            return str(delta["partial_json"])
    return ""
