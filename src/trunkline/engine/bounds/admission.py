"""How fast, how much, and can they pay? Everything that bounds a request is claimed at once, or nothing of it.

Each kind of rule (limits, budgets) makes a bid for a request; their claims are taken together. What is held is settled
where the request is recorded, however it ended.
"""

from collections.abc import Awaitable, Sequence
from typing import Protocol

from trunkline.call import Header
from trunkline.engine.bids import Bid, Hold
from trunkline.engine.envelope import Envelope
from trunkline.engine.exchange import Exchange
from trunkline.engine.router import Target
from trunkline.state.counters import Claim, Counters, Level, Outcome, Refused, Taken


class Bounds(Protocol):
    """One kind of rule. Never waits."""

    def bid(self, x: Exchange, target: Target, envelope: Envelope) -> Bid | None:
        """What a request would use up, `None` where no rule is for it. Raises the error of one that cannot be served."""


class Admission:
    """Admits requests. Bounds are asked in their order, each with the envelope that the one before it would send."""

    def __init__(self, counters: Counters, bounds: Sequence[Bounds]) -> None:
        self.counters = counters
        self._bounds = bounds

    def admit(self, x: Exchange, target: Target, envelope: Envelope) -> Envelope | Awaitable[Envelope]:
        """The request as it may be sent; to be awaited only where the counters are. Raises the error of the rule that
        refuses it; then nothing is held.

        One that is sent again gives back what it held and is admitted anew.
        """
        x.target = target.name
        if x.hold is not None:
            x.hold.release()
            x.hold = None
        bids: list[Bid] = []
        for bounds in self._bounds:
            bid = bounds.bid(x, target, envelope)
            if bid is not None:
                envelope = bid.envelope
                bids.append(bid)
        return self._take(x, bids) if bids else envelope

    def _take(self, x: Exchange, bids: list[Bid]) -> Envelope | Awaitable[Envelope]:
        """Lowers the bid that is refused, until all are granted or one of them cannot be lowered."""
        while True:
            outcome = self.counters.take(_gather(bids))
            if isinstance(outcome, Taken):
                return self._grant(x, bids, outcome)
            if not isinstance(outcome, Refused):
                return self._await(x, bids, outcome)
            _lower(x, bids, outcome)

    async def _await(self, x: Exchange, bids: list[Bid], taking: Awaitable[Outcome]) -> Envelope:
        while isinstance(outcome := await taking, Refused):
            _lower(x, bids, outcome)
            again = self.counters.take(_gather(bids))
            taking = _settled(again) if isinstance(again, (Taken, Refused)) else again
        return self._grant(x, bids, outcome)

    def _grant(self, x: Exchange, bids: list[Bid], taken: Taken) -> Envelope:
        """Note the hold on the exchange, with what its caller is told."""
        x.hold = Hold(self.counters, taken, bids)
        x.levels = _tell(bids, taken.levels)
        return bids[-1].envelope


def _lower(x: Exchange, bids: list[Bid], refused: Refused) -> None:
    """Lower the bid that was refused, in its place. Raises its error where that cannot be."""
    x.levels = _tell(bids, refused.levels)
    place = next(place for place, bid in enumerate(bids) if refused.claim in bid.claims)
    bids[place] = bids[place].lower(refused)


async def _settled(outcome: Outcome) -> Outcome:
    return outcome


def _gather(bids: Sequence[Bid]) -> Sequence[Claim]:
    claims = bids[0].claims
    for bid in bids[1:]:
        claims = [*claims, *bid.claims]
    return claims


def _tell(bids: Sequence[Bid], levels: Sequence[Level]) -> Sequence[Header]:
    if len(bids) == 1:
        return bids[0].tell(levels)
    told: list[Header] = []
    start = 0
    for bid in bids:
        end = start + len(bid.claims)
        told += bid.tell(levels[start:end])
        start = end
    return told
