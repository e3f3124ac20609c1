"""What a Responses request goes on from and what it names, looked up before its model is."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from trunkline.dialects.openai_responses.history import history
from trunkline.dialects.openai_responses.ids import check_id
from trunkline.dialects.openai_responses.metadata import check_metadata
from trunkline.engine.context.context import Context
from trunkline.engine.context.named_items import may_forward, put_in_place
from trunkline.engine.context.prompting import read_prompted
from trunkline.engine.desk import Desk
from trunkline.engine.envelope import Envelope, Members, encode_members
from trunkline.engine.exchange import Exchange
from trunkline.engine.kept import check_storage
from trunkline.errors import InvalidRequest, ObjectNotFound
from trunkline.principal import Principal
from trunkline.state.responses import UNDER_WAY
from trunkline.state.store import Store

# A run holds its conversation so long at most, as an exchange takes no longer; one that its process dies with lets go
# soon.
HOLD_SECONDS = 3600.0

_NULL = Raw(b"null")


def is_plain(members: Mapping[str, Raw], body: bytes) -> bool:
    """Whether a request says everything itself: it goes on from nothing, and names nothing."""
    if "previous_response_id" in members or "conversation" in members or "prompt" in members:
        return False
    # Items that have ids are looked at one by one: some are no more than that.
    return body.find(b'"id"') < 0 and body.find(b'"item_reference"') < 0


async def understand(desk: Desk, store: Store, x: Exchange, envelope: Envelope, *, runs: bool = True) -> Context:
    """Look up what a request goes on from and what it names.

    Its conversation is held for it, so that nobody else runs on it, until `let_go`; unless it `runs` not itself, but is
    counted or compacted.

    Raises `InvalidRequest` or `ObjectNotFound` for what cannot be found on the caller's path, `Unavailable` when the
    store cannot say.
    """
    members = envelope.members
    if "metadata" in members:
        check_metadata(_decode(members, "metadata"))
    keeps = _reads_store(members)
    is_background = _reads_background(members, keeps)
    if keeps and not desk.parts.retention.allows(x.principal.path):
        if is_background:
            check_storage(desk, x, "a response in the background")
        if runs:
            x.dropped = [*x.dropped, "store"]
        keeps = False
    context = Context(
        envelope=envelope,
        own=bytes(members.get("input", _NULL)),
        keeps=keeps,
        is_background=is_background,
        streams=envelope.stream,
    )
    if is_plain(members, envelope.body):
        return context
    if "prompt" in members:
        await _read_prompt(desk, store, x.principal, context)
        members = context.envelope.members
    previous_id = _read_previous_id(members)
    conversation_id = _read_conversation_id(members)
    if previous_id is not None and conversation_id is not None:
        raise InvalidRequest(
            "`previous_response_id` and `conversation` exclude each other: send one of them",
            param="previous_response_id",
            code="mutually_exclusive_parameters",
        )
    try:
        if previous_id is not None:
            await _find_chain(store, x.principal, previous_id, context)
            if context.opening:
                x.session = desk.parts.sessions.follow(x.principal.path, x.session, members, context.opening)
        elif conversation_id is not None:
            await _find_conversation(store, x, conversation_id, context, holds=runs)
        await _read_items(store, x.principal, context)
    except BaseException:
        await let_go(store, x, context)
        raise
    return context


async def let_go(store: Store, x: Exchange, context: Context) -> None:
    """The run is over: others may run on its conversation."""
    if context.conversation_id is not None:
        await store.conversations.release(context.conversation_id, x.request_id)


# --- reading the members ----------------------------------------------------------------------------------------


def _reads_store(members: Members) -> bool:
    """Whether to keep the response: unless told not to."""
    raw = bytes(members.get("store", _NULL))
    if raw in (b"true", b"null"):
        return True
    if raw == b"false":
        return False
    raise InvalidRequest("`store` must be true or false", param="store")


def _reads_background(members: Members, keeps: bool) -> bool:
    """Whether nobody waits for the response. Then it must be kept: somebody will come back for it."""
    raw = bytes(members.get("background", _NULL))
    if raw in (b"false", b"null"):
        return False
    if raw != b"true":
        raise InvalidRequest("`background` must be true or false", param="background")
    if keeps:
        return True
    raise InvalidRequest("`background` needs the response to be stored: leave out `store: false`", param="background")


def _read_previous_id(members: Members) -> str | None:
    value = _decode(members, "previous_response_id")
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidRequest("`previous_response_id` must be a string", param="previous_response_id")
    return check_id(value, "previous_response_id")


def _read_conversation_id(members: Members) -> str | None:
    value = _decode(members, "conversation")
    if isinstance(value, dict):
        value = value.get("id")
        if value is None:
            raise InvalidRequest("`conversation.id` is missing: name a conversation", param="conversation.id")
    if value is None:
        return None
    if isinstance(value, str):
        return check_id(value, "conversation")
    raise InvalidRequest("`conversation` must be the id of a conversation, or an object with one", param="conversation")


def _decode(members: Members, name: str) -> Any:
    raw = members.get(name)
    try:
        return None if raw is None else msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"`{name}` is not valid JSON: {error}", param=name) from None


# --- the prompt ---------------------------------------------------------------------------------------------------


async def _read_prompt(desk: Desk, store: Store, principal: Principal, context: Context) -> None:
    forward = desk.parts.forwarded_prompts if desk.router().keeps_prompts else None
    prompted = await read_prompted(store, principal, context.envelope, forward)
    context.envelope, context.messages = prompted.envelope, prompted.messages


# --- what it goes on from ---------------------------------------------------------------------------------------


async def _find_chain(store: Store, principal: Principal, id: str, context: Context) -> None:
    chain = await store.responses.chain(principal.path, id)
    if chain is None:
        if not await may_forward(store, principal, id):
            raise _unknown_response(id)
        context.unseen = _unknown_response(id)
        return
    if not chain:
        raise _unknown_response(id, " What it went on from has been deleted or has expired: send the whole history.")
    previous = chain[-1]
    if previous.status in UNDER_WAY:
        raise InvalidRequest(
            f"Previous response with id '{id}' is still {previous.status}: wait until it has ended",
            param="previous_response_id",
            code="previous_response_not_completed",
        )
    context.previous = previous
    context.before = history(chain)
    context.opening = chain[0].input


def _unknown_response(id: str, why: str = "") -> InvalidRequest:
    return InvalidRequest(
        f"Previous response with id '{id}' not found.{why}",
        param="previous_response_id",
        code="previous_response_not_found",
    )


async def _find_conversation(store: Store, x: Exchange, id: str, context: Context, *, holds: bool) -> None:
    conversations, path = store.conversations, x.principal.path
    if await conversations.find(path, id) is None:
        if not await may_forward(store, x.principal, id):
            raise _unknown_conversation(id)
        context.unseen = _unknown_conversation(id)
        return
    if holds:
        await _hold(store, x, id, context)
    items = await conversations.items(path, id)
    if items is None:
        raise _unknown_conversation(id)
    context.before = [Raw(kept.item) for kept in items]


async def _hold(store: Store, x: Exchange, id: str, context: Context) -> None:
    # Said before it is so: whoever is called off while it comes to be lets go of it as well.
    context.conversation_id = id
    if not await store.conversations.hold(x.principal.path, id, x.request_id, HOLD_SECONDS):
        raise InvalidRequest(
            "Another process is currently operating on this conversation. Please retry in a few seconds.",
            param="conversation",
            code="conversation_locked",
        )


def _unknown_conversation(id: str) -> ObjectNotFound:
    return ObjectNotFound(f"Conversation with id '{id}' not found.")


# --- what it names ------------------------------------------------------------------------------------------------


async def _read_items(store: Store, principal: Principal, context: Context) -> None:
    envelope = context.envelope
    placed = await put_in_place(store, principal, envelope.members.get("input", _NULL), context.before or ())
    if placed is None:
        return
    members = {**envelope.members, "input": placed.input}
    context.envelope = replace(envelope, members=members, body=encode_members(members))
    context.own = bytes(placed.input)
    context.unseen = context.unseen or placed.unseen
