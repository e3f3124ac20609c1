"""The stream grammar: what a model's answer looks like while it is being made.

    stream   = ResponseStarted item* UsageReported* ( ResponseEnded | ResponseFailed )
    item     = ItemStarted body ItemEnded                       items of different index may interleave
    message  = ( PartStarted ( TextAdded | AnnotationAdded )* PartEnded )*          parts `text`, `refusal`
    reasoning= ( PartStarted TextAdded* PartEnded )*                                parts `reasoning`, `summary`
    call     = ArgumentsAdded*
    other    = (nothing: it comes whole in ItemEnded)

Readers normalise towards this whatever a provider does: what follows may rely on each delta belonging to something
open, on indexes dense from 0 in order of ItemStarted, on the deltas together being the whole, and on every item being
ended before the stream. A whole reply is the fold of its events, and unfolds into them again.
"""

from typing import Any, Literal

from msgspec import Struct, field

from trunkline.errors import TrunklineError
from trunkline.items import Carrier, Item, OtherItem, Status
from trunkline.usage import NO_USAGE, Usage

PartKind = Literal["text", "refusal", "reasoning", "summary"]

Finish = Literal["stop", "length", "content_filter", "paused"]
"""Why the model stopped. `tool_calls` is no reason of its own: a stopped answer that holds calls."""


class ResponseStarted(Struct, frozen=True):
    """The upstream has begun; `id` and `model` as it named them, perhaps empty."""

    id: str = ""
    model: str = ""


class ItemStarted(Struct, frozen=True):
    """An item opens, empty: a message without parts, a call without arguments, reasoning without text."""

    index: int
    item: Item


class PartStarted(Struct, frozen=True):
    """A part of a message or of reasoning opens. `part` counts from 0, by item, `summary` apart from the others."""

    index: int
    part: int
    kind: PartKind


class TextAdded(Struct, frozen=True):
    """A piece of the open part. `logprobs` in Responses' shape, or `None`."""

    index: int
    part: int
    kind: PartKind
    text: str
    logprobs: list[dict[str, Any]] | None = None


class AnnotationAdded(Struct, frozen=True):
    """A citation in an open text part, in Responses' shape, offsets in code points of the part."""

    index: int
    part: int
    annotation: dict[str, Any]


class PartEnded(Struct, frozen=True):
    """A part closes: the deltas so far are the whole of it."""

    index: int
    part: int
    kind: PartKind


class ArgumentsAdded(Struct, frozen=True):
    """A piece of an open call's arguments (or of a custom call's input)."""

    index: int
    text: str


class ItemEnded(Struct, frozen=True):
    """An item closes. `carrier` belongs to reasoning or a call; `item` is the whole of an `OtherItem`."""

    index: int
    status: Status = "completed"
    carrier: Carrier | None = None
    item: OtherItem | None = None


class UsageReported(Struct, frozen=True):
    """Token counts; the last report is the truth. `billed` is what is to be paid instead, where that is something
    else."""

    usage: Usage
    billed: Usage = NO_USAGE

    @property
    def spent(self) -> Usage:
        """Both in one, as it is accounted for."""
        return self.usage + self.billed


class ResponseEnded(Struct, frozen=True):
    """The end, as the model meant it. `stop_sequence` is the one that was hit, when the upstream tells (empty: one of
    those that were asked for, it does not say which); `token` what an upstream that has paused wants to be told when it
    goes on."""

    finish: Finish = "stop"
    stop_sequence: str | None = None
    explanation: str | None = None
    token: str | None = None


class ResponseFailed(Struct, frozen=True):
    """The end, by an error: of the upstream, of the connection, or ours. Open items have been ended `incomplete`."""

    error: TrunklineError


Event = (
    ResponseStarted
    | ItemStarted
    | PartStarted
    | TextAdded
    | AnnotationAdded
    | PartEnded
    | ArgumentsAdded
    | ItemEnded
    | UsageReported
    | ResponseEnded
    | ResponseFailed
)


class ModelResponse(Struct, frozen=True, kw_only=True):
    """A whole answer. `error` is set, and `finish` meaningless, when it failed. `billed` is as in `UsageReported`."""

    id: str = ""
    model: str = ""
    items: list[Item] = field(default_factory=list)
    usage: Usage = NO_USAGE
    billed: Usage = NO_USAGE
    has_usage: bool = False
    finish: Finish = "stop"
    stop_sequence: str | None = None
    explanation: str | None = None
    token: str | None = None
    error: TrunklineError | None = None

    @property
    def spent(self) -> Usage:
        """What was used and what is to be paid, as it is accounted for."""
        return self.usage + self.billed
