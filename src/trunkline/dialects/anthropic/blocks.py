"""The kinds of blocks of an answer on their way in.

Source: https://docs.anthropic.com/en/api/messages (content), …/build-with-claude/streaming.
"""

from typing import Any

import msgspec

from trunkline.dialects.anthropic.arguments import read_arguments
from trunkline.dialects.blocks import Call, Thought
from trunkline.dialects.shapes import lenient_object, lenient_text
from trunkline.events import Event, ItemEnded, ItemStarted
from trunkline.items import Carrier, Extras, OtherItem, Status, ToolCall

DIALECT = "messages"


class Delta(msgspec.Struct):
    """The `delta` of a block or of the message; whatever a kind of delta does not have is `None`."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    citation: Any = None
    content: Any = None
    encrypted_content: Any = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Any = None


class ThinkingBlock(Thought):
    """A step of thought, and the signature that it must come back with."""

    __slots__ = ("_signature",)

    def __init__(self, index: int, block: dict[str, Any], out: list[Event]) -> None:
        super().__init__(index, out)
        self._signature = lenient_text(block.get("signature"))
        if text := lenient_text(block.get("thinking")):
            self.say(text, out)

    def add(self, delta: Delta, out: list[Event]) -> None:
        if delta.thinking:
            self.say(delta.thinking, out)
        elif delta.signature:
            self._signature += delta.signature

    def make_carrier(self, text: str) -> Carrier | None:
        return (
            Carrier(DIALECT, "signature", {"thinking": text, "signature": self._signature}) if self._signature else None
        )


class RedactedBlock(Thought):
    """A step of thought that only Anthropic can read. It comes whole."""

    __slots__ = ("_data",)

    def __init__(self, index: int, block: dict[str, Any], out: list[Event]) -> None:
        super().__init__(index, out)
        self._data = lenient_text(block.get("data"))
        self.stop(out)

    def add(self, delta: Delta, out: list[Event]) -> None:
        """Ignores pieces: this kind of block comes whole."""

    def make_carrier(self, text: str) -> Carrier | None:
        return Carrier(DIALECT, "redacted", self._data)


class CallBlock(Call):
    """A call of one of the caller's tools; it comes whole in its start when code called the tool."""

    __slots__ = ()

    def __init__(self, index: int, block: dict[str, Any], out: list[Event]) -> None:
        rest = {name: value for name, value in block.items() if name not in ("type", "id", "name", "input")}
        extras: Extras = {DIALECT: rest} if rest else {}
        call = ToolCall(
            call_id=lenient_text(block.get("id")),
            name=lenient_text(block.get("name")),
            arguments="",
            status="in_progress",
            extras=extras,
        )
        super().__init__(index, call, lenient_object(block.get("input")), out)

    def add(self, delta: Delta, out: list[Event]) -> None:
        self.say(delta.partial_json or "", out)


class OtherBlock:
    """A block that only this dialect knows: a server's tool, its result, a compaction. It is given on whole."""

    __slots__ = ("_json", "_value", "index")

    def __init__(self, index: int, block: dict[str, Any], out: list[Event]) -> None:
        self.index = index
        self._value = dict(block)
        self._json: list[str] = []
        out.append(ItemStarted(index, self._item()))

    def _item(self) -> OtherItem:
        return OtherItem(dialect=DIALECT, type=lenient_text(self._value.get("type")), value=self._value)

    def add(self, delta: Delta, out: list[Event]) -> None:
        if delta.partial_json:
            self._json.append(delta.partial_json)
        for name in ("content", "encrypted_content", "signature"):
            said = getattr(delta, name)
            if said is not None:
                before = self._value.get(name)
                joins = isinstance(before, str) and isinstance(said, str)
                self._value[name] = before + said if joins else said

    def stop(self, out: list[Event]) -> None:
        if self._json:
            self._value["input"] = read_arguments("".join(self._json))
            self._json = []

    def settle(self, status: Status, out: list[Event]) -> None:
        self.stop(out)
        out.append(ItemEnded(self.index, status, None, self._item()))


KINDS: dict[str, type[ThinkingBlock] | type[RedactedBlock] | type[CallBlock]] = {
    "thinking": ThinkingBlock,
    "redacted_thinking": RedactedBlock,
    "tool_use": CallBlock,
}
"""Block types with a meaning of their own, beside `text`; every other type is an `OtherBlock`."""
