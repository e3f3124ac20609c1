"""JSON schemas that Anthropic's structured output takes: a subset, so the rest moves into descriptions.

Source: https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs (JSON schema limitations).
"""

from typing import Any

import msgspec

# Kept as they are; what is not here is told to the model in words.
_KEPT = frozenset({"$ref", "type", "enum", "const", "description", "title", "default", "required"})
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"},
)
_SILENT = frozenset({"$schema", "$id", "$comment", "strict", "additionalProperties"})
_MAPS = ("properties", "$defs", "definitions")
_LISTS = {"anyOf": "anyOf", "oneOf": "anyOf", "allOf": "allOf"}

_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}


def narrow_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema in what Anthropic takes: no answer that fits it is lost, and what it forbade besides is described."""
    narrowed: dict[str, Any] = {}
    told: dict[str, Any] = {}
    for name, value in schema.items():
        if name in _KEPT:
            narrowed[name] = value
        elif name in _MAPS and isinstance(value, dict):
            narrowed[name] = {key: _narrow(inner) for key, inner in value.items()}
        elif name in _LISTS and isinstance(value, list):
            narrowed[_LISTS[name]] = [_narrow(inner) for inner in value]
        elif name == "items" and isinstance(value, dict):
            narrowed[name] = _narrow(value)
        elif (name == "format" and value in _FORMATS) or (name == "minItems" and value in (0, 1)):
            narrowed[name] = value
        elif name not in _SILENT:
            told[name] = value
    if told:
        narrowed["description"] = _describe(narrowed.get("description"), told)
    if _is_object(narrowed):
        narrowed["additionalProperties"] = False
    return _split_nullable_enum(narrowed)


def fits(schema: dict[str, Any]) -> bool:
    """Whether Anthropic takes the schema as it is."""
    return narrow_schema(schema) == schema


def has_maps(schema: Any) -> bool:
    """Whether objects in answers are meant to have names that the schema does not know: Anthropic's never do."""
    if isinstance(schema, list):
        return any(map(has_maps, schema))
    if not isinstance(schema, dict):
        return False
    others = schema.get("additionalProperties")
    is_map = others not in (None, False) and ("properties" not in schema or others not in (True, {}))
    return is_map or any(map(has_maps, schema.values()))


def _narrow(value: Any) -> Any:
    return narrow_schema(value) if isinstance(value, dict) else value


def _is_object(schema: dict[str, Any]) -> bool:
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in schema


def _describe(description: Any, told: dict[str, Any]) -> str:
    words = ", ".join(f"{name}: {msgspec.json.encode(value).decode()}" for name, value in told.items())
    before = f"{description}\n\n" if isinstance(description, str) and description else ""
    return f"{before}({words})"


def _split_nullable_enum(schema: dict[str, Any]) -> dict[str, Any]:
    """An `enum` beside a list of types is refused: one branch for each type that has values."""
    kinds, values = schema.get("type"), schema.get("enum")
    if not isinstance(kinds, list) or not isinstance(values, list):
        return schema
    branches: list[dict[str, Any]] = []
    for kind in kinds:
        allowed = _JSON_TYPES.get(kind, ()) if isinstance(kind, str) else ()
        fitting = [value for value in values if type(value) in allowed]
        if kind == "null" and fitting:
            branches.append({"type": "null"})
        elif fitting:
            branches.append({"type": kind, "enum": fitting})
    rest = {name: value for name, value in schema.items() if name not in ("type", "enum")}
    return {**rest, "anyOf": branches}
