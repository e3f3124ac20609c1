"""What of an answer a caller's stream has under way: items and their parts, and how these are named and drawn."""

from typing import Any

import msgspec

from trunkline.dialects.openai_responses.parts import write_output_text
from trunkline.events import PartKind
from trunkline.items import Item, Part

PART_NAMES: dict[PartKind, tuple[str, str, str]] = {
    "text": ("response.output_text", "content_index", "text"),
    "refusal": ("response.refusal", "content_index", "refusal"),
    "reasoning": ("response.reasoning_text", "content_index", "text"),
    "summary": ("response.reasoning_summary_text", "summary_index", "text"),
}
"""What the events of each kind of part are called, where they count, and under which name the whole text goes."""

_encode = msgspec.json.encode


class ShownItem:
    """An item of the answer under way. `texts` gathers a call's arguments."""

    __slots__ = ("id", "item", "output_index", "parts", "prefix", "texts")

    def __init__(self, item: Item, item_id: str, output_index: int) -> None:
        self.item = item
        self.id = item_id
        self.output_index = output_index
        self.parts: list[tuple[PartKind, Part]] = []
        self.texts: list[str] = []
        self.prefix = b""


class ShownPart:
    """A part under way, and the bytes around its deltas."""

    __slots__ = ("annotations", "logprobs", "prefix", "suffix", "texts")

    def __init__(self, prefix: bytes, suffix: bytes) -> None:
        self.prefix = prefix
        self.suffix = suffix
        self.texts: list[str] = []
        self.annotations: list[dict[str, Any]] = []
        self.logprobs: list[dict[str, Any]] = []


def delta_prefix(name: str, shown: ShownItem, counter: str | None, number: int) -> bytes:
    """What stands before the text in each delta of a part or call."""
    members: dict[str, Any] = {"type": f"{name}.delta", "item_id": shown.id, "output_index": shown.output_index}
    if counter is not None:
        members[counter] = number
    return b'event: %b.delta\ndata: %b,"delta":' % (name.encode(), _encode(members)[:-1])


def draw_part(
    kind: PartKind, text: str, annotations: list[dict[str, Any]], logprobs: list[dict[str, Any]]
) -> dict[str, Any]:
    """A part as the events that begin and end it show it."""
    match kind:
        case "text":
            return write_output_text(text, annotations, logprobs)
        case "refusal":
            return {"type": "refusal", "refusal": text}
        case "reasoning":
            return {"type": "reasoning_text", "text": text}
        case "summary":
            return {"type": "summary_text", "text": text}
