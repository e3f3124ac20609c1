"""Events → a Chat caller's stream: role, deltas, one finish, usage if wanted, `[DONE]`.

Source: https://platform.openai.com/docs/api-reference/chat/streaming
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from trunkline.dialects.dialect import ReplyContext
from trunkline.dialects.openai_chat.errors import write_error_event
from trunkline.dialects.openai_chat.finish import write_finish
from trunkline.dialects.openai_chat.images import write_image
from trunkline.dialects.openai_chat.message import Details, nest_annotation, seal_call, uses_functions
from trunkline.dialects.openai_chat.sounds import draw_sound
from trunkline.dialects.openai_chat.usage import write_usage
from trunkline.dialects.sound import find_sound
from trunkline.events import (
    AnnotationAdded,
    ArgumentsAdded,
    Event,
    ItemEnded,
    ItemStarted,
    PartEnded,
    PartStarted,
    ResponseEnded,
    ResponseFailed,
    ResponseStarted,
    TextAdded,
    UsageReported,
)
from trunkline.items import Message, OtherItem, Reasoning, ToolCall
from trunkline.usage import Usage

_encode = msgspec.json.encode


class _Call:
    """One call on its way out: its place among the calls, and the bytes around its argument pieces."""

    __slots__ = ("after", "before", "has_arguments", "kind", "number")

    def __init__(self, number: int, kind: str, before: bytes, after: bytes) -> None:
        self.number = number
        self.kind = kind
        self.before = before
        self.after = after
        self.has_arguments = False


class Writer:
    """One caller's stream."""

    __slots__ = (
        "_after",
        "_annotations",
        "_before",
        "_before_text",
        "_calls",
        "_context",
        "_details",
        "_envelope",
        "_has_reasoning",
        "_has_role",
        "_has_sound",
        "_images",
        "_length",
        "_needs_gap",
        "_part_start",
        "_refusal_seen",
        "_reasoning_items",
        "_usage",
        "_uses_functions",
    )

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._uses_functions = uses_functions(context.request)
        self._envelope = b""
        self._before = b""
        self._before_text = b""
        self._after = b""
        self._has_role = False
        self._has_sound = False
        # Code points of content so far: annotations count from the start of the whole, not of their part.
        self._length = 0
        self._part_start = 0
        self._has_reasoning = False
        self._needs_gap = False
        self._refusal_seen = False
        self._calls: dict[int, _Call] = {}
        self._reasoning_items: set[int] = set()
        self._annotations: list[dict[str, Any]] = []
        self._images = 0
        self._details = Details(context.seal)
        self._usage: Usage | None = None

    def write(self, events: Sequence[Event]) -> bytes:
        """The wire events of these events, joined."""
        out: list[bytes] = []
        for event in events:
            # Text is nearly everything: its bytes are joined here without another call.
            if type(event) is TextAdded and event.kind == "text":
                self._length += len(event.text)
                if event.logprobs is None:
                    out.append(self._before_text + _encode(event.text) + self._after)
                else:
                    out.append(self._write_logprobs(event.text, event.logprobs))
            else:
                out.append(WRITES[type(event)](self, event))
        return b"".join(out)

    # --- bytes --------------------------------------------------------------------------------------------------

    def _chunk(self, delta: bytes) -> bytes:
        return self._before + delta + self._after

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return self._before + _encode(delta) + self._after[1:]

    def _open(self, first: dict[str, Any]) -> bytes:
        """The role, once, before anything else; `content` is null unless text comes first, as in a whole reply."""
        if self._has_role:
            return b""
        self._has_role = True
        return self._delta({"role": "assistant", **first})

    def _write_logprobs(self, text: str, logprobs: list[dict[str, Any]]) -> bytes:
        end = b'"finish_reason":null}]' + (b',"usage":null}\n\n' if self._context.request.include_usage else b"}\n\n")
        entry = _encode({"content": logprobs, "refusal": None})
        return self._before_text + _encode(text) + b'},"logprobs":' + entry + b"," + end

    # --- events -------------------------------------------------------------------------------------------------

    def _start(self, event: ResponseStarted) -> bytes:
        context = self._context
        head = {
            "id": context.mint("chatcmpl-"),
            "object": "chat.completion.chunk",
            "created": context.created_at,
            "model": event.model or context.model,
        }
        self._envelope = b"data: " + _encode(head)[:-1]
        self._before = self._envelope + b',"choices":[{"index":0,"delta":'
        self._before_text = self._before + b'{"content":'
        usage = b',"usage":null' if context.request.include_usage else b""
        self._after = b'},"logprobs":null,"finish_reason":null}]' + usage + b"}\n\n"
        return b""

    def _start_item(self, event: ItemStarted) -> bytes:
        item = event.item
        match item:
            case ToolCall():
                return self._start_call(event.index, item)
            case Message():
                return b""
            case Reasoning():
                self._reasoning_items.add(event.index)
                return b""
            case _:
                # Hosted calls and compactions have no place on this wire; their results are in the text.
                return b""

    def _start_call(self, index: int, item: ToolCall) -> bytes:
        number = len(self._calls)
        call_id = item.call_id or self._context.mint("call_")
        self._details.start_call(call_id)
        if self._uses_functions and item.kind == "function":
            self._calls[index] = _Call(number, "legacy", b'{"function_call":{"arguments":', b"}")
            opening: dict[str, Any] = {"function_call": {"name": item.name, "arguments": ""}}
        else:
            field = "arguments" if item.kind == "function" else "input"
            before = b'{"tool_calls":[{"index":%d,"%s":{"%s":' % (number, item.kind.encode(), field.encode())
            self._calls[index] = _Call(number, item.kind, before, b"}}]")
            body = {"name": item.name, field: ""}
            opening = {"tool_calls": [{"index": number, "id": call_id, "type": item.kind, item.kind: body}]}
        return self._open({"content": None}) + self._delta(opening)

    def _start_part(self, event: PartStarted) -> bytes:
        match event.kind:
            case "text":
                self._part_start = self._length
                self._details.start_text()
                return self._open({"content": "", "refusal": None})
            case "refusal":
                return self._open({"content": None})
            case _:
                self._needs_gap = self._has_reasoning
                return self._open({"content": None})

    def _add_text(self, event: TextAdded) -> bytes:
        """A refusal or a thought; text itself is written in `write`."""
        if event.kind == "refusal":
            self._refusal_seen = True
            return self._chunk(b'{"refusal":' + _encode(event.text))
        if not event.text:
            return b""
        text = event.text
        if self._needs_gap:
            text = "\n\n" + text
            self._needs_gap = False
        self._has_reasoning = True
        return self._chunk(b'{"reasoning_content":' + _encode(text))

    def _add_annotation(self, event: AnnotationAdded) -> bytes:
        # All together at the end: accumulators refuse a second list whose entries have no index.
        nested = nest_annotation(event.annotation, self._part_start)
        if nested is not None:
            self._annotations.append(nested)
        return b""

    def _add_arguments(self, event: ArgumentsAdded) -> bytes:
        call = self._calls[event.index]
        call.has_arguments = True
        return self._chunk(call.before + _encode(event.text) + call.after)

    def _end_part(self, event: PartEnded) -> bytes:
        return b""

    def _end_item(self, event: ItemEnded) -> bytes:
        call = self._calls.get(event.index)
        if call is None:
            if event.carrier is not None and event.index in self._reasoning_items:
                self._details.add(event.carrier)
            return b"" if event.item is None else self._write_other(event.item)
        out = b""
        if not call.has_arguments and call.kind != "custom" and event.status == "completed":
            out += self._chunk(call.before + b'"{}"' + call.after)
        if event.carrier is not None and call.kind != "legacy":
            content = seal_call(event.carrier, self._context.seal)
            out += self._delta({"tool_calls": [{"index": call.number, "extra_content": content}]})
        return out

    def _write_other(self, item: OtherItem) -> bytes:
        if sound := find_sound(item):
            return self._write_sound(sound)
        image = write_image(item, self._images)
        if image is None:
            return b""
        self._images += 1
        return self._open({"content": ""}) + self._delta({"images": [image]})

    def _write_sound(self, data: str) -> bytes:
        # Accumulators join whatever they are told again.
        told = {"data": data} if self._has_sound else draw_sound(data, self._context)
        self._has_sound = True
        return self._open({"content": None}) + self._delta({"audio": told})

    def _report_usage(self, event: UsageReported) -> bytes:
        self._usage = event.usage
        return b""

    def _end(self, event: ResponseEnded) -> bytes:
        out = self._open({"content": ""})
        last: dict[str, Any] = {}
        if event.finish == "content_filter" and event.explanation and not self._refusal_seen:
            last["refusal"] = event.explanation
        if self._annotations:
            last["annotations"] = self._annotations
        if details := self._details.close():
            last["reasoning_details"] = details
        if last:
            out += self._delta(last)
        finish = write_finish(event.finish, bool(self._calls))
        if finish == "tool_calls" and self._uses_functions:
            finish = "function_call"
        tail = self._after.replace(b'"finish_reason":null', b'"finish_reason":"%s"' % finish.encode(), 1)
        out += self._before + b"{}" + tail[1:]
        if self._usage is not None and self._context.request.include_usage:
            out += self._envelope + b',"choices":[],"usage":' + _encode(write_usage(self._usage)) + b"}\n\n"
        return out + b"data: [DONE]\n\n"

    def _fail(self, event: ResponseFailed) -> bytes:
        return write_error_event(event.error)


WRITES: dict[type, Callable[[Writer, Any], bytes]] = {
    ResponseStarted: Writer._start,
    ItemStarted: Writer._start_item,
    PartStarted: Writer._start_part,
    TextAdded: Writer._add_text,
    AnnotationAdded: Writer._add_annotation,
    PartEnded: Writer._end_part,
    ArgumentsAdded: Writer._add_arguments,
    ItemEnded: Writer._end_item,
    UsageReported: Writer._report_usage,
    ResponseEnded: Writer._end,
    ResponseFailed: Writer._fail,
}
"""What writes each event; a test asks that every event has its line."""
