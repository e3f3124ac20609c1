"""The budgets in force, and those that a request counts on: a snapshot, replaced as a whole."""

from collections.abc import Iterator, Sequence

from trunkline.principal import Principal
from trunkline.state.budgets import Budget
from trunkline.state.counters import Claim
from trunkline.state.periods import Window

# Enough for every key and path in use; callers may make up paths below their own.
_MOST_REMEMBERED = 4096


class Account:
    """One budget, as it stands. `window` is the one that holds the moment asked about last, `seen` how much was known to
    be spent in it, and `is_low` whether a call was refused in it for want of money."""

    __slots__ = ("_counter", "budget", "is_low", "seen", "window")

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.window = Window(0, 0)
        self.seen = 0
        self.is_low = False
        self._counter = b""

    def claim(self, at_micros: int, amount: int) -> Claim:
        """So much of it, at a moment."""
        if not self.window.start <= at_micros < self.window.end:
            self.open(at_micros)
        return Claim(self._counter, "window", amount, self.budget.cap, 0, self.window.end, True, True)

    def open(self, at_micros: int) -> None:
        """Turn to the window of a moment, if that is another one."""
        window = self.budget.window(at_micros)
        if window != self.window:
            self.window, self._counter = window, self.budget.counter(window)
            self.seen, self.is_low = 0, False


class Book:
    """All accounts. `replace` keeps what is known of those that go on as they were."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._covering: dict[tuple[str, str], tuple[tuple[Account, ...], bool]] = {}

    def __iter__(self) -> Iterator[Account]:
        return iter(list(self._accounts.values()))

    def replace(self, budgets: Sequence[Budget]) -> None:
        """These are in force from now on."""
        known = self._accounts
        self._accounts = {budget.name: _go_on(known.get(budget.name), budget) for budget in budgets}
        self._covering = {}

    def find(self, name: str) -> Account | None:
        return self._accounts.get(name)

    def covering(self, principal: Principal) -> Sequence[Account]:
        """The accounts that what this caller spends counts on."""
        who = (principal.path, principal.key_id)
        found = self._covering.get(who)
        if found is None:
            found = self._remember(who, principal)
        accounts, goes_by_label = found
        return [each for each in accounts if each.budget.covers(principal)] if goes_by_label else accounts

    def _remember(self, who: tuple[str, str], principal: Principal) -> tuple[tuple[Account, ...], bool]:
        if len(self._covering) >= _MOST_REMEMBERED:
            self._covering.clear()
        accounts = tuple(each for each in self._accounts.values() if each.budget.may_cover(principal))
        found = accounts, any(each.budget.label is not None for each in accounts)
        self._covering[who] = found
        return found


def _go_on(known: Account | None, budget: Budget) -> Account:
    """An account that had its budget before, or a new one where what it counts is another."""
    if known is None:
        return Account(budget)
    if known.budget != budget:
        fresh = Account(budget)
        if (known.budget.period, known.budget.since_micros) == (budget.period, budget.since_micros):
            fresh.open(known.window.start)
            fresh.seen = known.seen
        return fresh
    return known
