"""A caller's Messages request → a `ModelRequest`.

Source: https://docs.anthropic.com/en/api/messages, and the official SDK's types (which hold the beta fields too).
"""

from typing import Any

from msgspec.structs import replace

from trunkline.dialects.anthropic.blocks import DIALECT
from trunkline.dialects.anthropic.content import read_messages, read_text
from trunkline.dialects.anthropic.thinking import read_thinking_settings
from trunkline.dialects.dialect import Unseal
from trunkline.dialects.provider_options import read_provider_options
from trunkline.dialects.shapes import Fields, missing, read_object, wrong_type, wrong_value
from trunkline.errors import InvalidRequest
from trunkline.items import Extras, FunctionTool, Item, Message, OtherTool, Tool, ToolChoice
from trunkline.request import ModelRequest, ModelSettings, TextFormat

# Defined by the dialect, without a word in our vocabulary.
_EXTRA_FIELDS = (
    "billing_policy",
    "cache_control",
    "compaction",
    "container",
    "context_management",
    "diagnostics",
    "fallback_credit_token",
    "fallbacks",
    "inference_geo",
    "mcp_servers",
    "speed",
    "thread",
    "user_profile_id",
    "workspace_id",
)

_TIERS = {"auto": "auto", "standard_only": "default"}


def read_request(body: dict[str, Any], unseal: Unseal) -> ModelRequest:
    """A request in our words. Raises `InvalidRequest` or `UnknownParameter` with the path of what is wrong."""
    head = read_head(body)
    return replace(head, items=read_conversation(body.get("messages"), head, unseal))


def read_conversation(value: Any, head: ModelRequest, unseal: Unseal) -> list[Item]:
    """The items of `messages`, after those that the head has."""
    return [*head.items, *read_messages(Fields({"messages": value}), unseal)]


def read_head(body: dict[str, Any]) -> ModelRequest:
    """All of a body but its `messages`. Its items are the system's."""
    fields = Fields(body)
    fields.any("messages")
    extras: dict[str, Any] = {}
    for name in _EXTRA_FIELDS:
        if (value := fields.any(name)) is not None:
            extras[name] = value
    instructions, system = _read_system(fields)
    model = fields.need_text("model")
    config = _read_output_config(fields, extras)
    choice, parallel = _read_tool_choice(fields)
    settings = _read_settings(fields, extras)
    return ModelRequest(
        model=model,
        items=system,
        instructions=instructions,
        tools=_read_tools(fields),
        tool_choice=choice,
        text_format=config.format,
        reasoning=read_thinking_settings(fields.fields("thinking"), config.effort),
        settings=replace(settings, parallel_tool_calls=parallel),
        stream=fields.flag("stream") or False,
        provider_options=read_provider_options(fields),
        extras={DIALECT: extras} if extras else {},
        unknown=fields.rest(),
    )


# --- system -------------------------------------------------------------------------------------------------------


def _read_system(fields: Fields) -> tuple[str | None, list[Item]]:
    """Plain system text is instructions; text with more to it (cache points) a system message that keeps it."""
    value = fields.any("system")
    if value is None or type(value) is str:
        return value or None, []
    if type(value) is not list:
        raise wrong_type("system", "a string or an array of text blocks", value)
    parts = []
    for block in fields.each("system"):
        if (kind := block.need_text("type")) != "text":
            raise wrong_value(block.at("type"), kind, ("text",))
        parts.append(read_text(block))
    if any(part.extras for part in parts):
        return None, [Message(role="system", parts=[*parts])]
    return "\n\n".join(part.text for part in parts) or None, []


# --- settings -----------------------------------------------------------------------------------------------------


def _read_settings(fields: Fields, extras: dict[str, Any]) -> ModelSettings:
    limit = fields.integer("max_tokens", 0)
    if limit is None:
        raise missing("max_tokens", "an integer, the most tokens to answer with")
    tier = fields.word("service_tier", tuple(_TIERS))
    return ModelSettings(
        max_output_tokens=limit,
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        top_k=fields.integer("top_k", 0),
        stop=fields.texts("stop_sequences"),
        service_tier=None if tier is None else _TIERS[tier],
        user=_read_user(fields, extras),
    )


def _read_user(fields: Fields, extras: dict[str, Any]) -> str | None:
    metadata = fields.fields("metadata")
    if metadata is None:
        return None
    user = metadata.text("user_id")
    if rest := metadata.rest():
        extras["metadata"] = rest
    return user


class _OutputConfig:
    """What `output_config` (or the older `output_format`) says."""

    def __init__(self, effort: str | None, format: TextFormat | None) -> None:
        self.effort = effort
        self.format = format


def _read_output_config(fields: Fields, extras: dict[str, Any]) -> _OutputConfig:
    config = fields.fields("output_config")
    older = _read_format(fields, "output_format")
    if config is None:
        return _OutputConfig(None, older)
    found = _OutputConfig(config.text("effort"), _read_format(config, "format") or older)
    if rest := config.rest():
        extras["output_config"] = rest
    return found


def _read_format(fields: Fields, name: str) -> TextFormat | None:
    shape = fields.fields(name)
    if shape is None:
        return None
    if (kind := shape.need_text("type")) != "json_schema":
        raise wrong_value(shape.at("type"), kind, ("json_schema",))
    schema = shape.need_object("schema")
    shape.close()
    return TextFormat(type="json_schema", schema=schema)


# --- tools --------------------------------------------------------------------------------------------------------


def _read_tools(fields: Fields) -> list[Tool]:
    return [_read_tool(tool) for tool in fields.each("tools")]


def _read_tool(tool: Fields) -> Tool:
    """A tool of the caller's own, or one that Anthropic defines, which its type names."""
    kind = tool.text("type")
    if kind not in (None, "custom"):
        return OtherTool(dialect=DIALECT, type=kind or "", value=tool.value)
    name = tool.need_text("name")
    if not name:
        raise InvalidRequest(f"`{tool.at('name')}` is empty: a tool needs a name", param=tool.at("name"))
    description = tool.text("description")
    parameters = tool.need_object("input_schema")
    strict = tool.flag("strict")
    rest = {member: value for member, value in tool.rest().items() if value is not None}
    extras: Extras = {DIALECT: rest} if rest else {}
    return FunctionTool(name=name, description=description, parameters=parameters, strict=strict, extras=extras)


_CHOICES = ("auto", "any", "tool", "none")


def _read_tool_choice(fields: Fields) -> tuple[ToolChoice | None, bool | None]:
    """The choice, and whether calls may be parallel, which Anthropic says in the same place."""
    value = fields.object("tool_choice")
    if value is None:
        return None, None
    choice = read_object(value, "tool_choice")
    kind = choice.need_text("type")
    disabled = choice.flag("disable_parallel_tool_use")
    parallel = None if disabled is None else not disabled
    name = choice.need_text("name") if kind == "tool" else None
    choice.close()
    match kind:
        case "auto":
            return ToolChoice(mode="auto"), parallel
        case "any":
            return ToolChoice(mode="required"), parallel
        case "none":
            return ToolChoice(mode="none"), parallel
        case "tool":
            return ToolChoice(mode="tool", name=name), parallel
        case _:
            raise wrong_value("tool_choice.type", kind, _CHOICES)
