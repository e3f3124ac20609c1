"""What keeps funds true: which budgets there are, and what was spent of each, by the records that are kept.

All of it happens beside the requests, none of which waits for the database. A counter starts from what the records say,
when a gateway starts, when a budget is made or begins to cover others, and when the counters have lost their memory;
and it is compared with them now and then, as a process may have died between a record and its settlement.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from trunkline.clock import Clock
from trunkline.engine.bounds.budgets.funds import Fund, Funds
from trunkline.errors import Unavailable
from trunkline.state.budgets import Budget, BudgetStore, KeptBudgets
from trunkline.state.counters import Counters, Level

_log = logging.getLogger("trunkline.budgets")

# How soon a change that another replica made is in force here.
_EVERY_SECONDS = 1.0
# A sum reads all rows of a window, which may be a month.
_COMPARED_EVERY_SECONDS = 3600.0

Settle = Callable[[], Awaitable[None]]


class Standing(Struct, frozen=True):
    """A fund and its counter, at one moment."""

    fund: Fund
    level: Level


class Treasury:
    """`declared` are the budgets of the configuration: a name lives there or in the store. `settle` waits until what was
    recorded so far can be summed."""

    def __init__(
        self,
        funds: Funds,
        counters: Counters,
        store: BudgetStore,
        clock: Clock,
        declared: Sequence[Budget],
        settle: Settle,
    ) -> None:
        self.declared = declared
        self.store = store
        self._funds = funds
        self._counters = counters
        self._clock = clock
        self._settle = settle
        self._revision = -1
        self._counted: set[bytes] = set()
        self._compared_at = clock.monotonic()

    # --- which budgets there are --------------------------------------------------------------------------------

    async def refresh(self) -> None:
        """Know of every change that has been made by now. Raises `Unavailable`; then all stays as it was."""
        kept = await self.store.read(self._revision)
        if kept is None:
            return
        budgets = join(self.declared, kept)
        # What was spent is known before anybody pays from it.
        await self._count([Fund(budget) for budget in budgets])
        self._funds.replace(budgets)
        self._revision = kept.revision

    # --- what was spent -----------------------------------------------------------------------------------------

    async def _count(self, funds: Sequence[Fund]) -> None:
        """Start the counters that this process knows nothing of yet."""
        now = self._clock.now_micros()
        counters = {fund.claim(now, 0).key: fund for fund in funds}
        new = [fund for key, fund in counters.items() if key not in self._counted]
        if new:
            await self._restore(new)
        self._counted = set(counters)

    async def _restore(self, funds: Sequence[Fund]) -> None:
        """Have counters know at least what is recorded."""
        await self._settle()
        now = self._clock.now_micros()
        for fund in funds:
            claim = fund.claim(now, 0)
            spent = await self.store.spent(fund.budget, fund.window)
            seeding = self._counters.seed(claim.key, spent, fund.window.end)
            if seeding is not None:
                await seeding
            fund.seen, fund.is_lost = spent, False

    async def look(self, funds: Sequence[Fund]) -> Sequence[Standing]:
        """How they stand. Raises `Unavailable` where the counters cannot be asked."""
        now = self._clock.now_micros()
        looking = self._counters.look([fund.claim(now, 0) for fund in funds])
        levels = await looking if isinstance(looking, Awaitable) else looking
        return [Standing(fund, level) for fund, level in zip(funds, levels, strict=True)]

    # --- time ---------------------------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Keep the funds true, for ever."""
        while True:
            try:
                async with asyncio.timeout(_EVERY_SECONDS):
                    await self._funds.lost.wait()
            except TimeoutError:
                pass
            try:
                await self.look_after()
            except Unavailable:
                pass  # asked again in a moment; what is in force goes on
            except Exception as error:  # noqa: BLE001 - a bug must not end the looking after
                _log.error("budgets could not be looked after: %s", type(error).__name__)

    async def look_after(self) -> None:
        """Keep the funds true, once. Raises `Unavailable`."""
        lost = [fund for fund in self._funds if fund.is_lost]
        self._funds.lost.clear()
        if lost:
            _log.warning("the counters of %d budgets have lost their memory: they are summed up anew", len(lost))
            await self._restore(lost)
        await self.refresh()
        if self._clock.monotonic() - self._compared_at >= _COMPARED_EVERY_SECONDS:
            self._compared_at = self._clock.monotonic()
            await self._restore([fund for fund in self._funds if fund.window.end])


def join(declared: Sequence[Budget], kept: KeptBudgets) -> list[Budget]:
    """All that are in force: what is declared wins over what was kept under its name."""
    names = {budget.name for budget in declared}
    budgets = [*declared, *(budget for budget in kept.budgets if budget.name not in names)]
    return [replace(budget, since_micros=kept.resets.get(budget.name, 0)) for budget in budgets]
