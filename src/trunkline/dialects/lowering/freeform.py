"""Custom tools as functions: what the model is told, and the free text of a call, taken out of its JSON as it streams.

The model is asked for `{"input": "…"}`, but writes `{"patch": …}`, `{"content": …}` or bare text now and then: all are
understood. Escapes may be cut anywhere, surrogate pairs included.
"""

import re
from typing import Any

import msgspec

from trunkline.dialects.shapes import lenient_object, lenient_text
from trunkline.items import CustomTool, FunctionTool

INPUT = "input"
_NAMES = (INPUT, "patch", "content")

_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {INPUT: {"type": "string"}},
    "required": [INPUT],
    "additionalProperties": False,
}

# `{"input": "` with any spaces, whole or not yet whole.
_OPENING = re.compile(r'\s*\{\s*"(?:input|patch|content)"\s*:\s*"')
_SPECIAL = re.compile(r'["\\]')
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class FreeformReader:
    """One call's arguments: `feed` gives what of the input has become certain, `end` the rest."""

    __slots__ = ("_is_closed", "_is_open", "_is_plain", "_tail")

    def __init__(self) -> None:
        self._tail = ""
        self._is_open = False
        self._is_closed = False
        self._is_plain = False

    def feed(self, text: str) -> str:
        if self._is_closed:
            return ""
        self._tail += text
        return self._decode() if self._is_open or self._begin() else ""

    def _begin(self) -> bool:
        """Whether it is clear by now how the input is wrapped."""
        opening = _OPENING.match(self._tail)
        if opening is not None:
            self._tail = self._tail[opening.end() :]
            self._is_open = True
            return True
        first = self._tail.lstrip()[:1]
        if first == '"':
            self._tail = self._tail.lstrip()[1:]
            self._is_open = True
        elif first and first != "{":
            self._is_open = self._is_plain = True
        # An object that opens otherwise is looked at whole, at the end.
        return self._is_open

    def _decode(self) -> str:
        text, at = self._tail, 0
        if self._is_plain:
            self._tail = ""
            return text
        out: list[str] = []
        while True:
            special = _SPECIAL.search(text, at)
            if special is None:
                out.append(text[at:])
                self._tail = ""
                break
            out.append(text[at : special.start()])
            at = special.start()
            if special[0] == '"':
                self._is_closed, self._tail = True, ""
                break
            length = _escape_length(text, at)
            if not length:
                self._tail = text[at:]
                break
            out.append(_unescape(text[at : at + length]))
            at += length
        return "".join(out)

    def end(self) -> str:
        """What is left: an object that was wrapped in no known way, or nothing. Half an escape is no text."""
        return "" if self._is_open else read_input(self._tail)


def _escape_length(text: str, at: int) -> int:
    """How long the escape at `at` is; 0 while that cannot be told."""
    if at + 1 >= len(text):
        return 0
    if text[at + 1] != "u":
        return 2
    if at + 6 > len(text):
        return 0
    if not _is_high(text[at + 2 : at + 6]):
        return 6
    follows = text[at + 6 : at + 8]
    if follows not in ("\\u", "\\", ""):
        return 6
    return 12 if at + 12 <= len(text) else 0


def _is_high(digits: str) -> bool:
    return digits[:2].lower() in ("d8", "d9", "da", "db")


def _unescape(escape: str) -> str:
    if escape[1] != "u":
        return _ESCAPES.get(escape[1], escape[1])
    try:
        units = [int(escape[start : start + 4], 16) for start in range(2, len(escape), 6)]
    except ValueError:
        return escape
    return b"".join(unit.to_bytes(2, "little") for unit in units).decode("utf-16-le", "replace")


def read_input(arguments: str) -> str:
    """The free text in whole arguments, however it is wrapped; what is not wrapped is the text itself."""
    try:
        value: Any = msgspec.json.decode(arguments)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return arguments
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        texts = [value[name] for name in _NAMES if isinstance(value.get(name), str)]
        texts += [text for text in value.values() if isinstance(text, str)]
        if texts:
            return str(texts[0])
        if not value:
            return ""
    return arguments


def write_input(text: str) -> str:
    """Free text as the arguments of the function that stands for a custom tool."""
    try:
        return msgspec.json.encode({INPUT: text}).decode()
    except UnicodeEncodeError:
        return msgspec.json.encode({INPUT: text.encode("utf-8", "replace").decode()}).decode()


def stand_in(tool: CustomTool, name: str) -> FunctionTool:
    """The function that stands for a custom tool where a target has none."""
    return FunctionTool(name=name, description=_describe(tool), parameters=_PARAMETERS)


def _describe(tool: CustomTool) -> str:
    """What the model must be told of a custom tool that is now a function: its grammar is nowhere else."""
    lines = [tool.description] if tool.description else []
    lines.append(f"Give the whole of it as the plain text `{INPUT}`.")
    shape = lenient_object(tool.format)
    if definition := lenient_text(shape.get("definition")):
        syntax = lenient_text(shape.get("syntax")) or "grammar"
        lines.append(f"`{INPUT}` must match this {syntax} grammar:\n{definition}")
    return "\n\n".join(lines)
