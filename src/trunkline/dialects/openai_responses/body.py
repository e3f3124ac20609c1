"""A lowered `ModelRequest` → the body for an upstream that speaks Responses.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from typing import Any

from trunkline.capabilities import Capabilities
from trunkline.dialects.dialect import Fill, Written
from trunkline.dialects.openai_responses.parts import DIALECT_NAME, without_none
from trunkline.dialects.openai_responses.request import LOGPROBS
from trunkline.dialects.openai_responses.tools import write_tool, write_tool_choice
from trunkline.dialects.openai_responses.turns import write_input
from trunkline.dialects.refused import fit_effort, leave_out
from trunkline.items import Item, Reasoning
from trunkline.request import ModelRequest, ReasoningSettings, TextFormat

_ENCRYPTED_REASONING = "reasoning.encrypted_content"

# OpenAI refuses less: "Expected a value >= 16".
_LEAST_OUTPUT_TOKENS = 16

# Anthropic's explicit budgets as efforts: the first level whose ceiling holds the budget.
_EFFORT_CEILINGS = ((1024, "minimal"), (2048, "low"), (8192, "medium"), (24576, "high"))

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
        asks = request.reasoning is not None or any(type(item) is Reasoning for item in items)
        # Models without the dial do not think, and refuse whatever is asked of that.
        thinks = capabilities.effort and asks
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
            "reasoning": _write_reasoning(request.reasoning) or None,
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
    asked = body.pop("reasoning", {})
    effort = fit_effort(asked.get("effort"), capabilities)
    fitted = without_none({**asked, "effort": effort}) if capabilities.effort else {}
    dropped += [name for name in ("effort", "summary") if fitted.get(name) != asked.get(name)]
    if fitted:
        body["reasoning"] = fitted


def _write_limit(limit: int | None) -> int | None:
    return None if limit is None else max(limit, _LEAST_OUTPUT_TOKENS)


def _write_include(request: ModelRequest, store: bool, thinks: bool) -> list[str]:
    settings = request.settings
    include = list(settings.include or ())
    if settings.logprobs or settings.top_logprobs:
        include.append(LOGPROBS)
    # OpenAI gives it by default today, others when asked; models that do not think may refuse the very question.
    if not store and thinks and not _is_hushed(request):
        include.append(_ENCRYPTED_REASONING)
    return list(dict.fromkeys(include))


def _is_hushed(request: ModelRequest) -> bool:
    return request.reasoning is not None and _write_reasoning(request.reasoning).get("effort") == "none"


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


def _write_reasoning(reasoning: ReasoningSettings | None) -> dict[str, Any]:
    """`reasoning` for an upstream; an explicit budget becomes the effort that stands nearest."""
    if reasoning is None:
        return {}
    effort = reasoning.effort
    if effort is None and reasoning.budget_tokens is not None:
        effort = next((word for ceiling, word in _EFFORT_CEILINGS if reasoning.budget_tokens <= ceiling), "xhigh")
    return without_none({"effort": effort, "summary": reasoning.summary}) | reasoning.extras.get(DIALECT_NAME, {})
