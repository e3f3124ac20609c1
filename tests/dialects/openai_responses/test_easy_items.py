"""Items of a plain shape are read in one step as they are member by member."""

from typing import Any

import pytest

from trunkline.dialects.openai_responses import items
from trunkline.dialects.openai_responses.easy import read_easy_item
from trunkline.dialects.shapes import read_object

_TEXT = {"type": "output_text", "text": "Hi!", "annotations": [], "logprobs": []}
_CALL = {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"}
_OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "rain"}

PLAIN: list[dict[str, Any]] = [
    {"type": "message", "role": "assistant", "content": [_TEXT]},
    {"type": "message", "role": "assistant", "content": [_TEXT, _TEXT], "id": "msg_1", "status": "completed"},
    {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "", "annotations": [{"type": "url_citation"}], "logprobs": [{}]}],
    },
    _CALL,
    {**_CALL, "id": "fc_1", "status": "incomplete"},
    {**_CALL, "id": None, "status": None},
    _OUTPUT,
    {**_OUTPUT, "id": "fco_1", "status": "completed", "output": ""},
]

OTHERS: list[Any] = [
    None,
    "Hi!",
    {"type": ["message"]},
    {"type": "message", "role": "user", "content": [_TEXT]},
    {"type": "message", "role": "assistant", "content": "Hi!", "phase": "final_answer"},
    {**_CALL, "call_id": ""},
    {**_CALL, "arguments": {}},
    {**_CALL, "namespace": "n"},
    {**_CALL, "status": "odd"},
    {**_OUTPUT, "output": [{"type": "input_text", "text": "rain"}]},
    {"type": "reasoning", "summary": []},
]


@pytest.mark.parametrize("value", PLAIN)
def test_a_plain_item_is_what_it_is_member_by_member(value: dict[str, Any]) -> None:
    """Both ways of reading come to the same."""
    fields = read_object(value, "input[0]")
    read = items._ITEMS[fields.need_text("type")]
    assert read_easy_item(value) == read(fields, lambda _: None)


@pytest.mark.parametrize("value", OTHERS)
def test_what_is_not_plain_takes_the_long_way(value: Any) -> None:
    """Whatever lacks something or has more to it."""
    assert read_easy_item(value) is None
