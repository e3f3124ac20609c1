"""What the target cannot hold → what it can. One neutral pass between reading the caller and writing to the upstream.

`lower` returns a request that the target's writer can hold whole, and a `Lowering`: what was left out or emulated, and
how to give the answer back in the caller's terms. Refuses, naming the parameter, what would change the answer's shape
or meaning. Each kind of thing has a file of its own here; the table of fates stands in `trunkline.dialects.fates`.
"""

from trunkline.capabilities import Capabilities
from trunkline.clock import Mint
from trunkline.dialects.lowering.history import hold_tools
from trunkline.dialects.lowering.names import short_id
from trunkline.dialects.lowering.outcome import Lowering, Restore
from trunkline.dialects.lowering.plan import Plan
from trunkline.request import ModelRequest

__all__ = ["Lowering", "Plan", "Restore", "hold_tools", "lower", "short_id"]


def lower(
    request: ModelRequest, caller: str, upstream: str, capabilities: Capabilities, mint: Mint
) -> tuple[ModelRequest, Lowering]:
    """A request that a target speaking `upstream` with these `capabilities` can hold, for a caller speaking `caller`.

    Raises `Unsupported` or `UnknownParameter` for what has no home there, `InvalidRequest` for a broken history.
    """
    return Plan(request, caller, upstream, capabilities, mint).lower(request.items)
