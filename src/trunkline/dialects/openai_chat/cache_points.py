"""Cache points in Chat messages, as OpenRouter takes them for models that cache nothing unasked.

They stand on text parts alone: on the system text (tools come before it), and on the last text before the last turn.
Source: https://openrouter.ai/docs/features/prompt-caching
"""

from typing import Any

from trunkline.capabilities import Capabilities
from trunkline.dialects.cache_points import MARK, Seen, choose_points
from trunkline.dialects.shapes import lenient_list

_INSTRUCTIONS = ("system", "developer")


def mark_cache(body: dict[str, Any], capabilities: Capabilities, seen: Seen) -> None:
    """Set the cache marks in a body, in place."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        return  # the upstream will say so in its own words
    roles = [message.get("role") for message in messages]
    start = next((place for place, role in enumerate(roles) if role not in _INSTRUCTIONS), len(roles))
    answers = [place for place, role in enumerate(roles) if role == "assistant"]
    # The last turn is what came after the model's last words.
    history = messages[start : answers[-1] + 1] if answers else []
    points = choose_points([body.get("tools"), messages[:start]], history, bool(answers), capabilities, seen)
    if points.head:
        _mark_last(messages[:start])
    if points.history:
        _mark_last(history)


def _mark_last(messages: list[dict[str, Any]]) -> None:
    for message in reversed(messages):
        content = message.get("content")
        if isinstance(content, str) and content:
            message["content"] = [{"type": "text", "text": content, **MARK}]
            return
        texts = [place for place, part in enumerate(lenient_list(content)) if _is_text(part)]
        if texts:
            message["content"] = [*content]
            message["content"][texts[-1]] = {**content[texts[-1]], **MARK}
            return


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "text"
