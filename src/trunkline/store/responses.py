"""Implements `state.Responses`: what is new is in the keeper's hands, everything in the database behind it."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, literal, select, update

from trunkline.clock import Clock
from trunkline.state.responses import KeptResponse, Turn
from trunkline.store.cipher import Cipher
from trunkline.store.engine import Database
from trunkline.store.gone import remember_gone, were_here
from trunkline.store.items import own_items
from trunkline.store.keeper import Keeper
from trunkline.store.rows import hash_item_ids, open_row
from trunkline.store.tables import CONVERSATION_ITEMS, CONVERSATIONS, EVENTS, ITEM_IDS, RESPONSES, RUNS

_COLUMNS = [RESPONSES.c[name] for name in KeptResponse.__struct_fields__]

# In one statement. SQLite takes 32,766 values.
_MOST_IDS = 5_000


class SqlResponses:
    """`keeper` takes in what is kept, and folds it into this database."""

    def __init__(self, database: Database, keeper: Keeper, cipher: Cipher, clock: Clock) -> None:
        self._database = database
        self._keeper = keeper
        self._cipher = cipher
        self._clock = clock

    def keep(self, response: KeptResponse, turn: Turn | None = None) -> "asyncio.Future[None]":
        return self._keeper.keep(response, turn)

    def add_turn(self, path: str, turn: Turn) -> "asyncio.Future[None]":
        return self._keeper.add_turn(path, turn)

    # --- finding --------------------------------------------------------------------------------------------------

    async def find(self, path: str, id: str) -> KeptResponse | None:
        held = await self._keeper.find(path, id)
        if held is not None:
            return None if self._has_expired(held) else held
        wanted = select(*_COLUMNS).where(self._is_visible(path), RESPONSES.c.id == id)
        row = await self._database.read(lambda connection: connection.execute(wanted).first())
        return None if row is None else self._open(row)

    async def chain(self, path: str, id: str) -> Sequence[KeptResponse] | None:
        chain, following = await self._keeper.chain(path, id)
        if following is not None:
            is_first = not chain
            wanted = _select_chain(path, following)
            rows = await self._database.read(lambda connection: connection.execute(wanted).all())
            if is_first and (not rows or rows[0].hidden_at_micros is not None):
                return None
            chain = [*chain, *map(self._open, rows)]
        if self._has_expired(chain[0]):
            return None
        return chain[::-1] if self._is_whole(chain) else []

    def _is_whole(self, chain: Sequence[KeptResponse]) -> bool:
        """Whether nothing of a chain, the newest first, is gone for good."""
        for kept, parent in itertools.pairwise(chain):
            # What a caller has sent anew counts from then on, wherever it is kept.
            if kept.parent_items is None and self._has_expired(parent):
                return False
        return chain[-1].parent_id is None

    async def items(self, path: str, ids: Sequence[str]) -> Mapping[str, bytes]:
        await self._keeper.settled()
        wanted = set(ids[:_MOST_IDS])
        return await self._database.read(lambda connection: self._find_items(connection, path, wanted))

    def _find_items(self, connection: Connection, path: str, wanted: set[str]) -> Mapping[str, bytes]:
        found: dict[str, bytes] = {}
        for row in connection.execute(self._select_holders(path, wanted)):
            found.update((id, bytes(item)) for id, item in own_items(self._open(row)) if id in wanted)
        for row in connection.execute(_select_items(path, wanted - found.keys())):
            found[row.item_id] = open_row(self._cipher, CONVERSATION_ITEMS, row._mapping)["item"]
        return found

    async def was_here(self, ids: Sequence[str]) -> bool:
        await self._keeper.settled()
        return await self._database.read(lambda connection: were_here(connection, ids[:_MOST_IDS]))

    # --- deleting -------------------------------------------------------------------------------------------------

    async def delete(self, path: str, id: str) -> bool:
        # What is still in the journal would be folded over it.
        await self._keeper.settled()
        is_hidden = await self._database.write(lambda connection: self._hide(connection, path, id))
        if is_hidden:
            self._keeper.hide(id)
        return is_hidden

    def _hide(self, connection: Connection, path: str, id: str) -> bool:
        hidden = connection.execute(
            update(RESPONSES)
            .where(self._is_visible(path), RESPONSES.c.id == id)
            .values(hidden_at_micros=self._clock.now_micros())
        )
        if not hidden.rowcount:
            return False
        for part in (EVENTS, RUNS):
            connection.execute(delete(part).where(part.c.response_id == id))
        remember_gone(connection, [id])
        return True

    # --- rows -----------------------------------------------------------------------------------------------------

    def _is_visible(self, path: str) -> ColumnElement[bool]:
        return (
            (RESPONSES.c.path == path)
            & RESPONSES.c.hidden_at_micros.is_(None)
            & (RESPONSES.c.expires_at_micros > self._clock.now_micros())
        )

    def _has_expired(self, kept: KeptResponse) -> bool:
        return kept.expires_at_micros <= self._clock.now_micros()

    def _select_holders(self, path: str, ids: set[str]) -> Select[Any]:
        """The responses that may hold these items, the oldest first: a newer one's item takes the place of an older."""
        holders = select(ITEM_IDS.c.response).where(ITEM_IDS.c.hash.in_(hash_item_ids(ids)))
        wanted = select(*_COLUMNS).where(self._is_visible(path), RESPONSES.c.number.in_(holders))
        return wanted.order_by(RESPONSES.c.number)

    def _open(self, row: Row[Any]) -> KeptResponse:
        opened = open_row(self._cipher, RESPONSES, row._mapping)
        return KeptResponse(**{name: opened[name] for name in KeptResponse.__struct_fields__})


def _select_chain(path: str, id: str) -> Select[Any]:
    """A response and all that it goes on from, the newest first."""
    links = (
        select(RESPONSES.c.number, RESPONSES.c.parent_id, literal(0).label("depth"))
        .where(RESPONSES.c.id == id, RESPONSES.c.path == path)
        .cte("links", recursive=True)
    )
    links = links.union_all(
        select(RESPONSES.c.number, RESPONSES.c.parent_id, links.c.depth + 1).where(
            RESPONSES.c.id == links.c.parent_id, RESPONSES.c.path == path
        )
    )
    return (
        select(*_COLUMNS, RESPONSES.c.hidden_at_micros)
        .join(links, links.c.number == RESPONSES.c.number)
        .order_by(links.c.depth)
    )


def _select_items(path: str, ids: set[str]) -> Select[Any]:
    """Items of conversations, deleted ones too: their items outlive them."""
    items = CONVERSATION_ITEMS
    return (
        select(items.c.conversation_id, items.c.item_id, items.c.item)
        .join(CONVERSATIONS, CONVERSATIONS.c.id == items.c.conversation_id)
        .where(items.c.item_id.in_(ids), CONVERSATIONS.c.path == path)
    )
