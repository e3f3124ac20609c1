"""A provider's counter is asked in its own words."""

import pytest

from trunkline.dialects.counting import COUNTERS, Counter, find_counter
from trunkline.errors import Garbled

MESSAGES = [{"role": "user", "content": [{"text": "Hi"}]}]


def counter(operation: str) -> Counter:
    return next(one for several in COUNTERS.values() for one in several if one.operation == operation)


@pytest.mark.parametrize(
    ("operation", "body", "asked"),
    [
        (
            "responses:count",
            {"model": "m", "input": "Hi", "tools": [], "stream": True, "store": False, "max_output_tokens": 5},
            {"model": "m", "input": "Hi", "tools": []},
        ),
        (
            "count_tokens",
            {"model": "m", "messages": MESSAGES, "system": "s", "max_tokens": 8192, "temperature": 1, "stream": True},
            {"model": "m", "messages": MESSAGES, "system": "s"},
        ),
        (
            "gemini:count_request",
            {"contents": [1], "systemInstruction": 2, "generationConfig": 3},
            {"generateContentRequest": {"model": "models/m", "contents": [1], "systemInstruction": 2}},
        ),
        (
            "gemini:count",
            {"contents": [1], "tools": [2], "generationConfig": 3, "toolConfig": 4},
            {"contents": [1], "tools": [2]},
        ),
        (
            "bedrock:count",
            {"messages": MESSAGES, "system": [1], "inferenceConfig": {"maxTokens": 5}},
            {"input": {"converse": {"messages": MESSAGES, "system": [1]}}},
        ),
    ],
)
def test_a_counter_gets_the_part_that_it_takes(
    operation: str, body: dict[str, object], asked: dict[str, object]
) -> None:
    """Settings that say how to answer are refused by counters, and count for nothing."""
    assert counter(operation).write(body, "m") == asked


@pytest.mark.parametrize(
    ("operation", "answer", "count"),
    [
        ("responses:count", b'{"object":"response.input_tokens","input_tokens":11}', 11),
        ("count_tokens", b'{"input_tokens":12}', 12),
        ("gemini:count", b'{"totalTokens":13,"promptTokensDetails":[]}', 13),
        ("bedrock:count", b'{"inputTokens":14}', 14),
    ],
)
def test_the_number_is_read(operation: str, answer: bytes, count: int) -> None:
    """Each says it under a name of its own."""
    assert counter(operation).read(answer) == count


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"input_tokens":"9"}', b'{"input_tokens":-1}'])
def test_an_answer_without_a_number_is_garbled(answer: bytes) -> None:
    """It must not be taken for nothing."""
    with pytest.raises(Garbled):
        counter("count_tokens").read(answer)


def test_the_counter_that_takes_most_comes_first() -> None:
    """The Gemini API has two, Vertex one, a Chat server none."""
    both = find_counter("gemini", {"gemini:count", "gemini:count_request"})
    assert both is not None
    assert both.operation == "gemini:count_request"
    assert find_counter("gemini", {"gemini:count"}) is not None
    assert find_counter("chat", {"embeddings"}) is None
    assert find_counter("messages", {"embeddings"}) is None
