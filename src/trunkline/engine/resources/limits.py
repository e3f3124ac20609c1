"""Rate limits: made, shown, changed, reset and deleted, by those who administer them."""

from trunkline.call import Reply
from trunkline.engine.admin.acts import witness
from trunkline.engine.admin.limit_book import InForce, LimitBook
from trunkline.engine.desk import Desk
from trunkline.engine.envelope import decode_body, read_members
from trunkline.engine.exchange import Exchange
from trunkline.engine.kept import need_store


async def list_limits(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/limits`: all of them, those of the configuration first."""
    return desk.say(x, await _open_book(desk, x).rules())


async def create_limit(desk: Desk, x: Exchange) -> Reply:
    """`POST /admin/v1/limits`: whom it is for, and how much of what."""
    return desk.say(x, await _open_book(desk, x).create(decode_body(read_members(x.call.body))))


async def get_limit(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/limits/{id}`."""
    return desk.say(x, await _open_book(desk, x).find(x.found.ids[0]))


async def update_limit(desk: Desk, x: Exchange) -> Reply:
    """`POST /admin/v1/limits/{id}`: what is said takes the place of what was."""
    return desk.say(x, await _open_book(desk, x).update(x.found.ids[0], decode_body(read_members(x.call.body))))


async def reset_limit(desk: Desk, x: Exchange) -> Reply:
    """`POST /admin/v1/limits/{id}/reset`: all of it is there again."""
    return desk.say(x, await _open_book(desk, x).reset(x.found.ids[0]))


async def delete_limit(desk: Desk, x: Exchange) -> Reply:
    """`DELETE /admin/v1/limits/{id}`."""
    return desk.say(x, await _open_book(desk, x).delete(x.found.ids[0]))


def _open_book(desk: Desk, x: Exchange) -> LimitBook:
    parts, limits = desk.parts, desk.parts.limits
    in_force = None
    if limits is not None and parts.admission is not None:
        in_force = InForce(parts.admission.counters, limits.refresh)
    declared = () if limits is None else limits.declared
    kept = need_store(desk).limits
    return LimitBook(kept, declared, x.principal.path, parts.clock, parts.mint, witness(desk, x), in_force)
