"""Recorded streams and replies of many vendors are read, mended and written again without loss."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chat_recordings import STREAMS, load_stream
from trunkline.dialects.dialect import TeeOptions
from trunkline.dialects.openai_chat import DIALECT
from trunkline.events import ModelResponse
from trunkline.folding import fold
from trunkline.items import Message, Reasoning, Text, ToolCall

REPLIES = [
    "alibaba-tool-call.json",
    "azure-deepseek-reasoning.1.json",
    "deepseek-reasoning.json",
    "deepseek-text.json",
    "deepseek-tool-call.json",
    "groq-reasoning.json",
    "mistral-reasoning.json",
    "mistral-text.json",
    "moonshotai-tool-call.json",
    "openai-compatible--xai-text.json",
    "perplexity-citations.json",
    "xai-text.json",
]


def simple(stream: bytes) -> dict[str, Any]:
    """The text, thoughts and arguments in a stream, gathered in the most naive way."""
    gathered = {"text": "", "thoughts": "", "arguments": ""}
    for block in stream.split(b"\n\n"):
        if not block.startswith(b"data: {"):
            continue
        for choice in json.loads(block[6:]).get("choices", []):
            delta = choice["delta"]
            content = delta.get("content") or ""
            for part in content if isinstance(content, list) else [{"text": content}]:
                gathered["text"] += part.get("text", "")
                gathered["thoughts"] += "".join(inner["text"] for inner in part.get("thinking", []))
            gathered["thoughts"] += delta.get("reasoning_content") or delta.get("reasoning") or ""
            for call in delta.get("tool_calls") or []:
                gathered["arguments"] += call["function"].get("arguments") or ""
    return gathered


def held(response: ModelResponse) -> dict[str, Any]:
    parts = [part for item in response.items if isinstance(item, Message) for part in item.parts]
    return {
        "text": "".join(part.text for part in parts if isinstance(part, Text)),
        "thoughts": "".join(text for item in response.items if isinstance(item, Reasoning) for text in item.content),
        "arguments": "".join(item.arguments for item in response.items if isinstance(item, ToolCall)),
    }


@pytest.mark.parametrize("name", STREAMS)
def test_every_stream_is_read_whole(test_data: Path, wire: Any, name: str) -> None:
    """In every chunking, by the grammar, with all it holds."""
    stream = load_stream(test_data, name)
    response = fold(wire.read(stream))
    assert held(response) == simple(stream)
    assert (response.error is None) == (b'"finish_reason":"' in stream)
    assert response.id
    assert response.has_usage == (b'"usage":{' in stream)


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("cut_usage", [True, False])
def test_every_stream_is_mended(test_data: Path, wire: Any, name: str, cut_usage: bool) -> None:
    """It holds the same, keeps the SDKs' grammar, and mending it again changes nothing."""
    stream = load_stream(test_data, name)
    passage = DIALECT.mend(TeeOptions(cut_usage=cut_usage))
    written = passage.feed(stream) + passage.end()
    response = fold(wire.read(stream))
    assert passage.usage == response.usage
    if passage.error is None:
        gathered = wire.gather(written)
        assert len(gathered["usages"]) == (0 if cut_usage or not response.has_usage else 1)
        assert held(fold(wire.read(written))) == held(response)
        again = DIALECT.mend(TeeOptions(cut_usage=cut_usage))
        assert again.feed(written) + again.end() == written


@pytest.mark.parametrize("name", STREAMS)
def test_every_stream_is_teed(test_data: Path, name: str) -> None:
    """Byte for byte, with the same usage."""
    stream = load_stream(test_data, name)
    tee, mend = DIALECT.tee(TeeOptions()), DIALECT.mend(TeeOptions())
    assert (tee.feed(stream) + tee.end()).startswith(stream)
    mend.feed(stream)
    mend.end()
    assert tee.usage == mend.usage
    assert (tee.error is None) or mend.error is not None


@pytest.mark.parametrize("name", REPLIES)
def test_every_reply_is_read_and_mended(test_data: Path, name: str, make_context: Any) -> None:
    """Mended, written again by us or as it was, it says the same."""
    body = (test_data / "recorded" / "chat" / name).read_bytes()
    response = DIALECT.read_reply(body)
    mended = DIALECT.mend_reply(body)
    assert mended.error is None
    assert mended.usage == response.usage == DIALECT.tee_reply(body).usage
    assert held(DIALECT.read_reply(mended.body)) == held(response)
    assert held(DIALECT.read_reply(DIALECT.write_reply(response, make_context()))) == held(response)
    message = msgspec.json.decode(body)["choices"][0]["message"]
    if isinstance(message["content"], str):
        assert held(response)["text"] == message["content"]
