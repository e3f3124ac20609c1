"""The whole table of fates, in each caller's own words, towards each upstream: what `docs/compatibility.md` shows.

Settings and whole fields are read from the tables that lowering applies; tools, items and the rest are written here,
a file a caller, and tests hold them against what lowering does.
"""

from collections.abc import Mapping

from trunkline.dialects.compatibility import chat, gemini, messages, responses
from trunkline.dialects.compatibility.table import SERVED, UPSTREAMS, CallerTable, FieldFate, Row, towards
from trunkline.dialects.fates import EXTRAS, MAPPED, REFUSED, SAME, SETTINGS

CALLERS: Mapping[str, CallerTable] = {
    "responses": responses.TABLE,
    "chat": chat.TABLE,
    "messages": messages.TABLE,
    "gemini": gemini.TABLE,
}

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
TIERS = ("auto", "default", "flex", "scale", "priority", "fast", "ultrafast", "standard_only")
"""Words of settings: they go to targets that have the setting as they are, or as the nearest that the target knows."""

# Fields that become tools where the target has such a tool.
_AS_TOOLS = {
    "web_search_options": SERVED,
    "mcp_servers": towards(REFUSED, responses=MAPPED),
}


def field_rows(caller: str) -> list[Row]:
    """Every top-level field of a caller's request."""
    return [_field_row(caller, name, meaning) for name, meaning in sorted(CALLERS[caller].fields.items())]


def _field_row(caller: str, name: str, meaning: FieldFate) -> Row:
    if name in _AS_TOOLS:
        return Row(name, {**_AS_TOOLS[name], caller: SAME})
    note = ""
    if isinstance(meaning, tuple):
        fate, note = meaning
        fates = towards(fate)
    elif meaning == "+":
        fates = towards(EXTRAS.get(name.rpartition(".")[2], REFUSED))
    else:
        fates = {upstream: SETTINGS[upstream][meaning] for upstream in UPSTREAMS}
    return Row(name, {**fates, caller: SAME}, note)
