"""The two forms of a Gemini stream: events (`alt=sse`), and one JSON array that grows.

Upstreams are asked for events, and events are what is written; a caller that wants the array gets them reframed.
"""

from trunkline.dialects.around import Around
from trunkline.dialects.dialect import Passage
from trunkline.dialects.gemini.errors import write_error_event
from trunkline.dialects.sse import Splitter
from trunkline.errors import TrunklineError


class ArrayPassage(Around):
    """A `Passage` whose events become the elements of one array."""

    __slots__ = ("_is_open", "_splitter")

    def __init__(self, inner: Passage) -> None:
        super().__init__(inner)
        self._splitter = Splitter()
        self._is_open = False

    def feed(self, data: bytes) -> bytes:
        out = super().feed(data)
        return out if self.error is None else out + self._close()

    def end(self) -> bytes:
        return super().end() + self._close()

    def fail(self, error: TrunklineError) -> bytes:
        return super().fail(error) + self._close()

    def change(self, out: bytes) -> bytes:
        return self._list([event for _, event in self._splitter.feed(out)]) if out else b""

    def _list(self, events: list[bytes]) -> bytes:
        if not events:
            return b""
        before = b",\r\n" if self._is_open else b"["
        self._is_open = True
        return before + b",\r\n".join(events)

    def _close(self) -> bytes:
        """The end of the array, once; what was left of an event without its blank line goes before it."""
        rest = self._list([event for _, event in self._splitter.end()])
        if self._is_open:
            self._is_open = False
            return rest + b"\n]\n"
        return b""


def array_of(stream: bytes) -> bytes:
    """A whole stream's events as an array."""
    splitter = Splitter()
    events = [event for _, event in (*splitter.feed(stream), *splitter.end())]
    return b"[" + b",\r\n".join(events) + b"\n]\n"


def write_array_error(error: TrunklineError) -> bytes:
    """What ends an array that broke before its passage could say so."""
    return b",\r\n" + write_error_event(error).removeprefix(b"data: ").strip() + b"\n]\n"
