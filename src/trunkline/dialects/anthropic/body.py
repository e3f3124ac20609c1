"""A lowered `ModelRequest` → the body for an Anthropic upstream.

Source: https://docs.anthropic.com/en/api/messages.
"""

from typing import Any, assert_never

from msgspec.structs import replace

from trunkline.capabilities import Capabilities
from trunkline.dialects.anthropic.blocks import DIALECT
from trunkline.dialects.anthropic.schema import fits, narrow_schema
from trunkline.dialects.anthropic.thinking import write_thinking
from trunkline.dialects.anthropic.turns import Turns
from trunkline.dialects.dialect import Fill, Written
from trunkline.errors import Unsupported
from trunkline.items import CustomTool, FunctionTool, Item, OtherTool, Tool, ToolCall, ToolChoice
from trunkline.request import ModelRequest, ModelSettings, TextFormat

_TIERS = {"auto": "auto", "standard_only": "standard_only", "default": "standard_only"}

# What names the version of MCP servers that is meant.
_MCP_BETA = b"mcp-client-2025-11-20"

_ANY_OBJECT = {"type": "object", "properties": {}}


def write_request(request: ModelRequest, capabilities: Capabilities) -> Written:
    """The body, and what of the request did not go into it, in our vocabulary's words (`effort`, `text_format`).

    Raises `InvalidRequest` where the caller's thinking budget and output limit contradict each other, and for media
    that Anthropic cannot read.
    """
    return write_head(request, capabilities)(request.items)


def write_head(request: ModelRequest, capabilities: Capabilities) -> Fill:
    """All of the body but its messages and system text, which are put into it."""
    return _Head(request, capabilities).fill


def go_on(body: dict[str, Any], items: list[Item], token: str | None) -> dict[str, Any] | None:
    """The body with what has been said so far as its last turn: a server's tools are to go on from there.

    Source: https://docs.anthropic.com/en/docs/build-with-claude/handling-stop-reasons (pause_turn).
    """
    said = [block for turn in Turns(items).messages if turn["role"] == "assistant" for block in turn["content"]]
    if not said:
        return None
    *before, last = body["messages"]
    if last["role"] == "assistant":
        return {**body, "messages": [*before, {**last, "content": [*last["content"], *said]}]}
    return {**body, "messages": [*before, last, {"role": "assistant", "content": said}]}


class _Head:
    """A body without what is said, written once for each of the two ways in which that has a say in the rest."""

    def __init__(self, request: ModelRequest, capabilities: Capabilities) -> None:
        self._request = request
        self._capabilities = capabilities
        self._written: dict[bool, Written] = {}

    def fill(self, items: list[Item]) -> Written:
        turns = Turns(items, mid_system=self._capabilities.mid_system)
        self._check_last(turns)
        written = self._write(items, self._has_lost_thought(turns))
        body = {**written.body, "messages": turns.messages}
        if system := self._write_system(turns):
            body["system"] = system
        else:
            del body["system"]
        return replace(written, body=body)

    def _write(self, items: list[Item], has_lost: bool) -> Written:
        written = self._written.get(has_lost)
        if written is None:
            written = _Body(self._request, self._capabilities).written(items, has_lost=has_lost)
            if self._request.tools:
                # Without any, those that were called are declared.
                self._written[has_lost] = written
        return written

    def _check_last(self, turns: Turns) -> None:
        """Newer models do not go on from words that are put into their mouths."""
        if not self._capabilities.prefill and turns.messages[-1]["role"] == "assistant":
            raise Unsupported(
                "the last message is the assistant's, which this model does not go on from: end with the user's, or name"
                " another model",
                param="messages",
            )

    def _has_lost_thought(self, turns: Turns) -> bool:
        """Whether calls that wait for an answer came back without the thought before them, as Chat clients send them.

        Manual models refuse that while they think; adaptive ones do not mind.
        """
        if self._capabilities.thinking != "manual" or len(turns.messages) < 2:
            return False
        called, answered = (turn["content"] for turn in turns.messages[-2:])
        is_open = answered[0]["type"] == "tool_result" and any(block["type"] == "tool_use" for block in called)
        return is_open and called[0]["type"] not in ("thinking", "redacted_thinking")

    def _write_system(self, turns: Turns) -> str | list[dict[str, Any]]:
        """A plain string where nothing but instructions stands there."""
        instructions = self._request.instructions or ""
        if not turns.system:
            return instructions if instructions.strip() else ""
        own = [{"type": "text", "text": instructions}] if instructions.strip() else []
        return [*own, *turns.system]


class _Body:
    """One body in the making, with its place for what is said."""

    def __init__(self, request: ModelRequest, capabilities: Capabilities) -> None:
        self._request = request
        self._capabilities = capabilities
        self._dropped: list[str] = []

    def written(self, items: list[Item], *, has_lost: bool) -> Written:
        request = self._request
        body: dict[str, Any] = {"model": request.model}
        tools, choice = self._write_tools(items)
        is_forced = choice is not None and choice["type"] in ("any", "tool")
        if is_forced:
            self._check_force()
        thinking = write_thinking(
            request.reasoning,
            request.settings.max_output_tokens,
            self._capabilities,
            must_hush=is_forced or has_lost,
        )
        self._dropped += thinking.dropped
        shape = self._write_format()
        body["max_tokens"] = thinking.max_tokens
        body["system"] = ""
        body["messages"] = []
        _put(body, "tools", tools)
        _put(body, "tool_choice", choice)
        _put(body, "thinking", thinking.thinking)
        _put(body, "output_config", _present(effort=thinking.effort, format=shape))
        body |= self._write_settings(request.settings, is_thinking=thinking.is_on)
        if request.stream:
            body["stream"] = True
        self._add_extras(body)
        headers = {b"anthropic-beta": _MCP_BETA} if "mcp_servers" in body else {}
        return Written(body=body, dropped=self._dropped, headers=headers)

    def _check_force(self) -> None:
        """A forced tool needs a model that can be kept from thinking."""
        capabilities = self._capabilities
        if not capabilities.forced_tools or (
            capabilities.thinking != "manual" and capabilities.thinking_off != "disabled"
        ):
            raise Unsupported(
                "`tool_choice` cannot force a tool with this model, which always thinks first: use `auto`, or name"
                " another model",
                param="tool_choice",
            )

    # --- the shape of the answer --------------------------------------------------------------------------------

    def _write_format(self) -> dict[str, Any] | None:
        """`output_config.format`; lowering lets no other shape through than a schema that the model keeps."""
        asked = self._request.text_format
        if asked is None or asked.type == "text":
            return None
        return {"type": "json_schema", "schema": narrow_schema(_described(asked))}

    # --- tools --------------------------------------------------------------------------------------------------

    def _write_tools(self, items: list[Item]) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        request = self._request
        choice = request.tool_choice or ToolChoice(mode="auto")
        tools = [self._write_tool(tool) for tool in request.tools]
        if not tools:
            return _declare_called(items)
        serial = request.settings.parallel_tool_calls is False
        return tools, _write_choice(choice, serial)

    def _write_tool(self, tool: Tool) -> dict[str, Any]:
        match tool:
            case FunctionTool():
                written: dict[str, Any] = {"name": tool.name}
                _put(written, "description", tool.description)
                written["input_schema"] = _write_parameters(tool.parameters)
                if tool.strict and self._takes_strict(tool):
                    written["strict"] = True
                return {**written, **tool.extras.get(DIALECT, {})}
            case CustomTool():
                schema = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
                return {"name": tool.name, **_present(description=tool.description), "input_schema": schema}
            case OtherTool():
                return tool.value
            case _:
                assert_never(tool)

    def _takes_strict(self, tool: FunctionTool) -> bool:
        if self._capabilities.strict_tools and fits(tool.parameters or _ANY_OBJECT):
            return True
        if "strict" not in self._dropped:
            self._dropped.append("strict")
        return False

    # --- the rest -----------------------------------------------------------------------------------------------

    def _write_settings(self, settings: ModelSettings, *, is_thinking: bool) -> dict[str, Any]:
        written: dict[str, Any] = {}
        _put(written, "stop_sequences", settings.stop)
        written |= self._write_sampling(settings, is_thinking=is_thinking)
        user = settings.user or settings.safety_identifier
        if user is not None:
            written["metadata"] = {"user_id": user}
        if settings.safety_identifier not in (None, user):
            self._dropped.append("safety_identifier")
        if settings.service_tier is not None:
            if settings.service_tier in _TIERS:
                written["service_tier"] = _TIERS[settings.service_tier]
            else:
                self._dropped.append("service_tier")
        return written

    def _write_sampling(self, settings: ModelSettings, *, is_thinking: bool) -> dict[str, Any]:
        """Sampling knobs where the model has them: not on newer models, not while thinking, and never both at once."""
        asked: dict[str, Any] = _present(temperature=settings.temperature, top_p=settings.top_p, top_k=settings.top_k)
        written: dict[str, Any] = {}
        for name, value in asked.items():
            is_default = name != "top_k" and value == 1
            takes = self._capabilities.sampling and not is_thinking and not (name == "top_p" and written)
            if takes and not is_default:
                # Others go up to 2, Anthropic to 1.
                written[name] = min(value, 1.0) if name == "temperature" else value
            if not is_default and (not takes or written[name] != value):
                self._dropped.append(name)
        return written

    def _add_extras(self, body: dict[str, Any]) -> None:
        """What the caller said in this very dialect, and what the target is known to take besides."""
        for name, value in (*self._request.extras.get(DIALECT, {}).items(), *self._request.unknown.items()):
            before = body.get(name)
            body[name] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value


def _declare_called(items: list[Item]) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """A history with calls needs their tools declared, though none may be called any more."""
    names = dict.fromkeys(item.name for item in items if isinstance(item, ToolCall))
    if not names:
        return [], None
    return [{"name": name, "input_schema": dict(_ANY_OBJECT)} for name in names], {"type": "none"}


def _put(body: dict[str, Any], name: str, value: Any) -> None:
    if value:
        body[name] = value


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _described(format: TextFormat) -> dict[str, Any]:
    schema = format.schema or dict(_ANY_OBJECT)
    if format.description and "description" not in schema:
        return {**schema, "description": format.description}
    return schema


def _write_choice(choice: ToolChoice, serial: bool) -> dict[str, Any] | None:
    written: dict[str, Any]
    match choice.mode:
        case "none":
            return {"type": "none"}
        case "auto":
            if not serial:
                return None
            written = {"type": "auto"}
        case "required":
            written = {"type": "any"}
        case "tool":
            written = {"type": "tool", "name": choice.name or choice.kind}
        case _:
            assert_never(choice.mode)
    if serial:
        written["disable_parallel_tool_use"] = True
    return written


def _write_parameters(parameters: dict[str, Any] | None) -> dict[str, Any]:
    """The schema untouched; what is no object's schema takes anything."""
    if parameters is None or parameters.get("type", "object") != "object":
        return dict(_ANY_OBJECT)
    return parameters if "type" in parameters else {"type": "object", **parameters}
