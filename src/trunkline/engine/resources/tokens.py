"""How many tokens a request is: asked of the provider where it counts, else estimated, and said so."""

from trunkline.call import Header, Reply
from trunkline.dialects.estimate import estimate_input
from trunkline.engine.desk import Desk
from trunkline.engine.envelope import decode_body, read_envelope
from trunkline.engine.exchange import Exchange

_ESTIMATED: Header = (b"x-trunkline-token-count", b"estimated")


async def count_tokens(desk: Desk, x: Exchange) -> Reply:
    """The count of a Messages request."""
    envelope = read_envelope(x.call.body)
    x.model_asked = envelope.model
    target = (await desk.plan(envelope.model)).targets[0]
    if "count_tokens" in target.account.provider.operations:
        return await desk.pass_on(x, envelope, target, "count_tokens")
    # A request to be counted has no limit of its own, which one to be answered must have.
    body = {"max_tokens": 1, **decode_body(envelope.members)}
    request = desk.parts.dialects[x.dialect].read_request(body, lambda _: None)
    x.target = target.name
    return desk.say(x, {"input_tokens": estimate_input(request)}, _ESTIMATED)
