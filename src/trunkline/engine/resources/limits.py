"""Rate limits, for those who administer them."""

from trunkline.call import Reply
from trunkline.engine.admin.acts import witness
from trunkline.engine.admin.limit_book import InForce, LimitBook
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.kept import need_store
from trunkline.engine.resources.books import BookRoutes


async def list_limits(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/limits`: all of them, those of the configuration first."""
    return desk.say(x, await _open_book(desk, x).all())


async def reset_limit(desk: Desk, x: Exchange) -> Reply:
    """`POST /admin/v1/limits/{id}/reset`: all of it is there again."""
    return desk.say(x, await _open_book(desk, x).reset(x.found.ids[0]))


def _open_book(desk: Desk, x: Exchange) -> LimitBook:
    parts, limits = desk.parts, desk.parts.limits
    in_force = None
    if limits is not None and parts.admission is not None:
        in_force = InForce(parts.admission.counters, limits.refresh)
    declared = () if limits is None else limits.declared
    kept = need_store(desk).limits
    return LimitBook(kept, declared, x.principal.path, parts.clock, parts.mint, witness(desk, x), in_force)


LIMITS = BookRoutes(_open_book)
