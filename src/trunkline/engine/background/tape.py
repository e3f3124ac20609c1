"""The events of a run in the background: written once, played to whoever comes for them, from any number on."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import msgspec
from msgspec import Raw, Struct

from trunkline.call import Sink, Source
from trunkline.dialects.openai_responses.stated import ENDS
from trunkline.dialects.sse import walk
from trunkline.state.responses import UNDER_WAY, KeptResponse
from trunkline.state.runs import KeptEvent
from trunkline.state.store import Store

# In seconds: how long a client is left in silence.
_KEEP_ALIVE_AFTER = 10.0
_KEEP_ALIVE = b": ping\n\n"

# How often another process's events are looked for, how often before silence is broken, and how often once it has
# ended.
_LOOK_SECONDS = 0.5
_LOOKS = 20
_LOOKS_AT_END = 4
_DONE = b"data: [DONE]\n\n"


class _Numbered(Struct):
    sequence_number: int


_decode_numbered = msgspec.json.Decoder(_Numbered).decode


class Events(Protocol):
    """Where the events of a run come from."""

    async def after(self, number: int) -> tuple[Sequence[KeptEvent], bool]:
        """The events behind a number, once there are any, and whether they are the last. Returns none after a while."""


class Tape:
    """The events of a run that goes on in this process: the sink of its stream."""

    def __init__(self) -> None:
        self.events: list[KeptEvent] = []
        self.is_over = False
        self._news = asyncio.Event()

    def attach(self, source: Source) -> None:
        """A tape takes everything as it comes: what a run can make is bounded by its model."""

    def write(self, data: bytes) -> None:
        for event in walk(data):
            try:
                number = _decode_numbered(event).sequence_number
            except msgspec.MsgspecError:
                continue  # a sign of life, or the word that all is said
            self.events.append(KeptEvent(number, b"data: %b\n\n" % event))
        self._tell()

    def end(self) -> None:
        self.is_over = True
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def after(self, number: int) -> tuple[Sequence[KeptEvent], bool]:
        found = self._behind(number)
        if not found and not self.is_over:
            try:
                await asyncio.wait_for(self._news.wait(), _KEEP_ALIVE_AFTER)
            except TimeoutError:
                return [], False
            found = self._behind(number)
        return found, self.is_over

    def _behind(self, number: int) -> Sequence[KeptEvent]:
        """Searched from the end: most who ask have all but the newest."""
        at = len(self.events)
        while at and self.events[at - 1].number > number:
            at -= 1
        return self.events[at:]


class Playback:
    """A reply's body: the events of a run behind a number, and those that are still to come. A `Stream` and its
    `Source`."""

    def __init__(self, events: Events, after: int) -> None:
        self._events = events
        self._number = after
        self._may_write = asyncio.Event()
        self._may_write.set()

    def pause(self) -> None:
        self._may_write.clear()

    def resume(self) -> None:
        self._may_write.set()

    async def pour(self, sink: Sink) -> None:
        """Play to the end. The run goes on when the client leaves."""
        sink.attach(self)
        is_over = False
        while not is_over:
            events, is_over = await self._events.after(self._number)
            await self._may_write.wait()
            if events:
                self._number = events[-1].number
                sink.write(b"".join([event.data for event in events]))
            elif not is_over:
                sink.write(_KEEP_ALIVE)
        sink.write(_DONE)

    def close(self) -> None:
        """Releases nothing: nothing is held."""


class StoredEvents:
    """The events of a run that goes on in another process, or has ended."""

    def __init__(self, store: Store, kept: KeptResponse) -> None:
        self._store = store
        self._kept = kept
        self._looks_at_end = 0

    async def after(self, number: int) -> tuple[Sequence[KeptEvent], bool]:
        for _ in range(_LOOKS):
            kept = await self._store.responses.find(self._kept.path, self._kept.id)
            events = await self._store.runs.events(self._kept.id, number)
            if kept is None or (events and _ends(events[-1])):
                return events, True
            if kept.status not in UNDER_WAY:
                if not events and await self._is_all_told(number):
                    return [], True
                # Its last events are kept a moment after it is. Those of a process that has died in between never are.
                self._looks_at_end += 1
                if self._looks_at_end > _LOOKS_AT_END:
                    return [*events, _make_end(kept, events[-1].number if events else number)], True
            elif events:
                return events, False
            await asyncio.sleep(_LOOK_SECONDS)
        return [], False

    async def _is_all_told(self, number: int) -> bool:
        """Whether whoever has the events up to this number has the last one."""
        last = await self._store.runs.events(self._kept.id, -1)
        return bool(last) and _ends(last[-1]) and last[-1].number <= number


class _Typed(Struct):
    type: str = ""


_decode_typed = msgspec.json.Decoder(_Typed).decode


def _ends(event: KeptEvent) -> bool:
    return _decode_typed(event.data[6:]).type in ENDS


def _make_end(kept: KeptResponse, last: int) -> KeptEvent:
    """The event that a run ended with, from the response that it ended as."""
    event = {"type": f"response.{kept.status}", "sequence_number": last + 1, "response": Raw(kept.response)}
    return KeptEvent(last + 1, b"data: %b\n\n" % msgspec.json.encode(event))
