"""Anthropic's own streams and replies, recorded: read, passed on, written again, and given to the official SDK."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from messages_wire import accumulate, context, parse, read

from trunkline.dialects.anthropic import DIALECT
from trunkline.dialects.anthropic.usage import read_finish
from trunkline.dialects.dialect import TeeOptions
from trunkline.events import ModelResponse
from trunkline.folding import fold, unfold
from trunkline.items import Item, Message, OtherItem, ToolCall

pytestmark = pytest.mark.requires_test_data


def streams(test_data: Path) -> Iterator[tuple[str, bytes]]:
    """Every recorded stream; a file may hold several, one turn after another."""
    for path in sorted((test_data / "recorded" / "anthropic").glob("*.chunks.txt")):
        stream = b""
        for line in path.read_text().splitlines():
            if line.strip():
                name = json.loads(line)["type"]
                stream += f"event: {name}\ndata: {line}\n\n".encode()
                if name == "message_stop":
                    yield path.name, stream
                    stream = b""
        assert not stream, path.name


def kinds(items: list[Item]) -> list[str]:
    return [item.type if isinstance(item, OtherItem) else type(item).__name__ for item in items]


def text_of(response: ModelResponse) -> str:
    parts = [part for item in response.items if isinstance(item, Message) for part in item.parts]
    return "".join(getattr(part, "text", "") for part in parts)


def write(response: ModelResponse) -> bytes:
    return DIALECT.writer(context()).write([*unfold(response)])


def test_every_stream_is_read(test_data: Path) -> None:
    """Each keeps the grammar, in one piece and in small ones, and ends well."""
    seen = 0
    for name, stream in streams(test_data):
        events = read(stream)
        pieces = [stream[at : at + 13] for at in range(0, len(stream), 13)]
        assert read(*pieces) == events, name
        assert fold(events).error is None, name
        assert read(stream.replace(b"\n", b"\r\n")) == events, name
        seen += 1
    assert seen > 30


def test_every_stream_reads_as_its_text(test_data: Path) -> None:
    """All text deltas, and nothing but them, are in the answer."""
    for name, stream in streams(test_data):
        deltas = [event.get("delta", {}) for event in parse(stream)]
        assert text_of(fold(read(stream))) == "".join(delta.get("text", "") for delta in deltas), name


def test_every_stream_survives_our_writer(test_data: Path) -> None:
    """What we write is read as the same items, text, arguments and counts."""
    for name, stream in streams(test_data):
        answer = fold(read(stream))
        again = fold(read(write(answer)))
        assert kinds(again.items) == kinds(answer.items), name
        assert text_of(again) == text_of(answer), name
        assert (again.usage, again.finish) == (answer.usage, answer.finish), name
        calls = [[item for item in of.items if isinstance(item, ToolCall)] for of in (again, answer)]
        assert [json.loads(call.arguments) for call in calls[0]] == [json.loads(call.arguments) for call in calls[1]]


def test_streamed_equals_whole(test_data: Path) -> None:
    """The stream that we write adds up to the reply that we write."""
    for name, stream in streams(test_data):
        answer = fold(read(stream))
        whole = json.loads(DIALECT.write_reply(answer, context()))
        assert accumulate(parse(write(answer))) == whole, name


def test_every_stream_passes_untouched(test_data: Path) -> None:
    """The tee changes no byte and reads the same counts as the reader."""
    for name, stream in streams(test_data):
        for size in (97, len(stream)):
            passage = DIALECT.tee(TeeOptions())
            pieces = [passage.feed(stream[at : at + size]) for at in range(0, len(stream), size)]
            assert b"".join(pieces) + passage.end() == stream, name
            assert passage.error is None, name
            assert passage.has_content, name
            assert passage.usage == fold(read(stream)).usage, name


def test_every_reply_is_read(test_data: Path) -> None:
    """Whole replies give their text and counts."""
    for path in sorted((test_data / "recorded" / "anthropic").glob("*.json")):
        body = path.read_bytes()
        wire = json.loads(body)
        answer = DIALECT.read_reply(body)
        blocks = [block for block in wire["content"] if block["type"] == "text"]
        assert text_of(answer) == "".join(block["text"] for block in blocks), path.name
        assert answer.usage == DIALECT.tee_reply(body).usage, path.name
        assert answer.finish == read_finish(wire["stop_reason"]), path.name


def sdk_message(stream: bytes) -> Any:
    """The message that the official SDK makes of a stream."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=stream)

    transport = httpx2.MockTransport(answer)
    client = anthropic.Anthropic(
        api_key="k", base_url="http://sdk.test", http_client=httpx2.Client(transport=transport)
    )
    with client, client.messages.stream(model="m", max_tokens=5, messages=[{"role": "user", "content": "x"}]) as opened:
        return opened.get_final_message()


@pytest.mark.slow
def test_the_official_sdk_accepts_what_we_write(test_data: Path) -> None:
    """Its accumulator makes our reply of our stream."""
    for name, stream in streams(test_data):
        answer = fold(read(stream))
        whole = json.loads(DIALECT.write_reply(answer, context()))
        message = sdk_message(write(answer))
        assert [block.type for block in message.content] == [block["type"] for block in whole["content"]], name
        assert "".join(block.text for block in message.content if block.type == "text") == text_of(answer), name
        assert [block.input for block in message.content if block.type == "tool_use"] == [
            block["input"] for block in whole["content"] if block["type"] == "tool_use"
        ], name
        assert message.stop_reason == whole["stop_reason"], name
        assert message.usage.output_tokens == whole["usage"]["output_tokens"], name
