"""Tools and the choice among them, on the Responses wire.

Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools
"""

from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from trunkline.dialects.openai_responses.parts import DIALECT_NAME, read_extras, without_none
from trunkline.dialects.shapes import Fields, read_object, wrong_type
from trunkline.items import CustomTool, FunctionTool, OtherTool, Tool, ToolChoice

_NAMED = ("function", "custom")


# --- wire → ours ------------------------------------------------------------------------------------------------


def read_tool(fields: Fields) -> Tool:
    """One tool; hosted and unknown ones become `OtherTool`. Raises `InvalidRequest`."""
    type_ = fields.need_text("type")
    if type_ == "function":
        return FunctionTool(
            name=fields.need_text("name"),
            description=fields.text("description"),
            parameters=fields.object("parameters"),
            strict=fields.flag("strict"),
            extras=read_extras(fields),
        )
    if type_ == "custom":
        return CustomTool(
            name=fields.need_text("name"),
            description=fields.text("description"),
            format=_read_grammar(fields.fields("format")),
            extras=read_extras(fields),
        )
    return OtherTool(dialect=DIALECT_NAME, type=type_, value=fields.value)


def _read_grammar(format: Fields | None) -> dict[str, Any] | None:
    if format is None:
        return None
    format.word("type", ("text", "grammar"))
    format.word("syntax", ("lark", "regex"))
    format.text("definition")
    format.close()
    return format.value


def read_tool_choice(value: Any, path: str = "tool_choice") -> ToolChoice | None:
    """Which tool may or must be taken; `None` when the caller did not say. Raises `InvalidRequest`."""
    if value is None:
        return None
    if type(value) is str:
        mode = Fields({"tool_choice": value}).word(path, ("auto", "none", "required"))
        return ToolChoice(mode=mode)  # type: ignore[arg-type]  # one of the three
    if type(value) is not dict:
        raise wrong_type(path, "a string or an object", value)
    fields = read_object(value, path)
    type_ = fields.need_text("type")
    if type_ in _NAMED:
        name = fields.need_text("name")
        fields.close()
        return ToolChoice(mode="tool", name=name, kind=type_)
    if type_ == "allowed_tools":
        return _read_allowed(fields)
    if set(fields.value) == {"type"}:
        return ToolChoice(mode="tool", kind=type_)
    return ToolChoice(mode="tool", name=fields.text("name"), kind=type_, other=fields.value)


def _read_allowed(fields: Fields) -> ToolChoice:
    mode = fields.word("mode", ("auto", "required")) or "auto"
    tools = list(fields.each("tools"))
    fields.close()
    plain = all(tool.need_text("type") in _NAMED for tool in tools)
    names = [tool.need_text("name") for tool in tools if tool.value["type"] in _NAMED]
    for tool in tools:
        if tool.value["type"] in _NAMED:
            tool.close()
    return ToolChoice(
        mode=mode,  # type: ignore[arg-type]  # one of the two
        allowed=names,
        # Hosted tools among the allowed have no name of their own.
        other=None if plain else fields.value,
    )


# --- ours → wire ------------------------------------------------------------------------------------------------


def write_tool(tool: Tool) -> dict[str, Any] | None:
    """One tool, for an upstream. `None` for what only another dialect knows."""
    match tool:
        case FunctionTool():
            body = without_none({"type": "function", "name": tool.name, "description": tool.description})
            # Left out it would mean strict, which nobody asked for and most schemas are not fit for.
            body |= {"parameters": _write_schema(tool.parameters), "strict": bool(tool.strict)}
        case CustomTool():
            body = without_none(
                {"type": "custom", "name": tool.name, "description": tool.description, "format": tool.format}
            )
        case OtherTool():
            return tool.value if tool.dialect == DIALECT_NAME else None
        case _:
            assert_never(tool)
    return body | tool.extras.get(DIALECT_NAME, {})


def echo_tool(tool: Tool) -> dict[str, Any] | None:
    """One tool, as a reply shows it to the caller who sent it: every required member present."""
    body = write_tool(tool)
    if body is not None and isinstance(tool, FunctionTool):
        strict = is_strict_schema(body["parameters"]) if tool.strict is None else tool.strict
        body |= {"description": tool.description, "strict": strict}
    return body


def _write_schema(schema: dict[str, Any] | None) -> dict[str, Any]:
    if schema is None:
        return {"type": "object", "properties": {}}
    if "type" in schema or "$ref" in schema or "anyOf" in schema:
        return schema
    return {"type": "object", "properties": {}, **schema}


# What strict mode answers with an error, and where names are the caller's own.
_NOT_STRICT = frozenset(
    "oneOf allOf not if then else default dependentRequired dependentSchemas patternProperties propertyNames".split()
)
_MAPS = ("properties", "$defs", "definitions")


def is_strict_schema(schema: Any) -> bool:
    """Whether OpenAI's strict mode takes a schema: each object closed, each of its properties required, no word that
    it lacks. Source: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
    """
    if type(schema) is list:
        return all(is_strict_schema(entry) for entry in schema)
    if type(schema) is not dict:
        return True
    if not _NOT_STRICT.isdisjoint(schema):
        return False
    properties = schema.get("properties")
    if schema.get("type") == "object" or properties is not None:
        names = set(properties) if type(properties) is dict else set()
        required = schema.get("required")
        if schema.get("additionalProperties") is not False or not names <= _words(required):
            return False
    named = [inner for name in _MAPS if type(inners := schema.get(name)) is dict for inner in inners.values()]
    return is_strict_schema([*named, *(value for name, value in schema.items() if name not in _MAPS)])


def _words(value: Any) -> set[str]:
    return {word for word in value if type(word) is str} if type(value) is list else set()


def write_tool_choice(choice: ToolChoice, tools: Sequence[Tool]) -> str | dict[str, Any]:
    """The choice as this wire has it; the tools tell of what kind the allowed ones are."""
    if choice.other is not None:
        return choice.other
    if choice.allowed:
        kinds = _kinds(tools)
        allowed = [{"type": kinds.get(name, "function"), "name": name} for name in choice.allowed]
        return {"type": "allowed_tools", "mode": choice.mode, "tools": allowed}
    if choice.mode == "tool":
        return without_none({"type": choice.kind, "name": choice.name})
    return choice.mode


def _kinds(tools: Sequence[Tool]) -> Mapping[str, str]:
    return {
        tool.name: "custom" if isinstance(tool, CustomTool) else "function"
        for tool in tools
        if not isinstance(tool, OtherTool)
    }
