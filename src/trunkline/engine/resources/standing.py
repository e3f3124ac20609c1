"""What a request stands for that is not answered but counted or compacted."""

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from trunkline.engine.caller.tagging import open_body
from trunkline.engine.context.context import Context
from trunkline.engine.context.understanding import understand
from trunkline.engine.desk import Desk
from trunkline.engine.envelope import Envelope, read_model
from trunkline.engine.exchange import Exchange
from trunkline.engine.router import Target


async def stand_for(desk: Desk, x: Exchange) -> tuple[Context, Target]:
    """What the request goes on from, and its target. A conversation may be run on meanwhile: nothing is added to it."""
    envelope = open_body(x, desk.parts.sessions)
    store = desk.parts.store
    context = Context(envelope=envelope, own=b"", keeps=False)
    if store is not None and x.dialect == "responses":
        context = await understand(desk, store, x, envelope, runs=False)
        context.envelope = _name_model(context)
    x.model_asked = context.envelope.model
    return context, (await desk.plan(x.principal, x.model_asked)).targets[0]


class _Told(Struct):
    model: str = ""


def _name_model(context: Context) -> Envelope:
    """The request, which need not name a model where it goes on from a response: that one's is meant.

    Raises `InvalidRequest` where there is none to be meant.
    """
    envelope, previous = context.envelope, context.previous
    if envelope.model or "prompt" in envelope.members:
        return envelope
    told = _Told() if previous is None else msgspec.json.decode(previous.response, type=_Told)
    if previous is None or not told.model:
        return replace(envelope, model=read_model(envelope.members))
    model = f"{previous.account}/{told.model}"
    return replace(envelope, model=model, members={**envelope.members, "model": Raw(msgspec.json.encode(model))})


def fit(context: Context, x: Exchange, target: Target, *, replays: bool = False) -> Envelope:
    """The request as this target must get it; only callers of Responses can name what stands elsewhere.

    What a reply would say of that has no place in the answers that are given here.
    """
    if x.dialect != "responses":
        return context.envelope
    return replace(context.fit(target, replays=replays), echo={})
