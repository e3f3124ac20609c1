"""A body as Google's API reads it: names in either spelling, and one thing where a list of them is meant."""

from typing import Any

# What stands below these has names of its own.
_FREE = frozenset({"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"})
_LISTS = frozenset({"contents", "parts", "tools", "functionDeclarations", "stopSequences"})


def settle(value: Any) -> Any:
    """The same in one spelling, with lists where they belong."""
    if isinstance(value, list):
        return [settle(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    return {(name := _camel(key)): _settle_member(name, member) for key, member in value.items()}


def _settle_member(name: str, value: Any) -> Any:
    if name in _FREE:
        return value
    settled = settle(value)
    return [settled] if name in _LISTS and isinstance(settled, dict) else settled


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in others)
