"""What a caller asks of a model, free of any wire: items, tools and settings."""

from typing import Any, Literal

from msgspec import Struct, field

from trunkline.items import Extras, Item, Tool, ToolChoice


class TextFormat(Struct, frozen=True, kw_only=True):
    """The shape of the answer: `text`, `json_object`, or `json_schema` with a schema.

    `is_bare`: the schema is that of a string, and the answer is the string's words instead of its JSON.
    """

    type: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    description: str | None = None
    is_bare: bool = False

    @property
    def described_schema(self) -> dict[str, Any]:
        """The schema, for wires that have no other place for what is said of it."""
        schema = self.schema or {}
        if self.description is None or "description" in schema:
            return schema
        return {**schema, "description": self.description}


class ReasoningSettings(Struct, frozen=True, kw_only=True):
    """How hard to think, and what to show of it.

    `effort`: `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max` or `None` for the model's own default.
    `summary`: `auto`, `concise`, `detailed` or `None`. `budget_tokens` is Anthropic's and Gemini's explicit budget.
    `is_shown`: the caller's API shows thoughts unless told not to; they are asked for where that costs nothing.
    """

    effort: str | None = None
    summary: str | None = None
    is_shown: bool = False
    budget_tokens: int | None = None
    extras: Extras = field(default_factory=dict)


class ModelSettings(Struct, frozen=True, kw_only=True):
    """Everything about how to answer that is not content. `None` means that the caller did not say."""

    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: list[str] | None = None
    logit_bias: dict[str, float] | None = None
    top_logprobs: int | None = None
    logprobs: bool | None = None
    n: int | None = None
    parallel_tool_calls: bool | None = None
    verbosity: str | None = None
    service_tier: str | None = None
    truncation: str | None = None
    store: bool | None = None
    metadata: dict[str, Any] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    max_tool_calls: int | None = None
    include: list[str] | None = None
    background: bool | None = None


class ModelRequest(Struct, frozen=True, kw_only=True):
    """One request to a model.

    `model` is the name as the caller wrote it until the router has spoken, then the target's own. `instructions` is
    the caller's top-level system text (Responses' `instructions`, Anthropic's string `system`); system and developer
    messages elsewhere stay in `items`, in place. `include_usage` is Chat's `stream_options.include_usage`.
    `extras` holds the top-level fields that the caller's dialect defines but this vocabulary has no word for;
    `unknown` the fields that the caller's dialect does not define: vendor fields, each to be carried or refused.
    `provider_options` is `{provider: {field: value}}`, merged into that provider's body last.
    """

    model: str
    items: list[Item]
    instructions: str | None = None
    tools: list[Tool] = field(default_factory=list)
    tool_choice: ToolChoice | None = None
    text_format: TextFormat | None = None
    reasoning: ReasoningSettings | None = None
    settings: ModelSettings = field(default_factory=ModelSettings)
    stream: bool = False
    include_usage: bool = False
    previous_response_id: str | None = None
    conversation: Any = None
    prompt: Any = None
    extras: Extras = field(default_factory=dict)
    unknown: dict[str, Any] = field(default_factory=dict)
    provider_options: dict[str, dict[str, Any]] = field(default_factory=dict)
