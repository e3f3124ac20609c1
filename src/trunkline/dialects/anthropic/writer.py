"""Events → an Anthropic stream, whose blocks come strictly one after another.

Our items may interleave (parallel calls of a Chat or Responses upstream). The first one open streams as it comes; what
is said of others meanwhile waits, and follows in order of their start. Source:
https://docs.anthropic.com/en/docs/build-with-claude/streaming.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from trunkline.dialects.anthropic.blocks import DIALECT
from trunkline.dialects.anthropic.citations import write_citation
from trunkline.dialects.anthropic.drawn import write_drawn
from trunkline.dialects.anthropic.errors import write_error_event
from trunkline.dialects.anthropic.found import seal_found
from trunkline.dialects.anthropic.reply import (
    FOREIGN_TEXT,
    call_start,
    is_shown,
    write_ending,
    write_opaque,
    write_opening,
)
from trunkline.dialects.anthropic.usage import write_usage
from trunkline.dialects.dialect import ReplyContext
from trunkline.dialects.estimate import estimate_input
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
from trunkline.items import Item, OtherItem, Reasoning, ToolCall
from trunkline.usage import Usage

_encode = msgspec.json.encode

_DELTA_FIELDS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}


def encode_text(text: str) -> bytes:
    """A JSON string. Half a surrogate pair, which no UTF-8 can hold, becomes a question mark."""
    try:
        return _encode(text)
    except UnicodeEncodeError:
        return _encode(text.encode("utf-8", "replace").decode())


def _write_event(name: str, members: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), _encode({"type": name, **members}))


class Writer:
    """A `StreamWriter` for one stream."""

    __slots__ = (
        "_block",
        "_context",
        "_has_calls",
        "_has_gap",
        "_item",
        "_live",
        "_next_block",
        "_out",
        "_prefix",
        "_refusals",
        "_texts",
        "_usage",
        "_waiting",
    )

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._out: list[bytes] = []
        self._live: int | None = None
        self._item: Item | None = None
        self._waiting: dict[int, list[Event]] = {}
        self._next_block = 0
        # The open block, and what stands before each of its deltas' JSON strings; `None` while none is open.
        self._block: int | None = None
        self._prefix = b""
        self._has_gap = False
        self._texts: list[str] = []
        self._has_calls = False
        self._refusals: list[str] = []
        self._usage: Usage | None = None

    def write(self, events: Sequence[Event]) -> bytes:
        for event in events:
            if type(event) is TextAdded and event.index == self._live and self._block is not None:
                self._add_text(event)
            else:
                self._route(event)
        out, self._out = self._out, []
        return b"".join(out)

    def _route(self, event: Event) -> None:
        """Let the live item's events through, hold back the others'."""
        index = getattr(event, "index", None)
        if index is None or index == self._live:
            _HANDLERS[type(event)](self, event)
        elif self._live is None:
            self._live = index
            _HANDLERS[type(event)](self, event)
        else:
            self._waiting.setdefault(index, []).append(event)

    # --- the answer's ends --------------------------------------------------------------------------------------

    def _start(self, event: ResponseStarted) -> None:
        usage = Usage(input_tokens=estimate_input(self._context.request))
        message = write_opening(event.model, self._context, usage)
        self._emit("message_start", {"message": message})

    def _count(self, event: UsageReported) -> None:
        self._usage = event.usage

    def _end(self, event: ResponseEnded) -> None:
        delta = write_ending(event, self._context, has_calls=self._has_calls, refusal="".join(self._refusals))
        usage = self._usage or Usage(input_tokens=estimate_input(self._context.request))
        self._emit("message_delta", {"delta": delta, "usage": write_usage(usage)})
        self._emit("message_stop", {})

    def _fail(self, event: ResponseFailed) -> None:
        self._out.append(write_error_event(event.error))

    # --- items --------------------------------------------------------------------------------------------------

    def _start_item(self, event: ItemStarted) -> None:
        self._item = event.item
        self._has_gap = False
        if isinstance(event.item, ToolCall):
            self._has_calls = True
            self._open(call_start(event.item), "input_json_delta")
            if event.item.kind == "custom":
                self._add(b'"{\\"input\\":\\""')

    def _end_item(self, event: ItemEnded) -> None:
        item = self._item
        if isinstance(item, ToolCall):
            if item.kind == "custom":
                self._add(b'"\\"}"')
            self._close()
            if (carrier := event.carrier or item.carrier) is not None:
                self._write_whole(write_opaque(carrier, self._context.seal))
        elif isinstance(item, Reasoning):
            self._end_reasoning(event, item)
        elif isinstance(item, OtherItem):
            whole = event.item or item
            if is_shown(whole):
                self._write_whole(seal_found(whole.value, self._context.seal))
            elif (picture := write_drawn(whole)) is not None:
                self._write_whole(picture)
        self._item = self._live = None
        self._drain()

    def _end_reasoning(self, event: ItemEnded, item: Reasoning) -> None:
        carrier = event.carrier or item.carrier
        if self._block is None:
            if carrier is None:
                return
            if (carrier.family, carrier.kind) != (DIALECT, "signature"):
                self._write_whole(write_opaque(carrier, self._context.seal))
                return
            self._open({"type": "thinking", "thinking": "", "signature": ""}, "thinking_delta")
        sealed = self._context.seal(carrier or FOREIGN_TEXT)
        self._delta({"type": "signature_delta", "signature": sealed})
        self._close()

    def _drain(self) -> None:
        """Say what has waited, until an item is live again."""
        while self._waiting and self._live is None:
            index = next(iter(self._waiting))
            self._live = index
            for event in self._waiting.pop(index):
                _HANDLERS[type(event)](self, event)

    # --- parts --------------------------------------------------------------------------------------------------

    def _start_part(self, event: PartStarted) -> None:
        # A step of thought has one block for all its paragraphs; a message has one for each part.
        self._has_gap = self._block is not None

    def _add_text(self, event: TextAdded) -> None:
        text = event.text
        if event.kind == "text":
            if self._block is None:
                self._open({"type": "text", "text": ""}, "text_delta")
            self._texts.append(text)
        elif event.kind == "refusal":
            if self._block is None:
                self._open({"type": "text", "text": ""}, "text_delta")
            self._refusals.append(text)
        else:
            if self._block is None:
                self._open({"type": "thinking", "thinking": "", "signature": ""}, "thinking_delta")
            if self._has_gap:
                self._has_gap = False
                text = "\n\n" + text
        if text:
            self._out.append(self._prefix + encode_text(text) + b"}}\n\n")

    def _annotate(self, event: AnnotationAdded) -> None:
        if self._block is None:
            self._open({"type": "text", "text": ""}, "text_delta")
        citation = write_citation(event.annotation, "".join(self._texts), self._context.seal)
        if citation is not None:
            self._delta({"type": "citations_delta", "citation": citation})

    def _end_part(self, event: PartEnded) -> None:
        if event.kind in ("text", "refusal"):
            self._close()

    def _add_arguments(self, event: ArgumentsAdded) -> None:
        if isinstance(self._item, ToolCall) and self._item.kind == "custom":
            # A string inside a JSON text inside a JSON string.
            self._add(encode_text(encode_text(event.text)[1:-1].decode()))
        else:
            self._add(encode_text(event.text))

    # --- blocks -------------------------------------------------------------------------------------------------

    def _open(self, block: dict[str, Any], delta: str) -> None:
        self._block = self._next_block
        self._next_block += 1
        self._texts = []
        self._emit("content_block_start", {"index": self._block, "content_block": block})
        self._prefix = (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%s","%s":'
            % (self._block, delta.encode(), _DELTA_FIELDS[delta].encode())
        )

    def _add(self, string: bytes) -> None:
        self._out.append(self._prefix + string + b"}}\n\n")

    def _delta(self, delta: dict[str, Any]) -> None:
        self._emit("content_block_delta", {"index": self._block, "delta": delta})

    def _close(self) -> None:
        if self._block is not None:
            self._emit("content_block_stop", {"index": self._block})
            self._block = None

    def _write_whole(self, block: dict[str, Any]) -> None:
        """A block that has no deltas."""
        index = self._next_block
        self._next_block += 1
        self._emit("content_block_start", {"index": index, "content_block": block})
        self._emit("content_block_stop", {"index": index})

    def _emit(self, name: str, members: dict[str, Any]) -> None:
        self._out.append(_write_event(name, members))


_HANDLERS: dict[type, Callable[[Writer, Any], None]] = {
    ResponseStarted: Writer._start,
    ItemStarted: Writer._start_item,
    PartStarted: Writer._start_part,
    TextAdded: Writer._add_text,
    AnnotationAdded: Writer._annotate,
    PartEnded: Writer._end_part,
    ArgumentsAdded: Writer._add_arguments,
    ItemEnded: Writer._end_item,
    UsageReported: Writer._count,
    ResponseEnded: Writer._end,
    ResponseFailed: Writer._fail,
}
"""Every event has its handler: a test compares this with `Event`."""
