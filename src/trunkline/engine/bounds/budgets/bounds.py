"""Whether they can pay: what is claimed of budgets for a request, and for each further call of an upstream within it."""

from collections.abc import Mapping, Sequence

from trunkline.clock import Clock
from trunkline.dialects.dialect import Dialect
from trunkline.dialects.estimate import estimate_input
from trunkline.dialects.output_limit import OutputLimit, read_limit
from trunkline.engine.bids import Bid
from trunkline.engine.bounds.budgets.bids import Asked, BudgetBid, make_bid
from trunkline.engine.bounds.budgets.funds import Fund, Funds
from trunkline.engine.bounds.budgets.refusals import refuse, refuse_unpriced
from trunkline.engine.bounds.possible_cost import (
    USUAL_RATIO,
    Body,
    Possible,
    Prices,
    choose_limit,
    cost_of_text,
    count_most,
    look_at,
    raise_estimate,
    weigh,
)
from trunkline.engine.envelope import Envelope, read_members
from trunkline.engine.estimates.gauge import Gauge
from trunkline.engine.exchange import Exchange
from trunkline.engine.router import Target
from trunkline.errors import BudgetExceeded
from trunkline.request import ModelRequest
from trunkline.state.counters import Claim, Level, Refused

# What it costs where nothing is said of the price, and that is allowed: what its provider tells counts.
_NOTHING = Possible(0, 0)

# Enough for every model in use; callers may make up names of models.
_MOST_REMEMBERED = 4096

_WHOLE_ANSWERS = "generate"
_COMPACTIONS = "compaction"


class BudgetBounds:
    """`engine.admission.Bounds` for money. `unknown_output_tokens` is what a model can write of which nobody knows."""

    def __init__(
        self, funds: Funds, clock: Clock, gauge: Gauge, dialects: Mapping[str, Dialect], unknown_output_tokens: int
    ) -> None:
        self._funds = funds
        self._clock = clock
        self._gauge = gauge
        self._dialects = dialects
        self._unknown = unknown_output_tokens
        self._prices: dict[str, Prices] = {}

    def bid(self, x: Exchange, target: Target, envelope: Envelope) -> Bid | None:
        """All that a request may cost. Raises `Forbidden` for a model without a price, `InvalidRequest`."""
        funds = self._funds.covering(x.principal, x.labels)
        if not funds:
            return None
        prices, at_micros, dialect = self._find_prices(funds, target), self._clock.now_micros(), x.dialect
        if x.operation != _WHOLE_ANSWERS or prices is None or self._gauge.ratio(target.name) > USUAL_RATIO:
            return self._weigh_whole(x, target, envelope, funds, at_micros)
        input_tokens = prices.weigh_plain(envelope, dialect)
        if input_tokens is None:
            return self._weigh_whole(x, target, envelope, funds, at_micros)
        limit = read_limit(dialect, envelope.members)
        tokens = limit.tokens
        if tokens is None:
            tokens = choose_limit(limit, target.capabilities, input_tokens, self._unknown)
        amount = cost_of_text(prices.find(input_tokens, ""), input_tokens, tokens * limit.choices)
        asked = Asked(self, funds, envelope, dialect, target, limit, input_tokens, at_micros)
        return make_bid(asked, tokens, amount)

    def _weigh_whole(
        self, x: Exchange, target: Target, envelope: Envelope, funds: Sequence[Fund], at_micros: int
    ) -> BudgetBid:
        """The bid of a request that is more than text."""
        takes_limit = x.operation == _WHOLE_ANSWERS
        limit = read_limit(x.dialect, envelope.members) if takes_limit else OutputLimit(None)
        body = look_at(x.dialect, envelope.members, envelope.body)
        ratio = self._gauge.ratio(target.name)
        input_tokens = count_most(self._dialects[x.dialect], envelope, body, target.capabilities, ratio)
        tokens = choose_limit(limit, target.capabilities, input_tokens, self._unknown)
        if not takes_limit and x.operation != _COMPACTIONS:
            tokens = 0
        asked = Asked(
            self, funds, envelope, x.dialect, target, limit, input_tokens, at_micros, takes_limit, body.calls > 0
        )
        return make_bid(asked, tokens, self.weigh(body, target, input_tokens, limit.choices).cost(tokens))

    def weigh(self, body: Body, target: Target, input_tokens: int, choices: int) -> Possible:
        """What a body may come to at a target that is allowed."""
        prices = self._find_prices((), target)
        return _NOTHING if prices is None else weigh(body, prices, input_tokens, choices)

    def _find_prices(self, funds: Sequence[Fund], target: Target) -> Prices | None:
        """Those of a target; `None` where it has none and none of the funds minds. Raises `Forbidden` if one does."""
        tariff = target.tariff
        if tariff is None:
            _check_allowed(funds, target)
            return None
        prices = self._prices.get(target.name)
        if prices is None or prices.tariff is not tariff:
            if len(self._prices) >= _MOST_REMEMBERED:
                self._prices.clear()
            prices = self._prices[target.name] = Prices(tariff)
        return prices

    def see(self, funds: Sequence[Fund], levels: Sequence[Level]) -> None:
        """Note how the counters of funds stand."""
        self._funds.see(funds, levels)

    # --- what comes on top --------------------------------------------------------------------------------------

    def most(self, target: Target, dialect: str, data: bytes, input_tokens: int) -> int:
        """All that a body may cost as it goes out, in its own dialect: writing it may have raised its limit, and what a
        caller says to a provider in its own words is no part of what was weighed."""
        members = read_members(data)
        limit = read_limit(dialect, members)
        tokens = choose_limit(limit, target.capabilities, input_tokens, self._unknown)
        return self.weigh(look_at(dialect, members, data), target, input_tokens, limit.choices).cost(tokens)

    def count(self, target: Target, request: ModelRequest) -> int:
        """How many tokens a request puts into the model, rather too many."""
        return raise_estimate(estimate_input(request), self._gauge.ratio(target.name))

    def claim(self, x: Exchange, amount: int) -> Sequence[Claim]:
        """Claims of this amount on every fund that covers this caller."""
        at_micros = self._clock.now_micros()
        return [fund.claim(at_micros, amount) for fund in self._funds.covering(x.principal, x.labels)]

    def explain(self, x: Exchange, refused: Refused) -> BudgetExceeded:
        """The error for what could not be claimed on top."""
        funds = self._funds.covering(x.principal, x.labels)
        keys = [claim.key for claim in self.claim(x, 0)]
        place = keys.index(refused.claim.key) if refused.claim.key in keys else 0
        return refuse(funds[place], refused.levels[place], refused.claim.amount, in_flight=refused.in_flight)


def _check_allowed(funds: Sequence[Fund], target: Target) -> None:
    for fund in funds:
        if fund.budget.unpriced == "refuse":
            raise refuse_unpriced(fund.budget, target.name)
