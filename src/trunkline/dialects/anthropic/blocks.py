"""The blocks of an answer on their way in: one object a kind, told of each event, giving ours.

A block's item is not ended with the block but with the next one or the end of the answer: only then is it known
whether a limit cut it.
"""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from trunkline.dialects.anthropic.arguments import read_arguments
from trunkline.dialects.anthropic.citations import read_citation
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.events import (
    AnnotationAdded,
    ArgumentsAdded,
    Event,
    ItemEnded,
    ItemStarted,
    PartEnded,
    PartStarted,
    TextAdded,
)
from trunkline.items import Carrier, Extras, Message, OtherItem, Reasoning, Status, ToolCall

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


class Block(Protocol):
    """One open block. `index` is its item's. Whatever it says goes into `out`."""

    index: int

    def add(self, delta: Delta, out: list[Event]) -> None: ...

    def stop(self, out: list[Event]) -> None:
        """The block is whole."""

    def settle(self, status: Status, out: list[Event]) -> None:
        """End the item; a block that was not stopped is broken off."""


class TextBlock:
    """A part of a message. It takes its place with its first text, so that an empty block leaves no trace."""

    __slots__ = ("_citations", "_length", "_place", "index", "is_open", "is_placed", "part")

    def __init__(self, place: Callable[[], tuple[int, int]], block: dict[str, Any], out: list[Event]) -> None:
        self._place = place
        self.index = -1
        self.part = 0
        self.is_placed = False
        self.is_open = False
        self._length = 0
        self._citations: list[Any] = [*lenient_list(block.get("citations"))]
        if text := lenient_text(block.get("text")):
            self.add(Delta(text=text), out)

    def add(self, delta: Delta, out: list[Event]) -> None:
        if delta.text:
            if not self.is_open:
                self._start(out)
            self._length += len(delta.text)
            out.append(TextAdded(self.index, self.part, "text", delta.text))
        elif delta.citation is not None:
            self._citations.append(delta.citation)

    def _start(self, out: list[Event]) -> None:
        self.index, self.part = self._place()
        self.is_open = self.is_placed = True
        if self.part == 0:
            out.append(ItemStarted(self.index, Message(role="assistant", parts=[], status="in_progress")))
        out.append(PartStarted(self.index, self.part, "text"))

    def stop(self, out: list[Event]) -> None:
        if not self.is_open:
            return
        self.is_open = False
        for citation in self._citations:
            annotation = read_citation(lenient_object(citation), self._length)
            if annotation is not None:
                out.append(AnnotationAdded(self.index, self.part, annotation))
        out.append(PartEnded(self.index, self.part, "text"))

    def settle(self, status: Status, out: list[Event]) -> None:
        self.stop(out)
        out.append(ItemEnded(self.index, status))


class ThinkingBlock:
    """A step of thought. It may be all signature: Anthropic's default on newer models."""

    __slots__ = ("_open", "_signature", "_stopped", "_texts", "index")

    def __init__(self, index: int, block: dict[str, Any], out: list[Event]) -> None:
        self.index = index
        self._open = False
        self._stopped = False
        self._texts: list[str] = []
        self._signature = lenient_text(block.get("signature"))
        out.append(ItemStarted(index, Reasoning(status="in_progress")))
        if text := lenient_text(block.get("thinking")):
            self.add(Delta(thinking=text), out)

    def add(self, delta: Delta, out: list[Event]) -> None:
        if delta.thinking:
            if not self._open:
                self._open = True
                out.append(PartStarted(self.index, 0, "summary"))
            self._texts.append(delta.thinking)
            out.append(TextAdded(self.index, 0, "summary", delta.thinking))
        elif delta.signature:
            self._signature += delta.signature

    def stop(self, out: list[Event]) -> None:
        self._stopped = True
        if self._open:
            self._open = False
            out.append(PartEnded(self.index, 0, "summary"))

    def settle(self, status: Status, out: list[Event]) -> None:
        carrier = None
        # A block that was broken off has no signature that would hold.
        if self._stopped and self._signature:
            payload = {"thinking": "".join(self._texts), "signature": self._signature}
            carrier = Carrier(DIALECT, "signature", payload)
        self.stop(out)
        out.append(ItemEnded(self.index, status, carrier))


class RedactedBlock:
    """A step of thought that only Anthropic can read."""

    __slots__ = ("_data", "index")

    def __init__(self, index: int, block: dict[str, Any], out: list[Event]) -> None:
        self.index = index
        self._data = lenient_text(block.get("data"))
        out.append(ItemStarted(index, Reasoning(status="in_progress")))

    def add(self, delta: Delta, out: list[Event]) -> None:
        """It comes whole."""

    def stop(self, out: list[Event]) -> None:
        """It has no parts to end."""

    def settle(self, status: Status, out: list[Event]) -> None:
        out.append(ItemEnded(self.index, status, Carrier(DIALECT, "redacted", self._data)))


class CallBlock:
    """A call of one of the caller's tools."""

    __slots__ = ("_input", "_said", "_stopped", "index")

    def __init__(self, index: int, block: dict[str, Any], out: list[Event]) -> None:
        self.index = index
        self._said = False
        self._stopped = False
        # Whole in the start when code called the tool; else an empty object, and the deltas tell.
        self._input = lenient_object(block.get("input"))
        rest = {name: value for name, value in block.items() if name not in ("type", "id", "name", "input")}
        extras: Extras = {DIALECT: rest} if rest else {}
        call = ToolCall(
            call_id=lenient_text(block.get("id")),
            name=lenient_text(block.get("name")),
            arguments="",
            status="in_progress",
            extras=extras,
        )
        out.append(ItemStarted(index, call))

    def add(self, delta: Delta, out: list[Event]) -> None:
        if delta.partial_json:
            self._said = True
            out.append(ArgumentsAdded(self.index, delta.partial_json))

    def stop(self, out: list[Event]) -> None:
        if not self._said and not self._stopped:
            out.append(ArgumentsAdded(self.index, msgspec.json.encode(self._input).decode()))
        self._stopped = True

    def settle(self, status: Status, out: list[Event]) -> None:
        out.append(ItemEnded(self.index, status))


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
