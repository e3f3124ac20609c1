"""The plain shapes of items of the Responses wire: what agents send back of their own turns, read in one step.

Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input
"""

from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

from trunkline.dialects.easy import read_shape
from trunkline.items import Item, Message, Status, Text, ToolCall, ToolOutput


class _Text(Struct, forbid_unknown_fields=True):
    type: Literal["output_text"]
    text: str
    annotations: list[dict[str, Any]] = []
    logprobs: list[dict[str, Any]] | None = None


class _Answer(Struct, forbid_unknown_fields=True):
    type: Literal["message"]
    role: Literal["assistant"]
    content: list[_Text]
    id: str | None = None
    status: Status | None = None


class _Call(Struct, forbid_unknown_fields=True):
    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str
    id: str | None = None
    status: Status | None = None


class _Output(Struct, forbid_unknown_fields=True):
    type: Literal["function_call_output"]
    call_id: str
    output: str
    id: str | None = None
    status: Status | None = None


def _read_answer(value: dict[str, Any]) -> Item | None:
    answer = read_shape(value, _Answer) if value.get("role") == "assistant" else None
    if answer is None:
        return None
    parts = [
        Text(text=part.text, annotations=part.annotations, logprobs=part.logprobs or None) for part in answer.content
    ]
    return Message(role="assistant", parts=[*parts], id=answer.id, status=answer.status)


def _read_call(value: dict[str, Any]) -> Item | None:
    call = read_shape(value, _Call)
    if call is None or not call.call_id:
        return None
    return ToolCall(call_id=call.call_id, name=call.name, arguments=call.arguments, id=call.id, status=call.status)


def _read_output(value: dict[str, Any]) -> Item | None:
    output = read_shape(value, _Output)
    if output is None or not output.call_id:
        return None
    return ToolOutput(call_id=output.call_id, output=output.output, id=output.id, status=output.status)


_SHAPES: dict[str, Callable[[dict[str, Any]], Item | None]] = {
    "message": _read_answer,
    "function_call": _read_call,
    "function_call_output": _read_output,
}


def read_easy_item(value: Any) -> Item | None:
    """An item of a plain shape; `None` for any other."""
    kind = value.get("type") if type(value) is dict else None
    read = _SHAPES.get(kind) if type(kind) is str else None
    return None if read is None else read(value)
