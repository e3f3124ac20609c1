"""What a request asks of counters before it is sent, and what it holds of them until it is over."""

from collections.abc import Sequence
from typing import Protocol

from trunkline.call import Header
from trunkline.engine.envelope import Envelope
from trunkline.records import Record
from trunkline.state.counters import Claim, Counters, Level, Refused, Taken


class Bid(Protocol):
    """The claims of one request on the counters of some rules. `envelope` is the request as it is to be sent."""

    @property
    def claims(self) -> Sequence[Claim]: ...

    @property
    def envelope(self) -> Envelope: ...

    def measure(self, record: Record) -> Sequence[int]:
        """What each claim came to."""

    def tell(self, levels: Sequence[Level]) -> Sequence[Header]:
        """What the caller is told of how its counters stand."""

    def lower(self, refused: Refused) -> "Bid":
        """A smaller one, after one of its claims was refused. Raises the error that says why there is none."""


class Hold:
    """What a request holds. Settled or released once; after that both do nothing."""

    __slots__ = ("_counters", "_is_over", "_joined", "_taken", "bids")

    def __init__(self, counters: Counters, taken: Taken, bids: Sequence[Bid]) -> None:
        self._counters = counters
        self._taken = taken
        self.bids = bids
        self._joined: tuple[Taken, ...] = ()
        self._is_over = False

    def join(self, taken: Taken) -> None:
        """Hold this too for as long: what comes of it is measured with the rest."""
        self._joined += (taken,)

    def settle(self, record: Record) -> None:
        """The request is over, and this is what it came to."""
        if self._is_over:
            return
        self._is_over = True
        bids = self.bids
        amounts = bids[0].measure(record) if len(bids) == 1 else [each for bid in bids for each in bid.measure(record)]
        self._counters.settle(self._taken, amounts)
        for taken in self._joined:
            self._counters.release(taken)

    def release(self) -> None:
        """Nothing came of it."""
        if not self._is_over:
            self._is_over = True
            for taken in (self._taken, *self._joined):
                self._counters.release(taken)
