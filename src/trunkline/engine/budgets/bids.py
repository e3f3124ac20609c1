"""What budgets make of a request: the whole of what it may cost is claimed of each, before it is sent."""

from collections.abc import Sequence

from msgspec import Raw, Struct
from msgspec.structs import replace

from trunkline.call import Header
from trunkline.dialects.hosted_calls import bound_calls
from trunkline.dialects.output_limit import OutputLimit, write_limit
from trunkline.engine.bids import Bid
from trunkline.engine.budgets.funds import Fund, Funds
from trunkline.engine.budgets.refusals import refuse
from trunkline.engine.envelope import Envelope, encode_members
from trunkline.engine.possible_cost import LEAST_OUTPUT, Possible
from trunkline.records import Record
from trunkline.state.counters import Claim, Level, Refused

_NULL = Raw(b"null")

# What a Responses reply says again, and which its caller must not find changed.
_SAID_AGAIN = ("max_output_tokens", "max_tool_calls")


class Asked(Struct, frozen=True):
    """A request as budgets see it: `original` as its caller sent it in a `dialect`, whose target knows the limit by the
    name of `field`. `limit` is its own, `takes_limit` whether it can be given one, `may_call` whether its provider calls tools
    of its own. `told` is what its caller is told of budgets."""

    original: Envelope
    dialect: str
    field: str
    limit: OutputLimit
    possible: Possible
    takes_limit: bool
    may_call: bool
    told: Sequence[Header] = ()

    @property
    def floor(self) -> int:
        """The least that it may be cut to."""
        least = LEAST_OUTPUT if self.limit.tokens is None else min(LEAST_OUTPUT, self.limit.tokens)
        return max(least, self.limit.least + 1 if self.limit.least else 0)

    def send(self, tokens: int) -> Envelope:
        """The request with this output limit, if that is not what it says anyway."""
        original, is_limited = self.original, self.takes_limit and tokens != self.limit.tokens
        if not (is_limited or self.may_call):
            return original
        members = original.members.copy()
        if self.may_call:
            bound_calls(self.dialect, members)
        if is_limited:
            write_limit(self.dialect, members, tokens, self.field)
        if members == original.members:
            return original
        echo = original.echo
        if self.dialect == "responses":
            changed = [name for name in _SAID_AGAIN if members.get(name) != original.members.get(name)]
            echo = {**echo, **{name: original.members.get(name, _NULL) for name in changed}}
        return replace(original, members=members, body=encode_members(members), echo=echo, is_limited=True)


class BudgetBid:
    """The claims of one request on the budgets that cover it."""

    __slots__ = ("_all", "_asked", "_at_micros", "_funds", "_levels", "claims", "envelope", "input_tokens", "tokens")

    def __init__(
        self, all: Funds, funds: Sequence[Fund], asked: Asked, tokens: int, input_tokens: int, at_micros: int
    ) -> None:
        self._all = all
        self._funds = funds
        self._asked = asked
        self._at_micros = at_micros
        self._levels: Sequence[Level] = ()
        self.tokens = tokens
        self.input_tokens = input_tokens
        amount = asked.possible.cost(tokens)
        self.claims: Sequence[Claim] = [fund.claim(at_micros, amount) for fund in funds]
        is_as_asked = tokens == asked.limit.tokens and not asked.may_call
        self.envelope = asked.original if is_as_asked else asked.send(tokens)

    @property
    def amount(self) -> int:
        """All that it may cost."""
        return self._asked.possible.cost(self.tokens)

    def measure(self, record: Record) -> Sequence[int]:
        """What all of it cost, as far as anybody knows the price."""
        return [record.cost or 0] * len(self.claims)

    def tell(self, levels: Sequence[Level]) -> Sequence[Header]:
        """Nothing of a budget that covers the call, which is its owner's to know; the name of one that has cut it."""
        self._levels = levels
        self._all.see(self._funds, levels)
        return self._asked.told

    def lower(self, refused: Refused) -> Bid:
        """With the output limit that what is left will pay for, where a budget wishes that. Raises `BudgetExceeded`."""
        place = self.claims.index(refused.claim)
        fund, level = self._funds[place], self._levels[place]
        if fund.budget.on_low == "cut" and self._asked.takes_limit:
            tokens = min(self.tokens - 1, self._asked.possible.tokens(level.left))
            if tokens >= self._asked.floor:
                asked = replace(self._asked, told=((b"x-trunkline-budget-cut", fund.budget.name.encode()),))
                return BudgetBid(self._all, self._funds, asked, tokens, self.input_tokens, self._at_micros)
        fund.is_low = fund.is_low or not refused.in_flight
        raise refuse(fund, level, self.amount, in_flight=refused.in_flight)
