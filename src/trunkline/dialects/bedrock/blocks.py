"""The kinds of content blocks of an answer on their way in.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html.
"""

import base64
from typing import Any

import msgspec

from trunkline.dialects.blocks import Call, Thought
from trunkline.dialects.drawn import make_drawn
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.events import Event, ItemEnded, ItemStarted
from trunkline.items import Carrier, OtherItem, Status, ToolCall

DIALECT = "bedrock"


class Delta(msgspec.Struct):
    """One piece of a block; whatever it is not of is `None`."""

    text: str | None = None
    toolUse: Any = None  # noqa: N815  # as the wire spells it
    reasoningContent: Any = None  # noqa: N815  # likewise
    citation: Any = None


class ThoughtBlock(Thought):
    """A step of thought: text with a signature, or bytes that only the model's maker can read."""

    __slots__ = ("_redacted", "_signature")

    def __init__(self, index: int, out: list[Event]) -> None:
        super().__init__(index, out)
        self._signature = ""
        self._redacted: list[str] = []

    def add(self, delta: Delta, out: list[Event]) -> None:
        piece = lenient_object(delta.reasoningContent)
        if text := lenient_text(piece.get("text")):
            self.say(text, out)
        self._signature += lenient_text(piece.get("signature"))
        if redacted := lenient_text(piece.get("redactedContent")):
            self._redacted.append(redacted)

    def make_carrier(self, text: str) -> Carrier | None:
        if self._redacted:
            return Carrier(DIALECT, "redacted", _join_base64(self._redacted))
        return Carrier(DIALECT, "signature", {"text": text, "signature": self._signature}) if self._signature else None


def _join_base64(pieces: list[str]) -> str:
    """Base64 that came in pieces as one; a single piece, as is usual, as it is."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece) for piece in pieces)).decode()
    except ValueError:
        return "".join(pieces)


class CallBlock(Call):
    """A call of one of the caller's tools."""

    __slots__ = ()

    def __init__(self, index: int, block: dict[str, Any], out: list[Event]) -> None:
        name, call_id = lenient_text(block.get("name")), lenient_text(block.get("toolUseId"))
        call = ToolCall(call_id=call_id, name=name, arguments="", status="in_progress")
        super().__init__(index, call, lenient_object(block.get("input")), out)

    def add(self, delta: Delta, out: list[Event]) -> None:
        self.say(lenient_text(lenient_object(delta.toolUse).get("input")), out)


class OtherBlock:
    """A block that only this dialect knows (a picture, a server's tool); its pieces are of no use to anybody."""

    __slots__ = ("_item", "index")

    def __init__(self, index: int, block: dict[str, Any], out: list[Event]) -> None:
        self.index = index
        self._item = _read_picture(block) or OtherItem(dialect=DIALECT, type=next(iter(block), ""), value=block)
        out.append(ItemStarted(index, self._item))

    def add(self, delta: Delta, out: list[Event]) -> None:
        """Ignores pieces: the start of this kind of block says all."""

    def stop(self, out: list[Event]) -> None:
        """Ends nothing: this kind of block has no parts."""

    def settle(self, status: Status, out: list[Event]) -> None:
        out.append(ItemEnded(self.index, status, None, self._item))


def _read_picture(block: dict[str, Any]) -> OtherItem | None:
    """The picture that a block is, when it came along."""
    image = lenient_object(block.get("image"))
    data = lenient_text(lenient_object(image.get("source")).get("bytes"))
    return make_drawn(data, lenient_text(image.get("format"))) if data else None


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
