"""A conversation compacted by the model that had it: the summary asked for, sealed, and put into the caller's hands.

`compact` does it. `compact_first` does it on the way of a request that allows it, `compact_now` in the place of an
answer. Providers that compact by themselves are left to it.
"""

import itertools
from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from trunkline.dialects.dialect import JsonReply
from trunkline.dialects.estimate import estimate_input
from trunkline.dialects.openai_responses.compaction import COMPACTION, TRIGGER, Summary, carry_summary, draw_compaction
from trunkline.dialects.openai_responses.history import read_input
from trunkline.dialects.openai_responses.prefaced import NO_PREFACE, Preface
from trunkline.dialects.shapes import Fields, wrong_value
from trunkline.dialects.summary import ask_for_summary, read_standing, read_summary
from trunkline.engine.compaction.asking import ask, choose_dialect
from trunkline.engine.crossing.replies import make_context, write_stream, write_whole
from trunkline.engine.desk import Desk
from trunkline.engine.envelope import Envelope, decode_body, encode_members
from trunkline.engine.exchange import Exchange
from trunkline.engine.router import Target
from trunkline.engine.way import Way
from trunkline.errors import InvalidRequest
from trunkline.events import ModelResponse
from trunkline.items import Message, OtherItem
from trunkline.request import ModelRequest
from trunkline.usage import Usage

NATIVE = "responses:compact"
"""The operation of providers that compact by themselves."""

_ALLOWED = "context_management"
_TRIGGER = TRIGGER.encode()

# OpenAI's own minimum.
_LEAST_THRESHOLD = 1000

# Where the caller leaves it to us: a good part of what goes into the model, or of what goes into most of them.
_SHARE = 0.8
_USUAL_CONTEXT = 128_000

# How much of the threshold the user's own words may go on taking up.
_RETAINED_SHARE = 0.5

# Less than this would not be made much shorter, and would be asked for again with the next request.
_FRESH_SHARE = 0.25


class Compaction(Struct, frozen=True):
    """The item as callers get it, and what it has cost."""

    item: dict[str, Any]
    usage: Usage


async def compact(
    desk: Desk, x: Exchange, request: ModelRequest, target: Target, retained: int | None = None
) -> Compaction:
    """The compaction of all that a request holds. Raises what the model's provider answers in the summary's place."""
    response = await ask(desk, x, ask_for_summary(request, target.capabilities.context_tokens), target)
    summary = Summary(
        summary=read_summary(response),
        model=target.model,
        standing=read_standing(request.items),
        retained=retained,
    )
    seal, _ = desk.parts.sealer.bind(target.account.name, x.principal.path)
    return Compaction(draw_compaction(desk.parts.mint("cmp_"), seal(carry_summary(summary))), response.spent)


def read_whole_request(desk: Desk, x: Exchange, envelope: Envelope, target: Target) -> ModelRequest:
    """A caller's request, whole, with our own compactions in it opened. Raises `InvalidRequest`."""
    _, unseal = desk.parts.sealer.bind(target.account.name, x.principal.path)
    body = {**decode_body(envelope.members), "model": envelope.model, "stream": envelope.stream}
    return desk.parts.dialects[x.dialect].read_request(body, unseal)


# --- within a request -------------------------------------------------------------------------------------------


def may_compact(x: Exchange, envelope: Envelope, target: Target) -> bool:
    """Whether a request may want a compaction that its target does not do by itself; a cheap look."""
    if x.dialect != "responses" or not may_summarise(envelope):
        return False
    account = target.account
    does_it_itself = NATIVE in account.provider.operations or "responses" in account.faithful
    return not (does_it_itself and "responses" in account.speaks)


def may_summarise(envelope: Envelope) -> bool:
    """Whether something may be made before the answer that takes long; a cheap look."""
    return _ALLOWED in envelope.members or envelope.body.find(_TRIGGER) >= 0


def asks_now(envelope: Envelope) -> bool:
    """Whether the input ends with the item that asks for a compaction. Raises `InvalidRequest` when it stands
    elsewhere."""
    types = [_type_of(item) for item in _read_items(envelope)]
    # One that was obeyed stands before the compaction that came of it.
    latest = list(itertools.takewhile(lambda type_: type_ != COMPACTION, reversed(types)))
    if TRIGGER in latest[1:]:
        raise InvalidRequest("the `compaction_trigger` item must be the final item of `input`", param="input")
    return latest[:1] == [TRIGGER]


async def compact_now(desk: Desk, x: Exchange, envelope: Envelope, target: Target) -> JsonReply:
    """A reply, whole or as the bytes of a stream, whose output is a compaction alone."""
    upstream = choose_dialect(target)
    x.take_way(target, Way("translate", upstream, f"translate responses>{upstream} {target.name}"))
    request = read_whole_request(desk, x, envelope, target)
    compaction = await compact(desk, x, request, target)
    item = OtherItem(dialect="responses", type=COMPACTION, value=compaction.item, id=compaction.item["id"])
    response = ModelResponse(model=target.model, items=[item], usage=compaction.usage, has_usage=True)
    seal, _ = desk.parts.sealer.bind(target.account.name, x.principal.path)
    context = make_context(desk.parts, x, request, target, seal, envelope)
    return (write_stream if envelope.stream else write_whole)(desk.parts.dialects[x.dialect], response, context)


async def compact_first(desk: Desk, x: Exchange, envelope: Envelope, target: Target) -> tuple[Envelope, Preface]:
    """The request as it goes on: with everything compacted, if it holds more than its caller's threshold."""
    members = envelope.members.copy()
    allowed = members.pop(_ALLOWED, Raw(b"null"))
    envelope = replace(envelope, members=members)
    threshold = read_threshold(msgspec.json.decode(allowed), target.capabilities.context_tokens)
    request = read_whole_request(desk, x, envelope, target)
    ratio = desk.gauge.ratio(target.name)
    if threshold is None or not _is_worth_it(request, threshold / ratio):
        return envelope, NO_PREFACE
    retained = _count_retained(request, threshold / ratio * _RETAINED_SHARE)
    compaction = await compact(desk, x, request, target, retained)
    members["input"] = Raw(msgspec.json.encode([*_read_items(envelope), compaction.item]))
    envelope = replace(envelope, members=members, body=encode_members(members))
    return envelope, Preface(items=[compaction.item], usage=compaction.usage)


def read_threshold(value: Any, context_tokens: int | None) -> int | None:
    """From how many tokens on a caller wants its conversation compacted; `None`: never. Raises `InvalidRequest`."""
    threshold: int | None = None
    for entry in Fields({_ALLOWED: value}).each(_ALLOWED):
        kind = entry.need_text("type")
        if kind != COMPACTION:
            raise wrong_value(entry.at("type"), kind, (COMPACTION,))
        threshold = entry.integer("compact_threshold", _LEAST_THRESHOLD)
        if threshold is None:
            threshold = int((context_tokens or _USUAL_CONTEXT) * _SHARE)
    return threshold


def _is_worth_it(request: ModelRequest, threshold: float) -> bool:
    """Whether there is too much, and enough of it that would not go on in its own words or in an older summary's."""
    if estimate_input(request) <= threshold:
        return False
    fresh = [item for item in request.items if not isinstance(item, Message) or item.role == "assistant"]
    return estimate_input(replace(request, instructions=None, tools=[], items=fresh)) > threshold * _FRESH_SHARE


def _count_retained(request: ModelRequest, most_tokens: float) -> int:
    """How many of the user's messages go on in their own words: the last ones, the very last in any case."""
    users = [item for item in request.items if isinstance(item, Message) and item.role == "user"]
    count = 0
    while count < len(users):
        kept = ModelRequest(model="", items=[*users[len(users) - count - 1 :]])
        if count and estimate_input(kept) > most_tokens:
            break
        count += 1
    return count


def _read_items(envelope: Envelope) -> list[Raw]:
    """The input as items that are still the bytes they were; what is of a wrong type is the reader's to refuse."""
    try:
        return read_input(envelope.members.get("input", Raw(b"null")))
    except msgspec.MsgspecError:
        return []


class _Typed(Struct):
    type: str | None = None


def _type_of(item: Raw) -> str | None:
    try:
        return msgspec.json.decode(item, type=_Typed).type
    except msgspec.MsgspecError:
        return None
