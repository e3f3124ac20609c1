"""The items of a conversation, in the shape of OpenAI's Responses API: the most expressive of the wire models.

An item is a message, a reasoning step, a tool call, a tool's output, or something only one dialect knows
(`OtherItem`). Every node carries `extras`: fields of one dialect without a general meaning, under that dialect's name
(`{"messages": {"cache_control": {…}}}`). The same dialect out returns them verbatim; another gives them a stated fate.
Source: https://platform.openai.com/docs/api-reference/responses
"""

from typing import Any, Literal

from msgspec import Struct, field

Extras = dict[str, dict[str, Any]]
Status = Literal["in_progress", "completed", "incomplete"]
Role = Literal["user", "assistant", "system", "developer"]


class Carrier(Struct, frozen=True):
    """Something opaque that must come back byte for byte to the family of models that made it.

    `family` is the dialect of the upstream (`messages`, `responses`, `gemini`, `chat`), `kind` its own word
    (`signature`, `redacted`, `encrypted_content`, `reasoning_details`), `payload` the value as its wire had it, JSON
    able. Towards callers it travels sealed.
    """

    family: str
    kind: str
    payload: Any


CITED = "cited_text"
"""What a citation's source says, in an annotation from a wire that tells it. Only Anthropic's callers have a word for it;
it is left out for the others."""


# --- content parts ----------------------------------------------------------------------------------------------


class Text(Struct, frozen=True, kw_only=True):
    """Plain text. `annotations` are citations in Responses' shape, offsets in code points; `logprobs` as its wire."""

    text: str
    annotations: list[dict[str, Any]] = field(default_factory=list)
    logprobs: list[dict[str, Any]] | None = None
    extras: Extras = field(default_factory=dict)


class Refusal(Struct, frozen=True, kw_only=True):
    """The model's own words for why it will not answer."""

    refusal: str
    extras: Extras = field(default_factory=dict)


class Image(Struct, frozen=True, kw_only=True):
    """A picture by `url` (`https:` or `data:`) or by `file_id`; `detail` is `low`, `high`, `auto` or `original`."""

    url: str | None = None
    file_id: str | None = None
    detail: str | None = None
    extras: Extras = field(default_factory=dict)


class File(Struct, frozen=True, kw_only=True):
    """A document by `data` (a `data:` URL), `url` or `file_id`."""

    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    filename: str | None = None
    extras: Extras = field(default_factory=dict)


class Audio(Struct, frozen=True, kw_only=True):
    """Sound as base64 `data` in `format` (`wav`, `mp3`)."""

    data: str
    format: str
    extras: Extras = field(default_factory=dict)


class OtherPart(Struct, frozen=True, kw_only=True):
    """A part that only `dialect` knows, as its wire had it."""

    dialect: str
    type: str
    value: dict[str, Any]


Part = Text | Refusal | Image | File | Audio | OtherPart


# --- items ------------------------------------------------------------------------------------------------------


class Message(Struct, frozen=True, kw_only=True):
    """What somebody said. `phase` (`commentary`, `final_answer`) and `id` matter to native Responses upstreams."""

    role: Role
    parts: list[Part]
    id: str | None = None
    status: Status | None = None
    phase: str | None = None
    name: str | None = None
    extras: Extras = field(default_factory=dict)


class Reasoning(Struct, frozen=True, kw_only=True):
    """One step of thought: `summary` paragraphs, raw `content` paragraphs (open models), and what makes it replayable.

    `carrier` is `None` for reasoning that came without anything opaque. A step may be all carrier and no text.
    """

    summary: list[str] = field(default_factory=list)
    content: list[str] = field(default_factory=list)
    carrier: Carrier | None = None
    id: str | None = None
    status: Status | None = None
    extras: Extras = field(default_factory=dict)


class ToolCall(Struct, frozen=True, kw_only=True):
    """The model calls a tool that the caller runs.

    `kind` is `function` (then `arguments` is JSON text, as the model wrote it) or `custom` (then it is free text).
    `call_id` pairs it with its output and is unique in the conversation.
    """

    call_id: str
    name: str
    arguments: str
    kind: Literal["function", "custom"] = "function"
    namespace: str | None = None
    id: str | None = None
    status: Status | None = None
    carrier: Carrier | None = None
    extras: Extras = field(default_factory=dict)


class ToolOutput(Struct, frozen=True, kw_only=True):
    """What a tool gave back: text, or parts (text, images, files). `is_error` is `None` where the wire cannot say."""

    call_id: str
    output: str | list[Part]
    kind: Literal["function", "custom"] = "function"
    is_error: bool | None = None
    id: str | None = None
    status: Status | None = None
    extras: Extras = field(default_factory=dict)


class OtherItem(Struct, frozen=True, kw_only=True):
    """An item that only `dialect` knows (a hosted call, a compaction, an item reference), as its wire had it."""

    dialect: str
    type: str
    value: dict[str, Any]
    id: str | None = None


Item = Message | Reasoning | ToolCall | ToolOutput | OtherItem


# --- tools ------------------------------------------------------------------------------------------------------


class FunctionTool(Struct, frozen=True, kw_only=True):
    """A function the caller runs. `parameters` is a JSON schema, or `None` when it takes none.

    `strict` is `None` when the caller did not say: what that means differs by dialect, so the writer decides.
    """

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    extras: Extras = field(default_factory=dict)


class CustomTool(Struct, frozen=True, kw_only=True):
    """A tool that takes free text, perhaps bound by a grammar (`format` in Responses' flat shape)."""

    name: str
    description: str | None = None
    format: dict[str, Any] | None = None
    extras: Extras = field(default_factory=dict)


class OtherTool(Struct, frozen=True, kw_only=True):
    """A hosted or vendor tool, as `dialect`'s wire had it."""

    dialect: str
    type: str
    value: dict[str, Any]


Tool = FunctionTool | CustomTool | OtherTool


class ToolChoice(Struct, frozen=True, kw_only=True):
    """Which tool the model may or must take.

    `tool` forces `name` (of `kind`: `function`, `custom`, or a hosted tool's type). `allowed` narrows `auto` and
    `required` to some names. `other` is a choice that only one dialect knows, as its wire had it.
    """

    mode: Literal["auto", "none", "required", "tool"]
    name: str | None = None
    kind: str = "function"
    allowed: list[str] = field(default_factory=list)
    other: dict[str, Any] | None = None
