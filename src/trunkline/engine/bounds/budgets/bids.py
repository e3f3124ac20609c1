"""What budgets make of a request: the whole of what it may cost is claimed of each, before it is sent."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Raw, Struct
from msgspec.structs import replace

from trunkline.call import Header
from trunkline.dialects.hosted_calls import bound_calls
from trunkline.dialects.output_limit import OutputLimit, write_limit
from trunkline.engine.bids import Bid
from trunkline.engine.bounds.budgets.funds import Fund
from trunkline.engine.bounds.budgets.refusals import refuse
from trunkline.engine.bounds.possible_cost import LEAST_OUTPUT, Body, Possible, look_at
from trunkline.engine.envelope import Envelope
from trunkline.engine.router import Target
from trunkline.records import Record
from trunkline.state.counters import Claim, Level, Refused

_NULL = Raw(b"null")

# What a Responses reply says again, and which its caller must not find changed.
_SAID_AGAIN = ("max_output_tokens", "max_tool_calls")


class Weigher(Protocol):
    """Who weighed a request, and may be asked again."""

    def weigh(self, body: Body, target: Target, input_tokens: int, choices: int) -> Possible: ...

    def see(self, funds: Sequence[Fund], levels: Sequence[Level]) -> None: ...


class Asked(Struct, frozen=True, gc=False):
    """A request as the `funds` that cover it see it: `original` as its caller sent it in a `dialect`.

    `limit` is its own, `takes_limit` whether it can be given one, `may_call` whether its provider calls tools of its own.
    `told` is what its caller is told of budgets.
    """

    weigher: Weigher
    funds: Sequence[Fund]
    original: Envelope
    dialect: str
    target: Target
    limit: OutputLimit
    input_tokens: int
    at_micros: int
    takes_limit: bool = True
    may_call: bool = False
    told: Sequence[Header] = ()

    @property
    def floor(self) -> int:
        """The least output limit that a request may be cut to."""
        least = LEAST_OUTPUT if self.limit.tokens is None else min(LEAST_OUTPUT, self.limit.tokens)
        return max(least, self.limit.least + 1 if self.limit.least else 0)

    def possible(self) -> Possible:
        """What the request may cost, whatever output limit it is sent with."""
        body = look_at(self.dialect, self.original.members, self.original.body)
        return self.weigher.weigh(body, self.target, self.input_tokens, self.limit.choices)

    def send(self, tokens: int) -> Envelope:
        """The request with this output limit, if that is not what it says anyway."""
        original, is_limited = self.original, self.takes_limit and tokens != self.limit.tokens
        if not (is_limited or self.may_call):
            return original
        members = original.members.copy()
        if self.may_call:
            bound_calls(self.dialect, members)
        if is_limited:
            write_limit(self.dialect, members, tokens, self.target.capabilities.max_tokens_field)
        if not is_limited and members == original.members:
            return original
        echo = original.echo
        if self.dialect == "responses":
            changed = [name for name in _SAID_AGAIN if members.get(name) != original.members.get(name)]
            echo = {**echo, **{name: original.members.get(name, _NULL) for name in changed}}
        # The body stays: what is looked for in it is still there, and it is not what is sent.
        return replace(original, members=members, echo=echo, is_limited=True)


class BudgetBid(Struct, gc=False):
    """The claims of one request on the budgets that cover it: all that it may cost with an output limit of so many tokens."""

    asked: Asked
    tokens: int
    amount: int
    claims: Sequence[Claim]
    envelope: Envelope
    levels: Sequence[Level] = ()

    def measure(self, record: Record) -> Sequence[int]:
        """What all of it cost, as far as anybody knows the price."""
        return [record.cost or 0] * len(self.claims)

    def tell(self, levels: Sequence[Level]) -> Sequence[Header]:
        """Nothing of a budget that covers the call, which is its owner's to know; the name of one that has cut it."""
        asked, self.levels = self.asked, levels
        asked.weigher.see(asked.funds, levels)
        return asked.told

    def lower(self, refused: Refused) -> Bid:
        """With the output limit that what is left will pay for, where a budget wishes that. Raises `BudgetExceeded`."""
        asked, place = self.asked, self.claims.index(refused.claim)
        fund, level = asked.funds[place], self.levels[place]
        if fund.budget.on_low == "cut" and asked.takes_limit:
            possible = asked.possible()
            tokens = min(self.tokens - 1, possible.tokens(level.left))
            if tokens >= asked.floor:
                cut = replace(asked, told=((b"x-trunkline-budget-cut", fund.budget.name.encode()),))
                return make_bid(cut, tokens, possible.cost(tokens))
        fund.is_low = fund.is_low or not refused.in_flight
        raise refuse(fund, level, self.amount, in_flight=refused.in_flight)


def make_bid(asked: Asked, tokens: int, amount: int) -> BudgetBid:
    """The bid for a request with this output limit, which may cost so much."""
    at_micros = asked.at_micros
    claims = [fund.claim(at_micros, amount) for fund in asked.funds]
    return BudgetBid(asked, tokens, amount, claims, asked.send(tokens))
