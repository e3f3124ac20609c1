"""Rate limits, for those who administer them."""

from trunkline.engine.admin.acts import witness
from trunkline.engine.admin.limit_book import InForce, LimitBook
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.kept import need_store
from trunkline.engine.resources.books import RuleRoutes


def _open_book(desk: Desk, x: Exchange) -> LimitBook:
    parts, limits = desk.parts, desk.parts.limits
    in_force = None
    if limits is not None and parts.admission is not None:
        in_force = InForce(parts.admission.counters, limits.refresh)
    declared = () if limits is None else limits.declared
    kept = need_store(desk).limits
    return LimitBook(kept, declared, x.principal.path, parts.clock, parts.mint, witness(desk, x), in_force)


LIMITS = RuleRoutes(_open_book)
