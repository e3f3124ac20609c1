"""A judge for answers: whether a JSON value is what a JSON schema asks for.

The words that structured outputs use, of draft 2020-12; a word that is not known here asks for nothing. `pattern` is
left out on purpose: a caller's expression could hold up everybody.
Source: https://json-schema.org/draft/2020-12/json-schema-validation
"""

from collections.abc import Callable
from typing import Any

Schema = dict[str, Any]

# Deeper than any answer is, and shallower than the interpreter's stack.
_DEEPEST = 64


def find_fault(value: Any, schema: Schema) -> str | None:
    """What is wrong and where (`items[2].price is not a number`), or `None`."""
    return _Judge(schema).find(value, schema, "", 0)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: dict[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_number(value) and float(value).is_integer(),
    "number": _is_number,
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}

_BOUNDS: dict[str, Callable[[Any, Any], bool]] = {
    "minimum": lambda value, bound: not _is_number(value) or value >= bound,
    "maximum": lambda value, bound: not _is_number(value) or value <= bound,
    "exclusiveMinimum": lambda value, bound: not _is_number(value) or value > bound,
    "exclusiveMaximum": lambda value, bound: not _is_number(value) or value < bound,
    "minLength": lambda value, bound: not isinstance(value, str) or len(value) >= bound,
    "maxLength": lambda value, bound: not isinstance(value, str) or len(value) <= bound,
    "minItems": lambda value, bound: not isinstance(value, list) or len(value) >= bound,
    "maxItems": lambda value, bound: not isinstance(value, list) or len(value) <= bound,
}


class _Judge:
    """Judges within one schema, whose definitions it knows."""

    def __init__(self, root: Schema) -> None:
        self._root = root

    def find(self, value: Any, schema: Any, path: str, depth: int) -> str | None:
        if schema is False:
            return f"{path or 'it'} is not allowed"
        if not isinstance(schema, dict) or depth > _DEEPEST:
            return None
        return (
            self._find_reference(value, schema, path, depth)
            or _find_plain(value, schema, path or "it")
            or self._find_choice(value, schema, path, depth)
            or self._find_inside(value, schema, path, depth)
        )

    def _find_reference(self, value: Any, schema: Schema, path: str, depth: int) -> str | None:
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#"):
            return None
        target: Any = self._root
        for step in filter(None, reference[1:].split("/")):
            step = step.replace("~1", "/").replace("~0", "~")
            target = target.get(step) if isinstance(target, dict) else None
        return self.find(value, target, path, depth + 1)

    def _find_choice(self, value: Any, schema: Schema, path: str, depth: int) -> str | None:
        for part in _list(schema.get("allOf")):
            if fault := self.find(value, part, path, depth + 1):
                return fault
        for word in ("anyOf", "oneOf"):
            branches = _list(schema.get(word))
            faults = [self.find(value, branch, path, depth + 1) for branch in branches]
            if branches and None not in faults:
                return faults[0] if len(faults) == 1 else f"{path or 'it'} fits none of the allowed shapes"
        return None

    def _find_inside(self, value: Any, schema: Schema, path: str, depth: int) -> str | None:
        if isinstance(value, list):
            for number, element in enumerate(value):
                if fault := self.find(element, schema.get("items"), f"{path}[{number}]", depth + 1):
                    return fault
        if not isinstance(value, dict):
            return None
        properties = schema.get("properties")
        known = properties if isinstance(properties, dict) else {}
        for name in _list(schema.get("required")):
            if name not in value:
                return f"{_at(path, name)} is missing"
        others = schema.get("additionalProperties")
        for name, member in value.items():
            inner = known.get(name) if name in known else others
            if fault := self.find(member, inner, _at(path, name), depth + 1):
                return fault
        return None


def _find_plain(value: Any, schema: Schema, name: str) -> str | None:
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else _list(kinds)
    if kinds and not any(kind in _TYPES and _TYPES[kind](value) for kind in kinds if isinstance(kind, str)):
        return f"{name} is not {' or '.join(f'`{kind}`' for kind in kinds)}"
    if "const" in schema and not _same(value, schema["const"]):
        return f"{name} is not the one allowed value"
    if isinstance(allowed := schema.get("enum"), list) and not any(_same(value, each) for each in allowed):
        return f"{name} is none of the allowed values"
    for word, holds in _BOUNDS.items():
        if _is_number(bound := schema.get(word)) and not holds(value, bound):
            return f"{name} breaks `{word}`"
    return None


def _same(value: Any, other: Any) -> bool:
    """Equal as JSON: true is not 1."""
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
