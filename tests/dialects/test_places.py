"""An error about an item names the place that its caller wrote."""

import pytest

from trunkline.dialects.places import say_in_place
from trunkline.errors import Unsupported
from trunkline.items import Item, Message, Reasoning, Text, ToolCall, ToolOutput


def say(role: str) -> Message:
    return Message(role=role, parts=[Text(text="x")])  # type: ignore[arg-type]  # one of the roles


CALL = ToolCall(call_id="c", name="f", arguments="{}")
OUTPUT = ToolOutput(call_id="c", output="1")
TALK: list[Item] = [say("system"), say("user"), Reasoning(summary=["hm"]), say("assistant"), CALL, CALL]
TALK += [OUTPUT, OUTPUT, say("user"), say("assistant"), say("assistant")]


def place(caller: str, number: int, rest: str = "") -> tuple[str, str | None]:
    error = Unsupported(f"`input[{number}]{rest}` is no good", param=f"input[{number}]{rest}")
    say_in_place(error, TALK, caller)
    return error.message, error.param


@pytest.mark.parametrize(
    ("number", "chat", "messages", "contents"),
    [
        (0, "messages[0]", "system", "contents[0]"),
        (1, "messages[1]", "messages[0]", "contents[1]"),
        (2, "messages[2]", "messages[1]", "contents[2]"),
        (3, "messages[2]", "messages[1]", "contents[2]"),
        (5, "messages[2]", "messages[1]", "contents[2]"),
        (6, "messages[3]", "messages[2]", "contents[3]"),
        (7, "messages[4]", "messages[2]", "contents[3]"),
        (8, "messages[5]", "messages[2]", "contents[3]"),
        (9, "messages[6]", "messages[3]", "contents[4]"),
        (10, "messages[7]", "messages[3]", "contents[4]"),
    ],
)
def test_a_place(number: int, chat: str, messages: str, contents: str) -> None:
    """By the message that holds the item."""
    for caller, expected in (("chat", chat), ("messages", messages), ("gemini", contents)):
        assert place(caller, number) == (f"`{expected}` is no good", expected)
    assert place("responses", number)[1] == f"input[{number}]"


def test_a_part_has_a_number_where_it_is_the_callers() -> None:
    """Anthropic's blocks stand between others that are items of their own."""
    assert place("chat", 1, ".content[2]")[1] == "messages[1].content[2]"
    assert place("messages", 1, ".content[2]")[1] == "messages[0]"
    assert place("responses", 1, ".content[2]")[1] == "input[1].content[2]"


@pytest.mark.parametrize("param", [None, "tools[0]", "input", "input[99]"])
def test_other_errors_are_left_as_they_are(param: str | None) -> None:
    """What is no place in the conversation has no other name."""
    error = Unsupported("no", param=param)
    say_in_place(error, TALK, "chat")
    assert error.param == param
