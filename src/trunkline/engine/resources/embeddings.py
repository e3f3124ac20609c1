"""Embeddings: passed on to a provider that serves them."""

from trunkline.call import Reply
from trunkline.engine.caller.access import check_members
from trunkline.engine.caller.tagging import open_body
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.errors import Unsupported


async def embed(desk: Desk, x: Exchange) -> Reply:
    """The reply of the model's provider, byte for byte. Raises `Unsupported` where there are no embeddings."""
    envelope = open_body(x, desk.parts.sessions)
    x.model_asked = envelope.model
    check_members(x.principal, envelope.members)
    target = (await desk.plan(x.principal, envelope.model)).targets[0]
    if "embeddings" not in target.account.provider.operations:
        raise Unsupported(f"`{target.account.name}` serves no embeddings: name a model that does", param="model")
    return await desk.pass_on(x, envelope, target, "embeddings")
