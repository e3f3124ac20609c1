"""Deferred tools that a target was told at once: found all the same, by a search that is shown before their first call.

The Agents SDKs refuse a call of a deferred tool that no search has found.
"""

from collections.abc import Iterator
from typing import Any

from trunkline.clock import Mint
from trunkline.events import Event, ItemEnded, ItemStarted
from trunkline.items import FunctionTool, OtherItem, Tool, ToolCall

_NO_ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {}}


class SearchReader:
    """One reply's calls, each first one of a deferred tool behind OpenAI's items for how it was found."""

    def __init__(self, mint: Mint, tools: dict[str, dict[str, Any]]) -> None:
        self._mint = mint
        # By the names that the target knows, as the caller defined them.
        self._tools = dict(tools)

    def read(self, events: list[Event]) -> list[Event]:
        return [shown for event in events for shown in self._take(event)]

    def _take(self, event: Event) -> Iterator[Event]:
        if isinstance(event, ItemStarted) and isinstance(event.item, ToolCall):
            found = self._tools.pop(event.item.name, None)
            if found is not None:
                # Places of their own, which the last stage counts anew.
                yield from self._show(
                    -2 * event.index - 1, "tool_search_call", {"arguments": {"paths": [found["name"]]}}
                )
                yield from self._show(-2 * event.index - 2, "tool_search_output", {"tools": [found]})
        yield event

    def _show(self, index: int, kind: str, members: dict[str, Any]) -> Iterator[Event]:
        item_id = self._mint("tsc_" if kind == "tool_search_call" else "tso_")
        value = {"id": item_id, "type": kind, "status": "completed", "call_id": None, "execution": "server", **members}
        item = OtherItem(dialect="responses", type=kind, value=value, id=item_id)
        yield ItemStarted(index, item)
        yield ItemEnded(index, "completed", None, item)


def describe_deferred(tool: Tool, namespace: str | None) -> dict[str, Any]:
    """A function as a search of OpenAI's shows it: in its namespace, if it has one."""
    assert isinstance(tool, FunctionTool)
    function = {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters or _NO_ARGUMENTS,
        "strict": bool(tool.strict),
        "defer_loading": True,
    }
    if namespace is None:
        return function
    return {"type": "namespace", "name": namespace, "description": "", "tools": [function]}
