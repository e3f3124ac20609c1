"""Budgets, for those who administer them."""

from trunkline.engine.admin.acts import witness
from trunkline.engine.admin.budget_book import BudgetBook
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.resources.books import RuleRoutes
from trunkline.errors import Unsupported


def _open_book(desk: Desk, x: Exchange) -> BudgetBook:
    means = desk.parts.budgets
    if means is None:
        raise Unsupported("this gateway keeps nothing between requests, and so no budgets", code="storage_off")
    return BudgetBook(means, x.principal.path, desk.parts.clock, witness(desk, x))


BUDGETS = RuleRoutes(_open_book)
