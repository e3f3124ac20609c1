"""A lowered `ModelRequest` → the body for a Chat upstream.

Source: https://platform.openai.com/docs/api-reference/chat/create; vendors' differences are facts in `Capabilities`.
"""

from typing import Any

from trunkline.capabilities import Capabilities
from trunkline.dialects.dialect import Fill, Written
from trunkline.dialects.openai_chat.tools import write_tool, write_tool_choice
from trunkline.dialects.openai_chat.turns import Turns
from trunkline.dialects.refused import fit_effort, leave_out, switch_off
from trunkline.items import FunctionTool, Item
from trunkline.request import ModelRequest, ModelSettings, TextFormat

_SAME_NAMES = (
    "temperature",
    "top_p",
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "stop",
    "logit_bias",
    "n",
    "verbosity",
    "service_tier",
    "truncation",
    "store",
    "metadata",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "max_tool_calls",
    "background",
)
"""Settings whose name here is the vocabulary's. Lowering has taken out what this target does not know."""

_LOGPROBS = "message.output_text.logprobs"


def write_request(request: ModelRequest, capabilities: Capabilities) -> Written:
    """The upstream's body. Raises `Unsupported` for content that this wire has no shape for."""
    return write_head(request, capabilities)(request.items)


def write_head(request: ModelRequest, capabilities: Capabilities) -> Fill:
    """All of the body but its messages, which are put into it."""
    head = _write_head(request, capabilities)

    def fill(items: list[Item]) -> Written:
        dropped: list[str] = []
        turns = Turns(request.instructions, items, capabilities, dropped)
        return Written(body={**head.body, "messages": turns.messages}, dropped=dropped + head.dropped)

    return fill


def _write_head(request: ModelRequest, capabilities: Capabilities) -> Written:
    dropped: list[str] = []
    body: dict[str, Any] = {"model": request.model, "messages": [], "stream": request.stream}
    if request.stream and capabilities.stream_options:
        body["stream_options"] = {"include_usage": True}
    _write_tools(request, capabilities, body, dropped)
    if (format := _write_format(request.text_format)) is not None:
        body["response_format"] = format
    _write_settings(request.settings, capabilities, body)
    _write_effort(request, capabilities, body, dropped)
    _merge_extras(request, body)
    body.update(request.unknown)
    dropped += leave_out(body, capabilities)
    return Written(body=body, dropped=dropped)


def _write_tools(request: ModelRequest, capabilities: Capabilities, body: dict[str, Any], dropped: list[str]) -> None:
    """Nothing about tools without tools: an empty list is an error at many vendors."""
    if not request.tools:
        return
    body["tools"] = [write_tool(tool, capabilities.strict_tools) for tool in request.tools]
    if not capabilities.strict_tools and any(isinstance(tool, FunctionTool) and tool.strict for tool in request.tools):
        dropped.append("strict")
    if request.tool_choice is not None:
        body["tool_choice"] = write_tool_choice(request.tool_choice, request.tools)
    if request.settings.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = request.settings.parallel_tool_calls


def _write_settings(settings: ModelSettings, capabilities: Capabilities, body: dict[str, Any]) -> None:
    if settings.max_output_tokens is not None:
        body[capabilities.max_tokens_field] = settings.max_output_tokens
    for name in _SAME_NAMES:
        value = getattr(settings, name)
        if value is not None:
            body[name] = value
    if settings.logprobs or settings.top_logprobs or _LOGPROBS in (settings.include or ()):
        body["logprobs"] = True
        if settings.top_logprobs is not None:
            body["top_logprobs"] = settings.top_logprobs


def _write_effort(request: ModelRequest, capabilities: Capabilities, body: dict[str, Any], dropped: list[str]) -> None:
    asked = None if request.reasoning is None else request.reasoning.effort
    if off := switch_off(asked, capabilities):
        body.update(off)
        return
    effort = fit_effort(asked, capabilities)
    if effort is not None:
        body["reasoning_effort"] = effort
    if effort != asked:
        dropped.append("effort")


def _write_format(format: TextFormat | None) -> dict[str, Any] | None:
    """The `response_format`; lowering lets no other shape through than one that the target keeps."""
    if format is None or format.type == "text":
        return None
    return _write_schema(format) if format.type == "json_schema" else {"type": "json_object"}


def _write_schema(format: TextFormat) -> dict[str, Any]:
    schema: dict[str, Any] = {"name": format.name or "answer", "schema": format.schema or {}}
    if format.description is not None:
        schema["description"] = format.description
    if format.strict is not None:
        schema["strict"] = format.strict
    return {"type": "json_schema", "json_schema": schema}


def _merge_extras(request: ModelRequest, body: dict[str, Any]) -> None:
    extras = dict(request.extras.get("chat", {}))
    options = extras.pop("stream_options", None)
    if request.stream and type(options) is dict:
        body["stream_options"] = {**options, **body.get("stream_options", {})}
    body.update(extras)
