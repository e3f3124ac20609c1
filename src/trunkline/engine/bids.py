"""What a request asks of counters before it is sent, and what it holds of them until it is over."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

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
        """How much of each claim a finished request has used."""

    def tell(self, levels: Sequence[Level]) -> Sequence[Header]:
        """What the caller is told of how its counters stand."""

    def lower(self, refused: Refused) -> "Bid":
        """A smaller one, after one of its claims was refused. Raises the error that says why there is none."""


class Hold(Struct, gc=False):
    """What a request holds. Settled or released once; after that both do nothing. `joined` came on top."""

    counters: Counters
    taken: Taken
    bids: Sequence[Bid]
    joined: tuple[Taken, ...] = ()
    is_over: bool = False

    def join(self, taken: Taken) -> None:
        """Hold this too for as long: what comes of it is measured with the rest."""
        self.joined += (taken,)

    def settle(self, record: Record) -> None:
        """The request is over, and this is what it came to."""
        if self.is_over:
            return
        self.is_over = True
        amounts: list[int] = []
        for bid in self.bids:
            amounts += bid.measure(record)
        self.counters.settle(self.taken, amounts)
        for taken in self.joined:
            self.counters.release(taken)

    def release(self) -> None:
        """Give everything back: the request was not sent."""
        if not self.is_over:
            self.is_over = True
            for taken in (self.taken, *self.joined):
                self.counters.release(taken)
