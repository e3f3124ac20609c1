"""The stream grammar as a judge, for tests and for whoever doubts a reader. `trunkline.events` states its rules."""

from collections.abc import Iterable
from typing import assert_never

from trunkline.events import (
    AnnotationAdded,
    ArgumentsAdded,
    Event,
    ItemEnded,
    ItemStarted,
    PartEnded,
    PartKind,
    PartStarted,
    ResponseEnded,
    ResponseFailed,
    ResponseStarted,
    TextAdded,
    UsageReported,
)
from trunkline.items import Item, Message, Reasoning, ToolCall


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
