"""Money for calls of an upstream that a request did not begin with: each is reserved before it is sent, like the first.

An answer that pauses is asked for again, a summary is asked for on the way, and a body may have outgrown what was
weighed by the time that it goes out.
"""

from trunkline.engine.bounds.budgets.bids import BudgetBid
from trunkline.engine.bounds.budgets.bounds import BudgetBounds
from trunkline.engine.exchange import Exchange
from trunkline.engine.router import Target
from trunkline.request import ModelRequest
from trunkline.state.counters import Counters, Outcome, Refused, Taken


class Purse:
    """Claims from the same budgets as `bounds`, for requests that have been admitted; what all of it cost is settled with the
    request. Raises `BudgetExceeded` where they do not cover a call."""

    def __init__(self, counters: Counters, bounds: BudgetBounds) -> None:
        self._counters = counters
        self._bounds = bounds

    async def top_up(self, x: Exchange, target: Target, dialect: str, body: bytes) -> None:
        """Hold what a body that was written anew may cost beyond what is held for it. `dialect` is its own."""
        bid = _find_bid(x)
        if bid is not None:
            possible = self._bounds.most(target, dialect, body, bid.asked.input_tokens)
            await self._join(x, possible - bid.amount)

    async def go_on(self, x: Exchange, target: Target, dialect: str, body: bytes) -> None:
        """Hold what an answer that has paused may cost when it is taken up again: it reads what it has written."""
        bid = _find_bid(x)
        if bid is not None:
            goes = sum(not attempt.is_aside for attempt in x.attempts)
            input_tokens = bid.asked.input_tokens + goes * bid.tokens
            await self._join(x, self._bounds.most(target, dialect, body, input_tokens))

    async def ask_aside(self, x: Exchange, target: Target, dialect: str, body: bytes, request: ModelRequest) -> None:
        """Hold what a question of the gateway's own may cost. `body` is the request as it goes out."""
        if _find_bid(x) is not None:
            input_tokens = self._bounds.count(target, request)
            await self._join(x, self._bounds.most(target, dialect, body, input_tokens))

    async def _join(self, x: Exchange, amount: int) -> None:
        claims = self._bounds.claim(x, amount) if amount > 0 else ()
        if x.hold is None or not claims:
            return
        taking = self._counters.take(claims)
        outcome: Outcome = taking if isinstance(taking, (Taken, Refused)) else await taking
        if isinstance(outcome, Refused):
            raise self._bounds.explain(x, outcome)
        x.hold.join(outcome)


def _find_bid(x: Exchange) -> BudgetBid | None:
    bids = () if x.hold is None else x.hold.bids
    return next((bid for bid in bids if isinstance(bid, BudgetBid)), None)
