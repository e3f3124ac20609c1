"""Where a caller marks the end of what a cache is to hold, in the words of a target whose cache takes marks.

Sources: https://platform.openai.com/docs/guides/prompt-caching,
https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching,
https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
"""

from typing import Any

from msgspec.structs import replace

from trunkline.capabilities import Capabilities
from trunkline.items import Audio, File, Image, Item, Message, OtherPart, Part, Refusal, Text

Markable = Text | Refusal | Image | File | Audio

MOST = 4
"""Marks that each of these takes in one request; of more, OpenAI counts the last."""

_BREAKPOINT, _CONTROL = "prompt_cache_breakpoint", "cache_control"

# What the mark is called there.
_OWN = {"messages": _CONTROL, "chat": _CONTROL, "bedrock": "cachePoint"}


def takes_marks(upstream: str, capabilities: Capabilities) -> bool:
    """Whether parts may be marked. Models elsewhere than at Anthropic refuse marks unless their cache needs them."""
    return upstream in _OWN and capabilities.cache_marks and (capabilities.explicit_cache or upstream == "messages")


def carry_mark(part: Markable, upstream: str) -> Markable:
    """The part with its mark as the target has it; the very part where there is none to carry."""
    for dialect, fields in part.extras.items():
        name = next((name for name in (_BREAKPOINT, _CONTROL) if fields.get(name)), None)
        if name is None or (dialect == upstream and name == _OWN[upstream]):
            continue
        rest = {other: value for other, value in fields.items() if other != name}
        own = part.extras.get(upstream, {}) if dialect != upstream else rest
        mark = {_OWN[upstream]: _write(name, fields[name], upstream)}
        return replace(part, extras={**part.extras, dialect: rest, upstream: {**own, **mark}})
    return part


def _write(name: str, value: Any, upstream: str) -> dict[str, Any]:
    if upstream == "bedrock":
        return {"type": "default"}
    # How long it is to hold is said in the same words, if it is said.
    return value if name == _CONTROL and isinstance(value, dict) else {"type": "ephemeral"}


def keep_last(items: list[Item], upstream: str) -> list[Item]:
    """The items with the last marks alone that a request may have."""
    left = MOST
    kept: list[Item] = []
    for item in reversed(items):
        if isinstance(item, Message):
            parts: list[Part] = []
            for part in reversed(item.parts):
                if is_marked(part, upstream):
                    part, left = (part if left > 0 else _without_mark(part, upstream)), left - 1
                parts.append(part)
            item = replace(item, parts=parts[::-1])
        kept.append(item)
    return kept[::-1]


def is_marked(part: Part, upstream: str) -> bool:
    """Whether a part has the target's own mark."""
    return not isinstance(part, OtherPart) and _OWN[upstream] in part.extras.get(upstream, {})


def _without_mark(part: Part, upstream: str) -> Part:
    assert not isinstance(part, OtherPart)
    rest = {name: value for name, value in part.extras[upstream].items() if name != _OWN[upstream]}
    return replace(part, extras={**part.extras, upstream: rest})
