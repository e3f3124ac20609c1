"""An upstream's Responses stream → events. Generous: whatever is said twice is taken once, whatever is left out of the
deltas is taken from the finished item, and unknown events are passed over.

Items are known by their `output_index` alone: some upstreams change ids between events, others leave gaps.
Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trunkline.dialects.openai_responses.errors import find_error, read_error_object
from trunkline.dialects.openai_responses.items import carry
from trunkline.dialects.openai_responses.output import (
    PART_KINDS,
    WholePart,
    read_finish,
    read_logprobs,
    read_other,
    read_parts,
    read_skeleton,
    read_status,
)
from trunkline.dialects.openai_responses.usage import read_usage
from trunkline.dialects.shapes import decode_json, lenient_list, lenient_object, lenient_text
from trunkline.dialects.sse import EventTooLarge, ServerSentEvent, Splitter
from trunkline.errors import Failed, Garbled, TrunklineError
from trunkline.events import (
    AnnotationAdded,
    ArgumentsAdded,
    Event,
    ItemEnded,
    ItemStarted,
    PartEnded,
    PartKind,
    PartStarted,
    ResponseEnded,
    ResponseFailed,
    ResponseStarted,
    TextAdded,
    UsageReported,
)
from trunkline.items import Item, Message, Reasoning, Status, ToolCall


class _Wire(Struct):
    """What any event may hold of what we read; the rest of it is skipped undecoded."""

    type: str = ""
    output_index: int | None = None
    content_index: int | None = None
    summary_index: int | None = None
    delta: Any = None
    logprobs: Any = None
    text: Any = None
    refusal: Any = None
    arguments: Any = None
    input: Any = None
    part: Any = None
    item: Any = None
    annotation: Any = None
    response: Raw = Raw(b"null")


class _Open:
    """An item under way. `parts` are the wire's part numbers → ours, apart for summaries."""

    __slots__ = ("counts", "ended", "index", "item", "length", "open_part", "parts", "type")

    def __init__(self, index: int, item: Item, type_: str) -> None:
        self.index = index
        self.item = item
        self.type = type_
        self.ended = False
        self.length = 0
        self.parts: dict[tuple[bool, int], _Part] = {}
        self.open_part: dict[bool, _Part] = {}
        self.counts = [0, 0]


class _Part:
    """A part under way: its number, how many characters of it have been told, how many citations."""

    __slots__ = ("annotations", "is_open", "kind", "length", "number")

    def __init__(self, number: int, kind: PartKind) -> None:
        self.number = number
        self.kind = kind
        self.length = 0
        self.annotations = 0
        self.is_open = True


def _read_raw(raw: Raw) -> dict[str, Any]:
    return lenient_object(decode_json(bytes(raw)))


def _mend_text(data: bytes) -> bytes:
    """The same JSON with a question mark for each half of a surrogate pair and each byte that is no UTF-8: models cut
    at a token can end in half a character."""
    value = json.loads(data.decode("utf-8", "replace"))
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


_decode_event = msgspec.json.Decoder(_Wire).decode


class Reader:
    """The reader of one stream."""

    def __init__(self) -> None:
        self._splitter = Splitter()
        self._started = False
        self._over = False
        self._items: dict[int, _Open] = {}
        self._all: list[_Open] = []
        self._out: list[Event] = []

    # --- the three ways in ---

    def feed(self, data: bytes) -> list[Event]:
        if self._over:
            return []
        try:
            frames = self._splitter.feed(data)
        except EventTooLarge:
            return self.fail(Garbled("the upstream sent an event that is too large"))
        return self._read(frames)

    def end(self) -> list[Event]:
        if self._over:
            return []
        pending = self._splitter.pending.strip()
        if pending[:1] in (b"{", b"["):
            return self._read_body(pending)
        # `fail` says nothing if the last event was the end after all.
        return self._read(self._splitter.end()) + self.fail(Failed("the upstream's stream ended unexpectedly"))

    def fail(self, error: TrunklineError) -> list[Event]:
        if self._over:
            return []
        self._break(error)
        return self._take()

    def _break(self, error: TrunklineError) -> None:
        self._start("", "")
        self._end_items("incomplete")
        self._finish(ResponseFailed(error))

    def _read(self, frames: list[ServerSentEvent]) -> list[Event]:
        for _, data in frames:
            try:
                wire = _decode_event(data)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self._read_crooked(data)
            else:
                handle = _HANDLERS.get(wire.type)
                if handle is not None:
                    handle(self, wire, data)
            if self._over:
                break
        return self._take()

    def _take(self) -> list[Event]:
        out, self._out = self._out, []
        return out

    def _read_crooked(self, data: bytes) -> None:
        """An event that is no JSON, or has a member of the wrong type: no harm if we would not have read it."""
        if data.strip() == b"[DONE]":
            return
        try:
            data = _mend_text(data)
            type_ = lenient_text(lenient_object(decode_json(data)).get("type"))
            if (handle := _HANDLERS.get(type_)) is not None:
                handle(self, _decode_event(data), data)
        except (Garbled, ValueError, RecursionError) as error:
            self._break(Garbled("the upstream sent an event that is malformed", detail=type(error).__name__))

    def _read_body(self, body: bytes) -> list[Event]:
        """JSON where a stream was asked for: an error, or the whole answer at once."""
        try:
            value = decode_json(body)
        except Garbled as error:
            return self.fail(error)
        if type(value) is not dict or value.get("object") != "response":
            return self.fail(read_error_object(find_error(value)))
        self.end_with(value)
        return self._take()

    # --- start and end ---

    def _start(self, response_id: str, model: str) -> None:
        if not self._started:
            self._started = True
            self._out.append(ResponseStarted(response_id, model))

    def _finish(self, event: ResponseEnded | ResponseFailed) -> None:
        self._out.append(event)
        self._over = True

    def begin(self, wire: _Wire, _: bytes) -> None:
        if self._started:
            return
        response = _read_raw(wire.response)
        self._start(lenient_text(response.get("id")), lenient_text(response.get("model")))

    def read_end(self, wire: _Wire, _: bytes) -> None:
        response = _read_raw(wire.response)
        if type(response.get("status")) is not str:
            response["status"] = wire.type.removeprefix("response.")
        self.end_with(response)

    def end_with(self, response: dict[str, Any]) -> None:
        """The whole response object: what was not streamed is told now, then the end."""
        self._start(lenient_text(response.get("id")), lenient_text(response.get("model")))
        self._read_output(response)
        status = response.get("status")
        self._end_items("completed" if status == "completed" else "incomplete")
        if response.get("usage") is not None:
            self._out.append(UsageReported(read_usage(response["usage"])))
        if status in ("failed", "cancelled"):
            error = response.get("error") or {"message": f"the provider reports the response as {status}"}
            self._finish(ResponseFailed(read_error_object(error)))
        else:
            self._finish(ResponseEnded(read_finish(response)))

    def _read_output(self, response: dict[str, Any]) -> None:
        """Items of the final output that the stream left out, or left open.

        The n-th item of a type is taken for the n-th that was streamed: ids may have changed on the way, and places
        may have had gaps.
        """
        streamed: dict[str, list[_Open]] = {}
        for item in self._all:
            streamed.setdefault(item.type, []).append(item)
        seen: Counter[str] = Counter()
        for value in lenient_list(response.get("output")):
            body = lenient_object(value)
            type_ = lenient_text(body.get("type"))
            same = streamed.get(type_, [])
            number = seen[type_]
            seen[type_] += 1
            if number >= len(same):
                self._end_item(self._open(None, body), body)
            elif not same[number].ended:
                self._end_item(same[number], body)

    def read_failure(self, wire: _Wire, data: bytes) -> None:
        """An `error` event, flat or nested."""
        self._break(read_error_object(find_error(decode_json(data))))

    # --- items ---

    def _open(self, output_index: int | None, body: dict[str, Any]) -> _Open:
        self._start("", "")
        item = read_skeleton(body)
        opened = _Open(len(self._all), item, lenient_text(body.get("type")))
        self._all.append(opened)
        if output_index is not None:
            self._items[output_index] = opened
        self._out.append(ItemStarted(opened.index, item))
        return opened

    def _find(self, wire: _Wire) -> _Open | None:
        """The item that an event belongs to, if it is open."""
        if wire.output_index is None:
            last = self._all[-1] if self._all else None
            return None if last is None or last.ended else last
        found = self._items.get(wire.output_index)
        return None if found is None or found.ended else found

    def start_item(self, wire: _Wire, _: bytes) -> None:
        if self._find(wire) is None or wire.output_index is None:
            self._open(wire.output_index, lenient_object(wire.item))

    def end_item(self, wire: _Wire, _: bytes) -> None:
        body = lenient_object(wire.item)
        found = self._find(wire)
        if found is None:
            if wire.output_index in self._items:
                return
            found = self._open(wire.output_index, body)
        self._end_item(found, body)

    def _end_item(self, item: _Open, body: dict[str, Any]) -> None:
        """Close an item by its finished form: tell what the deltas left out, and what only now is known."""
        item.ended = True
        index = item.index
        status = read_status(body)
        match item.item:
            case Message():
                self._end_parts(item, read_parts(body))
                self._out.append(ItemEnded(index, status))
            case Reasoning():
                self._end_parts(item, read_parts(body))
                sealed = lenient_text(body.get("encrypted_content"))
                carrier = carry(sealed, lenient_text(body.get("id")) or None) if sealed else None
                self._out.append(ItemEnded(index, status, carrier))
            case ToolCall(kind=kind):
                self._complete_arguments(item, body.get("arguments" if kind == "function" else "input"))
                self._out.append(ItemEnded(index, status))
            case _:
                self._out.append(ItemEnded(index, status, None, read_other(body) if body else None))

    def _end_items(self, status: Status) -> None:
        """Close whatever is still open, without its finished form."""
        for item in self._all:
            if not item.ended:
                item.ended = True
                self._close_parts(item)
                self._out.append(ItemEnded(item.index, status))

    # --- parts ---

    def _part(self, item: _Open, wire_number: int, kind: PartKind) -> _Part | None:
        """The open part of that number, begun if need be; `None` when it is over or has no place in the item."""
        is_summary = kind == "summary"
        part = item.parts.get((is_summary, wire_number))
        if part is not None:
            return part if part.is_open and part.kind == kind else None
        if type(item.item) is not (Message if kind in ("text", "refusal") else Reasoning):
            return None
        self._close_part(item, is_summary)
        part = _Part(item.counts[is_summary], kind)
        item.counts[is_summary] += 1
        item.parts[is_summary, wire_number] = item.open_part[is_summary] = part
        self._out.append(PartStarted(item.index, part.number, kind))
        return part

    def _close_part(self, item: _Open, is_summary: bool) -> None:
        part = item.open_part.pop(is_summary, None)
        if part is not None:
            part.is_open = False
            self._out.append(PartEnded(item.index, part.number, part.kind))

    def _close_parts(self, item: _Open) -> None:
        self._close_part(item, False)
        self._close_part(item, True)

    def _end_parts(self, item: _Open, parts: list[WholePart]) -> None:
        for number, kind, body in parts:
            self._complete_part(item, self._part(item, number, kind), body)
        self._close_parts(item)

    def _complete_part(self, item: _Open, part: _Part | None, body: dict[str, Any]) -> None:
        """Tell what a finished part has beyond its deltas."""
        if part is not None:
            self._complete_text(
                item, part, body.get("refusal" if part.kind == "refusal" else "text"), body.get("logprobs")
            )
            self._complete_annotations(item, part, body.get("annotations"))

    def _complete_text(self, item: _Open, part: _Part, text: Any, logprobs: Any = None) -> None:
        """Tell what the whole has beyond the deltas."""
        rest = lenient_text(text)[part.length :]
        if rest:
            entries = read_logprobs(logprobs) if not part.length else None
            part.length += len(rest)
            self._out.append(TextAdded(item.index, part.number, part.kind, rest, entries))

    def _complete_annotations(self, item: _Open, part: _Part, annotations: Any) -> None:
        for annotation in lenient_list(annotations)[part.annotations :]:
            if part.kind == "text" and type(annotation) is dict:
                self._out.append(AnnotationAdded(item.index, part.number, annotation))
                part.annotations += 1

    def _complete_arguments(self, item: _Open, arguments: Any) -> None:
        rest = lenient_text(arguments)[item.length :]
        if rest:
            item.length += len(rest)
            self._out.append(ArgumentsAdded(item.index, rest))

    # --- events of parts ---

    def _ensure(self, wire: _Wire, type_: str) -> _Open | None:
        """The item an event of a part belongs to; one that was never announced is opened."""
        found = self._find(wire)
        if found is None and wire.output_index not in self._items:
            return self._open(wire.output_index, {"type": type_})
        return found

    def add_text(self, wire: _Wire, _: bytes) -> None:
        # The hot way: nothing but the next piece of the open part.
        item = self._items.get(wire.output_index)  # type: ignore[arg-type]  # None is in no table
        part = None if item is None or item.ended else item.parts.get((False, wire.content_index or 0))
        delta = wire.delta
        if item is None or part is None or type(delta) is not str or not delta or wire.logprobs or part.kind != "text":
            self._add(wire, "text", "message", wire.content_index)
        elif part.is_open:
            part.length += len(delta)
            self._out.append(TextAdded(item.index, part.number, "text", delta))

    def add_refusal(self, wire: _Wire, _: bytes) -> None:
        self._add(wire, "refusal", "message", wire.content_index)

    def add_reasoning(self, wire: _Wire, _: bytes) -> None:
        self._add(wire, "reasoning", "reasoning", wire.content_index)

    def add_summary(self, wire: _Wire, _: bytes) -> None:
        self._add(wire, "summary", "reasoning", wire.summary_index)

    def _add(self, wire: _Wire, kind: PartKind, type_: str, number: int | None) -> None:
        item = self._ensure(wire, type_)
        part = None if item is None else self._part(item, number or 0, kind)
        delta = wire.delta
        if item is None or part is None or type(delta) is not str:
            return
        entries = read_logprobs(wire.logprobs)
        if delta or entries:
            part.length += len(delta)
            self._out.append(TextAdded(item.index, part.number, kind, delta, entries))

    def end_text(self, wire: _Wire, _: bytes) -> None:
        self._end_text(wire, "text", wire.content_index, wire.text)

    def end_refusal(self, wire: _Wire, _: bytes) -> None:
        self._end_text(wire, "refusal", wire.content_index, wire.refusal)

    def end_reasoning(self, wire: _Wire, _: bytes) -> None:
        self._end_text(wire, "reasoning", wire.content_index, wire.text)

    def end_summary(self, wire: _Wire, _: bytes) -> None:
        self._end_text(wire, "summary", wire.summary_index, wire.text)

    def _end_text(self, wire: _Wire, kind: PartKind, number: int | None, text: Any) -> None:
        """A part's text is whole, but citations may still come: the part stays open."""
        item = self._ensure(wire, "message" if kind in ("text", "refusal") else "reasoning")
        part = None if item is None else self._part(item, number or 0, kind)
        if item is not None and part is not None:
            self._complete_text(item, part, text, wire.logprobs)

    def start_part(self, wire: _Wire, _: bytes) -> None:
        kind = PART_KINDS.get(lenient_text(lenient_object(wire.part).get("type")))
        item = self._ensure(wire, "reasoning" if kind in ("reasoning", "summary") else "message")
        if item is not None and kind is not None:
            self._part(item, (wire.summary_index if kind == "summary" else wire.content_index) or 0, kind)

    def end_part(self, wire: _Wire, _: bytes) -> None:
        body = lenient_object(wire.part)
        kind = PART_KINDS.get(lenient_text(body.get("type")))
        item = self._find(wire)
        if item is None or kind is None:
            return
        part = self._part(item, (wire.summary_index if kind == "summary" else wire.content_index) or 0, kind)
        if part is not None:
            self._complete_part(item, part, body)
            self._close_part(item, kind == "summary")

    def add_annotation(self, wire: _Wire, _: bytes) -> None:
        item = self._find(wire)
        part = None if item is None else item.parts.get((False, wire.content_index or 0))
        if (
            item is not None
            and part is not None
            and part.is_open
            and part.kind == "text"
            and type(wire.annotation) is dict
        ):
            part.annotations += 1
            self._out.append(AnnotationAdded(item.index, part.number, wire.annotation))

    # --- events of calls ---

    def add_arguments(self, wire: _Wire, _: bytes) -> None:
        # Without its announcement a call has no name yet: the finished item will tell it whole.
        item = self._find(wire)
        delta = wire.delta
        if item is not None and type(item.item) is ToolCall and type(delta) is str and delta:
            item.length += len(delta)
            self._out.append(ArgumentsAdded(item.index, delta))

    def end_arguments(self, wire: _Wire, _: bytes) -> None:
        item = self._find(wire)
        if item is not None and type(item.item) is ToolCall:
            self._complete_arguments(item, wire.input if item.item.kind == "custom" else wire.arguments)


_HANDLERS: dict[str, Callable[[Reader, _Wire, bytes], None]] = {
    "response.output_text.delta": Reader.add_text,
    "response.output_text.done": Reader.end_text,
    "response.output_text.annotation.added": Reader.add_annotation,
    "response.refusal.delta": Reader.add_refusal,
    "response.refusal.done": Reader.end_refusal,
    "response.reasoning_text.delta": Reader.add_reasoning,
    "response.reasoning_text.done": Reader.end_reasoning,
    "response.reasoning_summary_text.delta": Reader.add_summary,
    "response.reasoning_summary_text.done": Reader.end_summary,
    "response.content_part.added": Reader.start_part,
    "response.content_part.done": Reader.end_part,
    "response.reasoning_summary_part.added": Reader.start_part,
    "response.reasoning_summary_part.done": Reader.end_part,
    "response.function_call_arguments.delta": Reader.add_arguments,
    "response.function_call_arguments.done": Reader.end_arguments,
    "response.custom_tool_call_input.delta": Reader.add_arguments,
    "response.custom_tool_call_input.done": Reader.end_arguments,
    "response.output_item.added": Reader.start_item,
    "response.output_item.done": Reader.end_item,
    "response.created": Reader.begin,
    "response.queued": Reader.begin,
    "response.in_progress": Reader.begin,
    "response.completed": Reader.read_end,
    "response.incomplete": Reader.read_end,
    "response.failed": Reader.read_end,
    "response.cancelled": Reader.read_end,
    "error": Reader.read_failure,
}
