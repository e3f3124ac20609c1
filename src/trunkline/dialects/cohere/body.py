"""A lowered `ModelRequest` → the body for Cohere's v2 chat.

Source: https://docs.cohere.com/reference/chat (November 2026).
"""

from typing import Any

from trunkline.capabilities import Capabilities
from trunkline.dialects.cohere.turns import Turns
from trunkline.dialects.dialect import Written
from trunkline.items import FunctionTool, Tool, ToolChoice
from trunkline.request import ModelRequest, ModelSettings, TextFormat

_ANY_OBJECT = {"type": "object", "properties": {}}

# How long each effort may think; above `high` the model's own limit holds.
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 24576}

# What the wire takes where others go from -2 to 2.
_LEAST_PENALTY, _MOST_PENALTY = 0.0, 1.0


def write_request(request: ModelRequest, capabilities: Capabilities) -> Written:
    """The body, and what of the request did not go into it, in our vocabulary's words.

    Raises `Unsupported` for media that the wire has no words for.
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
        tools = self._write_tools()
        shape = _write_format(request.text_format)
        body: dict[str, Any] = {
            "model": request.model,
            "stream": request.stream,
            "messages": Turns(request.instructions, request.items).messages,
            **tools,
            **self._write_settings(request.settings),
        }
        if shape is not None:
            body["response_format"] = shape
        if (thinking := self._write_thinking()) is not None:
            body["thinking"] = thinking
        body |= request.unknown
        return Written(body=body, dropped=self._dropped)

    def _write_thinking(self) -> dict[str, Any] | None:
        asked = self._request.reasoning
        if asked is None or (asked.effort is None and asked.budget_tokens is None):
            return None
        if asked.effort == "none":
            return {"type": "disabled"}
        budget = asked.budget_tokens or _BUDGETS.get(asked.effort or "")
        return {"type": "enabled"} if budget is None else {"type": "enabled", "token_budget": budget}

    # --- tools --------------------------------------------------------------------------------------------------

    def _write_tools(self) -> dict[str, Any]:
        """The tools that may be called, and whether one must be; a certain one is the only one offered."""
        choice = self._request.tool_choice or ToolChoice(mode="auto")
        tools = _offered(self._request.tools, choice)
        if not tools:
            return {}
        written: dict[str, Any] = {"tools": [_write_tool(tool) for tool in tools]}
        if choice.mode in ("required", "tool"):
            written["tool_choice"] = "REQUIRED"
        elif choice.mode == "none":
            written["tool_choice"] = "NONE"
        if self._takes_strict(tools):
            written["strict_tools"] = True
        return written

    def _takes_strict(self, tools: list[FunctionTool]) -> bool:
        """The wire is strict with all tools or with none, and then wants a required member in each."""
        strict = [tool for tool in tools if tool.strict]
        if not strict:
            return False
        if len(strict) == len(tools) and all((tool.parameters or {}).get("required") for tool in strict):
            return True
        self._dropped.append("tools.strict")
        return False

    # --- the rest -----------------------------------------------------------------------------------------------

    def _write_settings(self, settings: ModelSettings) -> dict[str, Any]:
        written = {
            "max_tokens": settings.max_output_tokens,
            "stop_sequences": settings.stop or None,
            "seed": settings.seed,
            "logprobs": settings.logprobs or None,
            "frequency_penalty": self._fit("frequency_penalty", settings.frequency_penalty),
            "presence_penalty": self._fit("presence_penalty", settings.presence_penalty),
            **self._write_sampling(settings),
        }
        return {name: value for name, value in written.items() if value is not None}

    def _write_sampling(self, settings: ModelSettings) -> dict[str, Any]:
        top_p = settings.top_p
        if top_p is not None:
            # 1, everybody's way to say "all", is just beyond what the wire takes.
            top_p = min(max(top_p, 0.01), 0.99)
        return {"temperature": settings.temperature, "p": top_p, "k": settings.top_k}

    def _fit(self, name: str, value: float | None) -> float | None:
        """A penalty in the wire's range; one that had to be cut is said."""
        if value is None:
            return None
        fitted = min(max(value, _LEAST_PENALTY), _MOST_PENALTY)
        if fitted != value:
            self._dropped.append(name)
        return fitted


def _write_format(format: TextFormat | None) -> dict[str, Any] | None:
    if format is None or format.type == "text":
        return None
    if format.schema is None:
        return {"type": "json_object"}
    return {"type": "json_object", "json_schema": format.described_schema}


def _offered(tools: list[Tool], choice: ToolChoice) -> list[FunctionTool]:
    """A certain tool cannot be asked for, so that it is the only one offered."""
    functions = [tool for tool in tools if isinstance(tool, FunctionTool)]
    return [tool for tool in functions if choice.mode != "tool" or tool.name == choice.name]


def _write_tool(tool: FunctionTool) -> dict[str, Any]:
    described = {"description": tool.description} if tool.description else {}
    function = {"name": tool.name, **described, "parameters": _write_parameters(tool.parameters)}
    return {"type": "function", "function": function}


def _write_parameters(parameters: dict[str, Any] | None) -> dict[str, Any]:
    """The schema untouched; what is no object's schema takes anything."""
    if parameters is None or parameters.get("type", "object") != "object":
        return dict(_ANY_OBJECT)
    return parameters if "type" in parameters else {"type": "object", **parameters}
