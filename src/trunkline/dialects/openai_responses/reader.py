"""An upstream's Responses stream → events. Generous: whatever is said twice is taken once, whatever is left out of the
deltas is taken from the finished item, and unknown events are passed over.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

import json
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trunkline.dialects.openai_responses.assembly import Assembly
from trunkline.dialects.openai_responses.errors import find_error, read_error_object
from trunkline.dialects.openai_responses.output import (
    PART_KINDS,
    read_finish,
    read_logprobs,
)
from trunkline.dialects.openai_responses.usage import read_response_usage
from trunkline.dialects.shapes import UNREADABLE, decode_json, lenient_object, lenient_text
from trunkline.dialects.sse import EventTooLarge, ServerSentEvent, Splitter
from trunkline.errors import Failed, Garbled, TrunklineError
from trunkline.events import (
    AnnotationAdded,
    ArgumentsAdded,
    Event,
    PartKind,
    ResponseEnded,
    ResponseFailed,
    TextAdded,
    UsageReported,
)
from trunkline.items import ToolCall


class _Wire(Struct, gc=False):
    """What any event may hold of what we read; the rest of it is skipped undecoded. Holds no cycles, so no `gc`."""

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
        self._over = False
        self._assembly = Assembly()
        self._items = self._assembly.items
        self._out = self._assembly.out

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
            return self.read_whole(pending)
        # `fail` says nothing if the last event was the end after all.
        return self._read(self._splitter.end()) + self.fail(Failed("the upstream's stream ended unexpectedly"))

    def fail(self, error: TrunklineError) -> list[Event]:
        if self._over:
            return []
        self._break(error)
        return self._take()

    def is_finished(self) -> bool:
        return self._over

    def _break(self, error: TrunklineError) -> None:
        self._assembly.start("", "")
        self._assembly.end_items("incomplete")
        self._finish(ResponseFailed(error))

    def _read(self, frames: list[ServerSentEvent]) -> list[Event]:
        for _, data in frames:
            try:
                wire = _decode_event(data)
                handle = _HANDLERS.get(wire.type)
                if handle is not None:
                    handle(self, wire, data)
                elif not wire.type:
                    self._read_nameless(data)
            except (Garbled, *UNREADABLE):
                # `Garbled`: the response within, which is read by itself.
                self._read_crooked(data)
            if self._over:
                break
        return self._take()

    def _take(self) -> list[Event]:
        out = self._out[:]
        self._out.clear()
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

    def read_whole(self, body: bytes) -> list[Event]:
        """JSON in the place of a stream: an error, or the whole answer at once."""
        try:
            value = decode_json(body)
        except Garbled as error:
            return self.fail(error)
        if type(value) is not dict or value.get("object") != "response":
            return self.fail(read_error_object(find_error(value)))
        self.end_with(value, body)
        return self._take()

    # --- start and end ---

    def _finish(self, event: ResponseEnded | ResponseFailed) -> None:
        self._out.append(event)
        self._over = True

    def begin(self, wire: _Wire, _: bytes) -> None:
        if self._assembly.started:
            return
        response = _read_raw(wire.response)
        self._assembly.start(lenient_text(response.get("id")), lenient_text(response.get("model")))

    def read_end(self, wire: _Wire, data: bytes) -> None:
        response = _read_raw(wire.response)
        if type(response.get("status")) is not str:
            response["status"] = wire.type.removeprefix("response.")
        self.end_with(response, data)

    def end_with(self, response: dict[str, Any], body: bytes) -> None:
        """The whole response object: what was not streamed is told now, then the end."""
        self._assembly.start(lenient_text(response.get("id")), lenient_text(response.get("model")))
        self._assembly.complete(response)
        status = response.get("status")
        self._assembly.end_items("completed" if status == "completed" else "incomplete")
        if response.get("usage") is not None:
            self._out.append(UsageReported(read_response_usage(response, body)))
        if status in ("failed", "cancelled"):
            error = response.get("error") or {"message": f"the provider reports the response as {status}"}
            self._finish(ResponseFailed(read_error_object(error)))
        else:
            self._finish(ResponseEnded(read_finish(response)))

    def read_failure(self, wire: _Wire, data: bytes) -> None:
        """An `error` event, flat or nested."""
        self._break(read_error_object(find_error(decode_json(data))))

    def _read_nameless(self, data: bytes) -> None:
        """An event without a type is none of this dialect's, but it may be the error of whatever stands in between."""
        value = decode_json(data)
        if lenient_object(value).get("error"):
            self._break(read_error_object(find_error(value)))

    # --- items ---

    def start_item(self, wire: _Wire, _: bytes) -> None:
        if self._assembly.find(wire.output_index) is None or wire.output_index is None:
            self._assembly.open_item(wire.output_index, lenient_object(wire.item))

    def end_item(self, wire: _Wire, _: bytes) -> None:
        body = lenient_object(wire.item)
        found = self._assembly.find(wire.output_index)
        if found is None:
            if wire.output_index in self._items:
                return
            found = self._assembly.open_item(wire.output_index, body)
        self._assembly.end_item(found, body)

    # --- events of parts ---

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
        item = self._assembly.ensure(wire.output_index, type_)
        part = None if item is None else self._assembly.part(item, number or 0, kind)
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
        item = self._assembly.ensure(wire.output_index, "message" if kind in ("text", "refusal") else "reasoning")
        part = None if item is None else self._assembly.part(item, number or 0, kind)
        if item is not None and part is not None:
            self._assembly.complete_text(item, part, text, wire.logprobs)

    def start_part(self, wire: _Wire, _: bytes) -> None:
        kind = PART_KINDS.get(lenient_text(lenient_object(wire.part).get("type")))
        item = self._assembly.ensure(wire.output_index, "reasoning" if kind in ("reasoning", "summary") else "message")
        if item is not None and kind is not None:
            self._assembly.part(item, (wire.summary_index if kind == "summary" else wire.content_index) or 0, kind)

    def end_part(self, wire: _Wire, _: bytes) -> None:
        body = lenient_object(wire.part)
        kind = PART_KINDS.get(lenient_text(body.get("type")))
        item = self._assembly.find(wire.output_index)
        if item is None or kind is None:
            return
        part = self._assembly.part(item, (wire.summary_index if kind == "summary" else wire.content_index) or 0, kind)
        if part is not None:
            self._assembly.complete_part(item, part, body)
            self._assembly.close_part(item, kind == "summary")

    def add_annotation(self, wire: _Wire, _: bytes) -> None:
        item = self._assembly.find(wire.output_index)
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
        item = self._assembly.find(wire.output_index)
        delta = wire.delta
        if item is not None and type(item.item) is ToolCall and type(delta) is str and delta:
            item.length += len(delta)
            self._out.append(ArgumentsAdded(item.index, delta))

    def end_arguments(self, wire: _Wire, _: bytes) -> None:
        item = self._assembly.find(wire.output_index)
        if item is not None and type(item.item) is ToolCall:
            self._assembly.complete_arguments(item, wire.input if item.item.kind == "custom" else wire.arguments)


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
