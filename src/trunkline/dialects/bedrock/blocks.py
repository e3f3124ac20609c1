"""The content blocks of an answer on their way in: one object a kind, told of each piece, giving events.

A block's item is not ended with the block but with the next one or the end of the answer: only then is it known
whether a limit cut it. Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html.
"""

import base64
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from trunkline.dialects.bedrock.citations import read_citation
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
from trunkline.items import Carrier, Message, OtherItem, Reasoning, Status, ToolCall

DIALECT = "bedrock"


class Delta(msgspec.Struct):
    """One piece of a block; whatever it is not of is `None`."""

    text: str | None = None
    toolUse: Any = None  # noqa: N815  # as the wire spells it
    reasoningContent: Any = None  # noqa: N815  # likewise
    citation: Any = None


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

    __slots__ = ("_citations", "_is_open", "_length", "_place", "index", "is_placed", "part")

    def __init__(self, place: Callable[[], tuple[int, int]]) -> None:
        self._place = place
        self.index = -1
        self.part = 0
        self.is_placed = False
        self._is_open = False
        self._length = 0
        self._citations: list[Any] = []

    def add(self, delta: Delta, out: list[Event]) -> None:
        if delta.text:
            if not self._is_open:
                self._start(out)
            self._length += len(delta.text)
            out.append(TextAdded(self.index, self.part, "text", delta.text))
        elif delta.citation is not None:
            self._citations.append(delta.citation)

    def _start(self, out: list[Event]) -> None:
        self.index, self.part = self._place()
        self._is_open = self.is_placed = True
        if self.part == 0:
            out.append(ItemStarted(self.index, Message(role="assistant", parts=[], status="in_progress")))
        out.append(PartStarted(self.index, self.part, "text"))

    def stop(self, out: list[Event]) -> None:
        if not self._is_open:
            return
        self._is_open = False
        for citation in self._citations:
            annotation = read_citation(lenient_object(citation), self._length)
            if annotation is not None:
                out.append(AnnotationAdded(self.index, self.part, annotation))
        out.append(PartEnded(self.index, self.part, "text"))

    def settle(self, status: Status, out: list[Event]) -> None:
        self.stop(out)
        out.append(ItemEnded(self.index, status))


class ThoughtBlock:
    """A step of thought: text with a signature, or bytes that only the model's maker can read."""

    __slots__ = ("_open", "_redacted", "_signature", "_stopped", "_texts", "index")

    def __init__(self, index: int, out: list[Event]) -> None:
        self.index = index
        self._open = False
        self._stopped = False
        self._texts: list[str] = []
        self._signature = ""
        self._redacted: list[str] = []
        out.append(ItemStarted(index, Reasoning(status="in_progress")))

    def add(self, delta: Delta, out: list[Event]) -> None:
        piece = lenient_object(delta.reasoningContent)
        if text := lenient_text(piece.get("text")):
            if not self._open:
                self._open = True
                out.append(PartStarted(self.index, 0, "summary"))
            self._texts.append(text)
            out.append(TextAdded(self.index, 0, "summary", text))
        self._signature += lenient_text(piece.get("signature"))
        if redacted := lenient_text(piece.get("redactedContent")):
            self._redacted.append(redacted)

    def stop(self, out: list[Event]) -> None:
        self._stopped = True
        if self._open:
            self._open = False
            out.append(PartEnded(self.index, 0, "summary"))

    def settle(self, status: Status, out: list[Event]) -> None:
        # A block that was broken off has no signature that would hold.
        carrier = self._make_carrier() if self._stopped else None
        self.stop(out)
        out.append(ItemEnded(self.index, status, carrier))

    def _make_carrier(self) -> Carrier | None:
        if self._redacted:
            return Carrier(DIALECT, "redacted", _join_base64(self._redacted))
        if self._signature:
            return Carrier(DIALECT, "signature", {"text": "".join(self._texts), "signature": self._signature})
        return None


def _join_base64(pieces: list[str]) -> str:
    """Base64 that came in pieces as one; a single piece, as is usual, as it is."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece) for piece in pieces)).decode()
    except ValueError:
        return "".join(pieces)


class CallBlock:
    """A call of one of the caller's tools."""

    __slots__ = ("_said", "_stopped", "index")

    def __init__(self, index: int, call: dict[str, Any], out: list[Event]) -> None:
        self.index = index
        self._said = False
        self._stopped = False
        name, call_id = lenient_text(call.get("name")), lenient_text(call.get("toolUseId"))
        out.append(ItemStarted(index, ToolCall(call_id=call_id, name=name, arguments="", status="in_progress")))
        if given := lenient_object(call.get("input")):
            self._say(msgspec.json.encode(given).decode(), out)

    def add(self, delta: Delta, out: list[Event]) -> None:
        self._say(lenient_text(lenient_object(delta.toolUse).get("input")), out)

    def _say(self, text: str, out: list[Event]) -> None:
        if text:
            self._said = True
            out.append(ArgumentsAdded(self.index, text))

    def stop(self, out: list[Event]) -> None:
        if not self._said and not self._stopped:
            out.append(ArgumentsAdded(self.index, "{}"))
        self._stopped = True

    def settle(self, status: Status, out: list[Event]) -> None:
        out.append(ItemEnded(self.index, status))


class OtherBlock:
    """A block that only this dialect knows (a picture, a server's tool); its pieces are of no use to anybody."""

    __slots__ = ("_item", "index")

    def __init__(self, index: int, block: dict[str, Any], out: list[Event]) -> None:
        self.index = index
        self._item = OtherItem(dialect=DIALECT, type=next(iter(block), ""), value=block)
        out.append(ItemStarted(index, self._item))

    def add(self, delta: Delta, out: list[Event]) -> None:
        """Its start says what it is."""

    def stop(self, out: list[Event]) -> None:
        """It has no parts to end."""

    def settle(self, status: Status, out: list[Event]) -> None:
        out.append(ItemEnded(self.index, status, None, self._item))


def read_pieces(block: dict[str, Any]) -> list[Delta]:
    """A whole block as the pieces that a stream would have sent, its start apart."""
    if (thought := block.get("reasoningContent")) is not None:
        thought = lenient_object(thought)
        redacted = {"redactedContent": thought.get("redactedContent")}
        return [Delta(reasoningContent={**redacted, **lenient_object(thought.get("reasoningText"))})]
    if (cited := block.get("citationsContent")) is not None:
        cited = lenient_object(cited)
        texts = [lenient_text(lenient_object(part).get("text")) for part in lenient_list(cited.get("content"))]
        citations = [Delta(citation=citation) for citation in lenient_list(cited.get("citations"))]
        return [Delta(text="".join(texts)), *citations]
    return [Delta(text=text)] if (text := lenient_text(block.get("text"))) else []
