"""Events → a caller's Responses stream: the complete sequence that OpenAI's own clients check.

Every event carries its number, counted from 0 without a gap; an item has one id from its announcement to the final
object. Deltas are the hot way: their bytes are a template with the text put in.
Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from trunkline.dialects.dialect import ReplyContext
from trunkline.dialects.openai_responses.compaction import is_block
from trunkline.dialects.openai_responses.errors import DONE, draw_error_event, draw_response_error, write_event
from trunkline.dialects.openai_responses.parts import show_annotation
from trunkline.dialects.openai_responses.reply import (
    draw_block,
    draw_call_carrier,
    draw_item,
    draw_response,
    end_response,
    explain_refusal,
    is_shown,
    item_prefix,
    whole_arguments,
)
from trunkline.dialects.openai_responses.shown import PART_NAMES, ShownItem, ShownPart, delta_prefix, draw_part
from trunkline.dialects.openai_responses.usage import write_usage
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
from trunkline.items import Carrier, Message, OtherItem, Reasoning, Refusal, Text, ToolCall
from trunkline.usage import Usage

# The steps that hosted calls announce between their start and their end.
_STEPS: dict[str, tuple[str, ...]] = {
    "web_search_call": ("in_progress", "searching"),
    "file_search_call": ("in_progress", "searching"),
    "code_interpreter_call": ("in_progress", "interpreting"),
    "image_generation_call": ("in_progress", "generating"),
    "mcp_call": ("in_progress",),
    "mcp_list_tools": ("in_progress",),
}
_CAN_FAIL = frozenset({"mcp_call", "mcp_list_tools"})

_encode = msgspec.json.encode


class Writer:
    """The writer of one stream."""

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._sequence = 0
        self._out: list[bytes] = []
        self._response: dict[str, Any] | None = None
        self._over = False
        self._items: dict[int, ShownItem] = {}
        self._parts: dict[tuple[int, bool], ShownPart] = {}
        self._output: list[Raw | None] = []
        self._usage: Usage | None = None

    def write(self, events: Sequence[Event]) -> bytes:
        for event in events:
            if self._over:
                break
            _WRITERS[type(event)](self, event)
        out = b"".join(self._out)
        self._out.clear()
        return out

    def _emit(self, type_: str, **members: Any) -> None:
        self._out.append(write_event({"type": type_, "sequence_number": self._sequence, **members}))
        self._sequence += 1

    # --- start and end ---

    def start(self, event: ResponseStarted) -> None:
        self._response = draw_response(self._context.mint("resp_"), event.model, self._context)
        drawn = Raw(_encode(self._response))
        self._emit("response.created", response=drawn)
        self._emit("response.in_progress", response=drawn)

    def report_usage(self, event: UsageReported) -> None:
        self._usage = event.usage

    def end(self, event: ResponseEnded) -> None:
        finish = event.finish
        if (refusal := explain_refusal(finish, event.explanation)) is not None:
            self._write_refusal(refusal)
            finish = "stop"
        response = end_response(self._begun(), self._whole_output(), self._usage, finish)
        self._emit(f"response.{response['status']}", response=response)
        self._close()

    def fail(self, event: ResponseFailed) -> None:
        begun = self._begun()
        self._out.append(write_event(draw_error_event(event.error, self._sequence)))
        self._sequence += 1
        failed = {"status": "failed", "output": self._whole_output(), "error": draw_response_error(event.error)}
        usage = None if self._usage is None else write_usage(self._usage)
        self._emit("response.failed", response=begun | failed | {"usage": usage})
        self._close()

    def _whole_output(self) -> list[Raw]:
        return [item for item in self._output if item is not None]

    def _begun(self) -> dict[str, Any]:
        if self._response is None:
            self.start(ResponseStarted())
        assert self._response is not None
        return self._response

    def _close(self) -> None:
        self._out.append(DONE)
        self._over = True

    def _write_refusal(self, message: Message) -> None:
        """A whole refusal at the end, as the events it would have been."""
        index = -1
        self.start_item(ItemStarted(index, replace(message, parts=[])))
        self.start_part(PartStarted(index, 0, "refusal"))
        for part in message.parts:
            if isinstance(part, Refusal):
                self.add_text(TextAdded(index, 0, "refusal", part.refusal))
        self.end_part(PartEnded(index, 0, "refusal"))
        self.end_item(ItemEnded(index))

    # --- items ---

    def start_item(self, event: ItemStarted) -> None:
        item = event.item
        if not is_shown(item):
            return
        if isinstance(item, ToolCall):
            if not item.call_id:
                item = replace(item, call_id=self._context.mint("call_"))
            if item.carrier is not None:
                self._write_call_carrier(item.call_id, item.carrier)
        own_id = item.id if isinstance(item, OtherItem) else None
        shown = ShownItem(item, own_id or self._context.mint(item_prefix(item)), len(self._output))
        self._items[event.index] = shown
        self._output.append(None)
        self._emit(
            "response.output_item.added",
            output_index=shown.output_index,
            item=draw_item(item, shown.id, "in_progress"),
        )
        if isinstance(item, ToolCall):
            name = "function_call_arguments" if item.kind == "function" else "custom_tool_call_input"
            shown.prefix = delta_prefix(f"response.{name}", shown, None, 0)
        elif isinstance(item, OtherItem):
            for step in _STEPS.get(item.type, ()):
                self._emit(f"response.{item.type}.{step}", output_index=shown.output_index, item_id=shown.id)

    def end_item(self, event: ItemEnded) -> None:
        shown = self._items.pop(event.index, None)
        if shown is None:
            if isinstance(event.item, OtherItem) and is_block(event.item):
                self._write_item(draw_block(event.item, self._context))
            return
        item = shown.item
        sealed = None
        match item:
            case Message():
                item = replace(item, parts=[part for _, part in shown.parts])
            case Reasoning():
                summary = [part.text for kind, part in shown.parts if kind == "summary" and isinstance(part, Text)]
                content = [part.text for kind, part in shown.parts if kind != "summary" and isinstance(part, Text)]
                item = replace(item, summary=summary, content=content)
                carrier = event.carrier or item.carrier
                sealed = None if carrier is None else self._context.seal(carrier)
            case ToolCall():
                item = self._end_call(shown, item, event)
            case _:
                item = event.item or item
                if isinstance(item, OtherItem) and event.status == "completed":
                    self._end_steps(shown, item)
        drawn = Raw(_encode(draw_item(item, shown.id, event.status, sealed)))
        self._output[shown.output_index] = drawn
        self._emit("response.output_item.done", output_index=shown.output_index, item=drawn)
        if isinstance(item, ToolCall) and item.carrier is None and event.carrier is not None:
            self._write_call_carrier(item.call_id, event.carrier)

    def _end_call(self, shown: ShownItem, item: ToolCall, event: ItemEnded) -> ToolCall:
        told = "".join(shown.texts)
        arguments = whole_arguments(item, told, event.status)
        if arguments and not told:
            self.add_arguments(ArgumentsAdded(event.index, arguments), shown)
        members = {"output_index": shown.output_index, "item_id": shown.id}
        if item.kind == "function":
            self._emit("response.function_call_arguments.done", **members, name=item.name, arguments=arguments)
        else:
            self._emit("response.custom_tool_call_input.done", **members, input=arguments)
        return replace(item, arguments=arguments)

    def _end_steps(self, shown: ShownItem, item: OtherItem) -> None:
        if item.type in _STEPS:
            failed = item.type in _CAN_FAIL and (item.value.get("status") == "failed" or item.value.get("error"))
            step = "failed" if failed else "completed"
            self._emit(f"response.{item.type}.{step}", output_index=shown.output_index, item_id=shown.id)

    def _write_call_carrier(self, call_id: str, carrier: Carrier) -> None:
        """A call's carrier, as a whole reasoning item beside it."""
        item = draw_call_carrier(call_id, carrier, self._context)
        self._write_item(item, {name: value for name, value in item.items() if name != "encrypted_content"})

    def _write_item(self, item: dict[str, Any], added: dict[str, Any] | None = None) -> None:
        """An item that is whole; `added` is how it is announced."""
        output_index = len(self._output)
        self._output.append(Raw(_encode(item)))
        self._emit("response.output_item.added", output_index=output_index, item=item if added is None else added)
        self._emit("response.output_item.done", output_index=output_index, item=item)

    # --- parts ---

    def start_part(self, event: PartStarted) -> None:
        shown = self._items[event.index]
        name, counter, _ = PART_NAMES[event.kind]
        suffix = b',"logprobs":[],"sequence_number":' if event.kind == "text" else b',"sequence_number":'
        self._parts[event.index, event.kind == "summary"] = ShownPart(
            delta_prefix(name, shown, counter, event.part), suffix
        )
        self._emit_part("added", shown, event, draw_part(event.kind, "", [], []))

    def _emit_part(self, phase: str, shown: ShownItem, event: PartStarted | PartEnded, part: dict[str, Any]) -> None:
        counter = PART_NAMES[event.kind][1]
        name = "reasoning_summary_part" if event.kind == "summary" else "content_part"
        members = {"item_id": shown.id, "output_index": shown.output_index, counter: event.part, "part": part}
        self._emit(f"response.{name}.{phase}", **members)

    def add_text(self, event: TextAdded) -> None:
        part = self._parts[event.index, event.kind == "summary"]
        text = event.text
        part.texts.append(text)
        if event.logprobs and event.kind == "text":
            part.logprobs += event.logprobs
            suffix = b',"logprobs":%b,"sequence_number":' % _encode(event.logprobs)
        else:
            suffix = part.suffix
        self._out.append(b"%b%b%b%d}\n\n" % (part.prefix, _encode(text), suffix, self._sequence))
        self._sequence += 1

    def annotate(self, event: AnnotationAdded) -> None:
        shown = self._items[event.index]
        part = self._parts[event.index, False]
        self._emit(
            "response.output_text.annotation.added",
            item_id=shown.id,
            output_index=shown.output_index,
            content_index=event.part,
            annotation_index=len(part.annotations),
            annotation=show_annotation(event.annotation),
        )
        part.annotations.append(event.annotation)

    def end_part(self, event: PartEnded) -> None:
        shown = self._items[event.index]
        part = self._parts.pop((event.index, event.kind == "summary"))
        text = "".join(part.texts)
        name, counter, word = PART_NAMES[event.kind]
        members = {"item_id": shown.id, "output_index": shown.output_index, counter: event.part, word: text}
        if event.kind == "text":
            members["logprobs"] = part.logprobs
        self._emit(f"{name}.done", **members)
        self._emit_part("done", shown, event, draw_part(event.kind, text, part.annotations, part.logprobs))
        whole = (
            Refusal(refusal=text)
            if event.kind == "refusal"
            else Text(text=text, annotations=part.annotations, logprobs=part.logprobs or None)
        )
        shown.parts.append((event.kind, whole))

    # --- calls ---

    def add_arguments(self, event: ArgumentsAdded, shown: ShownItem | None = None) -> None:
        shown = shown or self._items[event.index]
        shown.texts.append(event.text)
        self._out.append(b'%b%b,"sequence_number":%d}\n\n' % (shown.prefix, _encode(event.text), self._sequence))
        self._sequence += 1


_WRITERS: dict[type, Callable[[Writer, Any], None]] = {
    ResponseStarted: Writer.start,
    ItemStarted: Writer.start_item,
    PartStarted: Writer.start_part,
    TextAdded: Writer.add_text,
    AnnotationAdded: Writer.annotate,
    PartEnded: Writer.end_part,
    ArgumentsAdded: Writer.add_arguments,
    ItemEnded: Writer.end_item,
    UsageReported: Writer.report_usage,
    ResponseEnded: Writer.end,
    ResponseFailed: Writer.fail,
}
"""Every event has its row: a test asks."""
