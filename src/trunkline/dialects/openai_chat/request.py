"""A Chat caller's request → a `ModelRequest`.

Source: https://platform.openai.com/docs/api-reference/chat/create, every field of its description of August 2026.
"""

from typing import Any

from msgspec.structs import replace

from trunkline.dialects.dialect import Unseal
from trunkline.dialects.openai_chat.history import History
from trunkline.dialects.openai_chat.tools import read_tool_choice, read_tools
from trunkline.dialects.openai_responses.metadata import check_metadata
from trunkline.dialects.provider_options import read_provider_options
from trunkline.dialects.shapes import Fields, missing, wrong_type
from trunkline.errors import InvalidRequest
from trunkline.items import Item
from trunkline.request import ModelRequest, ModelSettings, ReasoningSettings, TextFormat

_EXTRAS = ("modalities", "audio", "prediction", "web_search_options", "moderation", "prompt_cache_options")
"""Fields of the dialect that the vocabulary has no word for."""


def read_request(body: dict[str, Any], unseal: Unseal) -> ModelRequest:
    """The caller's JSON object → a request. Raises `InvalidRequest` or `UnknownParameter`, with the field's path."""
    head = read_head(body)
    return replace(head, items=read_conversation(body.get("messages"), head, unseal))


def read_conversation(value: Any, head: ModelRequest, unseal: Unseal) -> list[Item]:
    """The items of `messages`."""
    if not (messages := Fields({"messages": value}).array("messages")):
        raise missing("messages", "an array with at least one message")
    history = History(unseal)
    for number, message in enumerate(messages):
        history.read(message, f"messages[{number}]")
    return history.items


def read_head(body: dict[str, Any]) -> ModelRequest:
    """All of a body but its `messages`."""
    fields = Fields(body)
    fields.any("messages")
    model = fields.need_text("model")
    tools = read_tools(fields)
    stream_options = fields.fields("stream_options") or Fields({}, "stream_options")
    include_usage = bool(stream_options.flag("include_usage"))
    request = ModelRequest(
        model=model,
        items=[],
        tools=tools,
        tool_choice=read_tool_choice(fields),
        text_format=_read_format(fields.fields("response_format")),
        reasoning=_read_effort(fields),
        settings=_read_settings(fields),
        stream=bool(fields.flag("stream")),
        include_usage=include_usage,
        extras=_read_extras(fields, stream_options),
        provider_options=read_provider_options(fields),
    )
    request.unknown.update(fields.rest())
    return request


def _read_settings(fields: Fields) -> ModelSettings:
    return ModelSettings(
        max_output_tokens=_read_limit(fields),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        frequency_penalty=fields.number("frequency_penalty"),
        presence_penalty=fields.number("presence_penalty"),
        seed=fields.integer("seed"),
        stop=_read_stop(fields),
        logit_bias=_read_logit_bias(fields),
        top_logprobs=fields.integer("top_logprobs", minimum=0),
        logprobs=fields.flag("logprobs"),
        n=fields.integer("n", minimum=1),
        parallel_tool_calls=fields.flag("parallel_tool_calls"),
        verbosity=fields.text("verbosity"),
        service_tier=fields.text("service_tier"),
        store=fields.flag("store"),
        metadata=check_metadata(fields.any("metadata")),
        user=fields.text("user"),
        safety_identifier=fields.text("safety_identifier"),
        prompt_cache_key=fields.text("prompt_cache_key"),
        prompt_cache_retention=fields.text("prompt_cache_retention"),
    )


def _read_limit(fields: Fields) -> int | None:
    """`max_completion_tokens`, or its older name; the newer wins when both stand there."""
    older = fields.integer("max_tokens", minimum=1)
    newer = fields.integer("max_completion_tokens", minimum=1)
    return older if newer is None else newer


def _read_stop(fields: Fields) -> list[str] | None:
    stop = fields.any("stop")
    if type(stop) is str:
        return [stop]
    return fields.texts("stop")


def _read_logit_bias(fields: Fields) -> dict[str, float] | None:
    bias = fields.object("logit_bias")
    for token, value in (bias or {}).items():
        if type(value) not in (int, float):
            raise wrong_type(f"logit_bias.{token}", "a number", value)
    return bias


def _read_effort(fields: Fields) -> ReasoningSettings | None:
    effort = fields.text("reasoning_effort")
    return None if effort is None else ReasoningSettings(effort=effort)


def _read_format(format: Fields | None) -> TextFormat | None:
    if format is None:
        return None
    kind = format.need_text("type")
    if kind == "json_schema":
        schema = format.need_fields("json_schema")
        read = TextFormat(
            type="json_schema",
            name=schema.need_text("name"),
            schema=schema.object("schema"),
            strict=schema.flag("strict"),
            description=schema.text("description"),
        )
        schema.close()
        format.close()
        return read
    if kind in ("json_object", "text"):
        format.close()
        return TextFormat(type=kind)  # type: ignore[arg-type]  # one of the two
    raise InvalidRequest(
        f"`{format.at('type')}` is '{kind[:64]}' but must be 'text', 'json_object' or 'json_schema'",
        param=format.at("type"),
        code="invalid_value",
    )


def _read_extras(fields: Fields, stream_options: Fields) -> dict[str, dict[str, Any]]:
    extras = {name: value for name in _EXTRAS if (value := fields.any(name)) is not None}
    if stream_options.rest():
        extras["stream_options"] = stream_options.rest()
    return {"chat": extras} if extras else {}
