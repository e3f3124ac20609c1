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

from collections.abc import Iterable, Iterator
from typing import Any, Literal, assert_never

from msgspec import Struct, field
from msgspec.structs import replace

from trunkline.errors import Broken, TrunklineError
from trunkline.items import Carrier, Item, Message, OtherItem, Part, Reasoning, Refusal, Status, Text, ToolCall
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
    """Token counts; the last report is the truth."""

    usage: Usage


class ResponseEnded(Struct, frozen=True):
    """The end, as the model meant it. `stop_sequence` is the one that was hit, when the upstream tells."""

    finish: Finish = "stop"
    stop_sequence: str | None = None
    explanation: str | None = None


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
    """A whole answer. `error` is set, and `finish` meaningless, when it failed."""

    id: str = ""
    model: str = ""
    items: list[Item] = field(default_factory=list)
    usage: Usage = NO_USAGE
    has_usage: bool = False
    finish: Finish = "stop"
    stop_sequence: str | None = None
    explanation: str | None = None
    error: TrunklineError | None = None


# --- folding ----------------------------------------------------------------------------------------------------


class _OpenPart:
    __slots__ = ("annotations", "kind", "logprobs", "texts")

    def __init__(self, kind: PartKind) -> None:
        self.kind = kind
        self.texts: list[str] = []
        self.annotations: list[dict[str, Any]] = []
        self.logprobs: list[dict[str, Any]] | None = None


class _OpenItem:
    __slots__ = ("arguments", "parts", "skeleton")

    def __init__(self, skeleton: Item) -> None:
        self.skeleton = skeleton
        self.arguments: list[str] = []
        self.parts: dict[tuple[bool, int], _OpenPart] = {}


def _write_part(part: _OpenPart) -> Part:
    text = "".join(part.texts)
    if part.kind == "refusal":
        return Refusal(refusal=text)
    return Text(text=text, annotations=part.annotations, logprobs=part.logprobs)


def _close(open_item: _OpenItem, end: ItemEnded) -> Item:
    skeleton = open_item.skeleton
    parts = [open_item.parts[key] for key in sorted(open_item.parts)]
    match skeleton:
        case Message():
            return replace(skeleton, parts=[_write_part(part) for part in parts], status=end.status)
        case Reasoning():
            return replace(
                skeleton,
                summary=["".join(part.texts) for part in parts if part.kind == "summary"],
                content=["".join(part.texts) for part in parts if part.kind != "summary"],
                carrier=end.carrier or skeleton.carrier,
                status=end.status,
            )
        case ToolCall():
            return replace(
                skeleton,
                arguments="".join(open_item.arguments),
                carrier=end.carrier or skeleton.carrier,
                status=end.status,
            )
        case _:
            return end.item or skeleton


class Fold:
    """Gathers events into the answer they make. Feed every event to `add`; ask at any time."""

    def __init__(self) -> None:
        self.id = ""
        self.model = ""
        self.usage = NO_USAGE
        self.has_usage = False
        self.end: ResponseEnded | ResponseFailed | None = None
        self._open: dict[int, _OpenItem] = {}
        self._items: dict[int, Item] = {}

    def add(self, event: Event) -> None:
        """Take one event in. The commonest come first."""
        match event:
            case TextAdded():
                part = self._open[event.index].parts[event.kind == "summary", event.part]
                part.texts.append(event.text)
                if event.logprobs:
                    part.logprobs = [*(part.logprobs or []), *event.logprobs]
            case ArgumentsAdded():
                self._open[event.index].arguments.append(event.text)
            case ItemStarted():
                self._open[event.index] = _OpenItem(event.item)
            case PartStarted():
                self._open[event.index].parts[event.kind == "summary", event.part] = _OpenPart(event.kind)
            case PartEnded():
                pass
            case AnnotationAdded():
                self._open[event.index].parts[False, event.part].annotations.append(event.annotation)
            case ItemEnded():
                self._items[event.index] = _close(self._open.pop(event.index), event)
            case UsageReported():
                self.usage, self.has_usage = event.usage, True
            case ResponseStarted():
                self.id, self.model = event.id, event.model
            case ResponseEnded() | ResponseFailed():
                self.end = event
            case _:
                assert_never(event)

    def item(self, index: int) -> Item:
        """An ended item."""
        return self._items[index]

    def text(self, index: int, part: int, kind: PartKind) -> str:
        """What an open part holds so far."""
        return "".join(self._open[index].parts[kind == "summary", part].texts)

    def part(self, index: int, part: int, kind: PartKind) -> Part:
        """An open part, as it stands."""
        return _write_part(self._open[index].parts[kind == "summary", part])

    def arguments(self, index: int) -> str:
        """What an open call's arguments hold so far."""
        return "".join(self._open[index].arguments)

    def open_indexes(self) -> list[int]:
        """The items that have started and not ended, in order."""
        return sorted(self._open)

    def items(self) -> list[Item]:
        """The ended items, in order of their start."""
        return [self._items[index] for index in sorted(self._items)]

    def response(self) -> ModelResponse:
        """The answer so far; items that are still open are left out."""
        end = self.end
        ended = end if isinstance(end, ResponseEnded) else ResponseEnded()
        return ModelResponse(
            id=self.id,
            model=self.model,
            items=self.items(),
            usage=self.usage,
            has_usage=self.has_usage,
            finish=ended.finish,
            stop_sequence=ended.stop_sequence,
            explanation=ended.explanation,
            error=end.error if isinstance(end, ResponseFailed) else None,
        )


def fold(events: Iterable[Event]) -> ModelResponse:
    """The whole answer that a stream of events makes."""
    folded = Fold()
    for event in events:
        folded.add(event)
    return folded.response()


# --- unfolding --------------------------------------------------------------------------------------------------


def _unfold_text(index: int, part: int, kind: PartKind, value: Part | str) -> Iterator[Event]:
    yield PartStarted(index, part, kind)
    text = value if isinstance(value, str) else getattr(value, "refusal", None) or getattr(value, "text", "")
    if text:
        yield TextAdded(index, part, kind, text, getattr(value, "logprobs", None))
    for annotation in getattr(value, "annotations", ()):
        yield AnnotationAdded(index, part, annotation)
    yield PartEnded(index, part, kind)


def _unfold_item(index: int, item: Item) -> Iterator[Event]:
    match item:
        case Message():
            yield ItemStarted(index, replace(item, parts=[], status="in_progress"))
            for number, part in enumerate(item.parts):
                yield from _unfold_text(index, number, "refusal" if isinstance(part, Refusal) else "text", part)
            yield ItemEnded(index, item.status or "completed")
        case Reasoning():
            yield ItemStarted(index, replace(item, summary=[], content=[], carrier=None, status="in_progress"))
            for number, text in enumerate(item.summary):
                yield from _unfold_text(index, number, "summary", text)
            for number, text in enumerate(item.content):
                yield from _unfold_text(index, number, "reasoning", text)
            yield ItemEnded(index, item.status or "completed", item.carrier)
        case ToolCall():
            yield ItemStarted(index, replace(item, arguments="", carrier=None, status="in_progress"))
            if item.arguments:
                yield ArgumentsAdded(index, item.arguments)
            yield ItemEnded(index, item.status or "completed", item.carrier)
        case OtherItem():
            yield ItemStarted(index, item)
            yield ItemEnded(index, "completed", None, item)
        case _:
            raise Broken(f"a model does not answer with {type(item).__name__}")


def unfold(response: ModelResponse) -> Iterator[Event]:
    """The events of a whole answer, one delta a part: `fold(unfold(response)) == response`."""
    yield ResponseStarted(response.id, response.model)
    for index, item in enumerate(response.items):
        yield from _unfold_item(index, item)
    if response.has_usage:
        yield UsageReported(response.usage)
    if response.error is not None:
        yield ResponseFailed(response.error)
    else:
        yield ResponseEnded(response.finish, response.stop_sequence, response.explanation)


# --- checking ---------------------------------------------------------------------------------------------------


class GrammarBroken(Exception):
    """A sequence of events that the grammar does not allow; the message says which rule and where."""


class Check:
    """The grammar as a judge, for tests: feed every event to `add`, then call `end`."""

    def __init__(self) -> None:
        self.started = False
        self.over = False
        self.next_index = 0
        self.items: dict[int, Item] = {}
        self.parts: dict[tuple[int, bool], PartKind] = {}
        self.part_counts: dict[tuple[int, bool], int] = {}

    def _require(self, holds: bool, event: Event, rule: str) -> None:
        if not holds:
            raise GrammarBroken(f"{rule}: {event!r}")

    def add(self, event: Event) -> None:
        """Judge one event in its place."""
        self._require(not self.over, event, "nothing follows the end")
        self._require(self.started != isinstance(event, ResponseStarted), event, "ResponseStarted comes first, once")
        match event:
            case ResponseStarted():
                self.started = True
            case ItemStarted():
                self._require(event.index == self.next_index, event, "indexes are dense, in order of start")
                self.next_index += 1
                self.items[event.index] = event.item
            case PartStarted():
                self._start_part(event)
            case TextAdded():
                self._require(self.parts.get((event.index, event.kind == "summary")) == event.kind, event, "open part")
                self._require(bool(event.text) or event.logprobs is not None, event, "a delta holds something")
            case AnnotationAdded():
                self._require(self.parts.get((event.index, False)) == "text", event, "an open text part")
            case PartEnded():
                key = (event.index, event.kind == "summary")
                self._require(self.parts.pop(key, None) == event.kind, event, "the part was open")
            case ArgumentsAdded():
                self._require(isinstance(self.items.get(event.index), ToolCall), event, "an open call")
            case ItemEnded():
                self._require(event.index in self.items, event, "the item was open")
                self._require(all(key[0] != event.index for key in self.parts), event, "its parts have ended")
                del self.items[event.index]
            case UsageReported():
                pass
            case ResponseEnded() | ResponseFailed():
                self._require(not self.items, event, "every item has ended")
                self.over = True
            case _:
                assert_never(event)

    def _start_part(self, event: PartStarted) -> None:
        key = (event.index, event.kind == "summary")
        holder = Message if event.kind in ("text", "refusal") else Reasoning
        self._require(isinstance(self.items.get(event.index), holder), event, f"an open {holder.__name__}")
        self._require(key not in self.parts, event, "one part at a time")
        self._require(event.part == self.part_counts.get(key, 0), event, "parts count from 0")
        self.parts[key] = event.kind
        self.part_counts[key] = event.part + 1

    def end(self) -> None:
        """Judge the whole."""
        if not self.over:
            raise GrammarBroken("the stream has no end")


def check(events: Iterable[Event]) -> list[Event]:
    """The events, if they keep the grammar; else `GrammarBroken`."""
    judge = Check()
    seen = list(events)
    for event in seen:
        judge.add(event)
    judge.end()
    return seen
