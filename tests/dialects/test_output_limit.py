"""How much may be written at most, as each wire says it."""

import msgspec
import pytest
from msgspec import Raw

from trunkline.dialects.output_limit import OutputLimit, read_limit, write_limit
from trunkline.errors import InvalidRequest

SAID = {
    "responses": {"max_output_tokens": 7},
    "chat": {"max_tokens": 7},
    "messages": {"max_tokens": 7},
    "gemini": {"generationConfig": {"maxOutputTokens": 7}},
    "bedrock": {"inferenceConfig": {"maxTokens": 7}},
    "cohere": {"max_tokens": 7},
}


def raw(body: dict[str, object]) -> dict[str, Raw]:
    return {name: Raw(msgspec.json.encode(value)) for name, value in body.items()}


@pytest.mark.parametrize("dialect", SAID)
def test_a_limit_is_read_where_its_wire_says_it(dialect: str) -> None:
    """The limit that stands in a body is the one that counts."""
    assert read_limit(dialect, raw(SAID[dialect])) == OutputLimit(7)


@pytest.mark.parametrize("dialect", SAID)
def test_a_body_without_a_limit_leaves_it_open(dialect: str) -> None:
    """Nothing is made up for a caller who said nothing."""
    assert read_limit(dialect, {}) == OutputLimit(None)


@pytest.mark.parametrize("dialect", SAID)
def test_a_limit_is_set_where_there_was_none(dialect: str) -> None:
    """What is written is read again, and stands where the wire has it."""
    members: dict[str, Raw] = {}
    write_limit(dialect, members, 7, "max_tokens")
    assert msgspec.json.decode(msgspec.json.encode(members)) == SAID[dialect]


def test_chat_takes_the_limit_under_the_name_that_its_target_knows() -> None:
    """A model of OpenAI's wants another name than most others."""
    members: dict[str, Raw] = {}
    write_limit("chat", members, 7, "max_completion_tokens")
    assert members == raw({"max_completion_tokens": 7})


def test_a_limit_is_replaced_under_every_name_that_says_it() -> None:
    """A cut limit must not stand beside the one that it cuts."""
    members = raw({"max_tokens": 100, "max_completion_tokens": 50})
    write_limit("chat", members, 7, "max_tokens")
    assert members == raw({"max_tokens": 7, "max_completion_tokens": 7})


def test_of_two_names_the_larger_limit_counts() -> None:
    """Nobody knows which of the two a server heeds."""
    assert read_limit("chat", raw({"max_tokens": 100, "max_completion_tokens": 50})) == OutputLimit(100)


def test_choices_are_read_beside_the_limit() -> None:
    """Each choice may be as long as the limit says."""
    assert read_limit("chat", raw({"max_tokens": 7, "n": 3})) == OutputLimit(7, 3)
    assert read_limit("gemini", raw({"generationConfig": {"candidateCount": 2}})) == OutputLimit(None, 2)


def test_google_spells_it_both_ways() -> None:
    """Google's servers take snake case as well, and what stands there is what is changed."""
    members = raw({"generation_config": {"max_output_tokens": 9, "temperature": 1}})
    assert read_limit("gemini", members) == OutputLimit(9)
    write_limit("gemini", members, 7, "")
    assert members == raw({"generation_config": {"max_output_tokens": 7, "temperature": 1}})


def test_a_thinking_budget_is_the_least_that_a_limit_must_leave() -> None:
    """A limit below what the model is told to think with is refused by its provider."""
    assert read_limit("messages", raw({"max_tokens": 9000, "thinking": {"budget_tokens": 2000}})).least == 2000
    config = {"generationConfig": {"thinkingConfig": {"thinkingBudget": 512}}}
    assert read_limit("gemini", raw(config)).least == 512


@pytest.mark.parametrize("nothing", [None, 0, -1])
def test_nothing_is_no_limit(nothing: int | None) -> None:
    """Some servers mean by -1 that there is none."""
    assert read_limit("chat", raw({"max_tokens": nothing})) == OutputLimit(None)


def test_a_limit_that_is_no_number_is_refused() -> None:
    """What cannot be weighed cannot be paid for."""
    with pytest.raises(InvalidRequest, match="`max_tokens` must be a number"):
        read_limit("chat", raw({"max_tokens": "many"}))
    with pytest.raises(InvalidRequest, match="at most"):
        read_limit("chat", raw({"max_tokens": 10**12}))
