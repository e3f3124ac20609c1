"""An item is kept whole, whatever of it the caller left out."""

import json
from typing import Any

import pytest
from msgspec import Raw

from trunkline.dialects.openai_responses.stored import check_items, complete, read_reference, rename
from trunkline.errors import InvalidRequest


def raw(item: Any) -> Raw:
    return Raw(json.dumps(item).encode())


def completed(item: Any) -> Any:
    id, whole = complete(raw(item), lambda type_: f"new_{type_}")
    read = json.loads(bytes(whole))
    assert read["id"] == id
    return read


def test_an_easy_message_becomes_whole() -> None:
    """A string stands for one part, an answer's for one of the model's."""
    assert completed({"role": "user", "content": 'Hi "you"'}) == {
        "id": "new_message",
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_text", "text": 'Hi "you"'}],
    }
    assert completed({"role": "assistant", "content": "Ho", "phase": "final_answer"}) == {
        "id": "new_message",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "phase": "final_answer",
        "content": [{"type": "output_text", "text": "Ho", "annotations": [], "logprobs": []}],
    }


def test_what_is_whole_keeps_its_bytes() -> None:
    """Its id too."""
    item = Raw(b'{"type" : "message", "id":"msg_1", "status":"incomplete", "role":"user", "content":[ ]}')
    assert complete(item, lambda type_: "none") == ("msg_1", item)
    thought = Raw(b'{"type": "reasoning", "id":"rs_1", "summary":[]}')
    assert complete(thought, lambda type_: "none") == ("rs_1", thought)


def test_a_call_and_its_output_are_completed() -> None:
    """A thought is not: OpenAI refuses one with a status."""
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    assert completed(call) == {**call, "id": "new_function_call", "status": "completed"}
    thought = {"type": "reasoning", "summary": []}
    assert completed(thought) == {**thought, "id": "new_reasoning"}


def test_a_reference_is_told_from_an_item() -> None:
    """By its type, or by holding an id and no role."""
    assert read_reference(raw({"type": "item_reference", "id": "msg_1"})) == "msg_1"
    assert read_reference(raw({"id": "msg_1"})) == "msg_1"
    assert read_reference(raw({"id": "msg_1", "role": "user", "content": "x"})) is None
    assert read_reference(raw({"id": "fc_1", "type": "function_call"})) is None


def test_an_item_can_be_renamed() -> None:
    """Everything else of it stays."""
    assert json.loads(bytes(rename(raw({"id": "a", "x": 1}), "b"))) == {"id": "b", "x": 1}


@pytest.mark.parametrize(
    ("items", "param"),
    [
        ("text", "items"),
        ([{"role": "user", "content": "x"}, 7], "items[1]"),
        ([{"role": "king", "content": "x"}], "items[0].role"),
        ([{"role": "user"}], "items[0].content"),
        ([{"role": "user", "content": [{"type": "input_text"}]}], "items[0].content[0].text"),
        ([{"type": "of tomorrow"}], "items[0].type"),
        ([{"type": "compaction_trigger"}], "items[0].type"),
        ([{"type": "function_call", "name": "f", "arguments": "{}"}], "items[0].call_id"),
        ([{"type": "item_reference"}], "items[0].id"),
        ([{"type": "message", "id": 7, "role": "user", "content": "x"}], "items[0].id"),
    ],
)
def test_what_cannot_be_kept_is_refused(items: Any, param: str) -> None:
    """By the place of what is wrong."""
    with pytest.raises(InvalidRequest) as raised:
        check_items(items, "items")
    assert raised.value.param == param


def test_what_can_be_kept_is_not_refused() -> None:
    """Of whatever type that is known, however much of it is missing."""
    check_items([{"role": "user", "content": "x"}, {"type": "web_search_call"}, {"id": "msg_1"}], "items")
