"""Budgets: made, shown, changed, reset and deleted, by those who administer them."""

from trunkline.call import Reply
from trunkline.engine.admin.acts import witness
from trunkline.engine.bounds.budgets.office import BudgetOffice
from trunkline.engine.desk import Desk
from trunkline.engine.envelope import decode_body, read_members
from trunkline.engine.exchange import Exchange
from trunkline.errors import Unsupported


async def list_budgets(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/budgets`: all of them and how they stand, those of the configuration first."""
    return desk.say(x, await _open_office(desk, x).budgets())


async def create_budget(desk: Desk, x: Exchange) -> Reply:
    """`POST /admin/v1/budgets`: whose, how much, and per what."""
    return desk.say(x, await _open_office(desk, x).create(decode_body(read_members(x.call.body))))


async def get_budget(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/budgets/{name}`."""
    return desk.say(x, await _open_office(desk, x).find(x.found.ids[0]))


async def update_budget(desk: Desk, x: Exchange) -> Reply:
    """`POST /admin/v1/budgets/{name}`: what is said takes the place of what was."""
    return desk.say(x, await _open_office(desk, x).update(x.found.ids[0], decode_body(read_members(x.call.body))))


async def reset_budget(desk: Desk, x: Exchange) -> Reply:
    """`POST /admin/v1/budgets/{name}/reset`: nothing is spent of it."""
    return desk.say(x, await _open_office(desk, x).reset(x.found.ids[0]))


async def delete_budget(desk: Desk, x: Exchange) -> Reply:
    """`DELETE /admin/v1/budgets/{name}`."""
    return desk.say(x, await _open_office(desk, x).delete(x.found.ids[0]))


def _open_office(desk: Desk, x: Exchange) -> BudgetOffice:
    open_office = desk.parts.budgets
    if open_office is None:
        raise Unsupported("this gateway keeps nothing between requests, and so no budgets", code="storage_off")
    return open_office(x.principal.path, witness(desk, x))
