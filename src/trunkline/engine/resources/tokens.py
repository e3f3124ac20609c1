"""How many tokens a request is: asked of the provider where it counts, else estimated, and said so."""

from trunkline.call import Header, Reply
from trunkline.dialects.estimate import estimate_input
from trunkline.engine.desk import Desk
from trunkline.engine.envelope import decode_body, read_call
from trunkline.engine.exchange import Exchange

COUNTING = {"messages": "count_tokens", "gemini": "gemini:count"}
"""The operation that counts for callers of a dialect, among those of a provider."""

_NAMES = {"messages": "input_tokens", "gemini": "totalTokens"}

_ESTIMATED: Header = (b"x-trunkline-token-count", b"estimated")


async def count_tokens(desk: Desk, x: Exchange) -> Reply:
    """The count of a request, in its dialect's shape."""
    envelope = read_call(x.call, x.found)
    x.model_asked = envelope.model
    target = (await desk.plan(envelope.model)).targets[0]
    operation = COUNTING[x.dialect]
    if operation in target.account.provider.operations:
        return await desk.pass_on(x, envelope, target, operation)
    body = decode_body(envelope.members)
    if x.dialect == "messages":
        # A request to be counted has no limit of its own, which one to be answered must have.
        body = {"max_tokens": 1, **body}
    elif isinstance(whole := body.get("generateContentRequest"), dict):
        body = whole
    request = desk.parts.dialects[x.dialect].read_request(body, lambda _: None)
    x.target = target.name
    return desk.say(x, {_NAMES[x.dialect]: estimate_input(request)}, _ESTIMATED)
