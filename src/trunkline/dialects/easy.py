"""A message that is a role and a text, which most of a conversation is: read at a glance, the same on three wires."""

from collections.abc import Mapping
from typing import Any

from trunkline.items import Message, Role, Text


def read_easy_message(value: Any, roles: Mapping[str, Role]) -> Message | None:
    """Such a message, whose role is one of these; `None` for any other, which has to be read member by member."""
    if type(value) is not dict or len(value) != 2:
        return None
    role, text = value.get("role"), value.get("content")
    if type(role) is not str or type(text) is not str or role not in roles or not text:
        return None
    return Message(role=roles[role], parts=[Text(text=text)])
