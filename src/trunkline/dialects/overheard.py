"""A reply that is passed on, listened to on the way: what it holds of thought and calls is written down at its end."""

from collections.abc import Callable

from trunkline.dialects.dialect import Passage, StreamReader
from trunkline.dialects.recall import Notebook
from trunkline.errors import TrunklineError
from trunkline.usage import NO_USAGE, Usage

# The longest answers are some hundred kilobytes of tokens, ten times that in events.
_MOST_BYTES = 4 * 1024 * 1024

_THOUGHT = (b'"reasoning', b'"thinking', b'"extra_content"')
_CALLS = b'"tool_calls"'


def may_hold_thought(data: bytes) -> bool:
    """A cheap look at a reply's bytes: whether both calls and thought may be in it."""
    return _CALLS in data and any(word in data for word in _THOUGHT)


class Overheard:
    """A passage, and a notebook for what comes out of it. Decodes nothing but the replies that hold calls."""

    __slots__ = (
        "_inner",
        "_notebook",
        "_pieces",
        "_reader",
        "_size_bytes",
        "error",
        "has_content",
        "incomplete",
        "usage",
    )

    def __init__(self, inner: Passage, reader: Callable[[], StreamReader], notebook: Notebook) -> None:
        self._inner = inner
        self._reader = reader
        self._notebook = notebook
        self._pieces: list[bytes] = []
        self._size_bytes = 0
        self.has_content = False
        self.incomplete = False
        self.error: TrunklineError | None = None
        self.usage: Usage = NO_USAGE

    def feed(self, data: bytes) -> bytes:
        return self._keep(self._inner.feed(data))

    def end(self) -> bytes:
        out = self._keep(self._inner.end())
        said, self._pieces = b"".join(self._pieces), []
        if self.error is None and may_hold_thought(said):
            reader = self._reader()
            self._notebook.listen([*reader.feed(said), *reader.end()])
        return out

    def fail(self, error: TrunklineError) -> bytes:
        self._pieces = []
        return self._keep(self._inner.fail(error))

    def _keep(self, out: bytes) -> bytes:
        inner = self._inner
        self.has_content, self.incomplete = inner.has_content, inner.incomplete
        self.error, self.usage = inner.error, inner.usage
        self._size_bytes += len(out)
        if self._size_bytes <= _MOST_BYTES:
            self._pieces.append(out)
        else:
            self._pieces = []
        return out
