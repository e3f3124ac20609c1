"""A call's arguments that come in pieces, each with the path of the value it belongs to.

Source: https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling (streamed arguments).
"""

import itertools
import re
from typing import Any

import msgspec

from trunkline.dialects.shapes import lenient_object

_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]""")

# No real call has arrays this long; a path that says so would only fill the memory.
_LONGEST_ARRAY = 100_000

Key = str | int


def read_path(path: str) -> list[Key]:
    """`$.operations[0].name` → `["operations", 0, "name"]`; the empty list for what is no such path."""
    steps: list[Key] = []
    for name, number, single, double in _STEP.findall(path.removeprefix("$")):
        steps.append(int(number) if number else re.sub(r"\\(.)", r"\1", name or single or double))
    return steps


class PartialArguments:
    """Arguments under way: strings grow, everything else comes at once."""

    __slots__ = ("_value",)

    def __init__(self, whole: dict[str, Any] | None = None) -> None:
        self._value: dict[str, Any] = whole or {}

    def add(self, piece: Any) -> None:
        """One `partialArgs` entry. What has no path or value says nothing."""
        told = lenient_object(piece)
        path = told.get("jsonPath")
        steps = read_path(path) if type(path) is str else []
        if not steps or not isinstance(steps[0], str):
            return
        for name in ("stringValue", "numberValue", "boolValue"):
            if name in told:
                self._put(steps, told[name], grows=name == "stringValue")
                return
        if "nullValue" in told:
            self._put(steps, None, grows=False)

    def _put(self, steps: list[Key], value: Any, *, grows: bool) -> None:
        holder: Any = self._value
        for step, following in itertools.pairwise(steps):
            inner = _get(holder, step)
            if not isinstance(inner, list if isinstance(following, int) else dict):
                inner = [] if isinstance(following, int) else {}
                if not _set(holder, step, inner):
                    return
            holder = inner
        before = _get(holder, steps[-1])
        _set(holder, steps[-1], before + value if grows and isinstance(before, str) else value)

    def text(self) -> str:
        """The arguments so far, as JSON."""
        return msgspec.json.encode(self._value).decode()


def _get(holder: Any, key: Key) -> Any:
    if isinstance(holder, dict):
        return holder.get(key) if isinstance(key, str) else None
    return holder[key] if isinstance(key, int) and key < len(holder) else None


def _set(holder: Any, key: Key, value: Any) -> bool:
    if isinstance(holder, dict) and isinstance(key, str):
        holder[key] = value
        return True
    if not isinstance(holder, list) or not isinstance(key, int) or key > _LONGEST_ARRAY:
        return False
    holder.extend([None] * (key + 1 - len(holder)))
    holder[key] = value
    return True
