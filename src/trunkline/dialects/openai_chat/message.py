"""The parts of an assistant's message that the stream and the whole reply share."""

from typing import Any

from trunkline.dialects.dialect import Seal
from trunkline.items import CITED, Carrier, FunctionTool
from trunkline.request import ModelRequest

LEGACY_FUNCTIONS = "chat_functions"
"""The mark, among a tool's extras, of a tool that came by the old `functions` field: replies then use
`function_call`. No dialect has this name, so the mark never leaves."""


LAST = "last"
"""The `id` of an opaque value that stood behind all that was said: no call is called so."""


def uses_functions(request: ModelRequest) -> bool:
    """Whether the caller speaks the old `functions` way and must be answered in it."""
    return any(LEGACY_FUNCTIONS in tool.extras for tool in request.tools if type(tool) is FunctionTool)


class Details:
    """Opaque values for the caller to send back, in OpenRouter's shape, which many clients keep.

    Chat has no place for order within a turn, so a value that stood right before a call names it, `id`, and so does one
    that stood at the end.
    """

    __slots__ = ("_entries", "_has_calls", "_has_text", "_open", "_seal")

    def __init__(self, seal: Seal) -> None:
        self._entries: list[dict[str, Any]] = []
        self._seal = seal
        self._open = 0
        self._has_text = False
        self._has_calls = False

    def add(self, carrier: Carrier) -> None:
        entry = {"type": "reasoning.encrypted", "data": self._seal(carrier), "index": len(self._entries)}
        self._entries.append(entry)

    def start_text(self) -> None:
        """Text begins: what came before belongs to it. After calls it is moved before them, so that says nothing."""
        self._has_text = True
        if not self._has_calls:
            self._open = len(self._entries)

    def start_call(self, call_id: str) -> None:
        self._name(call_id)
        self._open = len(self._entries)
        self._has_calls = True

    def close(self) -> list[dict[str, Any]]:
        """All the details, at the end of the turn."""
        if self._has_text or self._has_calls:
            self._name(LAST)
        return self._entries

    def _name(self, place: str) -> None:
        for entry in self._entries[self._open :]:
            entry["id"] = place


def seal_call(carrier: Carrier, seal: Seal) -> dict[str, Any]:
    """A call's opaque value, in the shape of Google's compatible endpoint."""
    return {"google": {"thought_signature": seal(carrier)}}


def nest_annotation(annotation: dict[str, Any], part_start: int) -> dict[str, Any] | None:
    """A citation as Chat has it, offsets from the start of the whole content; `None` for kinds that Chat lacks."""
    if annotation.get("type") != "url_citation":
        return None
    citation = {name: value for name, value in annotation.items() if name not in ("type", CITED)}
    for name in ("start_index", "end_index"):
        offset = citation.get(name)
        citation[name] = offset + part_start if type(offset) is int else part_start
    citation.setdefault("url", "")
    citation["title"] = citation.get("title") or ""
    return {"type": "url_citation", "url_citation": citation}
