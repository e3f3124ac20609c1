"""What a request stands for that is not answered but counted or compacted."""

from msgspec.structs import replace

from trunkline.engine.context import Context, understand
from trunkline.engine.desk import Desk
from trunkline.engine.envelope import Envelope, read_call
from trunkline.engine.exchange import Exchange
from trunkline.engine.router import Target


async def stand_for(desk: Desk, x: Exchange) -> tuple[Context, Target]:
    """What the request goes on from, and its target. A conversation may be run on meanwhile: nothing is added to it."""
    envelope = read_call(x.call, x.found)
    store = desk.parts.store
    context = Context(envelope=envelope, own=b"", keeps=False)
    if store is not None and x.dialect == "responses":
        context = await understand(desk, store, x, envelope, holds=False)
    x.model_asked = context.envelope.model
    return context, (await desk.plan(x.model_asked)).targets[0]


def fit(context: Context, x: Exchange, target: Target, *, replays: bool = False) -> Envelope:
    """The request as this target must get it; only callers of Responses can name what stands elsewhere.

    What a reply would say of that has no place in the answers that are given here.
    """
    if x.dialect != "responses":
        return context.envelope
    return replace(context.fit(target, replays=replays), echo={})
