"""A Responses reply on its way to the caller, with what this gateway knows better: a passage around another one.

What the gateway stands for (the chain, the conversation, whether it is kept) is laid over the response object wherever
a stream shows it. The event that ends the stream is held back, so that the response can be kept before anybody hears
of it. Every other event passes as the bytes it was.
"""

import re
from collections.abc import Callable, Mapping

import msgspec
from msgspec import Raw, Struct

from trunkline.dialects.around import Around
from trunkline.dialects.dialect import Passage
from trunkline.dialects.shapes import UNREADABLE
from trunkline.dialects.sse import walk

Changes = Mapping[str, Raw]
"""Members of the response object, in the place of what it says itself."""

Show = Callable[[bytes], bytes]

_BEGINNINGS = ("response.created", "response.queued", "response.in_progress")
ENDS = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
_END_MARKS = tuple(name.encode() for name in ENDS)
_BEGIN_MARKS = tuple(name.encode() for name in _BEGINNINGS)
_SHOWN = frozenset(_BEGINNINGS + ENDS)
_MEMBER = b'"response"'

# After these have passed no event shows the response object until the end.
_LAST_BEGINNING = b"response.in_progress"

_BLANK_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")
_BLANK_LINE = re.compile(rb"(\r\n\r\n|\n\n|\r\r)")


class _Shown(Struct):
    """An event, as far as it shows the response."""

    type: str = ""
    response: Raw = Raw(b"null")


_decode_shown = msgspec.json.Decoder(_Shown).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode


class Stated(Around):
    """A passage around a caller's stream of whole events.

    `begun` is the response object as the stream showed it first, if it was asked to look. `response` is the response
    object once the event that ends the stream has come; nothing more is given out until `release`. `show` makes of
    whole events what the caller sees of them.
    """

    __slots__ = ("_changes", "_held", "_is_begun", "_is_released", "_show", "begun", "response")

    def __init__(
        self, inner: Passage, changes: Changes, *, looks_at_beginning: bool = False, show: Show | None = None
    ) -> None:
        super().__init__(inner)
        self._changes = changes
        self._show = show
        self._is_begun = not (changes or looks_at_beginning)
        self.begun: bytes | None = None
        self._held = b""
        self._is_released = False
        self.response: bytes | None = None

    def release(self, changes: Changes | None = None) -> bytes:
        """What was held back, after which everything passes. `changes` are laid over it at the last moment."""
        held, self._held = self._held, b""
        self._is_released = True
        held = _lay_over(held, changes) if changes else held
        return held if self._show is None else self._show(held)

    def change(self, out: bytes) -> bytes:
        passed = self._pass(out)
        return passed if self._show is None else self._show(passed)

    def _pass(self, out: bytes) -> bytes:
        if self.response is not None:
            if self._is_released:
                return out
            self._held += out
            return b""
        # One look for nearly all events: a quote within what an event says is never bare.
        if out.find(_MEMBER) < 0:
            return out
        if not self._is_begun and (found := _find_last(out, _BEGIN_MARKS)) is not None:
            beginning = _lay_over(out[: found[1]], self._changes)
            out = beginning + out[found[1] :]
            self._is_begun = beginning.find(_LAST_BEGINNING) >= 0
            if self.begun is None:
                self.begun = _read_beginning(beginning)
        passed, self.response, self._held = hold_end(out, self._changes)
        return passed


def hold_end(out: bytes, changes: Changes) -> tuple[bytes, bytes | None, bytes]:
    """Whole events up to the one that ends the stream, the response that it shows, and it with what follows.

    Without an end all passes. Changes are laid over the end alone. Looked for from the end of the bytes: a whole answer
    may have come at once, and what an event says may hold any word.
    """
    found = _find_last(out, _END_MARKS)
    if found is None:
        return out, None, b""
    start, stop = found
    shown = _read_shown(out[start:stop])
    if shown is None or shown.type not in ENDS:
        return out, None, b""
    response = state_reply(bytes(shown.response), changes)
    return out[:start], response, _change_event(out[start:stop], changes) + out[stop:]


def state_stream(data: bytes, changes: Changes) -> tuple[bytes, bytes | None, bytes]:
    """A stream that is whole, with changes laid over it; cut as `hold_end` does."""
    return hold_end(_lay_over(data, changes) if changes else data, {})


def state_reply(body: bytes, changes: Changes) -> bytes:
    """A response object with changes laid over it."""
    if not changes:
        return body
    try:
        return msgspec.json.encode({**_decode_members(body), **changes})
    except UNREADABLE:
        return body


def _find_last(out: bytes, marks: tuple[bytes, ...]) -> tuple[int, int] | None:
    """Where the last event stands that holds one of these marks, with its blank line."""
    # Nearly always it is the last of all, which is found at once.
    last = out.rfind(b"\n\n", 0, -2)
    last = last + 2 if last >= 0 else 0
    if out.endswith(b"\n\n") and any(out.find(mark, last) >= 0 for mark in marks):
        return last, len(out)
    at = -1
    for mark in marks:
        # Only behind the one that was found: searching backwards is slow.
        at = max(at, out.rfind(mark, max(at, 0)))
    if at < 0:
        return None
    # Not looked for where it cannot be: a search for what is not there goes through all that has come.
    blanks = _BLANK_LINES if out.find(b"\r") >= 0 else _BLANK_LINES[:1]
    starts = [before + len(blank) for blank in blanks if (before := out.rfind(blank, 0, at)) >= 0]
    stops = [behind + len(blank) for blank in blanks if (behind := out.find(blank, at)) >= 0]
    return max(starts, default=0), min(stops, default=len(out))


def cut_events(data: bytes) -> list[bytes]:
    """The events of whole ones, each with its blank line."""
    pieces = _BLANK_LINE.split(data)
    events = [event + blank for event, blank in zip(pieces[::2], pieces[1::2], strict=False)]
    return [*events, pieces[-1]] if pieces[-1] else events


def _lay_over(data: bytes, changes: Changes) -> bytes:
    """Events with changes laid over each response object that they show."""
    return b"".join([_change_event(event, changes) for event in cut_events(data)])


def _change_event(event: bytes, changes: Changes) -> bytes:
    shown = _read_shown(event) if changes else None
    if shown is None or shown.type not in _SHOWN:
        return event
    members = _decode_members(next(walk(event)))
    members["response"] = Raw(state_reply(bytes(shown.response), changes))
    return b"event: %b\ndata: %b\n\n" % (shown.type.encode(), msgspec.json.encode(members))


def _read_beginning(out: bytes) -> bytes | None:
    """The response as the first of these events shows it that shows one at its beginning."""
    for event in cut_events(out):
        shown = _read_shown(event)
        if shown is not None and shown.type in _BEGINNINGS:
            return bytes(shown.response)
    return None


def _read_shown(event: bytes) -> _Shown | None:
    data = next(walk(event), None)
    try:
        return None if data is None else _decode_shown(data)
    except UNREADABLE:
        return None
