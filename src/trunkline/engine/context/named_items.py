"""The items of an input that only name others: what they name is put in their places, if it is the caller's.

An item that says something itself is never refused for its id: clients that keep no state send them all again.
"""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from trunkline.dialects.openai_responses.history import read_input
from trunkline.errors import ObjectNotFound
from trunkline.principal import Principal
from trunkline.state.store import Store

_NOT_THERE = "Items are not persisted when `store` is set to false: send the item itself."


class Placed(Struct, frozen=True):
    """An input that names nothing any more, but what only its upstream may know: then `unseen` is the answer of any
    other."""

    input: Raw
    unseen: ObjectNotFound | None


async def may_forward(store: Store, principal: Principal, *ids: str) -> bool:
    """Whether ids that are not this path's may be asked for upstream: by the owner of the account alone, and only what
    was never anybody's here."""
    return principal.is_operator and not await store.responses.was_here(ids)


class _Seen(Struct):
    """An input item, as far as it matters whether it holds anything."""

    type: str | None = None
    id: str | None = None
    role: Raw | UnsetType = UNSET
    content: Raw | UnsetType = UNSET
    summary: Raw | UnsetType = UNSET
    encrypted_content: Raw | UnsetType = UNSET

    @property
    def is_reference(self) -> bool:
        return self.type == "item_reference" or (self.type is None and self.role is UNSET and self.id is not None)

    @property
    def is_bare_thought(self) -> bool:
        """Reasoning that only the upstream that made it could know the content of."""
        said = (self.content, self.summary, self.encrypted_content)
        return self.type == "reasoning" and self.id is not None and all(raw in _EMPTY for raw in said)


_EMPTY: Sequence[Raw | UnsetType] = (UNSET, Raw(b"null"), Raw(b"[]"), Raw(b'""'))

_decode_seen = msgspec.json.Decoder(_Seen).decode


async def put_in_place(store: Store, principal: Principal, raw: Raw, before: Sequence[Raw]) -> Placed | None:
    """An input with what its items name in their places; `None` when they name nothing.

    `before` are the items that stand before it. Raises `ObjectNotFound` for what this caller cannot name.
    """
    try:
        items = read_input(raw)
        seen = [_decode_seen(item) for item in items]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None  # of a wrong type: whoever reads it whole says so
    wanted = [item.id for item in seen if item.id is not None and (item.is_reference or item.is_bare_thought)]
    if not wanted:
        return None
    found = dict(_known(before))
    missing = [id for id in wanted if id not in found]
    if missing:
        found |= await store.responses.items(principal.path, missing)
    unknown = [id for id in wanted if id not in found]
    # All of them: among those that nobody knows here one may be another path's. The first is named in any case.
    if unknown and not await may_forward(store, principal, *unknown):
        raise _no_such_item(unknown[0])
    changed = [_place(item, look, found.get) for item, look in zip(items, seen, strict=True)]
    return Placed(Raw(msgspec.json.encode(changed)), _no_such_item(unknown[0]) if unknown else None)


def _no_such_item(id: str) -> ObjectNotFound:
    return ObjectNotFound(f"Item with id '{id}' not found. {_NOT_THERE}", param="input")


def _known(items: Sequence[Raw]) -> list[tuple[str, bytes]]:
    seen = [(_decode_seen(item).id, item) for item in items]
    return [(id, bytes(item)) for id, item in seen if id is not None]


def _place(item: Raw, seen: _Seen, find: Callable[[str], bytes | None]) -> Raw:
    if seen.id is None or not (seen.is_reference or seen.is_bare_thought):
        return item
    kept = find(seen.id)
    return item if kept is None else Raw(kept)
