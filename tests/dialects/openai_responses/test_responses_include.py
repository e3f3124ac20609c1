"""What is shown only when it is asked for."""

import json
from typing import Any

import pytest
from msgspec import Raw

from trunkline.dialects.openai_responses.include import REPLAYED, read_include, show_item, show_response
from trunkline.errors import InvalidRequest

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "file_search_call.results",
        {"type": "file_search_call", "id": "fs_1", "queries": ["q"], "results": [{"text": "t"}]},
        {"type": "file_search_call", "id": "fs_1", "queries": ["q"], "results": None},
    ),
    (
        "web_search_call.results",
        {"type": "web_search_call", "id": "ws_1", "results": [1]},
        {"type": "web_search_call", "id": "ws_1", "results": None},
    ),
    (
        "web_search_call.action.sources",
        {
            "type": "web_search_call",
            "id": "ws_1",
            "action": {"type": "search", "query": "q", "sources": [{"url": "u"}]},
        },
        {"type": "web_search_call", "id": "ws_1", "action": {"type": "search", "query": "q"}},
    ),
    (
        "message.input_image.image_url",
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "x"}, {"type": "input_image", "image_url": "data:x"}],
        },
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "x"}, {"type": "input_image", "image_url": None}],
        },
    ),
    (
        "computer_call_output.output.image_url",
        {"type": "computer_call_output", "output": {"type": "computer_screenshot", "image_url": "data:x"}},
        {"type": "computer_call_output", "output": {"type": "computer_screenshot"}},
    ),
    (
        "code_interpreter_call.outputs",
        {"type": "code_interpreter_call", "code": "1", "outputs": [{"type": "logs", "logs": "1"}]},
        {"type": "code_interpreter_call", "code": "1", "outputs": None},
    ),
    (
        "message.output_text.logprobs",
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x", "logprobs": [{}]}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x", "logprobs": []}]},
    ),
]


def raw(item: Any) -> Raw:
    return Raw(json.dumps(item).encode())


@pytest.mark.parametrize(("name", "kept", "shown"), CASES, ids=[name for name, _, _ in CASES])
def test_it_is_hidden_unless_it_is_asked_for(name: str, kept: dict[str, Any], shown: dict[str, Any]) -> None:
    """In an item alone as in a response's output."""
    assert json.loads(bytes(show_item(raw(kept), frozenset()))) == shown
    assert bytes(show_item(raw(kept), {name})) == bytes(raw(kept))
    response = json.dumps({"id": "resp_1", "output": [kept]}).encode()
    assert json.loads(show_response(response, frozenset())) == {"id": "resp_1", "output": [shown]}
    assert json.loads(show_response(response, {name})) == json.loads(response)


@pytest.mark.parametrize(
    "item",
    [
        {"type": "function_call", "arguments": '{"results": "outputs"}', "results": [1]},
        {"type": "message", "role": "user", "content": 'say "image_url"'},
        {"type": "web_search_call", "action": None, "note": {"sources": 1}},
        {"type": "reasoning", "summary": [], "encrypted_content": "x"},
    ],
)
def test_everything_else_keeps_its_bytes(item: dict[str, Any]) -> None:
    """The words alone hide nothing."""
    assert bytes(show_item(raw(item), frozenset())) == bytes(raw(item))


def test_a_response_without_output_is_shown_as_it_is() -> None:
    """Whatever else its bytes hold."""
    assert show_response(b'{"output":null,"results":1}', frozenset()) == b'{"output":null,"results":1}'


def test_what_is_to_be_sent_again_is_shown() -> None:
    """A picture that is read back for the next request must be in it."""
    picture = raw(CASES[3][1])
    assert bytes(show_item(picture, REPLAYED)) == bytes(picture)


def test_an_unknown_word_is_refused() -> None:
    """By its place."""
    assert read_include(["reasoning.encrypted_content"]) == {"reasoning.encrypted_content"}
    with pytest.raises(InvalidRequest) as raised:
        read_include(["file_search_call.results", "everything"])
    assert raised.value.param == "include[1]"
