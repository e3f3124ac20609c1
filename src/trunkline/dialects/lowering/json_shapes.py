"""Pieces of JSON schemas that the inputs of known tools are made of."""

from typing import Any

STRING = {"type": "string"}
INTEGER = {"type": "integer"}
STRINGS = {"type": "array", "items": STRING}
POINT = {"type": "array", "items": INTEGER}


def object_schema(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    """An object with these properties, of which some must be there."""
    return {"type": "object", "properties": properties, "required": list(required)}
