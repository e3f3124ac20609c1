"""What most of a conversation is, read at a glance: messages that are a role and a text, and objects of a plain shape.

Whatever is not of such a shape is left to its dialect, which reads it member by member and knows what is wrong with it.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from trunkline.items import Message, Role, Text

S = TypeVar("S", bound=msgspec.Struct)


def read_easy_message(value: Any, roles: Mapping[str, Role]) -> Message | None:
    """A message of a role, one of these, and a text; `None` for any other."""
    if type(value) is not dict or len(value) != 2:
        return None
    role, text = value.get("role"), value.get("content")
    if type(role) is not str or type(text) is not str or role not in roles or not text:
        return None
    return Message(role=roles[role], parts=[Text(text=text)])


def read_shape(value: Any, shape: type[S]) -> S | None:
    """An object of exactly this shape; `None` for one that lacks something, or has more to it."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError:
        return None
