"""An answer that comes in several goes: its upstream paused, was told to go on, and went on.

Towards the caller they are one answer: items counted through, tokens summed, one end. Knows no wire.
"""

from collections.abc import Callable

from msgspec.structs import replace

from trunkline.dialects.dialect import StreamReader
from trunkline.errors import TrunklineError
from trunkline.events import Event, ItemStarted, ResponseEnded, ResponseFailed, ResponseStarted, UsageReported
from trunkline.folding import fold
from trunkline.items import Item
from trunkline.usage import NO_USAGE, Usage

# A server's loop pauses after ten rounds or so of its own; who has gone on this often is going nowhere.
MOST_GOES = 10


class Course:
    """A `StreamReader` over readers, one for each go. `pause` is set where the upstream waits to be told to go on."""

    __slots__ = ("_before", "_goes", "_open", "_reader", "_said", "pause", "spent")

    def __init__(self, open_reader: Callable[[], StreamReader]) -> None:
        self._open = open_reader
        # Opened with the first piece: an answer that comes whole is read by another way.
        self._reader: StreamReader | None = None
        self._said: list[Event] = []
        self._goes = 1
        # Items and tokens of the goes before this one.
        self._before = 0
        self.spent: Usage = NO_USAGE
        self.pause: ResponseEnded | None = None

    def feed(self, data: bytes) -> list[Event]:
        return self.take((self._reader or self._begin()).feed(data))

    def end(self) -> list[Event]:
        return self.take((self._reader or self._begin()).end()) + self._stay()

    def fail(self, error: TrunklineError) -> list[Event]:
        return self.take((self._reader or self._begin()).fail(error)) + self._stay()

    def is_finished(self) -> bool:
        return self.pause is None and self._reader is not None and self._reader.is_finished()

    def _begin(self) -> StreamReader:
        self._reader = self._open()
        return self._reader

    def take(self, events: list[Event]) -> list[Event]:
        """The events of this go, as events of the whole answer."""
        self._said += events
        if self._goes == 1 and not (events and type(events[-1]) is ResponseEnded):
            return events
        return [shown for event in events if (shown := self._place(event)) is not None]

    def _place(self, event: Event) -> Event | None:
        match event:
            case ResponseStarted():
                return event if self._goes == 1 else None
            case UsageReported():
                return replace(event, usage=self.spent + event.usage)
            case ResponseEnded(finish="paused") if self._goes < MOST_GOES:
                self.pause = event
                return None
            case ResponseEnded() | ResponseFailed():
                return event
            case _:
                return replace(event, index=event.index + self._before) if self._before else event

    def held(self) -> list[Event]:
        """The end that is held back, which holds where nobody goes on."""
        return [] if self.pause is None else [self.pause]

    def _stay(self) -> list[Event]:
        held, self.pause = self.held(), None
        return held

    def said(self) -> list[Item]:
        """The items of this go, as the upstream gave them."""
        return fold(self._said).items

    def go_on(self) -> None:
        """Begin another go: the upstream has been told to go on."""
        self._before += sum(type(event) is ItemStarted for event in self._said)
        self.spent += next((event.spent for event in reversed(self._said) if type(event) is UsageReported), NO_USAGE)
        self._said = []
        self._goes += 1
        self._reader = None
        self.pause = None
