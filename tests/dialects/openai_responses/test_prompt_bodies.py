"""What a version of a prompt may hold."""

from typing import Any

import msgspec
import pytest

from trunkline.dialects.openai_responses.prompt_bodies import read_prompt_body
from trunkline.errors import CallerError, TooLarge

WHOLE = {
    "model": "gpt-5-mini",
    "instructions": "Write in {{style}}, {{undeclared}}.",
    "input": [{"role": "user", "content": [{"type": "input_text", "text": "About {{ topic }}"}]}],
    "variables": {"style": {"default": "prose"}, "topic": None, "unused": {}},
    "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
    "text": {"format": {"type": "json_object"}},
    "reasoning": {"effort": "low"},
    "temperature": 0.5,
    "provider_options": {"openai": {"x": 1}},
}


def test_a_whole_body_is_kept_as_it_is() -> None:
    """But for what is null."""
    assert msgspec.json.decode(read_prompt_body({**WHOLE, "top_p": None})) == WHOLE


def test_a_prompt_need_not_own_the_model() -> None:
    """Nor anything but what it says."""
    assert msgspec.json.decode(read_prompt_body({"input": "Hi"})) == {"input": "Hi"}


@pytest.mark.parametrize(
    ("members", "param", "says"),
    [
        ({"modle": "m"}, "modle", "did you mean `model`"),
        ({"qqqq": "m"}, "qqqq", "it holds model"),
        ({"stream": True}, "stream", "by each request"),
        ({"include": []}, "include", "by each request"),
        ({"previous_response_id": "resp_1"}, "previous_response_id", "by each request"),
        ({"model": ""}, "model", "name"),
        ({"model": 7}, "model", "name"),
        ({"model": "m" * 513}, "model", "name"),
        ({"instructions": None}, "instructions", "missing"),
        ({"instructions": 7}, "instructions", "a string"),
        ({"instructions": "A {{bad name}}"}, "instructions", "{{bad name}}"),
        ({"input": "A {{}}"}, "input", "{{}}"),
        ({"input": [{"role": "user", "content": "{{a b}}"}]}, "input[0].content", "{{a b}}"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role", "robot"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]", "a message"),
        ({"tools": [{"type": "function"}]}, "tools[0].name", "missing"),
        ({"temperature": "hot"}, "temperature", "a number"),
        ({"text": {"format": {"type": "yaml"}}}, "text.format.type", "yaml"),
        ({"variables": ["a"]}, "variables", "an object"),
        ({"variables": {"a b": {}}}, "variables.a b", "no name"),
        ({"variables": {"a": "x"}}, "variables.a", "default"),
        ({"variables": {"a": {"default": 7}}}, "variables.a.default", "a string"),
        ({"variables": {"a": {"defualt": "x"}}}, "variables.a.defualt", "default"),
    ],
)
def test_what_would_fail_in_use_is_refused_at_once(members: dict[str, Any], param: str, says: str) -> None:
    """By its place in the body."""
    with pytest.raises(CallerError) as caught:
        read_prompt_body({"instructions": "x", **members})
    assert caught.value.param == param
    assert says in caught.value.message


def test_a_body_is_an_object() -> None:
    """And no text."""
    with pytest.raises(CallerError) as caught:
        read_prompt_body("Write a poem")
    assert caught.value.param == "body"


def test_a_body_has_its_limit() -> None:
    """Every request that names the prompt pays for each byte."""
    with pytest.raises(TooLarge):
        read_prompt_body({"instructions": "x" * 4_000_000})
