"""The stream grammar: folding, unfolding and judging."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import Failed
from trunkline.events import (
    ArgumentsAdded,
    Event,
    ItemEnded,
    ItemStarted,
    ModelResponse,
    PartEnded,
    PartStarted,
    ResponseEnded,
    ResponseFailed,
    ResponseStarted,
    TextAdded,
    UsageReported,
)
from trunkline.folding import _TAKERS, fold, unfold
from trunkline.grammar import GrammarBroken, check
from trunkline.items import Carrier, Item, Message, OtherItem, Reasoning, Refusal, Text, ToolCall
from trunkline.usage import Usage

words = st.text(min_size=1, max_size=8)

messages = st.builds(
    Message,
    role=st.just("assistant"),
    parts=st.lists(st.builds(Text, text=words) | st.builds(Refusal, refusal=words), max_size=3),
    status=st.sampled_from(["completed", "incomplete"]),
)
thoughts = st.builds(
    Reasoning,
    summary=st.lists(words, max_size=2),
    content=st.lists(words, max_size=2),
    carrier=st.none() | st.builds(Carrier, family=words, kind=words, payload=words),
    status=st.just("completed"),
)
calls = st.builds(
    ToolCall,
    call_id=words,
    name=words,
    arguments=st.text(max_size=8),
    kind=st.sampled_from(["function", "custom"]),
    status=st.just("completed"),
)
others = st.builds(OtherItem, dialect=words, type=words, value=st.just({"a": 1}))
answers = st.builds(
    ModelResponse,
    id=words,
    model=words,
    items=st.lists(messages | thoughts | calls | others, max_size=4),
    usage=st.builds(Usage, input_tokens=st.integers(0, 99), output_tokens=st.integers(0, 99)),
    has_usage=st.just(True),
    finish=st.sampled_from(["stop", "length", "content_filter"]),
)


@given(answers)
def test_an_answer_survives_being_unfolded_and_folded(answer: ModelResponse) -> None:
    """`fold(unfold(answer)) == answer`."""
    assert fold(unfold(answer)) == answer


def test_every_event_is_folded() -> None:
    """The table of takers has a row for each kind of event."""
    assert set(_TAKERS) == set(get_args(Event))


@given(answers)
def test_what_unfolds_keeps_the_grammar(answer: ModelResponse) -> None:
    """Every unfolded answer is a stream that the judge accepts."""
    assert check(unfold(answer))


def test_items_may_interleave() -> None:
    """Two calls that are open at once each get their own arguments."""
    answer = fold(
        [
            ResponseStarted("r", "m"),
            ItemStarted(0, ToolCall(call_id="a", name="f", arguments="")),
            ItemStarted(1, ToolCall(call_id="b", name="g", arguments="")),
            ArgumentsAdded(0, '{"x":'),
            ArgumentsAdded(1, '{"y":'),
            ArgumentsAdded(0, "1}"),
            ArgumentsAdded(1, "2}"),
            ItemEnded(1),
            ItemEnded(0),
            ResponseEnded(),
        ]
    )
    assert [item.arguments for item in answer.items if isinstance(item, ToolCall)] == ['{"x":1}', '{"y":2}']


def test_a_failure_is_the_end_of_the_answer() -> None:
    """What had come is kept beside the error."""
    error = Failed("gone")
    answer = fold([ResponseStarted(), UsageReported(Usage(input_tokens=3)), ResponseFailed(error)])
    assert answer.error is error
    assert answer.usage.input_tokens == 3


_MESSAGE: Item = Message(role="assistant", parts=[])


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([ItemStarted(0, _MESSAGE)], id="an item before the start"),
        pytest.param([ResponseStarted(), ResponseStarted()], id="two starts"),
        pytest.param([ResponseStarted(), ItemStarted(1, _MESSAGE)], id="a gap in the indexes"),
        pytest.param([ResponseStarted(), TextAdded(0, 0, "text", "a")], id="text before its part"),
        pytest.param(
            [ResponseStarted(), ItemStarted(0, _MESSAGE), ArgumentsAdded(0, "{}")], id="a message's arguments"
        ),
        pytest.param(
            [ResponseStarted(), ItemStarted(0, _MESSAGE), PartStarted(0, 0, "text"), ItemEnded(0)], id="an open part"
        ),
        pytest.param([ResponseStarted(), ItemStarted(0, _MESSAGE), ResponseEnded()], id="an open item"),
        pytest.param(
            [ResponseStarted(), ItemStarted(0, _MESSAGE), PartEnded(0, 0, "text")], id="an end without a start"
        ),
        pytest.param([ResponseStarted()], id="no end"),
        pytest.param([ResponseStarted(), ResponseEnded(), ResponseEnded()], id="two ends"),
    ],
)
def test_the_judge_refuses(events: list[Event]) -> None:
    """Each rule of the grammar is kept by the judge."""
    with pytest.raises(GrammarBroken):
        check(events)
