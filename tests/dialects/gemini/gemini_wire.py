"""Gemini's wire for tests: frames as bytes, a real seal, an answer given back by its caller."""

import json
from typing import Any

from trunkline.capabilities import Capabilities
from trunkline.clock import CountingMint
from trunkline.dialects.dialect import ReplyContext
from trunkline.dialects.gemini import DIALECT
from trunkline.dialects.seal import Sealer
from trunkline.events import Event, ModelResponse
from trunkline.folding import fold
from trunkline.grammar import check
from trunkline.items import Item, Message, Text
from trunkline.request import ModelRequest

ASKED = ModelRequest(model="gemini", items=[Message(role="user", parts=[Text(text="What is the weather?")])])
LEVELS = Capabilities(parallel_switch=False, fields=frozenset({"top_k"}))
BUDGETS = Capabilities(parallel_switch=False, thinking="manual", thinking_budget=(128, 32768), thinking_off="never")

seal, unseal = Sealer({"k1": bytes(32)}, "k1").bind("account", "/")


def context(request: ModelRequest = ASKED) -> ReplyContext:
    return ReplyContext(request=request, model="gemini", created_at=1, mint=CountingMint(), seal=seal)


def frame(*parts: dict[str, Any], usage: dict[str, Any] | None = None, **candidate: Any) -> bytes:
    """One event: parts, and what else the candidate says (`finishReason`)."""
    told: dict[str, Any] = {"index": 0, **candidate}
    if parts:
        told["content"] = {"parts": list(parts), "role": "model"}
    return event({"candidates": [told], **({"usageMetadata": usage} if usage else {})})


def event(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\r\n\r\n"


def text(*pieces: str) -> bytes:
    return b"".join(frame({"text": piece}) for piece in pieces)


def call(name: str, args: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    signature = {"thoughtSignature": members.pop("signature")} if "signature" in members else {}
    return {"functionCall": {"name": name, **({} if args is None else {"args": args}), **members}, **signature}


END = frame({"text": ""}, finishReason="STOP", usage={"promptTokenCount": 5, "candidatesTokenCount": 2})


def read(*pieces: bytes) -> list[Event]:
    """The events of a stream that comes in these pieces; they keep the grammar."""
    reader = DIALECT.reader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    return check([*events, *reader.end()])


def answer(*pieces: bytes) -> ModelResponse:
    return fold(read(*pieces))


def read_body(**body: Any) -> ModelRequest:
    return DIALECT.read_request({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], **body}, unseal)


def write(items: list[Item], capabilities: Capabilities = LEVELS, **members: Any) -> dict[str, Any]:
    """The body for an upstream."""
    return DIALECT.write_request(ModelRequest(model="m", items=items, **members), capabilities).body


def user(words: str = "Hi") -> Message:
    return Message(role="user", parts=[Text(text=words)])


def frames(stream: bytes) -> list[dict[str, Any]]:
    blocks = stream.split(b"\r\n\r\n")
    assert blocks.pop() == b""
    assert all(block.startswith(b"data: ") for block in blocks)
    return [json.loads(block[6:]) for block in blocks]


def parts_of(stream: bytes) -> list[dict[str, Any]]:
    return [
        part
        for told in frames(stream)
        for candidate in told.get("candidates", ())
        for part in candidate.get("content", {}).get("parts", ())
    ]
