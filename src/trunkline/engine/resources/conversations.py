"""Conversations and their items: made, shown, changed and deleted."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trunkline.call import Reply
from trunkline.dialects.openai_responses.ids import check_id
from trunkline.dialects.openai_responses.include import REPLAYED, read_include, show_item
from trunkline.dialects.openai_responses.metadata import check_metadata
from trunkline.dialects.openai_responses.stored import check_items, complete, read_id, read_reference, rename
from trunkline.dialects.pages import Listed, write_list, write_page
from trunkline.dialects.shapes import Fields, missing
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.kept import check_storage, need_store, no_such, read_body
from trunkline.engine.query import Query
from trunkline.errors import ObjectNotFound
from trunkline.state.conversations import Conversations, KeptConversation, KeptItem
from trunkline.state.ids import item_prefix


class _Body(Struct):
    items: list[Raw] | None = None


_decode_items = msgspec.json.Decoder(_Body).decode

# --- conversations ----------------------------------------------------------------------------------------------


async def create_conversation(desk: Desk, x: Exchange) -> Reply:
    """`POST /v1/conversations`, with or without a body."""
    check_storage(desk, x, "a conversation")
    body = read_body(x.call.body, ("metadata", "items"))
    metadata = check_metadata(body.any("metadata"))
    items = await _read_items(desk, x, body)
    conversation = KeptConversation(
        id=desk.parts.mint("conv_"),
        path=x.principal.path,
        created_at_micros=x.started_at_micros,
        metadata=msgspec.json.encode(metadata or {}),
    )
    await _conversations(desk).create(conversation, items)
    return desk.say(x, _write(conversation))


async def get_conversation(desk: Desk, x: Exchange) -> Reply:
    """`GET /v1/conversations/{id}`."""
    return desk.say(x, _write(await _find(desk, x)))


async def update_conversation(desk: Desk, x: Exchange) -> Reply:
    """`POST /v1/conversations/{id}`: the metadata sent takes the place of all that was there."""
    id = _read_conversation_id(x)
    body = read_body(x.call.body, ("metadata",))
    if "metadata" not in body.value:
        raise missing("metadata", "an object")
    metadata = msgspec.json.encode(check_metadata(body.any("metadata")) or {})
    conversation = await _conversations(desk).set_metadata(x.principal.path, id, metadata)
    if conversation is None:
        raise _unknown(id)
    return desk.say(x, _write(conversation))


async def delete_conversation(desk: Desk, x: Exchange) -> Reply:
    """`DELETE /v1/conversations/{id}`. Its items stay where others refer to them."""
    id = _read_conversation_id(x)
    if not await _conversations(desk).delete(x.principal.path, id):
        raise _unknown(id)
    return desk.say(x, {"id": id, "object": "conversation.deleted", "deleted": True})


# --- items ------------------------------------------------------------------------------------------------------


async def add_items(desk: Desk, x: Exchange) -> Reply:
    """`POST /v1/conversations/{id}/items`: any number of them, all or none. The reply lists them as they are kept."""
    check_storage(desk, x, "a conversation's items")
    include = _read_include(x)
    conversation = await _find(desk, x)
    body = read_body(x.call.body, ("items",))
    if body.any("items") is None:
        raise missing("items", "an array of items")
    items = await _read_items(desk, x, body, conversation.id)
    if not await _conversations(desk).add(x.principal.path, conversation.id, items):
        raise _unknown(conversation.id)
    return desk.say(x, write_list([_show(item, include) for item in items]))


async def list_items(desk: Desk, x: Exchange) -> Reply:
    """`GET /v1/conversations/{id}/items`, the newest first unless asked otherwise."""
    id, include, page = _read_conversation_id(x), _read_include(x), Query(x.call.query).page()
    try:
        found = await _conversations(desk).page(
            x.principal.path, id, order=page.order, after=page.after, limit=page.limit
        )
    except KeyError:
        raise no_such("Item", page.after or "", "after") from None
    if found is None:
        raise _unknown(id)
    return desk.say(x, write_page([_show(item, include) for item in found], page.limit))


async def get_item(desk: Desk, x: Exchange) -> Reply:
    """`GET /v1/conversations/{id}/items/{item_id}`."""
    include, item_id = _read_include(x), _read_item_id(x)
    conversation = await _find(desk, x)
    item = await _conversations(desk).find_item(x.principal.path, conversation.id, item_id)
    if item is None:
        raise no_such("Item", item_id)
    return desk.say(x, _show(item, include).value)


async def delete_item(desk: Desk, x: Exchange) -> Reply:
    """`DELETE /v1/conversations/{id}/items/{item_id}`. The reply is the conversation."""
    item_id = _read_item_id(x)
    conversation = await _find(desk, x)
    if not await _conversations(desk).delete_item(x.principal.path, conversation.id, item_id):
        raise no_such("Item", item_id)
    return desk.say(x, _write(conversation))


# --- reading ----------------------------------------------------------------------------------------------------


def _conversations(desk: Desk) -> Conversations:
    return need_store(desk).conversations


def _read_conversation_id(x: Exchange) -> str:
    return check_id(x.found.ids[0], "conversation_id")


def _read_item_id(x: Exchange) -> str:
    return check_id(x.found.ids[1], "item_id")


def _read_include(x: Exchange) -> frozenset[str]:
    """What is asked for, and what a session needs that reads its history here to send it to a model: it asks for
    nothing, and would send pictures without their content."""
    return read_include(Query(x.call.query).texts("include")) | REPLAYED


async def _find(desk: Desk, x: Exchange) -> KeptConversation:
    id = _read_conversation_id(x)
    conversation = await _conversations(desk).find(x.principal.path, id)
    if conversation is None:
        raise _unknown(id)
    return conversation


def _unknown(id: str) -> ObjectNotFound:
    return no_such("Conversation", id)


async def _read_items(desk: Desk, x: Exchange, body: Fields, conversation_id: str = "") -> list[KeptItem]:
    """The items of a body as they are kept, each with an id that no other item of the conversation has."""
    check_items([] if body.any("items") is None else body.any("items"), "items")
    items = await _put_in_place(desk, x, _decode_items(x.call.body or b"{}").items or [])
    kept: dict[str, KeptItem] = {}
    for item in items:
        id, whole = complete(item, lambda type_: desk.parts.mint(item_prefix(type_)))
        if id in kept or (read_id(item) and await _has_item(desk, x, conversation_id, id)):
            id = desk.parts.mint(id.partition("_")[0] + "_")
            whole = rename(whole, id)
        kept[id] = KeptItem(id, bytes(whole))
    return list(kept.values())


async def _put_in_place(desk: Desk, x: Exchange, items: Sequence[Raw]) -> list[Raw]:
    """The items, and in the place of those that only name another one, that one."""
    named = [read_reference(item) for item in items]
    wanted = sorted({id for id in named if id is not None})
    found = await need_store(desk).responses.items(x.principal.path, wanted) if wanted else {}
    for id in wanted:
        if id not in found:
            raise no_such("Item", id, "items")
    return [item if id is None else Raw(found[id]) for item, id in zip(items, named, strict=True)]


async def _has_item(desk: Desk, x: Exchange, conversation_id: str, id: str) -> bool:
    """Whether a conversation has an item of this id; a new one has none."""
    if not conversation_id:
        return False
    return await _conversations(desk).find_item(x.principal.path, conversation_id, id) is not None


# --- writing ----------------------------------------------------------------------------------------------------


def _write(conversation: KeptConversation) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "object": "conversation",
        "created_at": conversation.created_at_micros // 1_000_000,
        "metadata": Raw(conversation.metadata),
    }


def _show(kept: KeptItem, include: frozenset[str]) -> Listed:
    """An item as it is shown. What a run has added may lack what only shows."""
    _, whole = complete(Raw(kept.item), lambda _: kept.id)
    return Listed(kept.id, show_item(whole, include))
