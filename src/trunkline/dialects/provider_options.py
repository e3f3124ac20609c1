"""`provider_options`: what a caller says to one provider in that provider's own words, alike on every wire."""

from typing import Any

from trunkline.dialects.shapes import Fields


def read_provider_options(fields: Fields) -> dict[str, dict[str, Any]]:
    """The options by the name of their provider. Raises `InvalidRequest` where they are no objects."""
    options = fields.fields("provider_options")
    return {} if options is None else {name: options.need_object(name) for name in options.value}
