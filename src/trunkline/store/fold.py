"""Entries of the journal → rows: many in one transaction, all of them or none.

What it costs is paid for every response, behind its reply. So a response is one row with what is new in it, what can be
made ready is made ready in a thread, and each statement takes the whole batch. The same entry may come twice: what is
there already stays as it is, and what was deleted stays away.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace
from sqlalchemy import Connection, bindparam, select, update

from trunkline.clock import Clock
from trunkline.state.responses import KeptResponse
from trunkline.store import sql
from trunkline.store.cipher import Cipher
from trunkline.store.engine import Database
from trunkline.store.items import own_ids, read_item_id
from trunkline.store.overlay import Entry
from trunkline.store.prefixes import LEAST_BYTES, Prefixes
from trunkline.store.rows import hash_id, seal_row
from trunkline.store.tables import CONVERSATION_ITEMS, CONVERSATIONS, RESPONSES

# What a later state of a response may change. Its input stays what it was: others may begin with it by now.
_CHANGING = ("status", "expires_at_micros", "conversation_id", "account", "native", "response")

# A parent that expires while it is being pointed to would take with it what the child needs.
_NEARLY_EXPIRED_MICROS = 3_600_000_000

# As long as the keeper waits for a batch, which may hold a few megabytes for a slow disk.
_SECONDS = 30.0

_decode_items = msgspec.json.Decoder(list[Raw]).decode


class _Row(Struct, frozen=True):
    """A response ready to be inserted, and the hashes under which its items are found: its own among them."""

    shape: "_Shape"
    values: Sequence[Any]
    hashes: Sequence[int]


class _Draft(Struct, frozen=True):
    """A response and its row. One with a `parent_id` leaves to that what both have, and is made anew when it is not
    there."""

    kept: KeptResponse
    row: _Row
    parent_id: str | None = None


class _Shape:
    """Rows that have the same columns, and how they are inserted."""

    def __init__(self, kind: str, without: Collection[str] = ()) -> None:
        insert = sql.insert(kind, RESPONSES)
        upsert = insert.on_conflict_do_update(
            index_elements=[RESPONSES.c.id],
            set_={name: insert.excluded[name] for name in _CHANGING},
            where=RESPONSES.c.hidden_at_micros.is_(None) & (RESPONSES.c.path == insert.excluded.path),
        )
        self.batch = sql.Batch(upsert, [name for name in KeptResponse.__struct_fields__ if name not in without])
        *middle, _, _, _, _, _ = self.batch.columns
        self._get: Callable[[KeptResponse], tuple[Any, ...]] = attrgetter(*middle)
        self._flag, self._bytes = sql.flags(kind), sql.contents(kind)

    def read(self, kept: KeptResponse, cipher: Cipher) -> Sequence[Any]:
        flag = self._flag
        question, answer = kept.input, kept.response
        # What is not sealed is JSON, which is never mistaken for something that is.
        if cipher.seals:
            sealed = seal_row(cipher, RESPONSES, {"id": kept.id, "input": question, "response": answer})
            question, answer = sealed["input"], sealed["response"]
        return (
            *self._get(kept),
            flag(kept.native),
            flag(kept.background),
            flag(kept.stream),
            self._bytes(question),
            self._bytes(answer),
        )


# What a response has nothing of that goes on from nothing.
_NOT_OF_THE_FIRST = ("parent_id", "parent_items", "conversation_id")


class _Item(Struct, frozen=True):
    """An item for a conversation."""

    conversation_id: str
    path: str
    item_id: str
    item: bytes


class Fold:
    """Folds batches, one at a time. Remembers the inputs it saw, to keep only what is new in the next ones."""

    def __init__(self, database: Database, cipher: Cipher, clock: Clock) -> None:
        self._database = database
        self._cipher = cipher
        self._clock = clock
        self._prefixes = Prefixes()
        self._any = _Shape(database.kind)
        self._first = _Shape(database.kind, _NOT_OF_THE_FIRST)

    async def __call__(self, entries: Sequence[Entry]) -> None:
        """Raises `Unavailable` when the database is away; then nothing of it has happened."""
        drafts = await asyncio.to_thread(self.draft_all, entries)
        items = _turn_items(entries)

        def work(connection: Connection) -> None:
            if drafts:
                self._put_responses(connection, drafts)
            if items:
                self._put_items(connection, items)

        await self._database.write(work, _SECONDS)

    # --- responses ------------------------------------------------------------------------------------------------

    def draft_all(self, entries: Sequence[Entry]) -> list[_Draft]:
        """The rows of these entries' responses. Not for the event loop."""
        return [self._draft(entry.response) for entry in entries if entry.response is not None]

    def _draft(self, kept: KeptResponse) -> _Draft:
        # What goes on from something says only what is new.
        if self._may_begin_alike(kept):
            items = _decode_items(kept.input)
            found = self._prefixes.find(kept.path, kept.id, items)
            if found is not None:
                rest = msgspec.json.encode(items[found.items :])
                short = replace(kept, input=rest, parent_id=found.response_id, parent_items=found.items)
                return _Draft(kept, self._make_row(short), found.response_id)
        return _Draft(kept, self._make_row(kept))

    def _may_begin_alike(self, kept: KeptResponse) -> bool:
        """Whether its input may begin with another one's. What goes on from something says only what is new."""
        is_first = kept.parent_id is None and kept.conversation_id is None
        return is_first and len(kept.input) >= LEAST_BYTES and kept.input.startswith(b"[")

    def _make_row(self, kept: KeptResponse) -> _Row:
        hashes = [hash_id(kept.id), *map(hash_id, own_ids(kept))]
        shape = self._first if kept.parent_id is None and kept.conversation_id is None else self._any
        return _Row(shape, shape.read(kept, self._cipher), hashes)

    def _put_responses(self, connection: Connection, drafts: Sequence[_Draft]) -> None:
        gone = _find_gone(connection, drafts)
        there = self._find_parents(connection, {draft.parent_id for draft in drafts} - {None})
        rows = {}
        for draft in drafts:
            id = draft.kept.id
            if id not in gone:
                is_fit = draft.parent_id is None or draft.parent_id in there
                rows[id] = draft.row if is_fit else self._make_row(draft.kept)
                there.add(id)
        if rows:
            for shape in (self._first, self._any):
                if alike := [row.values for row in rows.values() if row.shape is shape]:
                    shape.batch.execute(connection, alike)
            sql.insert_item_ids(connection, {id: row.hashes for id, row in rows.items()})

    def _find_parents(self, connection: Connection, ids: Collection[str | None]) -> set[str | None]:
        """Which of these responses are there. They stay until the transaction ends."""
        if not ids:
            return set()
        found = connection.execute(
            select(RESPONSES.c.id)
            .where(
                RESPONSES.c.id.in_(ids),
                RESPONSES.c.hidden_at_micros.is_(None),
                RESPONSES.c.expires_at_micros > self._clock.now_micros() + _NEARLY_EXPIRED_MICROS,
            )
            .with_for_update(key_share=True, read=True)
        )
        return set(found.scalars())

    # --- turns ----------------------------------------------------------------------------------------------------

    def _put_items(self, connection: Connection, items: Sequence[_Item]) -> None:
        """Put the items at the ends of their conversations. Those of a conversation that was deleted are dropped."""
        found = connection.execute(
            select(CONVERSATIONS.c.id, CONVERSATIONS.c.path, CONVERSATIONS.c.next_position)
            .where(
                CONVERSATIONS.c.id.in_({item.conversation_id for item in items}),
                CONVERSATIONS.c.hidden_at_micros.is_(None),
            )
            # In one order, so that no two processes wait for each other.
            .order_by(CONVERSATIONS.c.id)
            .with_for_update()
        )
        ends = {(row.id, row.path): row.next_position for row in found}
        rows = []
        for item in items:
            place = (item.conversation_id, item.path)
            if place in ends:
                rows.append(make_item(self._cipher, item.conversation_id, ends[place], item.item_id, item.item))
                ends[place] += 1
        put_items(connection, rows)
        if rows:
            connection.execute(
                update(CONVERSATIONS)
                .where(CONVERSATIONS.c.id == bindparam("at"))
                .values(next_position=bindparam("position")),
                [{"at": id, "position": position} for (id, _), position in ends.items()],
            )


def make_item(cipher: Cipher, conversation_id: str, position: int, item_id: str, item: bytes) -> dict[str, Any]:
    """An item's row."""
    row = {"conversation_id": conversation_id, "position": position, "item_id": item_id, "item": item}
    return seal_row(cipher, CONVERSATION_ITEMS, row)


def put_items(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert items; those that are in their conversation already stay where they are."""
    if rows:
        insert = sql.insert(connection.dialect.name, CONVERSATION_ITEMS)
        connection.execute(insert.on_conflict_do_nothing(), rows)


def _turn_items(entries: Sequence[Entry]) -> list[_Item]:
    return [
        _Item(entry.turn.conversation_id, entry.path, id, item)
        for entry in entries
        if entry.turn is not None
        for item in entry.turn.items
        if (id := read_item_id(item)) is not None
    ]


def _find_gone(connection: Connection, drafts: Sequence[_Draft]) -> set[str]:
    """The ids among these that were deleted."""
    ids = {draft.row.hashes[0]: draft.kept.id for draft in drafts}
    return {ids[hash] for hash in sql.find_gone(connection, list(ids))}
