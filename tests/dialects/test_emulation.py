"""Function tools for a model that has none."""

from typing import Any

from trunkline.capabilities import Capabilities
from trunkline.clock import CountingMint
from trunkline.dialects.lowering import Lowering, lower
from trunkline.events import ModelResponse
from trunkline.folding import fold, unfold
from trunkline.grammar import check
from trunkline.items import FunctionTool, Item, Message, Text, ToolCall, ToolChoice, ToolOutput
from trunkline.request import ModelRequest

WEATHER = FunctionTool(
    name="weather",
    description="The weather in a city",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
CLOCK = FunctionTool(name="clock")
ASKED: Item = Message(role="user", parts=[Text(text="Weather in Zug?")])
CALL = ToolCall(call_id="c", name="weather", arguments='{"city":"Zug"}')
OUTPUT = ToolOutput(call_id="c", output="sunny")


def emulated(items: list[Item], **fields: Any) -> tuple[ModelRequest, Lowering]:
    request = ModelRequest(model="m", items=items, tools=[WEATHER, CLOCK], **fields)
    return lower(request, "responses", "chat", Capabilities(tools="emulated"), CountingMint())


def said(text: str, lowering: Lowering, status: Any = "completed") -> ModelResponse:
    answer = ModelResponse(items=[Message(role="assistant", parts=[Text(text=text)], status=status)])
    return fold(check(lowering.restore()(list(unfold(answer)))))


def test_a_call_is_forced_while_no_tool_has_answered() -> None:
    """The grammar leaves one function each and nothing else."""
    request, lowering = emulated([ASKED])
    assert request.tools == []
    assert request.text_format is not None
    assert request.text_format.schema is not None
    branches = request.text_format.schema["anyOf"]
    assert [branch["properties"]["tool"] for branch in branches] == [{"const": "weather"}, {"const": "clock"}]
    assert "weather: The weather in a city" in (request.instructions or "")
    assert lowering.emulated == ["tools"]


def test_what_the_model_wrote_comes_back_as_a_call() -> None:
    """With an id of its own and the arguments as they were written."""
    _, lowering = emulated([ASKED])
    (call,) = said('{"tool":"weather","arguments":{"city": "Zug"}}', lowering).items
    assert isinstance(call, ToolCall)
    assert (call.name, call.arguments) == ("weather", '{"city": "Zug"}')
    assert call.call_id.startswith("call_")


def test_a_call_that_was_cut_off_stays_incomplete() -> None:
    """It is given back as it is, not mended into something the model did not say."""
    _, lowering = emulated([ASKED])
    (call,) = said('{"tool":"clock","argum', lowering, "incomplete").items
    assert isinstance(call, ToolCall)
    assert (call.name, call.status) == ("clock", "incomplete")


def test_the_answer_is_plain_text_once_a_tool_has_answered() -> None:
    """What was called and what came of it is told as turns that the model understands."""
    request, lowering = emulated([ASKED, CALL, OUTPUT])
    assert request.text_format is None
    told = [
        part.text
        for item in request.items
        if isinstance(item, Message)
        for part in item.parts
        if isinstance(part, Text)
    ]
    assert told[-1] == "weather says: sunny"
    assert said("It is sunny.", lowering).items == [
        Message(role="assistant", parts=[Text(text="It is sunny.")], status="completed")
    ]


def test_a_new_question_forces_a_call_again() -> None:
    """An output of an earlier turn is no answer to this one."""
    request, _ = emulated([ASKED, CALL, OUTPUT, Message(role="assistant", parts=[Text(text="Sunny.")]), ASKED])
    assert request.text_format is not None


def test_no_call_is_forced_when_the_caller_wants_none() -> None:
    """`tool_choice: none`."""
    assert emulated([ASKED], tool_choice=ToolChoice(mode="none"))[0].text_format is None


def test_a_forced_tool_is_the_only_branch() -> None:
    """`tool_choice` by name."""
    request, _ = emulated([ASKED], tool_choice=ToolChoice(mode="tool", name="clock"))
    assert request.text_format is not None
    assert request.text_format.schema is not None
    assert len(request.text_format.schema["anyOf"]) == 1
