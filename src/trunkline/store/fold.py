"""Entries of the journal → rows: many in one transaction, all of them or none.

What it costs is paid for every response, behind its reply. So a response is one row with what is new in it, all that can
be made ready is made ready in a thread, and each statement takes the whole batch. The same entry may come twice: what is
there already stays as it is, and what was deleted stays away.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import asdict, replace
from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.state.responses import KeptResponse
from trunkline.store import sql
from trunkline.store.cipher import Cipher
from trunkline.store.engine import Database
from trunkline.store.items import own_items, read_item_id
from trunkline.store.overlay import Entry
from trunkline.store.prefixes import Prefixes
from trunkline.store.rows import hash_id, seal_row
from trunkline.store.tables import CONVERSATION_ITEMS, CONVERSATIONS, GONE, RESPONSES

# What a later state of a response may change. Its input stays what it was: others may begin with it by now.
_CHANGING = ("status", "expires_at_micros", "conversation_id", "account", "native", "response")

_decode_items = msgspec.json.Decoder(list[Raw]).decode


class _Item(Struct):
    """An item for a conversation."""

    conversation_id: str
    path: str
    item_id: str
    item: bytes


class Fold:
    """Folds batches, one at a time. Remembers the inputs it saw, to keep only what is new in the next ones."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self._database = database
        self._cipher = cipher
        self._prefixes = Prefixes()
        self._insert = sql.insert(database.kind, RESPONSES)
        self._upsert = self._insert.on_conflict_do_update(
            index_elements=[RESPONSES.c.id],
            set_={name: self._insert.excluded[name] for name in _CHANGING},
            where=RESPONSES.c.hidden_at_micros.is_(None) & (RESPONSES.c.path == self._insert.excluded.path),
        )
        self._insert_ids = sql.insert_item_ids(database.kind)
        self._insert_items = sql.insert(database.kind, CONVERSATION_ITEMS).on_conflict_do_nothing()

    async def __call__(self, entries: Sequence[Entry]) -> None:
        """Raises `Unavailable` when the database is away; then nothing of it has happened."""
        responses = [entry.response for entry in entries if entry.response is not None]
        items = _turn_items(entries)
        shortened = await asyncio.to_thread(self._shorten, responses)
        async with self._database.writing() as connection:
            if responses:
                await self._fold_responses(connection, responses, shortened)
            if items:
                await self._fold_items(connection, items)

    # --- responses ------------------------------------------------------------------------------------------------

    def _shorten(self, responses: Sequence[KeptResponse]) -> dict[str, KeptResponse]:
        """Those that begin with the whole input of another, without what that one holds."""
        shortened = {}
        for kept in responses:
            # What goes on from something says only what is new; and of a background run's input there is one state.
            if kept.parent_id is None and kept.conversation_id is None and kept.input[:1] == b"[":
                items = _decode_items(kept.input)
                found = self._prefixes.find(kept.path, kept.id, items)
                if found is not None:
                    rest = msgspec.json.encode(items[found.items :])
                    shortened[kept.id] = replace(
                        kept, input=rest, parent_id=found.response_id, parent_items=found.items
                    )
        return shortened

    async def _fold_responses(
        self, connection: AsyncConnection, responses: Sequence[KeptResponse], shortened: dict[str, KeptResponse]
    ) -> None:
        gone = await _find_gone(connection, responses)
        there = await _find_parents(connection, shortened) if shortened else set()
        rows = []
        for kept in responses:
            if kept.id in gone:
                continue
            short = shortened.get(kept.id)
            rows.append(short if short is not None and short.parent_id in there else kept)
            there.add(kept.id)
        if rows:
            sealed, pairs = await asyncio.to_thread(self._make_rows, rows)
            await connection.execute(self._upsert, sealed)
            await connection.execute(self._insert_ids, {"pairs": pairs})

    def _make_rows(self, rows: Sequence[KeptResponse]) -> tuple[list[dict[str, Any]], str]:
        pairs = [(hash_id(id), kept.id) for kept in rows for id, _ in own_items(kept)]
        return [seal_row(self._cipher, RESPONSES, asdict(kept)) for kept in rows], msgspec.json.encode(pairs).decode()

    # --- turns ----------------------------------------------------------------------------------------------------

    async def _fold_items(self, connection: AsyncConnection, items: Sequence[_Item]) -> None:
        """Put the items at the ends of their conversations. Those of a conversation that was deleted are dropped."""
        ids = sorted({item.conversation_id for item in items})
        found = await connection.execute(
            select(CONVERSATIONS.c.id, CONVERSATIONS.c.path, CONVERSATIONS.c.next_position)
            .where(CONVERSATIONS.c.id.in_(ids), CONVERSATIONS.c.hidden_at_micros.is_(None))
            # In one order, so that no two processes wait for each other.
            .order_by(CONVERSATIONS.c.id)
            .with_for_update()
        )
        ends = {(id, path): position for id, path, position in found}
        rows = []
        for item in items:
            place = (item.conversation_id, item.path)
            if place in ends:
                row = {
                    "conversation_id": item.conversation_id,
                    "position": ends[place],
                    "item_id": item.item_id,
                    "item": item.item,
                }
                rows.append(seal_row(self._cipher, CONVERSATION_ITEMS, row))
                ends[place] += 1
        if rows:
            await connection.execute(self._insert_items, rows)
            await connection.execute(
                update(CONVERSATIONS)
                .where(CONVERSATIONS.c.id == bindparam("at"))
                .values(next_position=bindparam("position")),
                [{"at": id, "position": position} for (id, _), position in ends.items()],
            )


def _turn_items(entries: Sequence[Entry]) -> list[_Item]:
    return [
        _Item(entry.turn.conversation_id, entry.path, id, item)
        for entry in entries
        if entry.turn is not None
        for item in entry.turn.items
        if (id := read_item_id(item)) is not None
    ]


async def _find_gone(connection: AsyncConnection, responses: Sequence[KeptResponse]) -> set[str]:
    """Those that were deleted and are not there any more."""
    ids = {hash_id(kept.id): kept.id for kept in responses}
    found = await connection.execute(select(GONE.c.hash).where(GONE.c.hash.in_(list(ids))))
    return {ids[hash] for hash in found.scalars()}


async def _find_parents(connection: AsyncConnection, shortened: dict[str, KeptResponse]) -> set[str | None]:
    """Which of the responses that others begin with are there, and stay until this transaction ends."""
    ids = {kept.parent_id for kept in shortened.values()}
    found = await connection.execute(
        select(RESPONSES.c.id)
        .where(RESPONSES.c.id.in_(ids), RESPONSES.c.hidden_at_micros.is_(None))
        .with_for_update(key_share=True, read=True)
    )
    return set(found.scalars())
