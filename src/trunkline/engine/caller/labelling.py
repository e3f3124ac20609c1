"""What a request is labelled with: what its caller says, and over that what its key says.

A key's own labels always win, so that no caller leaves a budget that goes by them.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from msgspec import Struct

from trunkline.errors import InvalidRequest
from trunkline.labels import Labels, check_count, check_label, read_label, read_labels

LABELS = b"x-trunkline-labels"

_TAGS = "metadata.tags"
_COUNTED = "x-trunkline-labels"


class Labelling(Struct, frozen=True):
    """`headers`: which headers of a request are labels, and what they are called."""

    headers: Mapping[bytes, str] = {}

    def read(self, headers: Mapping[bytes, bytes], own: Labels) -> Labels:
        """The labels of a request whose key has its `own`. Raises `InvalidRequest`."""
        said = _read_said(headers[LABELS]) if LABELS in headers else None
        for header, name in self.headers.items():
            if header in headers:
                said = {**(said or {}), name: _read_value(header, name, headers[header])}
        if said is None:
            return own
        check_count(len(said), _COUNTED)
        return {**said, **own} if own else said


def add_tags(labels: Labels, tags: Sequence[Any]) -> Labels:
    """The labels, and those that a body says: `name=value`, `name:value` or a name alone. What is known already stays.

    Raises `InvalidRequest`.
    """
    said = {}
    for number, tag in enumerate(tags):
        place = f"{_TAGS}[{number}]"
        if not isinstance(tag, str):
            raise InvalidRequest(f"`{place}` must be a string", param=place, code="invalid_type")
        name, value = read_label(tag if "=" in tag else tag.replace(":", "=", 1), place)
        said[name] = value
    check_count(len(said), _TAGS)
    return {**said, **labels}


@lru_cache(maxsize=1024)
def _read_said(raw: bytes) -> Labels:
    """Callers say the same again and again."""
    return read_labels(_decode(raw, _COUNTED), _COUNTED)


def _read_value(header: bytes, name: str, raw: bytes) -> str:
    param = header.decode()
    return check_label(name, _decode(raw, param).strip(), param)[1]


def _decode(raw: bytes, param: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise InvalidRequest(f"`{param}` must be UTF-8", param=param) from None
