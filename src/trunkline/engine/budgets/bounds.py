"""Whether they can pay: what is claimed of budgets for a request, and for each further call of an upstream within it."""

from collections.abc import Mapping, Sequence

from trunkline.clock import Clock
from trunkline.dialects.dialect import Dialect
from trunkline.dialects.estimate import estimate_input
from trunkline.dialects.output_limit import OutputLimit, read_limit
from trunkline.engine.bids import Bid
from trunkline.engine.budgets.bids import Asked, BudgetBid
from trunkline.engine.budgets.funds import Fund, Funds
from trunkline.engine.budgets.refusals import refuse, refuse_unpriced
from trunkline.engine.envelope import Envelope, read_members
from trunkline.engine.exchange import Exchange
from trunkline.engine.gauge import Gauge
from trunkline.engine.possible_cost import (
    Body,
    Possible,
    Prices,
    choose_limit,
    count_most,
    look_at,
    raise_estimate,
    weigh,
)
from trunkline.engine.router import Target
from trunkline.errors import BudgetExceeded
from trunkline.request import ModelRequest
from trunkline.state.counters import Claim, Refused

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
        _check_price(funds, target)
        at_micros, capabilities = self._clock.now_micros(), target.capabilities
        takes_limit = x.operation == _WHOLE_ANSWERS
        limit = read_limit(x.dialect, envelope.members) if takes_limit else OutputLimit(None)
        body = look_at(x.dialect, envelope.members, envelope.body)
        ratio = self._gauge.ratio(target.name)
        input_tokens = count_most(self._dialects[x.dialect], envelope, body, capabilities, ratio)
        tokens = choose_limit(limit, capabilities, input_tokens, self._unknown)
        if not takes_limit and x.operation != _COMPACTIONS:
            tokens = 0
        possible = self._weigh(body, target, input_tokens, limit.choices)
        asked = Asked(envelope, x.dialect, capabilities.max_tokens_field, limit, possible, takes_limit, body.calls > 0)
        return BudgetBid(self._funds, funds, asked, tokens, input_tokens, at_micros)

    def _weigh(self, body: Body, target: Target, input_tokens: int, choices: int) -> Possible:
        tariff = target.tariff
        if tariff is None:
            return _NOTHING
        prices = self._prices.get(target.name)
        if prices is None or prices.tariff is not tariff:
            if len(self._prices) >= _MOST_REMEMBERED:
                self._prices.clear()
            prices = self._prices[target.name] = Prices(tariff)
        return weigh(body, prices, input_tokens, choices)

    # --- what comes on top --------------------------------------------------------------------------------------

    def most(self, target: Target, dialect: str, data: bytes, input_tokens: int) -> int:
        """All that a body may cost as it goes out, in its own dialect: writing it may have raised its limit, and what a
        caller says to a provider in its own words is no part of what was weighed."""
        members = read_members(data)
        limit = read_limit(dialect, members)
        tokens = choose_limit(limit, target.capabilities, input_tokens, self._unknown)
        return self._weigh(look_at(dialect, members, data), target, input_tokens, limit.choices).cost(tokens)

    def count(self, target: Target, request: ModelRequest) -> int:
        """How many tokens a request puts into the model, rather too many."""
        return raise_estimate(estimate_input(request), self._gauge.ratio(target.name))

    def claim(self, x: Exchange, amount: int) -> Sequence[Claim]:
        """So much of all that covers this caller."""
        at_micros = self._clock.now_micros()
        return [fund.claim(at_micros, amount) for fund in self._funds.covering(x.principal, x.labels)]

    def explain(self, x: Exchange, refused: Refused) -> BudgetExceeded:
        """The error for what could not be claimed on top."""
        funds = self._funds.covering(x.principal, x.labels)
        keys = [claim.key for claim in self.claim(x, 0)]
        place = keys.index(refused.claim.key) if refused.claim.key in keys else 0
        return refuse(funds[place], refused.levels[place], refused.claim.amount, in_flight=refused.in_flight)


def _check_price(funds: Sequence[Fund], target: Target) -> None:
    if target.tariff is not None:
        return
    for fund in funds:
        if fund.budget.unpriced == "refuse":
            raise refuse_unpriced(fund.budget, target.name)
