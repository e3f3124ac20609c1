"""A reply that is passed on, listened to on the way: what it holds of thought and calls is written down at its end."""

from collections.abc import Callable

from trunkline.dialects.around import Around
from trunkline.dialects.dialect import Passage, StreamReader
from trunkline.dialects.recall import Notebook
from trunkline.errors import TrunklineError

# The longest answers are some hundred kilobytes of tokens, ten times that in events.
_MOST_BYTES = 4 * 1024 * 1024

_THOUGHT = (b'"reasoning', b'"thinking', b'"extra_content"')
_CALLS = b'"tool_calls"'


def may_hold_thought(data: bytes) -> bool:
    """A cheap look at a reply's bytes: whether both calls and thought may be in it."""
    return _CALLS in data and any(word in data for word in _THOUGHT)


class Overheard(Around):
    """A passage, and a notebook for what comes out of it. Decodes nothing but the replies that hold calls."""

    __slots__ = ("_notebook", "_pieces", "_reader", "_size_bytes")

    def __init__(self, inner: Passage, reader: Callable[[], StreamReader], notebook: Notebook) -> None:
        super().__init__(inner)
        self._reader = reader
        self._notebook = notebook
        self._pieces: list[bytes] = []
        self._size_bytes = 0

    def end(self) -> bytes:
        out = super().end()
        said, self._pieces = b"".join(self._pieces), []
        if self.error is None and may_hold_thought(said):
            reader = self._reader()
            self._notebook.listen([*reader.feed(said), *reader.end()])
        return out

    def fail(self, error: TrunklineError) -> bytes:
        self._pieces = []
        return super().fail(error)

    def change(self, out: bytes) -> bytes:
        self._size_bytes += len(out)
        if self._size_bytes <= _MOST_BYTES:
            self._pieces.append(out)
        else:
            self._pieces = []
        return out
