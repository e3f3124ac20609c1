"""A Responses request: the caller's JSON → `ModelRequest`, and a lowered request → an upstream's JSON.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from typing import Any

from msgspec.structs import replace

from trunkline.capabilities import Capabilities
from trunkline.dialects.dialect import Fill, Unseal, Written
from trunkline.dialects.openai_responses.items import read_items
from trunkline.dialects.openai_responses.metadata import check_metadata
from trunkline.dialects.openai_responses.parts import DIALECT_NAME, without_none
from trunkline.dialects.openai_responses.tools import read_tool, read_tool_choice, write_tool, write_tool_choice
from trunkline.dialects.openai_responses.turns import write_input
from trunkline.dialects.provider_options import read_provider_options
from trunkline.dialects.refused import fit_effort, leave_out
from trunkline.dialects.shapes import Fields, missing
from trunkline.errors import UnknownParameter
from trunkline.items import Extras, Item, Reasoning
from trunkline.request import ModelRequest, ModelSettings, ReasoningSettings, TextFormat

_LOGPROBS = "message.output_text.logprobs"
_ENCRYPTED_REASONING = "reasoning.encrypted_content"

# OpenAI refuses less: "Expected a value >= 16".
_LEAST_OUTPUT_TOKENS = 16

# Anthropic's explicit budgets as efforts: the first level whose ceiling holds the budget.
_EFFORT_CEILINGS = ((1024, "minimal"), (2048, "low"), (8192, "medium"), (24576, "high"))

# What the API defines and the vocabulary has no word for, each an object.
_OBJECTS = ("stream_options", "prompt_cache_options", "moderation", "background_options", "client_metadata")
_EXTRAS = (*_OBJECTS, "context_management")


# --- wire → ours ------------------------------------------------------------------------------------------------


def read_request(body: dict[str, Any], unseal: Unseal) -> ModelRequest:
    """The caller's body, whole. Raises `InvalidRequest` or `UnknownParameter` with the path of what is wrong."""
    head = read_head(body)
    return replace(head, items=read_conversation(body.get("input"), head, unseal))


def read_conversation(value: Any, head: ModelRequest, unseal: Unseal) -> list[Item]:
    """The items of `input`, which something in the head may stand for."""
    if value is not None:
        return read_items(value, "input", unseal)
    if head.prompt is None and head.previous_response_id is None and head.conversation is None:
        raise missing("input", "a string or an array of items")
    return []


def read_head(body: dict[str, Any]) -> ModelRequest:
    """All of a body but its `input`."""
    fields = Fields(body)
    prompt = fields.object("prompt")
    model = fields.text("model")
    if model is None and prompt is None:
        raise missing("model", "a string")
    fields.any("input")
    text = fields.fields("text") or Fields({}, "text")
    text_format = _read_text_format(text)
    return ModelRequest(
        model=model or "",
        items=[],
        instructions=fields.text("instructions"),
        tools=[read_tool(tool) for tool in fields.each("tools")],
        tool_choice=read_tool_choice(fields.any("tool_choice")),
        text_format=text_format,
        reasoning=_read_reasoning(fields),
        settings=_read_settings(fields, text),
        stream=fields.flag("stream") or False,
        previous_response_id=fields.text("previous_response_id"),
        conversation=_read_conversation(fields),
        prompt=prompt,
        provider_options=read_provider_options(fields),
        extras=_read_extras(fields, text),
        unknown=fields.rest(),
    )


def _read_settings(fields: Fields, text: Fields) -> ModelSettings:
    include = fields.texts("include")
    top_logprobs = fields.integer("top_logprobs", 0)
    # Asking for alternatives without the entry in `include` is a common slip; asking for none is the default.
    wants_logprobs = bool(top_logprobs) or _LOGPROBS in (include or ())
    return ModelSettings(
        max_output_tokens=fields.integer("max_output_tokens", 1),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        frequency_penalty=fields.number("frequency_penalty"),
        presence_penalty=fields.number("presence_penalty"),
        top_logprobs=top_logprobs,
        logprobs=True if wants_logprobs else None,
        parallel_tool_calls=fields.flag("parallel_tool_calls"),
        verbosity=text.text("verbosity"),
        service_tier=fields.text("service_tier"),
        truncation=fields.text("truncation"),
        store=fields.flag("store"),
        metadata=check_metadata(fields.any("metadata")),
        user=fields.text("user"),
        safety_identifier=fields.text("safety_identifier"),
        prompt_cache_key=fields.text("prompt_cache_key"),
        prompt_cache_retention=fields.text("prompt_cache_retention"),
        max_tool_calls=fields.integer("max_tool_calls"),
        include=include,
        background=fields.flag("background"),
    )


def _read_text_format(text: Fields) -> TextFormat | None:
    fields = text.fields("format")
    if fields is None:
        return None
    type_ = fields.word("type", ("text", "json_object", "json_schema"))
    if type_ is None:
        raise missing(fields.at("type"), "a string")
    format = TextFormat(
        type=type_,  # type: ignore[arg-type]  # one of the three
        name=fields.need_text("name") if type_ == "json_schema" else None,
        schema=fields.need_object("schema") if type_ == "json_schema" else None,
        strict=fields.flag("strict"),
        description=fields.text("description"),
    )
    fields.close()
    return format


def _read_reasoning(fields: Fields) -> ReasoningSettings | None:
    reasoning = fields.fields("reasoning")
    if reasoning is None:
        return None
    effort = reasoning.text("effort")
    # The older name of the same thing.
    older = reasoning.text("generate_summary")
    summary = reasoning.text("summary") or older
    rest = reasoning.rest()
    return ReasoningSettings(effort=effort, summary=summary, extras={DIALECT_NAME: rest} if rest else {})


def _read_conversation(fields: Fields) -> Any:
    """A conversation's id; an object that holds one means the same."""
    value = fields.any("conversation")
    if type(value) is dict:
        return fields.need_fields("conversation").need_text("id")
    return fields.text("conversation")


def _read_extras(fields: Fields, text: Fields) -> Extras:
    known = {name: value for name in _EXTRAS if (value := fields.any(name)) is not None}
    for name in _OBJECTS:
        fields.object(name)
    fields.array("context_management")
    if rest := text.rest():
        raise UnknownParameter(f"`text.{min(rest)}` is not a known parameter", param=f"text.{min(rest)}")
    return {DIALECT_NAME: known} if known else {}


# --- ours → wire ------------------------------------------------------------------------------------------------


def write_request(request: ModelRequest, capabilities: Capabilities) -> Written:
    """A lowered request as a body for an upstream that speaks Responses.

    Nothing is kept there unless the caller said so; reasoning then comes encrypted, to be handed back.
    """
    return write_head(request, capabilities)(request.items)


def write_head(request: ModelRequest, capabilities: Capabilities) -> Fill:
    """All of the body but its input, which is put into it."""
    heads: dict[bool, Written] = {}

    def fill(items: list[Item]) -> Written:
        dropped: list[str] = []
        written = write_input(items, dropped)
        thinks = request.reasoning is not None or any(type(item) is Reasoning for item in items)
        if thinks not in heads:
            heads[thinks] = _write_head(request, capabilities, thinks)
        head = heads[thinks]
        return Written(body={**head.body, "input": written}, dropped=dropped + head.dropped)

    return fill


def _write_head(request: ModelRequest, capabilities: Capabilities, thinks: bool) -> Written:
    settings = request.settings
    dropped: list[str] = []
    body: dict[str, Any] = {"model": request.model, "input": []}
    if request.stream:
        body["stream"] = True
    tools = [written for tool in request.tools if (written := write_tool(tool)) is not None]
    store = bool(settings.store)
    body |= without_none(
        {
            "instructions": request.instructions,
            "tools": tools or None,
            "tool_choice": write_tool_choice(request.tool_choice, request.tools)
            if tools and request.tool_choice
            else None,
            "parallel_tool_calls": settings.parallel_tool_calls if tools else None,
            "text": _write_text(request) or None,
            "reasoning": write_reasoning(request.reasoning) or None,
            "include": _write_include(request, store, thinks) or None,
            "max_output_tokens": _write_limit(settings.max_output_tokens),
            "store": store,
            "previous_response_id": request.previous_response_id,
            "conversation": request.conversation,
            "prompt": request.prompt,
        }
    )
    _fit_effort(body, capabilities, dropped)
    body |= {name: value for name in _PLAIN if (value := getattr(settings, name)) is not None}
    body |= {
        name: value
        for name in _VENDOR
        if name in capabilities.fields and (value := getattr(settings, name)) is not None
    }
    body |= request.extras.get(DIALECT_NAME, {})
    body |= request.unknown
    dropped += leave_out(body, capabilities)
    return Written(body=body, dropped=dropped)


def _fit_effort(body: dict[str, Any], capabilities: Capabilities, dropped: list[str]) -> None:
    reasoning = body.get("reasoning", {})
    asked = reasoning.get("effort")
    effort = fit_effort(asked, capabilities)
    if effort == asked:
        return
    dropped.append("effort")
    body["reasoning"] = without_none({**reasoning, "effort": effort})
    if not body["reasoning"]:
        del body["reasoning"]


# The same word on both sides.
_PLAIN = (
    "temperature",
    "top_p",
    "top_logprobs",
    "service_tier",
    "truncation",
    "metadata",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "max_tool_calls",
    "background",
)

# Not OpenAI's on this wire: sent only to who is known to take them.
_VENDOR = ("top_k", "seed", "stop", "logit_bias", "frequency_penalty", "presence_penalty", "n")


def _write_limit(limit: int | None) -> int | None:
    return None if limit is None else max(limit, _LEAST_OUTPUT_TOKENS)


def _write_include(request: ModelRequest, store: bool, thinks: bool) -> list[str]:
    settings = request.settings
    include = list(settings.include or ())
    if settings.logprobs or settings.top_logprobs:
        include.append(_LOGPROBS)
    # OpenAI gives it by default today, others when asked; models that do not think may refuse the very question.
    if not store and thinks and not _is_hushed(request):
        include.append(_ENCRYPTED_REASONING)
    return list(dict.fromkeys(include))


def _is_hushed(request: ModelRequest) -> bool:
    return request.reasoning is not None and write_reasoning(request.reasoning).get("effort") == "none"


def _write_text(request: ModelRequest) -> dict[str, Any]:
    text: dict[str, Any] = {}
    if request.text_format is not None:
        text["format"] = write_text_format(request.text_format)
    if request.settings.verbosity is not None:
        text["verbosity"] = request.settings.verbosity
    return text


def write_text_format(text_format: TextFormat) -> dict[str, Any]:
    """`text.format` as both requests and replies have it."""
    if text_format.type != "json_schema":
        return {"type": text_format.type}
    return without_none(
        {
            "type": "json_schema",
            "name": text_format.name or "answer",
            "description": text_format.description,
            "schema": text_format.schema or {},
            "strict": text_format.strict,
        }
    )


def write_reasoning(reasoning: ReasoningSettings | None) -> dict[str, Any]:
    """`reasoning` for an upstream; an explicit budget becomes the effort that stands nearest."""
    if reasoning is None:
        return {}
    effort = reasoning.effort
    if effort is None and reasoning.budget_tokens is not None:
        effort = next((word for ceiling, word in _EFFORT_CEILINGS if reasoning.budget_tokens <= ceiling), "xhigh")
    return without_none({"effort": effort, "summary": reasoning.summary}) | reasoning.extras.get(DIALECT_NAME, {})
