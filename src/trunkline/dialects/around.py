"""A passage around another one: it does something with the bytes that come out, and knows no more of the stream
itself."""

from trunkline.dialects.dialect import Passage
from trunkline.errors import TrunklineError
from trunkline.usage import Usage


class Around:
    """A `Passage` that says of the stream what the inner one says. What becomes of its bytes is `change`'s."""

    __slots__ = ("_inner",)

    def __init__(self, inner: Passage) -> None:
        self._inner = inner

    @property
    def has_content(self) -> bool:
        return self._inner.has_content

    @property
    def incomplete(self) -> bool:
        return self._inner.incomplete

    @property
    def error(self) -> TrunklineError | None:
        return self._inner.error

    @error.setter
    def error(self, error: TrunklineError | None) -> None:
        self._inner.error = error

    @property
    def usage(self) -> Usage:
        return self._inner.usage

    def feed(self, data: bytes) -> bytes:
        return self.change(self._inner.feed(data))

    def end(self) -> bytes:
        return self.change(self._inner.end())

    def fail(self, error: TrunklineError) -> bytes:
        return self.change(self._inner.fail(error))

    def is_finished(self) -> bool:
        return self._inner.is_finished()

    def estimate(self) -> int | None:
        return self._inner.estimate()

    def change(self, out: bytes) -> bytes:
        """What goes on to the client, of what the inner passage gave."""
        return out
