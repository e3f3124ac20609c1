"""An answer that is no JSON object, for targets that keep the schemas of objects alone.

It is asked for as the one member of an object, and taken out of that as it streams. A model that writes the answer
without the object around it is passed on as it is.
"""

import re
from typing import Any

import msgspec
from msgspec.structs import replace

from trunkline.events import Event, PartEnded, TextAdded
from trunkline.request import TextFormat

_MEMBER = "answer"
_OPENING = re.compile(r'\s*\{\s*"answer"\s*:\s*')
# All that can come before the value, with room for a model that is fond of white space.
_LONGEST_OPENING = 200
_CLOSING = re.compile(r"\s*(\}\s*)?\Z")

# What says of which type an answer is, where `type` does not.
_ELSEWHERE = frozenset({"enum", "const", "anyOf", "oneOf", "allOf", "items", "$ref"})

# References are told from the root, so that what they name has to stay there.
_NAMED = ("$defs", "definitions")


def needs_object(format: TextFormat) -> bool:
    """Whether a schema's answers are something else than objects, or its first words do not say that they are."""
    schema = format.schema or {}
    kind = schema.get("type")
    return not _ELSEWHERE.isdisjoint(schema) if kind is None else bool(kind != "object")


def wrap(format: TextFormat) -> TextFormat:
    """The format whose answers hold those of this one."""
    schema = format.described_schema
    named = {name: schema[name] for name in _NAMED if name in schema}
    inner = {name: member for name, member in schema.items() if name not in named and name != "$schema"}
    wrapped: dict[str, Any] = {
        "type": "object",
        "properties": {_MEMBER: inner},
        "required": [_MEMBER],
        "additionalProperties": False,
        **named,
    }
    return replace(format, schema=wrapped, description=None, is_bare=False)


class _Unwrapping:
    """One part's text, of which the object around the answer is left out."""

    __slots__ = ("_is_open", "_is_plain", "_kept")

    def __init__(self) -> None:
        self._kept = ""
        self._is_open = False
        self._is_plain = False

    def feed(self, text: str) -> str:
        """What of the text so far is surely the answer's."""
        if self._is_plain:
            return text
        self._kept += text
        if not self._is_open and (opening := _OPENING.match(self._kept)) is not None:
            self._is_open = True
            self._kept = self._kept[opening.end() :]
        if not self._is_open:
            self._is_plain = len(self._kept) > _LONGEST_OPENING or not "{".startswith(self._kept.lstrip()[:1])
            return self.end() if self._is_plain else ""
        closing = _CLOSING.search(self._kept)
        at = len(self._kept) if closing is None else closing.start()
        sure, self._kept = self._kept[:at], self._kept[at:]
        return sure

    def end(self) -> str:
        """The rest, where no object turned out to be around it."""
        rest, self._kept = ("" if self._is_open else self._kept), ""
        return rest


class WrappedAnswerReader:
    """One reply's text freed of the object around it; a bare string is freed of its quotes as well, once it is
    whole."""

    def __init__(self, *, is_bare: bool) -> None:
        self._is_bare = is_bare
        self._open: dict[tuple[int, int], _Unwrapping] = {}
        self._strings: dict[tuple[int, int], str] = {}

    def read(self, events: list[Event]) -> list[Event]:
        return [shown for event in events for shown in self._read(event)]

    def _read(self, event: Event) -> list[Event]:
        match event:
            case TextAdded(kind="text"):
                place = event.index, event.part
                return self._show(place, self._open.setdefault(place, _Unwrapping()).feed(event.text))
            case PartEnded(kind="text"):
                place = event.index, event.part
                rest = self._open.pop(place).end() if place in self._open else ""
                return [*self._show(place, rest), *self._show_string(place), event]
            case _:
                return [event]

    def _show(self, place: tuple[int, int], text: str) -> list[Event]:
        if self._is_bare:
            self._strings[place] = self._strings.get(place, "") + text
            return []
        return [TextAdded(*place, "text", text)] if text else []

    def _show_string(self, place: tuple[int, int]) -> list[Event]:
        text = self._strings.pop(place, "")
        try:
            text = msgspec.json.decode(text, type=str)
        except (msgspec.MsgspecError, ValueError):
            # Cut short, or never quoted.
            text = text.removeprefix('"')
        return [TextAdded(*place, "text", text)] if text else []
