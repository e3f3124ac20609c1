"""A lowered `ModelRequest` → the body of Converse and ConverseStream, which are the same.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html (November 2026).
"""

import re
from typing import Any

import msgspec

from trunkline.capabilities import Capabilities
from trunkline.dialects.anthropic.schema import fits, narrow_schema
from trunkline.dialects.anthropic.thinking import write_thinking
from trunkline.dialects.bedrock.turns import Turns
from trunkline.dialects.dialect import Written
from trunkline.items import FunctionTool, ToolCall, ToolChoice
from trunkline.request import ModelRequest, ModelSettings, TextFormat

_ANY_OBJECT = {"type": "object", "properties": {}}
_TIERS = frozenset({"priority", "default", "flex", "reserved"})
_METADATA_VALUE = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}")
_METADATA_ENTRIES = 16


def write_request(request: ModelRequest, capabilities: Capabilities) -> Written:
    """The body, and what of the request did not go into it, in our vocabulary's words (`effort`, `text_format`).

    Model and streaming stand in the path. Raises `InvalidRequest` where the caller's thinking budget and output limit
    contradict each other, and for media that cannot be read.
    """
    return _Body(request, capabilities).written()


class _Body:
    """One body in the making."""

    def __init__(self, request: ModelRequest, capabilities: Capabilities) -> None:
        self._request = request
        self._capabilities = capabilities
        self._dropped: list[str] = []

    def written(self) -> Written:
        request = self._request
        settings = request.settings
        turns = Turns(request.items)
        tools = self._write_tool_config()
        is_forced = not {"any", "tool"}.isdisjoint(tools.get("toolChoice", ()))
        thinking = write_thinking(
            request.reasoning,
            settings.max_output_tokens,
            self._capabilities,
            must_hush=is_forced or self._has_lost_thought(turns),
        )
        self._dropped += thinking.dropped
        shape = _write_format(request.text_format)
        limit = settings.max_output_tokens
        if thinking.thinking is not None and "budget_tokens" in thinking.thinking:
            limit = thinking.max_tokens
        inference = _present(maxTokens=limit, stopSequences=settings.stop or None)
        sampling, more = self._write_sampling(settings, is_thinking=thinking.is_on)
        body: dict[str, Any] = {"messages": turns.messages}
        _put(body, "system", self._write_system(turns))
        _put(body, "inferenceConfig", {**inference, **sampling})
        _put(body, "toolConfig", tools)
        _put(body, "outputConfig", _present(effort=thinking.effort, textFormat=shape))
        more |= _present(thinking=thinking.thinking)
        _put(body, "additionalModelRequestFields", {**more, **request.unknown})
        if settings.stop:
            # Which of them was hit is told only when asked; a model that does not know passes it over.
            body["additionalModelResponseFieldPaths"] = ["/stop_sequence"]
        self._add_labels(body, settings)
        return Written(body=body, dropped=self._dropped)

    def _has_lost_thought(self, turns: Turns) -> bool:
        """Whether calls that wait for an answer came back without the thought before them, as Chat clients send them.

        Models with a budget refuse that while they think; adaptive ones do not mind.
        """
        if self._capabilities.thinking != "manual" or len(turns.messages) < 2:
            return False
        called, answered = (turn["content"] for turn in turns.messages[-2:])
        is_open = "toolResult" in answered[0] and any("toolUse" in block for block in called)
        return is_open and "reasoningContent" not in called[0]

    def _write_system(self, turns: Turns) -> list[dict[str, Any]]:
        instructions = self._request.instructions or ""
        own = [{"text": instructions}] if instructions.strip() else []
        return [*own, *turns.system]

    # --- tools --------------------------------------------------------------------------------------------------

    def _write_tool_config(self) -> dict[str, Any]:
        """The tools that may be called. There is no choice of none: they are withheld instead.

        But a history with calls needs their tools declared, though none may be called any more.
        """
        request = self._request
        choice = request.tool_choice or ToolChoice(mode="auto")
        functions = {tool.name: tool for tool in request.tools if isinstance(tool, FunctionTool)}
        if functions and choice.mode != "none":
            return {"tools": [self._write_tool(tool) for tool in functions.values()], **_write_choice(choice)}
        called = dict.fromkeys(item.name for item in request.items if isinstance(item, ToolCall))
        tools = [self._write_tool(functions.get(name) or FunctionTool(name=name)) for name in called]
        return {"tools": tools} if tools else {}

    def _write_tool(self, tool: FunctionTool) -> dict[str, Any]:
        spec: dict[str, Any] = {"name": tool.name, **_present(description=tool.description or None)}
        spec["inputSchema"] = {"json": _write_parameters(tool.parameters)}
        if tool.strict and self._takes_strict(tool):
            spec["strict"] = True
        return {"toolSpec": spec}

    def _takes_strict(self, tool: FunctionTool) -> bool:
        if self._capabilities.strict_tools and fits(tool.parameters or _ANY_OBJECT):
            return True
        if "tools.strict" not in self._dropped:
            self._dropped.append("tools.strict")
        return False

    # --- the rest -----------------------------------------------------------------------------------------------

    def _write_sampling(self, settings: ModelSettings, *, is_thinking: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        """Sampling knobs: those of every model, and those of some.

        Models that think take none while they do; those of the same make do not take `temperature` and `topP` both.
        """
        asked = _present(temperature=settings.temperature, top_p=settings.top_p, top_k=settings.top_k)
        written: dict[str, Any] = {}
        for name, value in asked.items():
            is_default = name != "top_k" and value == 1
            is_second = name == "top_p" and "temperature" in written and self._capabilities.thinking != "none"
            takes = self._capabilities.sampling and not is_thinking and not is_second
            if takes and not is_default:
                # Others go up to 2, these models to 1.
                written[name] = min(value, 1.0) if name == "temperature" else value
            if not is_default and (not takes or written[name] != value):
                self._dropped.append(name)
        top_k = _present(top_k=written.pop("top_k", None))
        return _present(temperature=written.get("temperature"), topP=written.get("top_p")), top_k

    def _add_labels(self, body: dict[str, Any], settings: ModelSettings) -> None:
        """The tier, and metadata as far as it fits: AWS puts it into the logs of invocations."""
        if settings.service_tier in _TIERS:
            body["serviceTier"] = {"type": settings.service_tier}
        elif settings.service_tier not in (None, "auto"):
            self._dropped.append("service_tier")
        if not settings.metadata:
            return
        labels = settings.metadata.items()
        if len(labels) <= _METADATA_ENTRIES and all(_fits_label(name, value) for name, value in labels):
            body["requestMetadata"] = settings.metadata
        else:
            self._dropped.append("metadata")


def _fits_label(name: str, value: Any) -> bool:
    return bool(name) and all(isinstance(text, str) and _METADATA_VALUE.fullmatch(text) for text in (name, value))


def _put(body: dict[str, Any], name: str, value: Any) -> None:
    if value:
        body[name] = value


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _write_format(format: TextFormat | None) -> dict[str, Any] | None:
    """A schema as the wire has it: JSON within a string. Any JSON object cannot be asked for; lowering knows."""
    if format is None or format.type != "json_schema":
        return None
    schema = narrow_schema(format.schema or dict(_ANY_OBJECT))
    named = _present(name=format.name or None, description=format.description or None)
    written = {"schema": msgspec.json.encode(schema).decode(), **named}
    return {"type": "json_schema", "structure": {"jsonSchema": written}}


def _write_choice(choice: ToolChoice) -> dict[str, Any]:
    match choice.mode:
        case "required":
            return {"toolChoice": {"any": {}}}
        case "tool":
            return {"toolChoice": {"tool": {"name": choice.name or choice.kind}}}
        case _:
            return {}


def _write_parameters(parameters: dict[str, Any] | None) -> dict[str, Any]:
    """The schema untouched; what is no object's schema takes anything."""
    if parameters is None or parameters.get("type", "object") != "object":
        return dict(_ANY_OBJECT)
    return parameters if "type" in parameters else {"type": "object", **parameters}
