"""Cache points in a Converse body: a block of their own behind the tools, the system text and the last turn but one.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
"""

from typing import Any

from trunkline.capabilities import Capabilities
from trunkline.dialects.cache_points import Seen, choose_points

_POINT = {"cachePoint": {"type": "default"}}


def mark_cache(body: dict[str, Any], capabilities: Capabilities, seen: Seen) -> None:
    """Set the cache points in a body, in place."""
    turns: list[dict[str, Any]] = body["messages"]
    tools, system = body.get("toolConfig", {}).get("tools"), body.get("system")
    continues = any(turn["role"] == "assistant" for turn in turns)
    points = choose_points([tools, system], turns[:-1], continues, capabilities, seen)
    for blocks in (tools, system) if points.head else ():
        if blocks:
            blocks.append(_POINT)
    if points.history:
        _point_behind(turns[:-1])


def _point_behind(turns: list[dict[str, Any]]) -> None:
    """A point behind the last turn that does not end in thought, which takes none."""
    for turn in reversed(turns):
        if "reasoningContent" not in turn["content"][-1]:
            turn["content"].append(_POINT)
            return
