"""Messages of a plain shape are read in one step as they are member by member."""

from typing import Any

import pytest

from trunkline.dialects.openai_chat.easy import read_calling_turn, read_result
from trunkline.dialects.openai_chat.history import History
from trunkline.dialects.shapes import read_object
from trunkline.items import Item

_CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
_TURN = {"role": "assistant", "content": None, "tool_calls": [_CALL]}
_RESULT = {"role": "tool", "tool_call_id": "c1", "content": "rain"}

PLAIN: list[dict[str, Any]] = [
    _TURN,
    {"role": "assistant", "tool_calls": [_CALL, {**_CALL, "id": "c2"}]},
    {**_TURN, "content": ""},
    {**_TURN, "content": "Let me see."},
    {**_TURN, "refusal": None, "audio": None, "function_call": None, "annotations": []},
    {**_TURN, "tool_calls": [{"id": "c1", "function": {"name": "weather", "arguments": ""}}]},
    _RESULT,
    {**_RESULT, "content": ""},
]

OTHERS: list[Any] = [
    None,
    {"role": "assistant", "content": "Hi!"},
    {**_TURN, "tool_calls": []},
    {**_TURN, "content": [{"type": "text", "text": "Hi!"}]},
    {**_TURN, "reasoning_content": "Hm."},
    {**_TURN, "name": "Ada"},
    {**_TURN, "tool_calls": [{**_CALL, "type": "custom"}]},
    {**_TURN, "tool_calls": [{**_CALL, "extra_content": {}}]},
    {**_TURN, "tool_calls": [{**_CALL, "function": {"name": "weather", "arguments": {}}}]},
    {**_RESULT, "content": None},
    {**_RESULT, "name": "weather"},
]


def _read(value: dict[str, Any], *, at_length: bool) -> list[Item]:
    history = History(lambda _: None)
    history.items += read_calling_turn(_TURN) or []
    if at_length:
        history._read(read_object(value, "messages[1]"))
    else:
        assert history._read_plain(value)
    return history.items


@pytest.mark.parametrize("value", PLAIN)
def test_a_plain_message_is_what_it_is_member_by_member(value: dict[str, Any]) -> None:
    """Both ways of reading come to the same."""
    assert _read(value, at_length=False) == _read(value, at_length=True)


@pytest.mark.parametrize("value", OTHERS)
def test_what_is_not_plain_takes_the_long_way(value: Any) -> None:
    """Whatever lacks something or has more to it."""
    assert read_calling_turn(value) is None
    assert read_result(value) is None
