"""How fast, how much, and can they pay? Everything that bounds a request is claimed at once, or nothing of it.

Each kind of rule (limits, budgets) makes a bid for a request; their claims are taken together. What is held is settled
where the request is recorded, however it ended.
"""

from collections.abc import Sequence
from typing import Protocol

from trunkline.call import Header
from trunkline.engine.bids import Bid, Hold
from trunkline.engine.envelope import Envelope
from trunkline.engine.exchange import Exchange
from trunkline.engine.router import Target
from trunkline.state.counters import Counters, Level, Outcome, Refused, Taken


class Bounds(Protocol):
    """One kind of rule. Never waits."""

    def bid(self, x: Exchange, target: Target, envelope: Envelope) -> Bid | None:
        """What a request would use up, `None` where no rule is for it. Raises the error of one that cannot be served."""


class Admission:
    """Admits requests. Bounds are asked in their order, each with the envelope that the one before it would send."""

    def __init__(self, counters: Counters, bounds: Sequence[Bounds]) -> None:
        self.counters = counters
        self._bounds = bounds

    async def admit(self, x: Exchange, target: Target, envelope: Envelope) -> Envelope:
        """The request as it may be sent. Raises the error of the rule that refuses it; then nothing is held.

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
        if bids:
            x.hold = await self._take(x, bids)
            envelope = bids[-1].envelope
        return envelope

    async def _take(self, x: Exchange, bids: list[Bid]) -> Hold:
        """Lowers the bid that is refused, until all are granted or one of them cannot be lowered."""
        while True:
            claims = bids[0].claims if len(bids) == 1 else [claim for bid in bids for claim in bid.claims]
            taking = self.counters.take(claims)
            outcome: Outcome = taking if isinstance(taking, (Taken, Refused)) else await taking
            x.levels = _tell(bids, outcome.levels)
            if isinstance(outcome, Taken):
                return Hold(self.counters, outcome, bids)
            place = next(place for place, bid in enumerate(bids) if outcome.claim in bid.claims)
            bids[place] = bids[place].lower(outcome)


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
