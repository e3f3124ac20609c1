"""Schemas: Google's own subset of OpenAPI → JSON schema, and what of a JSON schema Google does not take.

Source: https://ai.google.dev/api/caching#Schema, …/gemini-api/docs/structured-output.
"""

from typing import Any

_SAME = ("title", "description", "default", "example", "format", "enum", "required", "pattern", "minimum", "maximum")
_ORDERS = ("propertyOrdering", "property_ordering")
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")


def read_schema(value: Any) -> dict[str, Any]:
    """An OpenAPI schema as JSON schema: types in lower case, `nullable` as a type, counts as numbers, properties in the
    order that is asked for."""
    if not isinstance(value, dict):
        return {}
    schema: dict[str, Any] = {name: value[name] for name in _SAME if value.get(name) is not None}
    for name in _COUNTS:
        # Counts are 64-bit integers, which Google's JSON may write as strings.
        if (count := value.get(name, value.get(_snake(name)))) is not None:
            schema[name] = int(count) if isinstance(count, str) and count.isdecimal() else count
    if schema.get("format") == "enum":
        del schema["format"]  # says no more than `enum` does
    kind, is_nullable = value.get("type"), value.get("nullable") is True
    if isinstance(kind, str) and kind != "TYPE_UNSPECIFIED":
        schema["type"] = [kind.lower(), "null"] if is_nullable else kind.lower()
    if is_nullable and isinstance(allowed := schema.get("enum"), list) and None not in allowed:
        schema["enum"] = [*allowed, None]
    if isinstance(properties := value.get("properties"), dict):
        schema["properties"] = {name: read_schema(properties[name]) for name in _order(value, properties)}
    if isinstance(items := value.get("items"), dict):
        schema["items"] = read_schema(items)
    if isinstance(choices := value.get("anyOf", value.get("any_of")), list):
        schema["anyOf"] = [read_schema(choice) for choice in choices]
    known = {*_SAME, *_COUNTS, "type", "nullable", "properties", "items", "anyOf", "any_of"}
    known |= {_snake(name) for name in _COUNTS} | {*_ORDERS}
    # What is JSON schema already (`$ref`, `additionalProperties`) stays as it is.
    return {**{name: member for name, member in value.items() if name not in known}, **schema}


def _order(value: dict[str, Any], properties: dict[str, Any]) -> list[str]:
    """The names of the properties: those that are to come first, then the others."""
    asked: list[Any] = next((value[name] for name in _ORDERS if isinstance(value.get(name), list)), [])
    first = [name for name in asked if isinstance(name, str) and name in properties]
    return list(dict.fromkeys([*first, *properties]))


def _snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)


def write_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema for a field that takes one: untouched, but for the mark of its dialect."""
    return {name: member for name, member in schema.items() if name != "$schema"}
