"""How many tokens a request is: asked of the provider where it counts, else estimated, and said so."""

from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from trunkline.call import Header, Reply
from trunkline.dialects.counting import Counter, find_counter
from trunkline.engine.attempts import attempt, lacks_route, read_whole, redacted
from trunkline.engine.compaction.compacting import read_whole_request
from trunkline.engine.crossing import Crossing, cross
from trunkline.engine.desk import Desk
from trunkline.engine.envelope import Envelope, Members
from trunkline.engine.exchange import Exchange
from trunkline.engine.materials.fetching import fetch_all
from trunkline.engine.materials.named_files import give_files
from trunkline.engine.reply.headers import WHOLE
from trunkline.engine.resources.standing import fit, stand_for
from trunkline.engine.router import Target
from trunkline.engine.way import Way, choose_way
from trunkline.errors import Busy, Failed, Garbled, InvalidRequest, TimedOut, Unreachable, UpstreamError
from trunkline.ports import Timeouts

_ESTIMATED: Header = (b"x-trunkline-token-count", b"estimated")

# Counting is quick; whoever waits longer is better served by an estimate.
_TIMEOUTS = Timeouts(connect=5.0, first_byte=15.0, idle=10.0, total=20.0)

# A request to be counted has no limit of its own, which one to be answered must have, and above its thinking's.
_ANY_LIMIT = Raw(b"1000000")


async def count_tokens(desk: Desk, x: Exchange) -> Reply:
    """The count of a request, in its dialect's shape."""
    context, target = await stand_for(desk, x)
    try:
        envelope = await give_files(desk.parts, x, fit(context, x, target), target)
        return await _ask_provider(desk, x, envelope, target)
    except UpstreamError as error:
        if not (_may_estimate(error) or context.was_lost(target, error)):
            raise
    envelope = await give_files(desk.parts, x, fit(context, x, target, replays=True), target)
    x.target = target.name
    return desk.say(x, _draw(x.dialect, _estimate(desk, x, envelope, target)), _ESTIMATED)


class _NoCounter(UpstreamError):
    """The provider has nothing that counts."""


def _may_estimate(error: UpstreamError) -> bool:
    """Whether it is the counter that failed; a refusal of the request is the caller's to know."""
    return lacks_route(error) or isinstance(error, _NoCounter | Busy | Failed | Garbled | TimedOut | Unreachable)


# --- counted ----------------------------------------------------------------------------------------------------


async def _ask_provider(desk: Desk, x: Exchange, envelope: Envelope, target: Target) -> Reply:
    """The provider's own count. Raises `UpstreamError` where there is none."""
    dialect = desk.parts.dialects[x.dialect]
    way = choose_way(dialect, target, envelope)
    counter = find_counter(way.upstream, target.account.provider.operations)
    if counter is None:
        raise _NoCounter(f"`{target.account.name}` counts no tokens")
    x.take_way(target, way)
    if way.kind != "translate":
        # What was asked is the counter's own kind of request, and so its answer is what was asked for.
        crossing = await _cross(desk, x, _keep_counted(envelope, x.dialect, counter), way, target)
        return desk.finish(x, dialect.tee_reply(await _post(desk, x, way, target, counter, crossing)), WHOLE)
    crossing = await _cross(desk, x, _as_request(envelope, x.dialect), way, target)
    body = msgspec.json.encode(counter.write(msgspec.json.decode(crossing.body), target.model))
    return desk.say(x, _draw(x.dialect, counter.read(await _post(desk, x, way, target, counter, crossing, body))))


async def _cross(desk: Desk, x: Exchange, envelope: Envelope, way: Way, target: Target) -> Crossing:
    parts = desk.parts
    crossing = cross(parts, x, envelope, way, target)
    if crossing.wants:
        crossing.fill(await fetch_all(parts.fetch, parts.fetch_limits, crossing.wants))
    return crossing


async def _post(
    desk: Desk, x: Exchange, way: Way, target: Target, counter: Counter, crossing: Crossing, body: bytes | None = None
) -> bytes:
    """The counter's answer. Raises the provider's error, our credential taken out of it."""
    request = desk.address(x, target, counter.operation, body or crossing.body, crossing.headers)
    request = replace(await desk.authorize(request, target), timeouts=_TIMEOUTS)
    upstream = desk.parts.upstreams[way.upstream]
    try:
        return await read_whole(await attempt(x, desk.parts.upstream, request, upstream, target))
    except UpstreamError as error:
        raise redacted(error, target.account) from None


def _keep_counted(envelope: Envelope, dialect: str, counter: Counter) -> Envelope:
    """A caller of Responses sends what it would have answered, of which the counter takes a part."""
    if dialect != "responses":
        return envelope
    members = {name: raw for name, raw in envelope.members.items() if name in counter.takes}
    return replace(envelope, members=members)


# --- estimated --------------------------------------------------------------------------------------------------


def _estimate(desk: Desk, x: Exchange, envelope: Envelope, target: Target) -> int:
    request = read_whole_request(desk, x, _as_request(envelope, x.dialect), target)
    return desk.gauge.estimate(target.name, request)


# --- shapes -----------------------------------------------------------------------------------------------------


def _as_request(envelope: Envelope, dialect: str) -> Envelope:
    """What is to be counted as a request that could be answered."""
    members: Members = envelope.members
    if dialect == "messages":
        members = {"max_tokens": _ANY_LIMIT, **members}
    elif dialect == "gemini" and (wrapped := members.get("generateContentRequest")) is not None:
        members = _unwrap(wrapped)
    return envelope if members is envelope.members else replace(envelope, members=members)


def _unwrap(wrapped: Raw) -> Members:
    try:
        members = msgspec.json.decode(wrapped, type=Members)
    except msgspec.MsgspecError:
        raise InvalidRequest(
            "`generateContentRequest` must be an object", param="generateContentRequest", code="invalid_type"
        ) from None
    members.pop("model", None)
    return members


def _draw(dialect: str, count: int) -> dict[str, Any]:
    """A count as callers of a dialect expect it."""
    if dialect == "responses":
        return {"object": "response.input_tokens", "input_tokens": count}
    return {"totalTokens" if dialect == "gemini" else "input_tokens": count}
