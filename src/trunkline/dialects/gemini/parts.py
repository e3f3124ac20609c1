"""Events → the parts of an answer, in order: what the stream and the whole reply share.

Parts come strictly one after another: of items that interleave, the first is told as it comes and the others wait.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from trunkline.dialects.dialect import Seal
from trunkline.dialects.drawn import find_drawn
from trunkline.dialects.gemini.grounding import Grounding
from trunkline.dialects.gemini.usage import write_finish, write_usage
from trunkline.dialects.gemini.wire import DIALECT, seal_signature
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.dialects.sound import find_sound, type_sound
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
from trunkline.items import Carrier, Item, OtherItem, Reasoning, ToolCall
from trunkline.usage import Usage

Wire = dict[str, Any]


class PartMaker:
    """The parts of one answer. `take` gives those that an event completes; `finish` what ends the answer."""

    __slots__ = (
        "_arguments",
        "_carrier",
        "_grounding",
        "_has_gap",
        "_has_refusal",
        "_item",
        "_out",
        "_part",
        "_seal",
        "_texts",
        "_waiting",
        "live",
        "usage",
    )

    def __init__(self, seal: Seal) -> None:
        self.live: int | None = None
        self.usage: Usage | None = None
        self._seal = seal
        self._item: Item | None = None
        self._waiting: dict[int, list[Event]] = {}
        self._out: list[Wire] = []
        self._arguments: list[str] = []
        self._texts: list[str] = []
        self._has_gap = False
        # Counts the parts that a whole reply would have, for citations.
        self._part = -1
        self._grounding = Grounding()
        self._has_refusal = False
        # What makes the thought before replayable: it rides on a call if one follows at once.
        self._carrier: Carrier | None = None

    def take(self, event: Event) -> list[Wire]:
        index = getattr(event, "index", None)
        if index is None or index == self.live:
            _HANDLERS[type(event)](self, event)
        elif self.live is None:
            self.live = index
            _HANDLERS[type(event)](self, event)
        else:
            self._waiting.setdefault(index, []).append(event)
        out, self._out = self._out, []
        return out

    def note_text(self, text: str) -> None:
        """A piece of the open text part that the caller of this writes by itself."""
        self._texts.append(text)

    def finish(self, end: ResponseEnded) -> Wire:
        """The candidate's last members."""
        candidate: Wire = {"finishReason": write_finish(end.finish, has_refusal=self._has_refusal), "index": 0}
        if end.explanation:
            candidate["finishMessage"] = end.explanation
        if (grounding := self._grounding.draw()) is not None:
            candidate["groundingMetadata"] = grounding
        return candidate

    def count(self) -> Wire:
        """`usageMetadata`; empty where the upstream told nothing."""
        return {} if self.usage is None else {"usageMetadata": write_usage(self.usage)}

    def flush(self) -> list[Wire]:
        """Write what waits for a call that does not come."""
        self._release()
        out, self._out = self._out, []
        return out

    # --- items --------------------------------------------------------------------------------------------------

    def _start_item(self, event: ItemStarted) -> None:
        self._item = event.item
        self._has_gap = False
        self._arguments = []
        if not isinstance(event.item, ToolCall):
            self._release()

    def _end_item(self, event: ItemEnded) -> None:
        item = self._item
        if isinstance(item, ToolCall):
            self._write_call(item, event.carrier or item.carrier)
        elif isinstance(item, Reasoning):
            self._carrier = event.carrier or item.carrier
        elif isinstance(item, OtherItem):
            whole = event.item or item
            self._grounding.note_search(whole.value)
            self._add(*_write_other(whole))
        self._item = self.live = None
        while self._waiting and self.live is None:
            index = next(iter(self._waiting))
            self.live = index
            for waiting in self._waiting.pop(index):
                _HANDLERS[type(waiting)](self, waiting)

    def _write_call(self, item: ToolCall, carrier: Carrier | None) -> None:
        before, self._carrier = self._carrier, None
        if before is not None and carrier is not None:
            self._add(self._opaque(before))
            before = None
        part: Wire = {
            "functionCall": {
                "id": item.call_id,
                "name": item.name,
                "args": _read_arguments("".join(self._arguments), is_custom=item.kind == "custom"),
            }
        }
        signing = carrier or before
        if signing is not None:
            part["thoughtSignature"] = seal_signature(signing, self._seal)
        self._add(part)

    def _release(self) -> None:
        carrier, self._carrier = self._carrier, None
        if carrier is not None:
            self._add(self._opaque(carrier))

    def _opaque(self, carrier: Carrier) -> Wire:
        """A part for what has no text to show. Of Gemini's own, what signs the answer itself is no thought."""
        part: Wire = {"text": "", "thoughtSignature": seal_signature(carrier, self._seal)}
        if carrier.family != DIALECT or carrier.kind == "thought":
            part["thought"] = True
        return part

    # --- parts --------------------------------------------------------------------------------------------------

    def _start_part(self, event: PartStarted) -> None:
        self._has_gap = event.kind in ("summary", "reasoning") and event.part > 0
        if event.kind == "text":
            self._texts = []
            self._part += 1

    def _add_text(self, event: TextAdded) -> None:
        text = event.text
        if event.kind in ("text", "refusal"):
            if event.kind == "text":
                self._texts.append(text)
            else:
                self._has_refusal = True
            self._out.append({"text": text})
            return
        if self._has_gap:
            self._has_gap = False
            text = "\n\n" + text
        self._out.append({"text": text, "thought": True})

    def _annotate(self, event: AnnotationAdded) -> None:
        self._grounding.add(event.annotation, "".join(self._texts), max(self._part, 0))

    def _add_arguments(self, event: ArgumentsAdded) -> None:
        self._arguments.append(event.text)

    def _add(self, *parts: Wire) -> None:
        self._out += parts
        self._part += len(parts)

    # --- the rest -----------------------------------------------------------------------------------------------

    def _count(self, event: UsageReported) -> None:
        self.usage = event.usage

    def _pass(self, event: Event) -> None:
        """For events that no part shows: nothing."""


_HANDLERS: dict[type, Callable[[PartMaker, Any], None]] = {
    ResponseStarted: PartMaker._pass,
    ItemStarted: PartMaker._start_item,
    PartStarted: PartMaker._start_part,
    TextAdded: PartMaker._add_text,
    AnnotationAdded: PartMaker._annotate,
    PartEnded: PartMaker._pass,
    ArgumentsAdded: PartMaker._add_arguments,
    ItemEnded: PartMaker._end_item,
    UsageReported: PartMaker._count,
    ResponseEnded: PartMaker._pass,
    ResponseFailed: PartMaker._pass,
}
"""Every event has its handler: a test compares this with `Event`."""


def _read_arguments(text: str, *, is_custom: bool) -> Any:
    """The object that the wire wants; text cut short, or none at all, stands under `input`."""
    if is_custom:
        return {"input": text}
    try:
        value = msgspec.json.decode(text) if text.strip() else {}
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {"input": text}
    if isinstance(value, dict):
        return msgspec.Raw(text.encode("utf-8", "replace")) if text.strip() else {}
    return {} if value is None else {"input": value}


def _write_other(item: OtherItem) -> list[Wire]:
    """Pictures, sound and code have parts here; other hosted calls are in the text."""
    value = item.value
    if item.dialect == DIALECT:
        return [{name: member for name, member in value.items() if name != "type"}]
    if (drawn := find_drawn(item)) is not None:
        return [{"inlineData": {"mimeType": drawn.media_type, "data": drawn.data}}]
    if sound := find_sound(item):
        return [{"inlineData": {"mimeType": type_sound(sound), "data": sound}}]
    if item.type == "code_interpreter_call":
        outputs = [lenient_object(output) for output in lenient_list(value.get("outputs"))]
        logs = "".join(lenient_text(output.get("logs")) for output in outputs)
        return [
            {"executableCode": {"language": "PYTHON", "code": lenient_text(value.get("code"))}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": logs}},
        ]
    return []
