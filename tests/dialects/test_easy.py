"""Messages that are a role and a text."""

from typing import Any

import pytest

from trunkline.dialects.easy import read_easy_message
from trunkline.items import Message, Role, Text

ROLES: dict[str, Role] = {"user": "user", "model": "assistant"}


def test_a_role_and_a_text_are_a_message() -> None:
    """The wire's word for a role becomes ours."""
    message = read_easy_message({"role": "model", "content": "Hi!"}, ROLES)
    assert message == Message(role="assistant", parts=[Text(text="Hi!")])


@pytest.mark.parametrize(
    "value",
    [
        "Hi!",
        {"role": "user"},
        {"role": "user", "content": ""},
        {"role": "user", "content": [{"type": "text", "text": "Hi!"}]},
        {"role": "user", "text": "Hi!"},
        {"role": "user", "content": "Hi!", "name": "Ada"},
        {"role": "clerk", "content": "Hi!"},
        {"role": ["user"], "content": "Hi!"},
    ],
)
def test_all_else_is_read_member_by_member(value: Any) -> None:
    """What has more to it, or less, is left to its dialect, which knows what is wrong with it."""
    assert read_easy_message(value, ROLES) is None
