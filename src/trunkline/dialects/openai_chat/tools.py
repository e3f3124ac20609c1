"""Tools and tool choices on the Chat wire, both ways. Functions are nested there, grammars twice."""

from typing import Any

from trunkline.dialects.openai_chat.message import LEGACY_FUNCTIONS
from trunkline.dialects.shapes import Fields, lenient_object, wrong_type, wrong_value
from trunkline.items import CustomTool, Extras, FunctionTool, OtherTool, Tool, ToolChoice

_MODES = ("auto", "none", "required")


def chat_extras(rest: dict[str, Any]) -> Extras:
    """Members that the vocabulary has no word for, kept under this dialect's name."""
    return {"chat": rest} if rest else {}


# --- wire → ours ------------------------------------------------------------------------------------------------


def read_tools(fields: Fields) -> list[Tool]:
    """`tools`, and the old `functions` after them."""
    tools = [_read_tool(tool) for tool in fields.each("tools")]
    return tools + [_read_function(function, {LEGACY_FUNCTIONS: {}}) for function in fields.each("functions")]


def _read_tool(tool: Fields) -> Tool:
    kind = tool.need_text("type")
    if kind == "function":
        function = tool.need_fields("function")
        read = _read_function(function, chat_extras(tool.rest()))
    elif kind == "custom":
        custom = tool.need_fields("custom")
        made = CustomTool(
            name=custom.need_text("name"),
            description=custom.text("description"),
            format=_flatten_format(custom.fields("format")),
            extras=chat_extras(tool.rest()),
        )
        custom.close()
        return made
    else:
        return OtherTool(dialect="chat", type=kind, value=tool.value)
    return read


def _read_function(function: Fields, extras: Extras) -> FunctionTool:
    tool = FunctionTool(
        name=function.need_text("name"),
        description=function.text("description"),
        parameters=function.object("parameters"),
        strict=function.flag("strict"),
        extras=extras,
    )
    function.close()
    return tool


def _flatten_format(format: Fields | None) -> dict[str, Any] | None:
    """`{type, grammar: {syntax, definition}}` → `{type, syntax, definition}`, as Responses has it."""
    if format is None:
        return None
    kind, grammar = format.word("type", ("text", "grammar")), format.fields("grammar")
    if grammar is None:
        return format.value
    syntax, definition = grammar.word("syntax", ("lark", "regex")), grammar.text("definition")
    format.close()
    grammar.close()
    return {"type": kind, "syntax": syntax, "definition": definition}


def read_tool_choice(fields: Fields) -> ToolChoice | None:
    """`tool_choice`, else the old `function_call`."""
    choice, legacy = fields.any("tool_choice"), fields.any("function_call")
    if choice is not None:
        return _read_choice(choice)
    if legacy is None:
        return None
    if type(legacy) is str:
        return _read_mode(legacy, "function_call")
    if type(legacy) is not dict:
        raise wrong_type("function_call", "'auto', 'none' or an object", legacy)
    return ToolChoice(mode="tool", name=_read_name(Fields(legacy, "function_call")))


def _read_name(fields: Fields) -> str:
    """The name in an object that holds nothing else."""
    name = fields.need_text("name")
    fields.close()
    return name


def _read_mode(mode: str, path: str) -> ToolChoice:
    if mode not in _MODES:
        raise wrong_value(path, mode, _MODES)
    return ToolChoice(mode=mode)  # type: ignore[arg-type]  # one of _MODES, by the lines above


def _read_choice(choice: Any) -> ToolChoice:
    if type(choice) is str:
        return _read_mode(choice, "tool_choice")
    if type(choice) is not dict:
        raise wrong_type("tool_choice", "'auto', 'none', 'required' or an object", choice)
    fields = Fields(choice, "tool_choice")
    kind = fields.need_text("type")
    if kind in ("function", "custom"):
        name = _read_name(fields.need_fields(kind))
        fields.close()
        return ToolChoice(mode="tool", name=name, kind=kind)
    if kind == "allowed_tools":
        allowed = fields.need_fields("allowed_tools")
        fields.close()
        mode = allowed.word("mode", ("auto", "required")) or "auto"
        names = [_read_allowed(tool) for tool in allowed.each("tools")]
        allowed.close()
        return ToolChoice(mode="required" if mode == "required" else "auto", allowed=names)
    return ToolChoice(mode="tool", kind=kind, other=choice)


def _read_allowed(tool: Fields) -> str:
    name = _read_name(tool.need_fields(tool.need_text("type")))
    tool.close()
    return name


# --- ours → wire ------------------------------------------------------------------------------------------------


def write_tool(tool: Tool, strict_tools: bool) -> dict[str, Any]:
    """One tool. Nothing is invented that the caller did not say, but for the schema of a function without one."""
    match tool:
        case FunctionTool():
            function: dict[str, Any] = {"name": tool.name}
            if tool.description is not None:
                function["description"] = tool.description
            function["parameters"] = _as_object_schema(tool.parameters)
            if tool.strict is not None and strict_tools:
                function["strict"] = tool.strict
            return {"type": "function", "function": function, **tool.extras.get("chat", {})}
        case CustomTool():
            custom: dict[str, Any] = {"name": tool.name}
            if tool.description is not None:
                custom["description"] = tool.description
            if tool.format is not None:
                custom["format"] = _nest_format(tool.format)
            return {"type": "custom", "custom": custom, **tool.extras.get("chat", {})}
        case OtherTool():
            return tool.value


def _as_object_schema(parameters: dict[str, Any] | None) -> dict[str, Any]:
    """Providers insist on an object with properties; a schema that is something else by reference is left alone."""
    schema = lenient_object(parameters)
    if not schema or schema.get("type", "object") != "object":
        return {"type": "object", "properties": {}}
    if schema.get("type") == "object" and "properties" not in schema and "$ref" not in schema:
        return {**schema, "properties": {}}
    return schema


def _nest_format(format: dict[str, Any]) -> dict[str, Any]:
    if format.get("type") != "grammar" or "grammar" in format:
        return format
    grammar = {name: value for name, value in format.items() if name != "type"}
    return {"type": "grammar", "grammar": grammar}


def write_tool_choice(choice: ToolChoice, tools: list[Tool]) -> Any:
    """A choice in Chat's nested shape."""
    if choice.other is not None:
        return choice.other
    if choice.allowed:
        return {
            "type": "allowed_tools",
            "allowed_tools": {
                "mode": "required" if choice.mode == "required" else "auto",
                "tools": [_name_tool(_kind_of(name, tools), name) for name in choice.allowed],
            },
        }
    if choice.mode == "tool" and choice.name is not None:
        return _name_tool(choice.kind, choice.name)
    return choice.mode


def _name_tool(kind: str, name: str) -> dict[str, Any]:
    return {"type": kind, kind: {"name": name}}


def _kind_of(name: str, tools: list[Tool]) -> str:
    is_custom = any(isinstance(tool, CustomTool) and tool.name == name for tool in tools)
    return "custom" if is_custom else "function"
