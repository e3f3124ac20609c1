"""What the tests of the Chat dialect share: making streams, reading them in every chunking."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest

from trunkline.clock import CountingMint
from trunkline.dialects.dialect import ReplyContext
from trunkline.dialects.openai_chat import DIALECT
from trunkline.events import Event
from trunkline.grammar import check
from trunkline.items import Carrier
from trunkline.request import ModelRequest

MakeContext = Callable[..., ReplyContext]


def seal(carrier: Carrier) -> str:
    """A seal that a test can read."""
    return "sealed:" + msgspec.json.encode([carrier.family, carrier.kind, carrier.payload]).decode()


def unseal(value: str) -> Carrier | None:
    """What `seal` made, opened."""
    if not value.startswith("sealed:"):
        return None
    return Carrier(*msgspec.json.decode(value.removeprefix("sealed:")))


class Wire:
    """Chunks in the making, and what comes of them."""

    def chunk(self, delta: dict[str, Any] | None = None, finish: str | None = None, **members: Any) -> dict[str, Any]:
        """One ordinary chunk; members whose value is `...` are left out."""
        choice: dict[str, Any] = {"index": 0, "delta": delta or {}, "finish_reason": finish}
        whole = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m-1",
            "choices": [choice],
            **members,
        }
        return {name: value for name, value in whole.items() if value is not ...}

    def calls(self, *fragments: dict[str, Any]) -> dict[str, Any]:
        """One chunk with fragments of calls."""
        return self.chunk({"tool_calls": list(fragments)})

    def frame(self, chunks: Iterable[Any], done: bool = True) -> bytes:
        """Chunks as a stream; bytes stand for themselves."""
        parts = [
            chunk if isinstance(chunk, bytes) else b"data: " + msgspec.json.encode(chunk) + b"\n\n" for chunk in chunks
        ]
        return b"".join(parts) + (b"data: [DONE]\n\n" if done else b"")

    def read(self, stream: bytes) -> list[Event]:
        """The events of a stream, judged by the grammar, and the same for single bytes."""
        reader = DIALECT.reader()
        events = check(reader.feed(stream) + reader.end())
        single = DIALECT.reader()
        again = [event for at in range(len(stream)) for event in single.feed(stream[at : at + 1])] + single.end()
        assert [repr(event) for event in again] == [repr(event) for event in events]
        return events

    def decode(self, stream: bytes) -> list[Any]:
        """The chunks of a stream that was written; the mark at the end as text."""
        assert stream == b"" or stream.endswith(b"\n\n")
        blocks = stream.split(b"\n\n")[:-1]
        assert all(block.startswith(b"data: ") for block in blocks)
        return ["[DONE]" if block == b"data: [DONE]" else msgspec.json.decode(block[6:]) for block in blocks]

    def gather(self, stream: bytes) -> dict[str, Any]:
        """What a client makes of a stream, as the SDKs do it: strings grow, calls go by index."""
        message: dict[str, Any] = {}
        calls: dict[int, dict[str, Any]] = {}
        finishes: list[str] = []
        usages: list[Any] = []
        chunks = self.decode(stream)
        assert chunks[-1] == "[DONE]"
        for chunk in chunks[:-1]:
            assert "error" not in chunk
            usages += [chunk["usage"]] if chunk.get("usage") else []
            for choice in chunk["choices"]:
                finishes += [choice["finish_reason"]] if choice.get("finish_reason") else []
                self._grow(message, calls, choice["delta"])
        assert sorted(calls) == list(range(len(calls)))
        if calls:
            message["tool_calls"] = [calls[index] for index in sorted(calls)]
        assert len(finishes) == 1
        return {"message": message, "finish": finishes[0], "usages": usages}

    def _grow(self, message: dict[str, Any], calls: dict[int, dict[str, Any]], delta: dict[str, Any]) -> None:
        for name, value in delta.items():
            if name == "tool_calls":
                for fragment in value or ():
                    self._grow_call(calls, fragment)
            elif isinstance(value, str) and isinstance(message.get(name), str) and name != "role":
                message[name] += value
            elif value is not None or name not in message:
                message[name] = value

    def _grow_call(self, calls: dict[int, dict[str, Any]], fragment: dict[str, Any]) -> None:
        index = fragment["index"]
        rest = {name: value for name, value in fragment.items() if name != "index"}
        if index not in calls:
            assert fragment["id"]
            calls[index] = rest
            return
        assert "id" not in fragment
        for kind, field in (("function", "arguments"), ("custom", "input")):
            if kind in rest:
                calls[index][kind][field] += rest.pop(kind)[field]
        calls[index].update(rest)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def make_context() -> MakeContext:
    def make(**request: Any) -> ReplyContext:
        return ReplyContext(
            request=ModelRequest(**{"model": "asked", "items": [], **request}),
            model="shown",
            created_at=7,
            mint=CountingMint(),
            seal=seal,
        )

    return make
