"""The parts of an assistant's message that the stream and the whole reply share."""

from typing import Any

from trunkline.dialects.dialect import Seal
from trunkline.items import Carrier
from trunkline.request import ModelRequest

LEGACY_FUNCTIONS = "chat_functions"
"""The mark, among a tool's extras, of a tool that came by the old `functions` field: replies then use
`function_call`. No dialect has this name, so the mark never leaves."""


def uses_functions(request: ModelRequest) -> bool:
    """Whether the caller speaks the old `functions` way and must be answered in it."""
    return any(LEGACY_FUNCTIONS in tool.extras for tool in request.tools if hasattr(tool, "extras"))


def reasoning_detail(carrier: Carrier, index: int, seal: Seal) -> dict[str, Any]:
    """An opaque value for the caller to send back, in OpenRouter's shape, which many clients keep."""
    return {"type": "reasoning.encrypted", "data": seal(carrier), "index": index}


def seal_call(carrier: Carrier, seal: Seal) -> dict[str, Any]:
    """A call's opaque value, in the shape of Google's compatible endpoint."""
    return {"google": {"thought_signature": seal(carrier)}}


def nest_annotation(annotation: dict[str, Any], part_start: int) -> dict[str, Any] | None:
    """A citation as Chat has it, offsets from the start of the whole content; `None` for kinds that Chat lacks."""
    if annotation.get("type") != "url_citation":
        return None
    citation = {name: value for name, value in annotation.items() if name != "type"}
    for name in ("start_index", "end_index"):
        offset = citation.get(name)
        citation[name] = offset + part_start if type(offset) is int else part_start
    citation.setdefault("url", "")
    citation["title"] = citation.get("title") or ""
    return {"type": "url_citation", "url_citation": citation}
