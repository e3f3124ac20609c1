"""One body made ready for one target, and how its reply will be read: three ways, a file each."""

from trunkline.engine.crossing.crossing import Crossing
from trunkline.engine.crossing.patch import Patched
from trunkline.engine.crossing.tee import Teed
from trunkline.engine.crossing.translate import Translated
from trunkline.engine.envelope import Envelope
from trunkline.engine.exchange import Exchange
from trunkline.engine.parts import Parts
from trunkline.engine.router import Target
from trunkline.engine.way import Way


def cross(parts: Parts, x: Exchange, envelope: Envelope, way: Way, target: Target) -> Crossing:
    """The request made ready. Raises the caller's errors: what is wrong with it, or what the target cannot do."""
    if way.kind == "tee":
        return Teed(parts, x, envelope, target)
    if way.kind == "patch":
        return Patched(parts, x, envelope, target)
    return Translated(parts, x, envelope, target, parts.upstreams[way.upstream])


__all__ = ["Crossing", "cross"]
