"""How many tokens a request is, about."""

import pytest

from trunkline.dialects.estimate import estimate_input, estimate_text
from trunkline.items import (
    Audio,
    CustomTool,
    File,
    FunctionTool,
    Image,
    Item,
    Message,
    OtherItem,
    OtherPart,
    OtherTool,
    Part,
    Reasoning,
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolOutput,
)
from trunkline.request import ModelRequest, TextFormat


def request(*items: Item, **members: object) -> ModelRequest:
    return ModelRequest(model="m", items=[*items], **members)  # type: ignore[arg-type]  # by name, for a test


def say(*parts: Part) -> Message:
    return Message(role="user", parts=[*parts])


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("abcd" * 10, 10), ("你好世界你好世界", 5), ("привет мир", 9 / 2.5 + 0.25)]
)
def test_characters_count_by_their_class(text: str, tokens: float) -> None:
    """ASCII is cheap, ideographs are dear, other scripts lie between."""
    assert estimate_text(text) == pytest.approx(tokens)


def test_it_is_never_zero() -> None:
    """A caller that asks gets a number to work with."""
    assert estimate_input(request()) == 1


@pytest.mark.parametrize(
    "item",
    [
        say(Text(text="Hi")),
        say(Refusal(refusal="No")),
        say(Image(url="https://x")),
        say(File(url="https://x")),
        say(File(data="data:application/pdf;base64,AAAA")),
        say(Audio(data="A" * 5000, format="wav")),
        say(OtherPart(dialect="messages", type="x", value={"a": 1})),
        Reasoning(summary=["thought"]),
        ToolCall(call_id="c", name="f", arguments='{"a":1}'),
        ToolOutput(call_id="c", output="x"),
        ToolOutput(call_id="c", output=[Text(text="x")]),
        OtherItem(dialect="messages", type="x", value={"half": "\ud83d"}),
    ],
)
def test_every_item_counts(item: Item) -> None:
    """Nothing that goes in is free."""
    assert estimate_input(request(say(Text(text="Hi")), item)) > estimate_input(request(say(Text(text="Hi"))))


@pytest.mark.parametrize(
    "tool",
    [
        FunctionTool(name="f", description="d", parameters={"type": "object"}),
        CustomTool(name="f"),
        OtherTool(dialect="messages", type="x", value={"type": "x"}),
    ],
)
def test_every_tool_counts(tool: Tool) -> None:
    """Schemas are read by the model too."""
    assert estimate_input(request(tools=[tool])) > 1


def test_instructions_and_schema_count() -> None:
    """What stands beside the items."""
    shape = TextFormat(type="json_schema", schema={"type": "object", "properties": {"a": {"type": "string"}}})
    assert estimate_input(request(instructions="Be brief, and kind.")) > 5
    assert estimate_input(request(text_format=shape)) > 10


def test_a_small_picture_is_cheap() -> None:
    """Low detail costs a fixed small price."""
    low, high = (estimate_input(request(say(Image(url="https://x", detail=detail)))) for detail in ("low", "high"))
    assert low < 100 < high
