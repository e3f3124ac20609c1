"""Cache points on the stable prefix of a Messages body: the last tool, the system text, the last turn but one.

Source: https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching
"""

from collections.abc import Callable
from typing import Any

from trunkline.capabilities import Capabilities
from trunkline.dialects.cache_points import MARK, Seen, choose_points

_UNMARKABLE = ("thinking", "redacted_thinking")


def mark_cache(body: dict[str, Any], capabilities: Capabilities, seen: Seen) -> None:
    """Set the cache marks in a body, in place."""
    turns: list[dict[str, Any]] = body["messages"]
    tools, system = body.get("tools") or [], body.get("system")
    continues = any(turn["role"] == "assistant" for turn in turns)
    points = choose_points([tools, system], turns[:-1], continues, capabilities, seen)
    if points.head:
        # Others have the same tools.
        tools = [*tools]
        if _mark_last(tools, lambda tool: not tool.get("defer_loading")):
            body["tools"] = tools
        if system:
            body["system"] = [{"type": "text", "text": system}] if isinstance(system, str) else system
            _mark_last(body["system"], lambda block: True)
    if points.history:
        for turn in reversed(turns[:-1]):
            if _mark_last(turn["content"], lambda block: block["type"] not in _UNMARKABLE):
                break


def _mark_last(blocks: list[dict[str, Any]], takes_mark: Callable[[dict[str, Any]], bool]) -> bool:
    """Mark the last block that takes one. A copy of it: the caller's own tools and items are told again in replies."""
    for place in reversed(range(len(blocks))):
        if takes_mark(blocks[place]):
            blocks[place] = {**blocks[place], **MARK}
            return True
    return False
