"""The plain shapes of Chat messages that have to do with tools, as agents send them with every turn, read in one step.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from trunkline.dialects.easy import read_shape
from trunkline.items import Item, Message, Text, ToolCall


class _Function(Struct, forbid_unknown_fields=True):
    name: str
    arguments: str


class _Call(Struct, forbid_unknown_fields=True):
    id: str
    function: _Function
    type: Literal["function"] = "function"


class _Turn(Struct, forbid_unknown_fields=True):
    role: Literal["assistant"]
    tool_calls: list[_Call]
    content: str | None = None
    # Clients send back what a reply had, empty as it is.
    refusal: None = None
    audio: None = None
    function_call: None = None
    annotations: Annotated[list[Any], Meta(max_length=0)] | None = None


class Result(Struct, forbid_unknown_fields=True):
    """What a tool gave back."""

    role: Literal["tool"]
    tool_call_id: str
    content: str


def read_calling_turn(value: Any) -> list[Item] | None:
    """The items of an assistant's message that calls functions; `None` for any other."""
    turn = read_shape(value, _Turn)
    if turn is None or not turn.tool_calls:
        return None
    said: list[Item] = [Message(role="assistant", parts=[Text(text=turn.content)])] if turn.content else []
    return said + [
        ToolCall(call_id=call.id, name=call.function.name, arguments=call.function.arguments or "{}")
        for call in turn.tool_calls
    ]


def read_result(value: Any) -> Result | None:
    """A tool's message that is nothing but a text; `None` for any other."""
    return read_shape(value, Result)
