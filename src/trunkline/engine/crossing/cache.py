"""Whether the gateway asks for prompt caching in place of a caller who cannot, and what it remembers for that."""

from trunkline.engine.crossing.notes import Notes
from trunkline.engine.exchange import Exchange
from trunkline.engine.parts import Parts
from trunkline.engine.router import Target

# What asks for a cache point, in one wire or another: a caller who can ask is left to it.
_OWN_MARKS = (b'"cache_control"', b'"cachePoint"', b'"prompt_cache_breakpoint"')


def wants_marks(target: Target, body: bytes) -> bool:
    """Whether this model caches nothing unasked, its provider can be asked, and the caller did not."""
    capabilities = target.capabilities
    if not (capabilities.cache_marks and capabilities.explicit_cache):
        return False
    return not any(mark in body for mark in _OWN_MARKS)


def open_notes(parts: Parts, x: Exchange, family: str, target: Target) -> Notes:
    """What this gateway remembers for one path at one account."""
    return Notes(parts.shared, family, target.account.name, x.principal.path)
