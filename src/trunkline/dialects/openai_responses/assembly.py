"""The items of an upstream's answer as they come together: from what the wire says of them to events in good order.

Whatever is said twice is told once; what the deltas left out is told from the finished form. Items are known by their
`output_index` alone: some upstreams change ids between events, others leave gaps.
"""

from typing import Any

from trunkline.dialects.openai_responses.items import carry
from trunkline.dialects.openai_responses.output import (
    WholePart,
    read_logprobs,
    read_other,
    read_parts,
    read_skeleton,
    read_status,
)
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.events import (
    AnnotationAdded,
    ArgumentsAdded,
    Event,
    ItemEnded,
    ItemStarted,
    PartEnded,
    PartKind,
    PartStarted,
    ResponseStarted,
    TextAdded,
)
from trunkline.items import Item, Message, Reasoning, Status, ToolCall


class OpenItem:
    """An item under way. `parts` are the wire's part numbers → ours, apart for summaries."""

    __slots__ = ("counts", "ended", "index", "item", "length", "open_part", "parts", "type")

    def __init__(self, index: int, item: Item, type_: str) -> None:
        self.index = index
        self.item = item
        self.type = type_
        self.ended = False
        self.length = 0
        self.parts: dict[tuple[bool, int], OpenPart] = {}
        self.open_part: dict[bool, OpenPart] = {}
        self.counts = [0, 0]


class OpenPart:
    """A part under way: its number, how many characters of it have been told, how many citations."""

    __slots__ = ("annotations", "is_open", "kind", "length", "number")

    def __init__(self, number: int, kind: PartKind) -> None:
        self.number = number
        self.kind = kind
        self.length = 0
        self.annotations = 0
        self.is_open = True


class Assembly:
    """The items of one answer under way, and the events that tell of them, gathered in `out`."""

    def __init__(self) -> None:
        self.out: list[Event] = []
        self.items: dict[int, OpenItem] = {}
        self._all: list[OpenItem] = []
        self.started = False

    def start(self, response_id: str, model: str) -> None:
        if not self.started:
            self.started = True
            self.out.append(ResponseStarted(response_id, model))

    def open_item(self, output_index: int | None, body: dict[str, Any]) -> OpenItem:
        self.start("", "")
        item = read_skeleton(body)
        opened = OpenItem(len(self._all), item, lenient_text(body.get("type")))
        self._all.append(opened)
        if output_index is not None:
            self.items[output_index] = opened
        self.out.append(ItemStarted(opened.index, item))
        return opened

    def find(self, output_index: int | None) -> OpenItem | None:
        """The item that an event belongs to, if it is open."""
        if output_index is None:
            last = self._all[-1] if self._all else None
            return None if last is None or last.ended else last
        found = self.items.get(output_index)
        return None if found is None or found.ended else found

    def ensure(self, output_index: int | None, type_: str) -> OpenItem | None:
        """The item an event of a part belongs to; one that was never announced is opened."""
        found = self.find(output_index)
        if found is None and output_index not in self.items:
            return self.open_item(output_index, {"type": type_})
        return found

    def end_item(self, item: OpenItem, body: dict[str, Any]) -> None:
        """Close an item by its finished form: tell what the deltas left out, and what only now is known."""
        item.ended = True
        index = item.index
        status = read_status(body)
        match item.item:
            case Message():
                self._end_parts(item, read_parts(body))
                self.out.append(ItemEnded(index, status))
            case Reasoning():
                parts = read_parts(body)
                self._end_parts(item, parts)
                sealed = lenient_text(body.get("encrypted_content"))
                summary = [lenient_text(part.get("text")) for _, kind, part in parts if kind == "summary"]
                carrier = carry(sealed, lenient_text(body.get("id")) or None, summary) if sealed else None
                self.out.append(ItemEnded(index, status, carrier))
            case ToolCall(kind=kind):
                self.complete_arguments(item, body.get("arguments" if kind == "function" else "input"))
                self.out.append(ItemEnded(index, status))
            case _:
                self.out.append(ItemEnded(index, status, None, read_other(body) if body else None))

    def end_items(self, status: Status) -> None:
        """Close whatever is still open, without its finished form."""
        for item in self._all:
            if not item.ended:
                item.ended = True
                self._close_parts(item)
                self.out.append(ItemEnded(item.index, status))

    # --- parts ---

    def part(self, item: OpenItem, wire_number: int, kind: PartKind) -> OpenPart | None:
        """The open part of that number, begun if need be; `None` when it is over or has no place in the item."""
        is_summary = kind == "summary"
        part = item.parts.get((is_summary, wire_number))
        if part is not None:
            return part if part.is_open and part.kind == kind else None
        if type(item.item) is not (Message if kind in ("text", "refusal") else Reasoning):
            return None
        self.close_part(item, is_summary)
        part = OpenPart(item.counts[is_summary], kind)
        item.counts[is_summary] += 1
        item.parts[is_summary, wire_number] = item.open_part[is_summary] = part
        self.out.append(PartStarted(item.index, part.number, kind))
        return part

    def close_part(self, item: OpenItem, is_summary: bool) -> None:
        part = item.open_part.pop(is_summary, None)
        if part is not None:
            part.is_open = False
            self.out.append(PartEnded(item.index, part.number, part.kind))

    def _close_parts(self, item: OpenItem) -> None:
        self.close_part(item, False)
        self.close_part(item, True)

    def _end_parts(self, item: OpenItem, parts: list[WholePart]) -> None:
        for number, kind, body in parts:
            self.complete_part(item, self.part(item, number, kind), body)
        self._close_parts(item)

    def complete_part(self, item: OpenItem, part: OpenPart | None, body: dict[str, Any]) -> None:
        """Tell what a finished part has beyond its deltas."""
        if part is not None:
            self.complete_text(
                item, part, body.get("refusal" if part.kind == "refusal" else "text"), body.get("logprobs")
            )
            self.complete_annotations(item, part, body.get("annotations"))

    def complete_text(self, item: OpenItem, part: OpenPart, text: Any, logprobs: Any = None) -> None:
        """Add what the whole text has beyond its deltas."""
        rest = lenient_text(text)[part.length :]
        if rest:
            entries = read_logprobs(logprobs) if not part.length else None
            part.length += len(rest)
            self.out.append(TextAdded(item.index, part.number, part.kind, rest, entries))

    def complete_annotations(self, item: OpenItem, part: OpenPart, annotations: Any) -> None:
        for annotation in lenient_list(annotations)[part.annotations :]:
            if part.kind == "text" and type(annotation) is dict:
                self.out.append(AnnotationAdded(item.index, part.number, annotation))
                part.annotations += 1

    def complete_arguments(self, item: OpenItem, arguments: Any) -> None:
        rest = lenient_text(arguments)[item.length :]
        if rest:
            item.length += len(rest)
            self.out.append(ArgumentsAdded(item.index, rest))

    def complete(self, response: dict[str, Any]) -> None:
        """Items of the final output that the stream left out, or left open.

        The n-th item of a type is taken for the n-th that was streamed: ids may have changed on the way, and places
        may have had gaps.
        """
        streamed: dict[str, list[OpenItem]] = {}
        for item in self._all:
            streamed.setdefault(item.type, []).append(item)
        seen: dict[str, int] = {}
        for value in lenient_list(response.get("output")):
            body = lenient_object(value)
            type_ = lenient_text(body.get("type"))
            same = streamed.get(type_, [])
            number = seen.get(type_, 0)
            seen[type_] = number + 1
            if number >= len(same):
                self.end_item(self.open_item(None, body), body)
            elif not same[number].ended:
                self.end_item(same[number], body)
