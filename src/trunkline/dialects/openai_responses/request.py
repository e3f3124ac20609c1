"""A Responses caller's request → a `ModelRequest`.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from typing import Any

from msgspec.structs import replace

from trunkline.dialects.dialect import Unseal
from trunkline.dialects.openai_responses.items import read_items
from trunkline.dialects.openai_responses.metadata import check_metadata
from trunkline.dialects.openai_responses.parts import DIALECT_NAME
from trunkline.dialects.openai_responses.tools import read_tool, read_tool_choice
from trunkline.dialects.provider_options import read_provider_options
from trunkline.dialects.shapes import Fields, missing
from trunkline.errors import UnknownParameter
from trunkline.items import Extras, Item
from trunkline.request import ModelRequest, ModelSettings, ReasoningSettings, TextFormat

LOGPROBS = "message.output_text.logprobs"

# What the API defines and the vocabulary has no word for, each an object.
_OBJECTS = ("stream_options", "prompt_cache_options", "moderation", "background_options", "client_metadata")
_EXTRAS = (*_OBJECTS, "context_management")


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
    wants_logprobs = bool(top_logprobs) or LOGPROBS in (include or ())
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
