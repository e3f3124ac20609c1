"""`POST /v1/responses/compact`: by the provider where it compacts, else by a summary that its model writes."""

from typing import Any

from msgspec.structs import replace

from trunkline.call import Reply
from trunkline.dialects.openai_responses.parts import DIALECT_NAME, write_parts
from trunkline.dialects.openai_responses.usage import write_usage
from trunkline.engine.attempts import attempt, lacks_route, read_whole, redacted
from trunkline.engine.compaction.compacting import NATIVE, compact, read_whole_request
from trunkline.engine.crossing import cross
from trunkline.engine.desk import Desk
from trunkline.engine.envelope import Envelope
from trunkline.engine.exchange import Exchange
from trunkline.engine.materials.named_files import give_files
from trunkline.engine.reply.headers import WHOLE
from trunkline.engine.resources.standing import fit, stand_for
from trunkline.engine.router import Target
from trunkline.engine.way import choose_way
from trunkline.errors import InvalidRequest, UpstreamError
from trunkline.items import Item, Message
from trunkline.usage import Usage

# What a provider takes; the rest of a request says how to answer.
_TAKEN = frozenset(
    "model input previous_response_id instructions prompt_cache_key prompt_cache_retention prompt_cache_options"
    " service_tier".split()
)


async def compact_response(desk: Desk, x: Exchange) -> Reply:
    """The conversation as the user's own messages and one item that stands for all the rest."""
    context, target = await stand_for(desk, x)
    if DIALECT_NAME in target.account.speaks and NATIVE in target.account.provider.operations:
        try:
            envelope = await give_files(desk.parts, x, fit(context, x, target), target)
            envelope = await desk.admit(x, target, envelope)
            return await _pass_on(desk, x, envelope, target)
        except UpstreamError as error:
            if not (lacks_route(error) or context.was_lost(target, error)):
                raise
    return await _compact(desk, x, fit(context, x, target, replays=True), target)


async def _pass_on(desk: Desk, x: Exchange, envelope: Envelope, target: Target) -> Reply:
    """The provider's own compaction, byte for byte; a compaction of ours in the input is opened for it."""
    dialect, parts = desk.parts.dialects[x.dialect], desk.parts
    members = {name: raw for name, raw in envelope.members.items() if name in _TAKEN}
    way = choose_way(dialect, target, envelope)
    x.take_way(target, way)
    body = cross(parts, x, replace(envelope, members=members), way, target).body
    request = await desk.authorize(desk.address(x, target, NATIVE, body), target)
    upstream = parts.upstreams[way.upstream]
    try:
        read = dialect.tee_reply(await read_whole(await attempt(x, parts.upstream, request, upstream, target)))
        return desk.finish(x, read, WHOLE)
    except UpstreamError as error:
        raise redacted(error, target.account) from None


async def _compact(desk: Desk, x: Exchange, envelope: Envelope, target: Target) -> Reply:
    """Compact by a summary that the model writes."""
    x.take_way(target, choose_way(desk.parts.dialects[x.dialect], target, envelope))
    given = await give_files(desk.parts, x, envelope, target)
    request = read_whole_request(desk, x, given, target)
    if not request.items:
        raise InvalidRequest("`input` holds nothing to compact", param="input")
    await desk.admit(x, target, given)
    compaction = await compact(desk, x, request, target)
    x.usage = compaction.usage
    # What the user said goes back as it was said: a file by its id.
    items = request.items if given is envelope else read_whole_request(desk, x, envelope, target).items
    return desk.say(x, _draw(desk, x, items, compaction.item, compaction.usage))


def _draw(desk: Desk, x: Exchange, items: list[Item], compaction: dict[str, Any], usage: Usage) -> dict[str, Any]:
    users = [item for item in items if isinstance(item, Message) and item.role == "user"]
    return {
        "id": desk.parts.mint("resp_"),
        "object": "response.compaction",
        "created_at": x.started_at_micros // 1_000_000,
        "output": [*(_draw_user(desk, item) for item in users), compaction],
        "usage": write_usage(usage),
    }


def _draw_user(desk: Desk, item: Message) -> dict[str, Any]:
    """What the user said, verbatim."""
    return {
        "id": item.id or desk.parts.mint("msg_"),
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": write_parts(item.parts, output=False),
    }
