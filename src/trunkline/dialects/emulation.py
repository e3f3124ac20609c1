"""Function tools for a model that has none, by a JSON grammar.

While the caller's last turn has no tool output yet, the model is made to write `{"tool": …, "arguments": …}` for one of
the functions, and what it writes is given back as a call. Once there is an output it is told as a user's turn and the
model answers in plain text. Small models obey a grammar well and instructions badly, so nothing is left to choice:
with a text branch in the grammar a 135M model takes the right tool one time in four, without it three in four.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from trunkline.clock import Mint
from trunkline.events import ArgumentsAdded, Event, ItemEnded, ItemStarted, PartEnded, PartStarted, TextAdded
from trunkline.items import FunctionTool, Item, Message, Text, ToolCall, ToolOutput
from trunkline.request import ModelRequest, TextFormat


def lower_tools(
    request: ModelRequest, mint: Mint
) -> tuple[ModelRequest, Callable[[], Callable[[list[Event]], list[Event]]]]:
    """The request without tools, and what turns its reply back: a call is forced, or forbidden."""
    told = replace(request, items=tell_calls(request.items), tools=[], tool_choice=None)
    functions = _offered(request)
    if not functions or _has_fresh_output(request.items):
        return told, lambda: lambda events: events
    forced = replace(
        told,
        instructions="\n\n".join(filter(None, (request.instructions, _describe(functions)))),
        text_format=TextFormat(type="json_schema", name="call", schema=_grammar(functions), strict=True),
    )
    return forced, lambda: CallReader([function.name for function in functions], mint).read


def _offered(request: ModelRequest) -> list[FunctionTool]:
    functions = [tool for tool in request.tools if isinstance(tool, FunctionTool)]
    choice = request.tool_choice
    if choice is None:
        return functions
    if choice.mode == "none":
        return []
    if choice.name is not None:
        return [function for function in functions if function.name == choice.name]
    if choice.allowed:
        return [function for function in functions if function.name in choice.allowed]
    return functions


def _has_fresh_output(items: list[Item]) -> bool:
    """Whether a tool has answered since the user last spoke."""
    for item in reversed(items):
        if isinstance(item, ToolOutput):
            return True
        if isinstance(item, Message) and item.role == "user":
            return False
    return False


def _describe(functions: list[FunctionTool]) -> str:
    lines = [f"- {function.name}: {function.description or 'no description'}" for function in functions]
    return "Call one of these functions, with arguments taken from what the user says:\n" + "\n".join(lines)


def _grammar(functions: list[FunctionTool]) -> dict[str, Any]:
    return {"anyOf": [_call_schema(function) for function in functions]}


def _call_schema(function: FunctionTool) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "tool": {"const": function.name},
            "arguments": _closed(function.parameters or {"type": "object", "properties": {}}),
        },
        "required": ["tool", "arguments"],
        "additionalProperties": False,
    }


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without room for members that nobody asked for: a small model would fill it."""
    return {**schema, "additionalProperties": False} if schema.get("type") == "object" else schema


def tell_calls(items: list[Item]) -> list[Item]:
    """Calls and their outputs as turns that any model understands: what was called, and what came of it."""
    names = {item.call_id: item.name for item in items if isinstance(item, ToolCall)}
    told: list[Item] = []
    for item in items:
        match item:
            case ToolCall():
                told.append(_say("assistant", f"I call {item.name} with {item.arguments}."))
            case ToolOutput():
                told.append(_say("user", f"{names.get(item.call_id, 'The tool')} says: {_as_text(item)}"))
            case _:
                told.append(item)
    return told


def _say(role: Any, text: str) -> Message:
    return Message(role=role, parts=[Text(text=text)])


def _as_text(output: ToolOutput) -> str:
    if isinstance(output.output, str):
        return output.output
    return "\n".join(part.text for part in output.output if isinstance(part, Text))


class CallReader:
    """Turns one answer's JSON text into a call. An answer that was cut off becomes an incomplete call, as it is."""

    def __init__(self, names: list[str], mint: Mint) -> None:
        self._names = names
        self._mint = mint
        self._texts: dict[int, list[str]] = {}

    def read(self, events: list[Event]) -> list[Event]:
        """Hold back message text, and let a call out where the message ends."""
        out: list[Event] = []
        for event in events:
            match event:
                case ItemStarted(index=index, item=Message()):
                    self._texts[index] = []
                case TextAdded(index=index, text=text) if index in self._texts:
                    self._texts[index].append(text)
                case PartStarted(index=index) | PartEnded(index=index) if index in self._texts:
                    pass
                case ItemEnded(index=index, status=status) if index in self._texts:
                    out += self._write_call(index, "".join(self._texts.pop(index)), status)
                case _:
                    out.append(event)
        return out

    def _write_call(self, index: int, text: str, status: Any) -> list[Event]:
        name, arguments = self._parse(text)
        call = ToolCall(call_id=self._mint("call_"), name=name, arguments="", status="in_progress")
        return [ItemStarted(index, call), ArgumentsAdded(index, arguments), ItemEnded(index, status)]

    def _parse(self, text: str) -> tuple[str, str]:
        try:
            call = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
            return msgspec.json.decode(call["tool"], type=str), bytes(call["arguments"]).decode()
        except (msgspec.MsgspecError, KeyError, UnicodeDecodeError):
            return next((name for name in self._names if f'"{name}"' in text), self._names[0]), text
