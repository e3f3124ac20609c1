"""A lowered `ModelRequest` → the body for a Gemini upstream. The model and whether it streams stand in the path.

Source: https://ai.google.dev/api/generate-content.
"""

from typing import Any, assert_never

from trunkline.capabilities import Capabilities
from trunkline.dialects.dialect import Fill, Written
from trunkline.dialects.gemini.schema import write_schema
from trunkline.dialects.gemini.thinking import write_thinking
from trunkline.dialects.gemini.turns import Turns
from trunkline.dialects.gemini.wire import DIALECT
from trunkline.items import CustomTool, FunctionTool, Item, OtherTool, ToolChoice
from trunkline.request import ModelRequest, ModelSettings, TextFormat

GENERATION_EXTRAS: frozenset[str] = frozenset(
    {
        "audioTimestamp",
        "audioTranscriptionConfig",
        "enableAffectiveDialog",
        "enableEnhancedCivicAnswers",
        "imageConfig",
        "mediaResolution",
        "modelSelectionConfig",
        "responseFormat",
        "responseModalities",
        "routingConfig",
        "speechConfig",
        "translationConfig",
    }
)
"""Members of `generationConfig` that our vocabulary has no word for."""

_TIERS = {"default": "standard", "flex": "flex", "priority": "priority"}

# Our word and the wire's, for what is copied.
_SAME = (
    ("max_output_tokens", "maxOutputTokens"),
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
    ("stop", "stopSequences"),
    ("seed", "seed"),
    ("frequency_penalty", "frequencyPenalty"),
    ("presence_penalty", "presencePenalty"),
)
_SAMPLING = ("temperature", "topP", "topK")


def write_request(request: ModelRequest, capabilities: Capabilities) -> Written:
    """The body, and what of the request did not go into it, in our vocabulary's words (`effort`, `service_tier`).

    Raises `InvalidRequest` and `Unsupported` for media that Gemini cannot read.
    """
    return write_head(request, capabilities)(request.items)


def write_head(request: ModelRequest, capabilities: Capabilities) -> Fill:
    """All of the body but its contents, which are put into it."""
    head = _Head(request, capabilities).written()
    own = [{"text": request.instructions}] if (request.instructions or "").strip() else []

    def fill(items: list[Item]) -> Written:
        turns = Turns(items, capabilities)
        body: dict[str, Any] = {"contents": turns.messages}
        if parts := own + turns.system:
            body["systemInstruction"] = {"parts": parts}
        return Written(body=body | head.body, dropped=head.dropped)

    return fill


def go_on(body: dict[str, Any], items: list[Item], token: str | None) -> dict[str, Any] | None:
    """The same body with the token that came with the pause. Source: the official SDK, which does it unasked."""
    return {**body, "continuationToken": token} if token else None


class _Head:
    """All of a body but what is said, in the making."""

    def __init__(self, request: ModelRequest, capabilities: Capabilities) -> None:
        self._request = request
        self._capabilities = capabilities
        self._dropped: list[str] = []

    def written(self) -> Written:
        config = self._write_config()
        body: dict[str, Any] = {}
        tools = _write_tools(self._request)
        if tools:
            body["tools"] = tools
            if choice := self._write_choice():
                body["toolConfig"] = {"functionCallingConfig": choice}
        if config:
            body["generationConfig"] = config
        self._add_tier(body)
        self._add_extras(body)
        return Written(body=body, dropped=self._dropped)

    # --- generationConfig ---------------------------------------------------------------------------------------

    def _write_config(self) -> dict[str, Any]:
        settings = self._request.settings
        config: dict[str, Any] = {}
        for word, name in _SAME:
            if (value := getattr(settings, word)) not in (None, []):
                config[name] = value
        if not self._capabilities.sampling:
            self._drop_sampling(config)
        self._write_logprobs(settings, config)
        config |= _write_format(self._request.text_format)
        thinking = write_thinking(self._request.reasoning, self._capabilities)
        self._dropped += thinking.dropped
        if thinking.config is not None:
            config["thinkingConfig"] = thinking.config
        return config

    def _drop_sampling(self, config: dict[str, Any]) -> None:
        words = {name: word for word, name in _SAME}
        for name in _SAMPLING:
            # 1 is what the model does anyway.
            if config.pop(name, 1) != 1:
                self._dropped.append(words[name])

    def _write_logprobs(self, settings: ModelSettings, config: dict[str, Any]) -> None:
        asked = "message.output_text.logprobs" in (settings.include or ())
        if settings.logprobs or settings.top_logprobs is not None or asked:
            config["responseLogprobs"] = True
        if settings.top_logprobs:
            config["logprobs"] = settings.top_logprobs

    # --- tools --------------------------------------------------------------------------------------------------

    def _write_choice(self) -> dict[str, Any] | None:
        request = self._request
        choice = request.tool_choice or ToolChoice(mode="auto")
        match choice.mode:
            case "none":
                return {"mode": "NONE"}
            case "required":
                return _narrowed({"mode": "ANY"}, choice.allowed)
            case "tool":
                return _narrowed({"mode": "ANY"}, [choice.name] if choice.name else [])
            case "auto":
                is_strict = any(isinstance(tool, FunctionTool) and tool.strict for tool in request.tools)
                return {"mode": "VALIDATED"} if is_strict and self._capabilities.strict_tools else None
            case _:
                assert_never(choice.mode)

    # --- the rest -----------------------------------------------------------------------------------------------

    def _add_tier(self, body: dict[str, Any]) -> None:
        tier = self._request.settings.service_tier
        if tier in _TIERS:
            body["serviceTier"] = _TIERS[tier]
        elif tier not in (None, "auto"):
            self._dropped.append("service_tier")

    def _add_extras(self, body: dict[str, Any]) -> None:
        """What the caller said in this very dialect, and what the target is known to take besides."""
        for name, value in (*self._request.extras.get(DIALECT, {}).items(), *self._request.unknown.items()):
            if name in GENERATION_EXTRAS:
                body.setdefault("generationConfig", {})[name] = value
            else:
                before = body.get(name)
                body[name] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value


def _write_format(asked: TextFormat | None) -> dict[str, Any]:
    """Lowering lets no other shape through than one that the model keeps."""
    if asked is None or asked.type == "text":
        return {}
    shape: dict[str, Any] = {"responseMimeType": "application/json"}
    if asked.type == "json_schema" and asked.schema is not None:
        shape["responseJsonSchema"] = write_schema(asked.described_schema)
    return shape


def _narrowed(choice: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {**choice, "allowedFunctionNames": names} if names else choice


def _write_tools(request: ModelRequest) -> list[dict[str, Any]]:
    """All functions in one entry, as Google wants them; its own tools as they are."""
    functions = [_write_function(tool) for tool in request.tools if not isinstance(tool, OtherTool)]
    others = [tool.value for tool in request.tools if isinstance(tool, OtherTool)]
    return ([{"functionDeclarations": functions}] if functions else []) + others


def _write_function(tool: FunctionTool | CustomTool) -> dict[str, Any]:
    written: dict[str, Any] = {"name": tool.name}
    if tool.description:
        written["description"] = tool.description
    if isinstance(tool, CustomTool):
        schema = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
        written["parametersJsonSchema"] = schema
    elif tool.parameters and (tool.parameters.get("properties") or set(tool.parameters) - _EMPTY_SCHEMA):
        written["parametersJsonSchema"] = write_schema(tool.parameters)
    return {**written, **tool.extras.get(DIALECT, {})}


# A function without parameters is written without a schema: an object without properties is refused by some models.
_EMPTY_SCHEMA = {"type", "properties", "$schema", "additionalProperties", "required", "title", "description"}
