"""The budgets in force as they stand, and those that a request counts on: a snapshot, replaced as a whole."""

import asyncio
from collections.abc import Iterator, Sequence

from trunkline.errors import Unavailable
from trunkline.labels import Labels
from trunkline.principal import Principal
from trunkline.state.budgets import Budget
from trunkline.state.counters import Claim, Level
from trunkline.state.periods import Window

# Enough for every key and path in use; callers may make up paths below their own.
_MOST_REMEMBERED = 4096


class Fund:
    """One budget as it stands in the window that was asked about last.

    `seen` is how much was known to be spent in it, and `is_low` whether a call was refused in it for want of money.
    `is_lost`: its counter has forgotten what was spent, and nothing is paid from it before that is known again.
    """

    __slots__ = ("_cap", "_counter", "_end", "_start", "budget", "is_lost", "is_low", "seen", "window")

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.window = Window(0, 0)
        # Of the window and the budget, for what is done with every request.
        self._start, self._end, self._cap = 0, 0, budget.cap
        self.seen = 0
        self.is_low = self.is_lost = False
        self._counter = b""

    def claim(self, at_micros: int, amount: int) -> Claim:
        """A claim of this amount on the fund, at a moment."""
        if not self._start <= at_micros < self._end:
            self.open(at_micros)
        return Claim(self._counter, "window", amount, self._cap, 0, self._end, True, True)

    def open(self, at_micros: int) -> None:
        """Turn to the window of a moment, if that is another one."""
        window = self.budget.window(at_micros)
        if window != self.window:
            self.window, self._start, self._end = window, window.start, window.end
            self._counter = self.budget.counter(window)
            self.seen, self.is_low, self.is_lost = 0, False, False


class Funds:
    """All of them. `replace` keeps what is known of those that go on as they were. `lost` is set when one has been."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()
        self._funds: dict[str, Fund] = {}
        self._covering: dict[tuple[str, str], tuple[tuple[Fund, ...], bool]] = {}

    def __iter__(self) -> Iterator[Fund]:
        return iter(list(self._funds.values()))

    def replace(self, budgets: Sequence[Budget]) -> None:
        """Put these budgets in force."""
        known = self._funds
        self._funds = {budget.name: _go_on(known.get(budget.name), budget) for budget in budgets}
        self._covering = {}

    def find(self, name: str) -> Fund | None:
        return self._funds.get(name)

    def covering(self, principal: Principal, labels: Labels) -> Sequence[Fund]:
        """Those that what this caller spends counts on, in a call with these labels.

        Raises `Unavailable` while it is not known what was spent of one.
        """
        who = (principal.path, principal.key_id)
        found = self._covering.get(who)
        if found is None:
            found = self._remember(who, principal)
        funds, goes_by_label = found
        if goes_by_label:
            funds = tuple([fund for fund in funds if fund.budget.takes(labels)])
        for fund in funds:
            if fund.is_lost:
                raise Unavailable(f"what was spent of the budget `{fund.budget.name}` is being summed up anew")
        return funds

    def doubt(self) -> None:
        """The counters may have forgotten what was spent: nothing is paid before it is known again."""
        for fund in self:
            fund.is_lost = True
        self.lost.set()

    def see(self, funds: Sequence[Fund], levels: Sequence[Level]) -> None:
        """Their counters stand so. One of which less is spent than there was has lost its memory."""
        for fund, level in zip(funds, levels):  # noqa: B905 - one was made for each other
            spent = level.spent
            if spent >= fund.seen:
                fund.seen = spent
            # Answers may come in another order than they were made in, but not that far apart.
            elif spent * 2 < fund.seen:
                fund.is_lost = True
                self.lost.set()

    def _remember(self, who: tuple[str, str], principal: Principal) -> tuple[tuple[Fund, ...], bool]:
        if len(self._covering) >= _MOST_REMEMBERED:
            self._covering.clear()
        funds = tuple([fund for fund in self._funds.values() if fund.budget.may_cover(principal)])
        found = self._covering[who] = funds, any(fund.budget.label is not None for fund in funds)
        return found


def _go_on(known: Fund | None, budget: Budget) -> Fund:
    """A fund as it was known, unless what it counts is another."""
    if known is not None and known.budget == budget:
        return known
    fund = Fund(budget)
    if known is not None and known.window.end:
        fund.open(known.window.start)
        if fund.claim(known.window.start, 0).key == known.claim(known.window.start, 0).key:
            fund.seen, fund.is_lost = known.seen, known.is_lost
    return fund
