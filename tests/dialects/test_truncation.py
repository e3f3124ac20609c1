"""A conversation that is too long loses its beginning, in whole items and in pairs."""

from typing import Any

import pytest

from trunkline.dialects.estimate import estimate_input
from trunkline.dialects.truncation import truncate
from trunkline.items import Item, Message, OtherItem, Text, ToolCall, ToolOutput
from trunkline.request import ModelRequest, ModelSettings

# 4 tokens of overhead and 96 of text.
BULK = "x" * 384


def say(role: str, name: str = "") -> Message:
    return Message(role=role, parts=[Text(text=BULK)], id=name or role)  # type: ignore[arg-type]  # one of the roles


def call(name: str) -> ToolCall:
    return ToolCall(call_id=name, name="look", arguments=BULK)


def output(name: str) -> ToolOutput:
    return ToolOutput(call_id=name, output=BULK)


def cut(items: list[Item], context_tokens: int | None, ratio: float = 1, **members: Any) -> list[Item]:
    request = ModelRequest(model="m", items=items, settings=ModelSettings(truncation="auto"), **members)
    shorter = truncate(request, context_tokens, ratio)
    assert shorter is not None
    return shorter.items


def test_what_fits_is_whole() -> None:
    """Nothing is left out, and the wish has been granted."""
    request = ModelRequest(model="m", items=[say("user")], settings=ModelSettings(truncation="auto"))
    shorter = truncate(request, 200, 1)
    assert shorter is not None
    assert shorter.items == request.items
    assert shorter.settings.truncation is None


@pytest.mark.parametrize(("truncation", "context_tokens"), [(None, 10), ("disabled", 10), ("auto", None)])
def test_who_did_not_ask_or_cannot_be_helped_is_left_alone(truncation: str | None, context_tokens: int | None) -> None:
    """Without the model's limit nobody knows what would fit."""
    request = ModelRequest(model="m", items=[say("user")], settings=ModelSettings(truncation=truncation))
    assert truncate(request, context_tokens, 1) is None


def test_the_oldest_go_first() -> None:
    """As many as must."""
    items: list[Item] = [say("user", str(number)) for number in range(10)]
    assert cut(items, 550) == items[-5:]


def test_a_call_goes_with_its_output() -> None:
    """Parallel calls as well, wherever their outputs stand."""
    items: list[Item] = [call("1"), call("2"), output("2"), output("1"), say("user")]
    assert cut(items, 350) == [call("2"), output("2"), say("user")]
    assert cut(items, 250) == [say("user")]


def test_a_hosted_tools_call_goes_with_its_output() -> None:
    """Kinds that are known by their `call_id` alone are pairs too."""
    items: list[Item] = [
        OtherItem(dialect="responses", type="computer_call", value={"call_id": "1", "action": BULK}),
        OtherItem(dialect="responses", type="computer_call_output", value={"call_id": "1", "output": BULK}),
        say("user"),
    ]
    assert cut(items, 250) == [say("user")]


def test_instructions_stay() -> None:
    """Those of the request, and what system and developer say in it."""
    items: list[Item] = [say("developer"), say("user", "1"), say("system"), say("user", "2")]
    assert cut(items, 450, instructions=BULK) == [say("developer"), say("system"), say("user", "2")]


def test_the_last_item_stays_whatever_it_takes() -> None:
    """An empty conversation has no answer; with an output its call stays."""
    items: list[Item] = [say("user"), call("1"), output("1")]
    assert cut(items, 10) == [call("1"), output("1")]


def test_a_tokenizer_that_makes_more_leaves_less_room() -> None:
    """What was learned of the model's counts applies."""
    items: list[Item] = [say("user", str(number)) for number in range(10)]
    assert len(cut(items, 550, 2)) == 2


def test_it_fits_then() -> None:
    """By the same estimate that said that it did not."""
    items: list[Item] = [say("user", str(number)) for number in range(50)]
    kept = cut(items, 1000)
    assert 850 < estimate_input(ModelRequest(model="m", items=kept)) <= 950
