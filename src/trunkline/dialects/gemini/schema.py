"""Schemas: Google's own subset of OpenAPI → JSON schema, and what of a JSON schema Google does not take.

Source: https://ai.google.dev/api/caching#Schema, …/gemini-api/docs/structured-output.
"""

from typing import Any

_SAME = ("title", "description", "default", "example", "format", "enum", "required", "pattern", "minimum", "maximum")
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")


def read_schema(value: Any) -> dict[str, Any]:
    """An OpenAPI schema as JSON schema: types in lower case, `nullable` as a type, counts as numbers."""
    if not isinstance(value, dict):
        return {}
    schema: dict[str, Any] = {name: value[name] for name in _SAME if value.get(name) is not None}
    for name in _COUNTS:
        # Counts are 64-bit integers, which Google's JSON may write as strings.
        if (count := value.get(name, value.get(_snake(name)))) is not None:
            schema[name] = int(count) if isinstance(count, str) and count.isdecimal() else count
    kind = value.get("type")
    if isinstance(kind, str) and kind != "TYPE_UNSPECIFIED":
        schema["type"] = [kind.lower(), "null"] if value.get("nullable") is True else kind.lower()
    if isinstance(properties := value.get("properties"), dict):
        schema["properties"] = {name: read_schema(member) for name, member in properties.items()}
    if isinstance(items := value.get("items"), dict):
        schema["items"] = read_schema(items)
    if isinstance(choices := value.get("anyOf", value.get("any_of")), list):
        schema["anyOf"] = [read_schema(choice) for choice in choices]
    known = {*_SAME, *_COUNTS, "type", "nullable", "properties", "items", "anyOf", "any_of"}
    known |= {_snake(name) for name in _COUNTS}
    # What is JSON schema already (`$ref`, `additionalProperties`) stays as it is.
    return {**{name: member for name, member in value.items() if name not in known}, **schema}


def _snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)


def write_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema for a field that takes one: untouched, but for the mark of its dialect."""
    return {name: member for name, member in schema.items() if name != "$schema"}
