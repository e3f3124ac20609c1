"""How often a provider may call its own tools for one answer: each call costs, and brings along what is to be read."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

_Any = TypeVar("_Any")

USUAL_CALLS = 10
"""As many as are allowed where a request does not say."""

_PAID = ("web_search", "web_fetch", "code_interpreter", "code_execution", "file_search")
_PAID_GOOGLE = frozenset(
    "googleSearch google_search googleSearchRetrieval google_search_retrieval codeExecution code_execution urlContext"
    " url_context fileSearch file_search googleMaps google_maps enterpriseWebSearch enterprise_web_search".split()
)

# A cheap look: no tool of a provider's own without one of these words.
_MARKS = (b"search", b"Search", b"code_", b"codeE", b"web_fetch", b"url", b"aps")


class _Tool(Struct):
    type: str = ""
    max_uses: int | None = None


def count_calls(dialect: str, members: Mapping[str, Raw]) -> int:
    """The most calls that a body of this dialect allows; `USUAL_CALLS` where it leaves it open."""
    count = _COUNTS.get(dialect)
    return 0 if count is None else count(members)


def bound_calls(dialect: str, members: dict[str, Raw]) -> None:
    """Say the usual number in place where a body leaves it open, as far as its wire has a word for it."""
    if dialect == "responses" and not _read_number(members.get("max_tool_calls")) and count_calls(dialect, members):
        members["max_tool_calls"] = Raw(b"%d" % USUAL_CALLS)
    elif dialect == "messages" and any(_is_paid(tool) and tool.max_uses is None for tool in _read_tools(members)):
        members["tools"] = Raw(msgspec.json.encode([_bound(raw) for raw in _decode(members["tools"], list[Raw]) or ()]))


def _bound(raw: Raw) -> Raw:
    tool = _decode(raw, _Tool)
    if tool is None or not _is_paid(tool) or tool.max_uses is not None:
        return raw
    return Raw(msgspec.json.encode({**msgspec.json.decode(raw), "max_uses": USUAL_CALLS}))


# --- the wires --------------------------------------------------------------------------------------------------


def _count_responses(members: Mapping[str, Raw]) -> int:
    if not any(map(_is_paid, _read_tools(members))):
        return 0
    return _read_number(members.get("max_tool_calls")) or USUAL_CALLS


def _count_messages(members: Mapping[str, Raw]) -> int:
    return sum(
        USUAL_CALLS if tool.max_uses is None else max(0, tool.max_uses)
        for tool in _read_tools(members)
        if _is_paid(tool)
    )


def _count_chat(members: Mapping[str, Raw]) -> int:
    searches = 0 if members.get("web_search_options") in (None, Raw(b"null")) else 1
    return searches + (USUAL_CALLS if any(map(_is_paid, _read_tools(members))) else 0)


def _count_gemini(members: Mapping[str, Raw]) -> int:
    tools = _decode(members["tools"], list[dict[str, Raw]]) if _may_be_paid(members) else None
    return USUAL_CALLS if any(not _PAID_GOOGLE.isdisjoint(tool) for tool in tools or ()) else 0


_COUNTS: Mapping[str, Callable[[Mapping[str, Raw]], int]] = {
    "responses": _count_responses,
    "messages": _count_messages,
    "chat": _count_chat,
    "gemini": _count_gemini,
}


def _read_tools(members: Mapping[str, Raw]) -> list[_Tool]:
    return _decode(members["tools"], list[_Tool]) or [] if _may_be_paid(members) else []


def _may_be_paid(members: Mapping[str, Raw]) -> bool:
    raw = members.get("tools")
    if raw is None:
        return False
    data = bytes(raw)
    return any(data.find(mark) >= 0 for mark in _MARKS)


def _is_paid(tool: _Tool) -> bool:
    return tool.type.startswith(_PAID)


def _read_number(raw: Raw | None) -> int:
    return 0 if raw is None else _decode(raw, int) or 0


def _decode(raw: Raw, kind: type[_Any]) -> _Any | None:
    """What is of a wrong type is whoever's to refuse who is asked."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.MsgspecError:
        return None
