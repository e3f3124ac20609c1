"""OpenAI's own client reads what we write."""

import pytest
from openai import omit
from openai._models import construct_type
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent
from responses_wire import write_stream

from trunkline.events import ModelResponse
from trunkline.folding import unfold
from trunkline.items import Carrier, Message, Reasoning, Refusal, Text, ToolCall

pytestmark = pytest.mark.slow


def test_t19_the_official_accumulator_accepts_a_stream() -> None:
    """T-19: text, refusal, reasoning and calls go through the accumulator, which ends with the same text."""
    response = ModelResponse(
        items=[
            Reasoning(summary=["s"], content=["c"], carrier=Carrier("messages", "signature", "SIG")),
            Message(role="assistant", parts=[Text(text="Hello"), Refusal(refusal="but no")]),
            ToolCall(call_id="c1", name="f", arguments='{"a":1}', carrier=Carrier("gemini", "thought_signature", "S")),
            ToolCall(kind="custom", call_id="c2", name="p", arguments="raw"),
        ]
    )
    state = ResponseStreamState(input_tools=omit, text_format=omit)
    for event in write_stream(list(unfold(response))):
        state.handle_event(construct_type(type_=ResponseStreamEvent, value=event))
    completed = state._completed_response
    assert completed is not None
    assert completed.output_text == "Hello"
    assert [item.type for item in completed.output] == [
        "reasoning",
        "message",
        "function_call",
        "reasoning",
        "custom_tool_call",
    ]
