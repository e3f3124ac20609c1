"""Tools that OpenAI defines and the caller runs, as functions for the models of others.

They have items of their own: a call of the function is made into such an item, and such items in the history into calls
and outputs of the function. Sources: https://platform.openai.com/docs/guides/tools-shell, …/tools-apply-patch,
…/tools-computer-use, …/tools-tool-search.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from trunkline.clock import Mint
from trunkline.dialects.lowering.json_shapes import INTEGER, STRING, STRINGS, object_schema
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.items import Extras, FunctionTool, Image, OtherItem, OtherTool, Part, Text, ToolCall, ToolOutput

_SHELL = object_schema(
    ("commands",),
    commands={**STRINGS, "description": "Each runs in a shell of its own, perhaps at the same time."},
    timeout_ms=INTEGER,
    max_output_length=INTEGER,
)
_LOCAL_SHELL = object_schema(
    ("command",),
    command={**STRINGS, "description": "The program and its arguments."},
    working_directory=STRING,
    timeout_ms=INTEGER,
    env={"type": "object", "additionalProperties": STRING},
)
_PATCH = object_schema(
    ("operation",),
    operation=object_schema(
        ("type", "path"),
        type={"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
        path=STRING,
        diff={
            "type": "string",
            "description": "For create_file and update_file, in the V4A diff format: lines that begin with `+`, `-` or"
            " a space, and `@@` lines that say where.",
        },
    ),
)
_ACTION = object_schema(
    ("type",),
    type={
        "type": "string",
        "enum": ["click", "double_click", "drag", "keypress", "move", "screenshot", "scroll", "type", "wait"],
    },
    x=INTEGER,
    y=INTEGER,
    button={"type": "string", "enum": ["left", "right", "wheel", "back", "forward"]},
    path={"type": "array", "items": object_schema(("x", "y"), x=INTEGER, y=INTEGER)},
    scroll_x=INTEGER,
    scroll_y=INTEGER,
    keys=STRINGS,
    text=STRING,
)


_SAID = frozenset({"type", "name", "environment", "display_width", "display_height"})


def unsaid(tool: OtherTool) -> Extras:
    """What a tool says beside what its function tells."""
    return {tool.dialect: {name: value for name, value in tool.value.items() if name not in _SAID}}


class ClientTool(Struct, frozen=True, kw_only=True):
    """One of OpenAI's tools that the caller runs.

    `type` is the tool's, and its function's name; `call` the type of its calls' items. `draw(arguments)`
    makes the members of a call's item that are its own, `tell(value)` the arguments of the call in an item,
    `report(value)` what an output's item says. `draw` raises `ValueError` for what does not fit.
    """

    type: str
    description: str
    parameters: dict[str, Any]
    prefix: str
    draw: Callable[[dict[str, Any]], dict[str, Any]]
    tell: Callable[[dict[str, Any]], dict[str, Any]]
    report: Callable[[dict[str, Any]], str | list[Part]]

    @property
    def call(self) -> str:
        """The type of the items that its calls are."""
        return "computer_call" if self.type.startswith("computer") else f"{self.type}_call"

    def function(self, tool: OtherTool) -> FunctionTool:
        """The function that stands for the tool."""
        width, height = tool.value.get("display_width"), tool.value.get("display_height")
        screen = f" The screen is {width} by {height} pixels." if width and height else ""
        return FunctionTool(name=self.type, description=self.description + screen, parameters=self.parameters)

    def relabel(self, mint: Mint, call_id: str, arguments: dict[str, Any]) -> OtherItem:
        """A call of the function as the item that the caller knows. Raises `ValueError`."""
        item_id = mint(self.prefix)
        value = {"type": self.call, "id": item_id, "call_id": call_id, "status": "completed", **self.draw(arguments)}
        return OtherItem(dialect="responses", type=self.call, value=value, id=item_id)


def _draw_shell(arguments: dict[str, Any]) -> dict[str, Any]:
    commands = arguments.get("commands")
    commands = [commands] if isinstance(commands, str) else commands
    return {
        "action": {
            "commands": _need_texts(commands),
            "timeout_ms": arguments.get("timeout_ms"),
            "max_output_length": arguments.get("max_output_length"),
        }
    }


def _draw_local_shell(arguments: dict[str, Any]) -> dict[str, Any]:
    command = arguments.get("command")
    command = ["bash", "-lc", command] if isinstance(command, str) else command
    action: dict[str, Any] = {
        "type": "exec",
        "command": _need_texts(command),
        "env": lenient_object(arguments.get("env")),
    }
    for name in ("timeout_ms", "working_directory"):
        if arguments.get(name) is not None:
            action[name] = arguments[name]
    return {"action": action}


def _draw_patch(arguments: dict[str, Any]) -> dict[str, Any]:
    operation = lenient_object(arguments.get("operation")) or arguments
    if not (lenient_text(operation.get("type")) and lenient_text(operation.get("path"))):
        raise ValueError("no operation")
    members = {name: operation[name] for name in ("type", "path", "diff") if operation.get(name) is not None}
    return {"operation": members}


def _draw_computer(arguments: dict[str, Any]) -> dict[str, Any]:
    actions = arguments.get("actions", [arguments.get("action") or arguments])
    if not isinstance(actions, list) or not all(isinstance(action, dict) and "type" in action for action in actions):
        raise ValueError("no actions")
    return {"actions": actions, "pending_safety_checks": []}


def _draw_preview(arguments: dict[str, Any]) -> dict[str, Any]:
    action = lenient_object(arguments.get("action")) or arguments
    if "type" not in action:
        raise ValueError("no action")
    return {"action": action, "pending_safety_checks": []}


def _need_texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(element, str) for element in value):
        raise ValueError("not a list of strings")
    return value


def _tell_action(value: dict[str, Any]) -> dict[str, Any]:
    action = lenient_object(value.get("action"))
    return {name: member for name, member in action.items() if name != "type" and member is not None}


def _tell_computer(value: dict[str, Any]) -> dict[str, Any]:
    actions = lenient_list(value.get("actions"))
    return {"actions": actions} if actions else {"action": lenient_object(value.get("action"))}


def _report_shell(value: dict[str, Any]) -> str:
    """What each command wrote, and how it ended, as JSON: nothing of it is lost."""
    return msgspec.json.encode(value.get("output")).decode()


def _report_text(value: dict[str, Any]) -> str:
    return lenient_text(value.get("output"))


def _report_patch(value: dict[str, Any]) -> str:
    status = lenient_text(value.get("status")) or "completed"
    output = lenient_text(value.get("output"))
    return f"{status}: {output}" if output else status


def _report_computer(value: dict[str, Any]) -> list[Part]:
    output = lenient_object(value.get("output"))
    url, file_id = lenient_text(output.get("image_url")) or None, lenient_text(output.get("file_id")) or None
    if url is None and file_id is None:
        return [Text(text="(no screenshot)")]
    return [Image(url=url, file_id=file_id)]


OPENAI: dict[str, ClientTool] = {
    tool.type: tool
    for tool in (
        ClientTool(
            type="shell",
            description="Run shell commands.",
            parameters=_SHELL,
            prefix="sh_",
            draw=_draw_shell,
            tell=_tell_action,
            report=_report_shell,
        ),
        ClientTool(
            type="local_shell",
            description="Run a program on the user's machine.",
            parameters=_LOCAL_SHELL,
            prefix="lsh_",
            draw=_draw_local_shell,
            tell=_tell_action,
            report=_report_text,
        ),
        ClientTool(
            type="apply_patch",
            description="Create, change or delete a file.",
            parameters=_PATCH,
            prefix="apc_",
            draw=_draw_patch,
            tell=lambda value: {"operation": lenient_object(value.get("operation"))},
            report=_report_patch,
        ),
        ClientTool(
            type="computer",
            description="Use a computer by mouse, keyboard and screenshots. Each call is answered with a screenshot.",
            parameters=object_schema(("actions",), actions={"type": "array", "items": _ACTION}),
            prefix="cu_",
            draw=_draw_computer,
            tell=_tell_computer,
            report=_report_computer,
        ),
        ClientTool(
            type="computer_use_preview",
            description="Use a computer by mouse, keyboard and screenshots. Each call is answered with a screenshot.",
            parameters=object_schema(("action",), action=_ACTION),
            prefix="cu_",
            draw=_draw_preview,
            tell=_tell_computer,
            report=_report_computer,
        ),
    )
}
"""By the tool's type."""


def read_item(item: OtherItem, offered: set[str]) -> ToolCall | ToolOutput | None:
    """A call or output of one of these tools in the history, as one of its function; `None` for other items.

    `offered` are the tool types of the request: computer calls of both kinds look alike.
    """
    kind = item.type.removesuffix("_output").removesuffix("_call")
    if item.type.startswith("computer_call"):
        kind = "computer_use_preview" if "computer_use_preview" in offered else "computer"
    tool = OPENAI.get(kind)
    if tool is None or item.dialect != "responses":
        return None
    value = item.value
    # The output of a local shell names its call by `call_id` in OpenAI's description, by `id` in its SDKs' types.
    call_id = lenient_text(value.get("call_id")) or lenient_text(value.get("id"))
    if item.type.endswith("_output"):
        failed = True if value.get("status") == "failed" else None
        return ToolOutput(call_id=call_id, output=tool.report(value), is_error=failed)
    return ToolCall(call_id=call_id, name=tool.type, arguments=encode(tool.tell(value)))


def draw_search(mint: Mint, call_id: str, arguments: dict[str, Any]) -> OtherItem:
    """A call of the function that stands for the caller's own tool search, as its item."""
    item_id = mint("tsc_")
    value = {
        "type": "tool_search_call",
        "id": item_id,
        "call_id": call_id,
        "execution": "client",
        "arguments": arguments,
        "status": "completed",
    }
    return OtherItem(dialect="responses", type="tool_search_call", value=value, id=item_id)


def encode(arguments: dict[str, Any]) -> str:
    """Arguments as the JSON text that calls hold."""
    return msgspec.json.encode(arguments).decode()
