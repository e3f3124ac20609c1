"""An answer that was asked for as JSON in words alone: freed of what stands around it as it streams, judged at its end.

Models wrap JSON in code fences and prose. From the first brace on the value is passed through, what follows it is
not. An answer that is no such JSON ends in an error: a caller who asked for a schema is not given anything else.
"""

import re
from typing import Any

import msgspec
from msgspec.structs import replace

from trunkline.dialects.lowering.schemas import find_fault
from trunkline.errors import Garbled
from trunkline.events import (
    Event,
    ItemEnded,
    ItemStarted,
    PartEnded,
    PartStarted,
    ResponseEnded,
    ResponseFailed,
    TextAdded,
)
from trunkline.items import Message, OtherItem, ToolCall

_START = re.compile(r"[{\[]")
_INTERESTING = re.compile(r'[{}\[\]"\\]')


class JsonScanner:
    """Finds the first JSON object or array in a text that comes in pieces."""

    __slots__ = ("_depth", "_in_string", "_is_escaped", "is_over")

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._is_escaped = False
        self.is_over = False

    def feed(self, text: str) -> str:
        """The part of this piece that belongs to the value."""
        if self.is_over:
            return ""
        at = 0
        if not self._depth:
            start = _START.search(text)
            if start is None:
                return ""
            text = text[start.start() :]
        elif self._is_escaped and text:
            self._is_escaped = False
            at = 1
        while (mark := _INTERESTING.search(text, at)) is not None:
            at = mark.end()
            if self._in_string:
                if mark[0] == "\\":
                    self._is_escaped = at >= len(text)
                    at += 1
                elif mark[0] == '"':
                    self._in_string = False
            elif mark[0] == '"':
                self._in_string = True
            elif mark[0] in "{[":
                self._depth += 1
            elif mark[0] in "}]":
                self._depth -= 1
                if not self._depth:
                    self.is_over = True
                    return text[:at]
        return text


class _Answered:
    """One message of the answer: shown with the first of it that belongs to the value."""

    def __init__(self, started: ItemStarted, scanner: JsonScanner, pieces: list[str]) -> None:
        self._index = started.index
        self._started = started
        self._scanner = scanner
        self._pieces = pieces
        self._is_shown = False
        self._has_text = False
        self._parts = 0

    def take(self, event: Event) -> list[Event]:
        match event:
            case TextAdded(kind="text", text=text):
                piece = self._scanner.feed(text)
                return self._add(piece) if piece else []
            case PartStarted(kind="refusal"):
                self._parts += 1
                return [*self._show(), *self._close(), PartStarted(self._index, self._parts - 1, "refusal")]
            case TextAdded() | PartEnded(kind="refusal"):
                return [replace(event, part=self._parts - 1)]
            case ItemEnded() if self._is_shown:
                return [*self._close(), event]
            case _:
                # What is not shown has no parts to end; a citation's offsets count prose that is not shown.
                return []

    def _add(self, piece: str) -> list[Event]:
        out = self._show()
        if not self._has_text:
            self._has_text = True
            self._parts += 1
            out.append(PartStarted(self._index, self._parts - 1, "text"))
        self._pieces.append(piece)
        out.append(TextAdded(self._index, self._parts - 1, "text", piece))
        return out

    def _show(self) -> list[Event]:
        if self._is_shown:
            return []
        self._is_shown = True
        return [self._started]

    def _close(self) -> list[Event]:
        if not self._has_text:
            return []
        self._has_text = False
        return [PartEnded(self._index, self._parts - 1, "text")]


class JsonAnswerReader:
    """One reply's text as the JSON that was asked for. `schema` is `None` where any object will do."""

    def __init__(self, schema: dict[str, Any] | None) -> None:
        self._schema = schema
        self._scanner = JsonScanner()
        self._pieces: list[str] = []
        self._open: dict[int, _Answered] = {}
        self._is_excused = False

    def read(self, events: list[Event]) -> list[Event]:
        out: list[Event] = []
        for event in events:
            match event:
                case ItemStarted(index=index, item=Message()):
                    self._open[index] = _Answered(event, self._scanner, self._pieces)
                case ResponseEnded():
                    out.append(self._judge(event))
                case ResponseFailed():
                    out.append(event)
                case _:
                    out += self._pass(event)
        return out

    def _pass(self, event: Event) -> list[Event]:
        # Calls come before the answer in an agent's loop, and a refusal comes in its place.
        if isinstance(event, ItemStarted) and isinstance(event.item, ToolCall | OtherItem):
            self._is_excused = True
        if isinstance(event, PartStarted) and event.kind == "refusal":
            self._is_excused = True
        index = getattr(event, "index", -1)
        answered = self._open.get(index)
        if answered is None:
            return [event]
        if isinstance(event, ItemEnded):
            del self._open[index]
        return answered.take(event)

    def _judge(self, event: ResponseEnded) -> Event:
        """The end, or the error that the answer is not what was asked for; a cut answer is what it is."""
        if event.finish != "stop" or event.stop_sequence is not None or (self._is_excused and not self._pieces):
            return event
        fault = self._find_fault()
        return event if fault is None else ResponseFailed(Garbled(f"the model's answer is not as asked: {fault}"))

    def _find_fault(self) -> str | None:
        if not self._pieces:
            return "it holds no JSON"
        try:
            value = msgspec.json.decode("".join(self._pieces))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return "it is not valid JSON"
        if self._schema is None:
            return None if isinstance(value, dict) else "it is not a JSON object"
        return find_fault(value, self._schema)
