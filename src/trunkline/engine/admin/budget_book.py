"""The budgets of one path, as those who administer them see them: what they send is checked, what they get is shown.

The admin API's routes and the command line, where it opens the store itself, both turn the same pages.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from trunkline.clock import Clock
from trunkline.dialects.pages import Listed, write_list
from trunkline.engine.admin.budget_shapes import NEW, draw_budget, read_budget
from trunkline.engine.admin.witness import Witness
from trunkline.engine.bounds.budgets.alerts import make_secret
from trunkline.engine.bounds.budgets.funds import Fund
from trunkline.engine.bounds.budgets.means import Means
from trunkline.engine.bounds.budgets.treasury import join
from trunkline.errors import Conflict, Forbidden, InvalidRequest, ObjectNotFound
from trunkline.paths import ROOT, is_within
from trunkline.state.budgets import Budget

# Each is looked at for every key and path once.
_MOST_BUDGETS = 10_000


class BudgetBook:
    """Raises `InvalidRequest` for what may not be kept, `ObjectNotFound` for what is not there or not within `path`."""

    def __init__(self, means: Means, path: str, clock: Clock, witness: Witness) -> None:
        self._means = means
        self._path = path
        self._clock = clock
        self._witness = witness

    # --- looking ------------------------------------------------------------------------------------------------

    async def all(self) -> dict[str, Any]:
        """All budgets: those of the configuration, then the others by name."""
        budgets = await self._read()
        standings = await self._means.look([Fund(budget) for budget in budgets])
        drawn = [draw_budget(each.fund.budget, each) for each in standings]
        return write_list([Listed(each["name"], Raw(msgspec.json.encode(each))) for each in drawn])

    async def find(self, name: str) -> dict[str, Any]:
        return await self._draw(await self._find(name))

    async def _draw(self, budget: Budget) -> dict[str, Any]:
        standings = await self._means.look([Fund(budget)])
        return draw_budget(budget, standings[0])

    async def _find(self, name: str) -> Budget:
        for budget in await self._read():
            if budget.name == name:
                return budget
        raise _unknown(name)

    async def _read(self) -> list[Budget]:
        return [budget for budget in await self._read_all() if is_within(budget.home, self._path)]

    async def _read_all(self) -> list[Budget]:
        kept = await self._means.store.read()
        return list(self._means.declared) if kept is None else join(self._means.declared, kept)

    # --- changing -----------------------------------------------------------------------------------------------

    async def create(self, members: Mapping[str, Any]) -> dict[str, Any]:
        """A new budget. Below the root it is for its maker's path and all below it, unless it says less.

        Its webhook's secret is shown this once, where one had to be made.
        """
        budget = self._bound(read_budget(members, NEW))
        known = await self._read_all()
        if any(each.name == budget.name for each in known):
            raise Conflict(f"there is a budget `{budget.name}` already: change it, or choose another name")
        if len(known) >= _MOST_BUDGETS:
            raise Conflict(f"there are {_MOST_BUDGETS} budgets already: delete some")
        return await self._put("budget.create", None, budget)

    async def update(self, name: str, members: Mapping[str, Any]) -> dict[str, Any]:
        """What is said takes the place of what was; `match` and `webhook` as a whole."""
        before = await self._find_changeable(name)
        if members.get("name", name) != name:
            raise InvalidRequest("`name` cannot be changed: make another budget", param="name")
        return await self._put("budget.update", before, self._bound(read_budget(members, before)))

    def _check_url(self, url: str) -> None:
        try:
            self._means.check_url(url)
        except InvalidRequest as error:
            raise InvalidRequest(f"`webhook.url`: {error.message}", param="webhook.url") from None

    async def _put(self, kind: str, before: Budget | None, budget: Budget) -> dict[str, Any]:
        made = ""
        if budget.webhook is not None:
            self._check_url(budget.webhook.url)
            made = "" if budget.webhook.secret else make_secret(self._means.chance(32))
            if made:
                budget = replace(budget, webhook=replace(budget.webhook, secret=made))
        await self._record(kind, before, budget)
        await self._means.store.put(replace(budget, since_micros=0))
        await self._means.refresh()
        drawn = await self._draw(await self._find(budget.name))
        if made:
            drawn["webhook"]["secret"] = made
        return drawn

    async def delete(self, name: str) -> dict[str, Any]:
        await self._record("budget.delete", await self._find_changeable(name), None)
        if not await self._means.store.delete(name):
            raise _unknown(name)
        await self._means.refresh()
        return {"name": name, "object": "budget.deleted", "deleted": True}

    async def reset(self, name: str) -> dict[str, Any]:
        """Count anew from now on: what was spent before is forgotten, until the next window begins anyway.

        What is declared can be reset too, and so can one whose maker may not change it.
        """
        budget = await self._find(name)
        now = self._clock.now_micros()
        await self._record("budget.reset", budget, replace(budget, since_micros=now))
        await self._means.store.reset(name, now)
        await self._means.refresh()
        return await self.find(name)

    async def _find_changeable(self, name: str) -> Budget:
        budget = await self._find(name)
        if budget.is_declared:
            raise Forbidden(f"the budget `{name}` is declared in the configuration: change it there", code="declared")
        return budget

    def _bound(self, budget: Budget) -> Budget:
        """A budget within what may be administered here."""
        if self._path == ROOT:
            return budget
        if budget.path is None:
            return replace(budget, path=f"{self._path}/**")
        if not is_within(budget.home, self._path):
            raise InvalidRequest(f"`match.path` must be within {self._path}", param="match.path")
        return budget

    async def _record(self, kind: str, before: Budget | None, after: Budget | None) -> None:
        about = after or before or NEW
        shown = [None if each is None else {**draw_budget(each), "path": each.home} for each in (before, after)]
        await self._witness.record(kind, about.name, *shown)


def _unknown(name: str) -> ObjectNotFound:
    return ObjectNotFound(f"Budget with name '{name[:256]}' not found.")
