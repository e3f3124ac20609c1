"""Budgets, for those who administer them."""

from trunkline.call import Reply
from trunkline.engine.admin.acts import witness
from trunkline.engine.admin.budget_book import BudgetBook
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.resources.books import BookRoutes
from trunkline.errors import Unsupported


async def list_budgets(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/budgets`: all of them and how they stand, those of the configuration first."""
    return desk.say(x, await _open_book(desk, x).all())


async def reset_budget(desk: Desk, x: Exchange) -> Reply:
    """`POST /admin/v1/budgets/{name}/reset`: nothing is spent of it."""
    return desk.say(x, await _open_book(desk, x).reset(x.found.ids[0]))


def _open_book(desk: Desk, x: Exchange) -> BudgetBook:
    means = desk.parts.budgets
    if means is None:
        raise Unsupported("this gateway keeps nothing between requests, and so no budgets", code="storage_off")
    return BudgetBook(means, x.principal.path, desk.parts.clock, witness(desk, x))


BUDGETS = BookRoutes(_open_book)
