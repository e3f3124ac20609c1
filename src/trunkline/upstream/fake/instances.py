"""An instance of a JSON schema, the same for the same schema and text. Knows the keywords that SDKs write."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_FORMATS = {"date": "2026-01-02", "date-time": "2026-01-02T03:04:05Z", "time": "03:04:05", "email": "ana@example.com"}
_WHOLE_TEXT = frozenset({"input", "query", "question", "text", "message", "prompt", "content"})

# A schema that refers to itself is filled this deep, then with nothing.
_DEEPEST = 12


def fill(schema: Mapping[str, Any], text: str = "") -> Any:
    """A value that the schema allows: constants and first choices, ones, and words that the text holds.

    A string takes the text's next name (a word with a capital that opens no sentence), the whole text where its own
    name asks for one, else the word `word`.
    """
    return _fill(schema, schema, "", _names_in(text), text, 0)


def fill_json(schema: Mapping[str, Any], text: str = "") -> str:
    """The instance, written as JSON text."""
    return json.dumps(fill(schema, text), ensure_ascii=False, separators=(",", ":"))


def _names_in(text: str) -> Iterator[str]:
    return iter(re.findall(r"(?<=[^\s.!?:])\s+([A-Z]\w+)", text))


def _fill(schema: Any, root: Mapping[str, Any], name: str, names: Iterator[str], text: str, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return None
    schema = _resolve(schema, root)
    for keyword in ("const", "default"):
        if keyword in schema:
            return schema[keyword]
    if schema.get("enum"):
        return schema["enum"][0]
    for keyword in ("anyOf", "oneOf", "allOf"):
        if schema.get(keyword):
            return _fill(schema[keyword][0], root, name, names, text, depth + 1)
    match _type_of(schema):
        case "object":
            properties = schema.get("properties") or {}
            return {key: _fill(value, root, key, names, text, depth + 1) for key, value in properties.items()}
        case "array":
            length = max(1, schema.get("minItems", 1))
            return [_fill(schema.get("items", {}), root, name, names, text, depth + 1) for _ in range(length)]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "null":
            return None
    return _fill_string(schema, name, names, text)


def _resolve(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#"):
        return schema
    found: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        found = found.get(step, {}) if step else found
    return found if isinstance(found, Mapping) else {}


def _type_of(schema: Mapping[str, Any]) -> str:
    type = schema.get("type")
    if isinstance(type, list):
        return next((one for one in type if one != "null"), "null")
    # Google writes types in capitals.
    return type.lower() if type else "object" if "properties" in schema else "string"


def _fill_string(schema: Mapping[str, Any], name: str, names: Iterator[str], text: str) -> str:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    if name in _WHOLE_TEXT and text:
        return text
    return next(names, "word")
