"""What requests use up together: how often, how much, how many at once. Counted so that no sum passes its limit.

Whoever wants something claims it before, all of it at once or nothing; what it came to is said after. A counter's key
names it wholly: of a calendar window it also says which one.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, Protocol

from msgspec import Struct

Kind = Literal["rate", "window", "slots"]


# What follows is made for every request and holds nothing that holds it: no search for garbage need look at it.


class Claim(Struct, frozen=True, gc=False):
    """So much of one counter, which may hold `most`.

    `rate`: what is spent flows off evenly, all that fits within `period_ms`. `window`: it is forgotten at `end_micros`.
    `slots`: nothing is ever spent, only held. A claim that is `held` stands reserved until it is settled, and does not
    flow off meanwhile; another one is spent at once. `strict`: refused where all replicas cannot be counted together.
    """

    key: bytes
    kind: Kind
    amount: int
    most: int
    period_ms: int = 0
    end_micros: int = 0
    held: bool = True
    strict: bool = False


class Level(Struct, frozen=True, gc=False):
    """How a counter stands: what can still be claimed of it, never below 0, and when it is as if it had never been
    used.

    `spent` and `held` are what was settled and what is reserved.
    """

    left: int
    full_in_ms: int
    spent: int = 0
    held: int = 0


class Taken(Struct, frozen=True, gc=False):
    """Claims that were granted, and how their counters stand since, in the same order. `holder` is their counters' own
    affair."""

    claims: Sequence[Claim]
    levels: Sequence[Level]
    holder: Any = None


class Refused(Struct, frozen=True, gc=False):
    """The claim that has to wait longest, and how the counters of all stand, in their order; none was granted.

    `wait_ms` is exactly when it would fit if nobody else came, `None` for never: it is larger than all there is.
    `in_flight`: only what is reserved stands in the way, so there is no telling when.
    """

    claim: Claim
    wait_ms: int | None
    in_flight: bool
    levels: Sequence[Level]


Outcome = Taken | Refused


class Counters(Protocol):
    """Counts. In this process' memory nothing waits; where replicas share them `take` is to be awaited."""

    def take(self, claims: Sequence[Claim]) -> Outcome | Awaitable[Outcome]:
        """All of the claims or none, at one moment. Raises `Unavailable` for a strict claim that cannot be counted."""

    def settle(self, taken: Taken, amounts: Sequence[int]) -> None:
        """What the claims came to, in their order, in the place of what was reserved. It may be more than that, and
        more than there is. Never waits. Once for each `Taken`; what was spent at once stays as it is."""

    def release(self, taken: Taken) -> None:
        """Nothing came of it: everything goes back, what was spent at once as well. Instead of `settle`."""

    def seed(self, key: bytes, amount: int, end_micros: int) -> Awaitable[None] | None:
        """A window has at least so much spent: what is known of it from elsewhere."""

    def when_in_doubt(self, doubt: Callable[[], None]) -> None:
        """Have somebody told whenever what was spent may have been forgotten."""

    def look(self, claims: Sequence[Claim]) -> Sequence[Level] | Awaitable[Sequence[Level]]:
        """How the counters of claims stand. Takes nothing."""

    def reset(self, keys: Sequence[bytes]) -> Awaitable[None] | None:
        """Forget what was spent. What is reserved stays."""
