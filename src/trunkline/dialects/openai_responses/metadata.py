"""What callers write on their objects: short labels, within OpenAI's limits.

Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-metadata
"""

from typing import Any

from trunkline.dialects.shapes import wrong_type
from trunkline.errors import InvalidRequest

_MOST_KEYS = 16
_KEY_LENGTH = 64
_VALUE_LENGTH = 512


def check_metadata(raw: Any, path: str = "metadata") -> dict[str, str] | None:
    """The labels of a decoded body; `None` where there are none. Raises `InvalidRequest`."""
    if raw is None:
        return None
    if type(raw) is not dict:
        raise wrong_type(path, "an object", raw)
    if len(raw) > _MOST_KEYS:
        raise InvalidRequest(
            f"`{path}` holds {len(raw)} keys but may hold {_MOST_KEYS} at most",
            param=path,
            code="object_above_max_properties",
        )
    for key, value in raw.items():
        _check_entry(key, value, path)
    return raw


def _check_entry(key: str, value: Any, path: str) -> None:
    if len(key) > _KEY_LENGTH:
        raise _too_long(path, f"a key of {len(key)} characters", _KEY_LENGTH)
    place = f"{path}.{key}"
    if type(value) is not str:
        raise wrong_type(place, "a string", value)
    if len(value) > _VALUE_LENGTH:
        raise _too_long(place, f"{len(value)} characters", _VALUE_LENGTH)


def _too_long(place: str, found: str, most: int) -> InvalidRequest:
    return InvalidRequest(
        f"`{place}` holds {found} but may hold {most} at most", param=place, code="string_above_max_length"
    )
