"""What a request stands for that is not answered but counted or compacted."""

import contextlib
from collections.abc import AsyncIterator

from msgspec.structs import replace

from trunkline.engine.context import Context, let_go, understand
from trunkline.engine.desk import Desk
from trunkline.engine.envelope import Envelope, read_call
from trunkline.engine.exchange import Exchange
from trunkline.engine.router import Target


@contextlib.asynccontextmanager
async def stand_for(desk: Desk, x: Exchange) -> AsyncIterator[tuple[Context, Target]]:
    """What the request goes on from, and its target; the conversation that it may be about is let go at the end."""
    envelope = read_call(x.call, x.found)
    store = desk.parts.store
    if store is None or x.dialect != "responses":
        x.model_asked = envelope.model
        yield Context(envelope=envelope, own=b"", keeps=False), (await desk.plan(envelope.model)).targets[0]
        return
    context = await understand(desk, store, x, envelope)
    try:
        x.model_asked = context.envelope.model
        yield context, (await desk.plan(x.model_asked)).targets[0]
    finally:
        await let_go(store, x, context)


def fit(context: Context, x: Exchange, target: Target, *, replays: bool = False) -> Envelope:
    """The request as this target must get it; only callers of Responses can name what stands elsewhere.

    What a reply would say of that has no place in the answers that are given here.
    """
    if x.dialect != "responses":
        return context.envelope
    return replace(context.fit(target, replays=replays), echo={})
