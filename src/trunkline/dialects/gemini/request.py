"""A caller's Gemini request → a `ModelRequest`. The model and whether it streams come from the path, not the body.

Source: https://ai.google.dev/api/generate-content, and the official SDK's types.
"""

from typing import Any

from msgspec.structs import replace

from trunkline.dialects.dialect import Unseal
from trunkline.dialects.gemini.body import GENERATION_EXTRAS
from trunkline.dialects.gemini.contents import read_bare_text, read_contents
from trunkline.dialects.gemini.schema import read_schema
from trunkline.dialects.gemini.thinking import read_thinking
from trunkline.dialects.gemini.wire import DIALECT, camel, fields_of
from trunkline.dialects.provider_options import read_provider_options
from trunkline.dialects.shapes import Fields, missing, wrong_type, wrong_value
from trunkline.errors import InvalidRequest
from trunkline.items import Extras, FunctionTool, Item, OtherTool, Tool, ToolChoice
from trunkline.request import ModelRequest, ModelSettings, TextFormat

# Defined by the dialect, without a word in our vocabulary.
_EXTRA_FIELDS = ("cachedContent", "labels", "modelArmorConfig", "safetySettings")

_TIERS = {"unspecified": "auto", "standard": "default", "flex": "flex", "priority": "priority"}

# Of `toolConfig`, beside the choice.
_TOOL_HINTS = ("includeServerSideToolInvocations", "retrievalConfig")

# JSON, or one of the values of an enum in plain words.
_JSON, _ENUM = "application/json", "text/x.enum"

_MODES = ("AUTO", "ANY", "NONE", "VALIDATED", "MODE_UNSPECIFIED")


def read_request(body: dict[str, Any], unseal: Unseal) -> ModelRequest:
    """A request in our words. Raises `InvalidRequest` or `UnknownParameter` with the path of what is wrong."""
    head = read_head(body)
    return replace(head, items=read_conversation(body.get("contents"), head, unseal))


def read_conversation(value: Any, head: ModelRequest, unseal: Unseal) -> list[Item]:
    """The items of `contents`."""
    return read_contents(_check_contents(value), unseal)


def read_head(body: dict[str, Any]) -> ModelRequest:
    """All of a body but its `contents`."""
    fields = Fields({name if name == "provider_options" else camel(name): value for name, value in body.items()})
    fields.any("contents")
    extras: dict[str, Any] = {}
    for name in _EXTRA_FIELDS:
        if (value := fields.any(name)) not in (None, [], {}):
            extras[name] = value
    config = _object(fields, "generationConfig") or Fields({}, "generationConfig")
    choice, tool_extras = _read_choice(fields)
    extras |= tool_extras
    settings = _read_settings(fields, config)
    text_format = _read_format(config)
    reasoning = read_thinking(_object(config, "thinkingConfig"))
    for name, value in config.rest().items():
        if value is not None:
            _check_known(name)
            extras[name] = value
    return ModelRequest(
        model=fields.text("model") or "",
        items=[],
        instructions=_read_system(fields),
        tools=_read_tools(fields),
        tool_choice=choice,
        text_format=text_format,
        reasoning=reasoning,
        settings=settings,
        stream=fields.flag("stream") or False,
        include_usage=True,
        provider_options=read_provider_options(fields),
        extras={DIALECT: extras} if extras else {},
        unknown=fields.rest(),
    )


def _check_known(name: str) -> None:
    if name not in GENERATION_EXTRAS:
        path = f"generationConfig.{name}"
        raise InvalidRequest(f"Unknown parameter `{path}`: leave it out", param=path, code="unknown_parameter")


def _object(fields: Fields, name: str) -> Fields | None:
    value = fields.object(name)
    return None if value is None else fields_of(value, fields.at(name))


def _check_contents(contents: Any) -> list[Any]:
    if type(contents) is dict:
        # One content alone is taken as a list of it.
        contents = [contents]
    if contents is None:
        raise missing("contents", "an array with at least one content")
    if type(contents) is not list:
        raise wrong_type("contents", "an array of contents", contents)
    if not contents:
        raise InvalidRequest("`contents` is empty: it must hold at least one content", param="contents")
    return contents


def _read_system(fields: Fields) -> str | None:
    """The system's text: Google takes a content, or a text alone."""
    value = fields.any("systemInstruction")
    if value is None or type(value) is str:
        return value or None
    content = fields_of(value, "systemInstruction")
    parts = content.any("parts")
    if type(parts) is dict:
        parts = [parts]
    if type(parts) is not list:
        raise wrong_type("systemInstruction.parts", "an array of parts", parts)
    content.word("role", ("system", "user", "model"))
    content.close()
    texts = [read_bare_text(fields_of(part, f"systemInstruction.parts[{number}]")) for number, part in enumerate(parts)]
    return "\n\n".join(text for text in texts if text) or None


# --- settings -----------------------------------------------------------------------------------------------------


def _read_settings(fields: Fields, config: Fields) -> ModelSettings:
    tier = fields.text("serviceTier")
    if tier is not None and tier.lower() not in _TIERS:
        raise wrong_value("serviceTier", tier, tuple(_TIERS))
    return ModelSettings(
        max_output_tokens=config.integer("maxOutputTokens", 0) or None,
        temperature=config.number("temperature"),
        top_p=config.number("topP"),
        top_k=_read_top_k(config),
        frequency_penalty=config.number("frequencyPenalty"),
        presence_penalty=config.number("presencePenalty"),
        seed=config.integer("seed"),
        stop=config.texts("stopSequences"),
        logprobs=config.flag("responseLogprobs"),
        top_logprobs=config.integer("logprobs", 0),
        n=config.integer("candidateCount", 1),
        service_tier=None if tier is None else _TIERS[tier.lower()],
        store=fields.flag("store"),
    )


def _read_top_k(config: Fields) -> int | None:
    """`topK` as a whole number; Google's own type allows others."""
    value = config.number("topK")
    return None if value is None else int(value)


def _read_format(config: Fields) -> TextFormat | None:
    kind = config.text("responseMimeType")
    schema = config.any("responseJsonSchema")
    older = config.object("responseSchema")
    if schema is not None and type(schema) is not dict:
        raise wrong_type(config.at("responseJsonSchema"), "an object", schema)
    if kind in (None, "text/plain"):
        return None
    if kind not in (_JSON, _ENUM):
        raise wrong_value(config.at("responseMimeType"), kind or "", ("text/plain", _JSON, _ENUM))
    if schema is None and older is not None:
        schema = read_schema(older)
    if schema is None and kind == _ENUM:
        raise missing(config.at("responseSchema"), "a schema with the values to choose from")
    if schema is None:
        return TextFormat(type="json_object")
    return TextFormat(type="json_schema", name="response", schema=schema, is_bare=kind == _ENUM)


# --- tools --------------------------------------------------------------------------------------------------------


def _read_tools(fields: Fields) -> list[Tool]:
    tools: list[Tool] = []
    entries = fields.any("tools")
    if type(entries) is dict:
        entries = [entries]
    if entries is not None and type(entries) is not list:
        raise wrong_type("tools", "an array of tools", entries)
    for number, value in enumerate(entries or ()):
        entry = fields_of(value, f"tools[{number}]")
        for place, declared in enumerate(entry.array("functionDeclarations") or ()):
            tools.append(_read_function(fields_of(declared, f"{entry.at('functionDeclarations')}[{place}]")))
        # Each other member is one of Google's own tools.
        for name, member in entry.rest().items():
            if member is not None:
                tools.append(OtherTool(dialect=DIALECT, type=name, value={name: member}))
    return tools


def _read_function(declared: Fields) -> FunctionTool:
    name = declared.need_text("name")
    if not name:
        raise InvalidRequest(f"`{declared.at('name')}` is empty: a function needs a name", param=declared.at("name"))
    description = declared.text("description")
    parameters = declared.object("parametersJsonSchema")
    older = declared.object("parameters")
    if parameters is None and older is not None:
        parameters = read_schema(older)
    rest = {member: value for member, value in declared.rest().items() if value is not None}
    extras: Extras = {DIALECT: rest} if rest else {}
    return FunctionTool(name=name, description=description, parameters=parameters, extras=extras)


def _read_choice(fields: Fields) -> tuple[ToolChoice | None, dict[str, Any]]:
    """The choice, and what of `toolConfig` has no word of ours."""
    config = _object(fields, "toolConfig")
    if config is None:
        return None, {}
    calling = _object(config, "functionCallingConfig")
    rest = {name: value for name in _TOOL_HINTS if (value := config.any(name)) is not None}
    config.close()
    extras = {"toolConfig": rest} if rest else {}
    if calling is None:
        return None, extras
    mode = (calling.text("mode") or "AUTO").upper()
    names = calling.texts("allowedFunctionNames") or []
    # A way of streaming that only Vertex has; calls come whole here.
    calling.any("streamFunctionCallArguments")
    calling.close()
    if mode not in _MODES:
        raise wrong_value(calling.at("mode"), mode, _MODES)
    if mode == "NONE":
        return ToolChoice(mode="none"), extras
    if mode == "ANY":
        if len(names) == 1:
            return ToolChoice(mode="tool", name=names[0]), extras
        return ToolChoice(mode="required", allowed=names), extras
    return (ToolChoice(mode="auto", allowed=names) if names or mode == "VALIDATED" else None), extras
