"""Events → the answer they make, and an answer → its events: one code path for streamed and whole replies."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from trunkline.errors import Broken
from trunkline.events import (
    AnnotationAdded,
    ArgumentsAdded,
    Event,
    ItemEnded,
    ItemStarted,
    ModelResponse,
    PartEnded,
    PartKind,
    PartStarted,
    ResponseEnded,
    ResponseFailed,
    ResponseStarted,
    TextAdded,
    UsageReported,
)
from trunkline.items import Item, Message, OtherItem, Part, Reasoning, Refusal, Text, ToolCall
from trunkline.usage import NO_USAGE


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
    skeleton, parts = open_item.skeleton, open_item.parts
    match skeleton:
        case Message():
            return replace(skeleton, parts=[_write_part(parts[key]) for key in sorted(parts)], status=end.status)
        case Reasoning():
            said = [("".join(parts[key].texts), parts[key].kind) for key in sorted(parts)]
            return replace(
                skeleton,
                summary=[text for text, kind in said if kind == "summary"],
                content=[text for text, kind in said if kind != "summary"],
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
        self.usage = self.billed = NO_USAGE
        self.has_usage = False
        self.end: ResponseEnded | ResponseFailed | None = None
        self._open: dict[int, _OpenItem] = {}
        self._items: dict[int, Item] = {}

    def add(self, event: Event) -> None:
        """Take one event in."""
        _TAKERS[type(event)](self, event)

    def _add_text(self, event: TextAdded) -> None:
        part = self._open[event.index].parts[event.kind == "summary", event.part]
        part.texts.append(event.text)
        if event.logprobs:
            part.logprobs = [*(part.logprobs or []), *event.logprobs]

    def _add_arguments(self, event: ArgumentsAdded) -> None:
        self._open[event.index].arguments.append(event.text)

    def _start_item(self, event: ItemStarted) -> None:
        self._open[event.index] = _OpenItem(event.item)

    def _start_part(self, event: PartStarted) -> None:
        self._open[event.index].parts[event.kind == "summary", event.part] = _OpenPart(event.kind)

    def _annotate(self, event: AnnotationAdded) -> None:
        self._open[event.index].parts[False, event.part].annotations.append(event.annotation)

    def _end_item(self, event: ItemEnded) -> None:
        self._items[event.index] = _close(self._open.pop(event.index), event)

    def _count(self, event: UsageReported) -> None:
        self.usage, self.billed, self.has_usage = event.usage, event.billed, True

    def _start(self, event: ResponseStarted) -> None:
        self.id, self.model = event.id, event.model

    def _end(self, event: ResponseEnded | ResponseFailed) -> None:
        self.end = event

    def _pass(self, event: Event) -> None:
        """For events that an answer does not show: nothing."""

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
            billed=self.billed,
            has_usage=self.has_usage,
            finish=ended.finish,
            stop_sequence=ended.stop_sequence,
            explanation=ended.explanation,
            token=ended.token,
            error=end.error if isinstance(end, ResponseFailed) else None,
        )


_TAKERS: dict[type, Callable[[Fold, Any], None]] = {
    ResponseStarted: Fold._start,
    ItemStarted: Fold._start_item,
    PartStarted: Fold._start_part,
    TextAdded: Fold._add_text,
    AnnotationAdded: Fold._annotate,
    PartEnded: Fold._pass,
    ArgumentsAdded: Fold._add_arguments,
    ItemEnded: Fold._end_item,
    UsageReported: Fold._count,
    ResponseEnded: Fold._end,
    ResponseFailed: Fold._end,
}
"""Every event has its taker: a test compares this with `Event`."""


def fold(events: Iterable[Event]) -> ModelResponse:
    """The whole answer that a stream of events makes."""
    folded = Fold()
    for event in events:
        _TAKERS[type(event)](folded, event)
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
        yield UsageReported(response.usage, response.billed)
    if response.error is not None:
        yield ResponseFailed(response.error)
    else:
        yield ResponseEnded(response.finish, response.stop_sequence, response.explanation, response.token)
