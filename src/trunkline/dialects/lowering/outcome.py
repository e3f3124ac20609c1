"""What lowering hands back beside the request: what it left out, what it emulates, and the way back for the answer."""

from collections.abc import Callable

from msgspec import Struct, field

from trunkline.events import Event

Restore = Callable[[list[Event]], list[Event]]
"""One reply's events as the target gave them → as the caller asked for them; called with each batch, in order."""


def as_they_are(events: list[Event]) -> list[Event]:
    """For answers of which nothing has to be restored."""
    return events


def restore_nothing() -> Restore:
    """The way back of a request that needed no lowering of its answer."""
    return as_they_are


class Lowering(Struct, frozen=True, kw_only=True):
    """What lowering did. `dropped` and `emulated` are the caller's own field names.

    `restore()` makes, for one reply, the function that turns the target's events into what the caller asked for.
    """

    dropped: list[str] = field(default_factory=list)
    emulated: list[str] = field(default_factory=list)
    restore: Callable[[], Restore] = restore_nothing

    @property
    def restores(self) -> bool:
        """Whether anything of an answer has to be put back."""
        return self.restore is not restore_nothing


class Notes:
    """What has been left out and emulated so far, each name once, and the stages of the way back, in order."""

    __slots__ = ("dropped", "emulated", "stages")

    def __init__(self) -> None:
        self.dropped: list[str] = []
        self.emulated: list[str] = []
        self.stages: list[Callable[[], Restore]] = []

    def drop(self, name: str) -> None:
        if name not in self.dropped:
            self.dropped.append(name)

    def emulate(self, name: str) -> None:
        if name not in self.emulated:
            self.emulated.append(name)

    def add(self, later: "Notes") -> None:
        """Take over the notes that were made later."""
        for name in later.dropped:
            self.drop(name)
        for name in later.emulated:
            self.emulate(name)
        self.stages += later.stages

    def copy(self) -> "Notes":
        """A copy that can be added to."""
        copied = Notes()
        copied.dropped, copied.emulated, copied.stages = self.dropped[:], self.emulated[:], self.stages[:]
        return copied

    def close(self, last: Callable[[], Restore]) -> Lowering:
        """The outcome; `last` follows the stages, if there are any."""
        if not self.stages:
            return Lowering(dropped=self.dropped, emulated=self.emulated)
        makers = (*self.stages, last)
        return Lowering(dropped=self.dropped, emulated=self.emulated, restore=lambda: _chain(makers))


def _chain(makers: tuple[Callable[[], Restore], ...]) -> Restore:
    stages = [make() for make in makers]

    def restore(events: list[Event]) -> list[Event]:
        for stage in stages:
            events = stage(events)
        return events

    return restore
