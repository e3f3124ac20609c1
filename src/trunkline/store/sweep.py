"""Removes what has expired, and what was deleted and is needed no more: a little at a time, beside everything else.

Some responses hold items for others whose callers had sent the same again: those are handed down before they go. A
response that names another one as what it goes on from loses its beginning with it, and says so when asked.
"""

import asyncio
import logging
from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, delete, select, update

from trunkline.clock import Clock
from trunkline.dialects.openai_responses.history import read_input
from trunkline.errors import Unavailable
from trunkline.state.files import Blobs
from trunkline.store.cipher import Cipher
from trunkline.store.engine import Database
from trunkline.store.files import SqlFiles
from trunkline.store.gone import remember_gone
from trunkline.store.rows import open_row, seal_row
from trunkline.store.tables import COMPLETIONS, CONVERSATION_ITEMS, CONVERSATIONS, EVENTS, HOLDS, RESPONSES, RUNS

_log = logging.getLogger("trunkline.store")

# Rows in one transaction: some milliseconds, since whoever wants to write waits for it.
_AT_ONCE = 50
_BETWEEN_SECONDS = 0.1
_EVERY_SECONDS = 60.0
# The longest that an exchange may take: one that goes on from a response may be under way when that is deleted.
_GRACE_MICROS = 3_600_000_000


class Sweep:
    """`deleted_micros` is how long the items of a deleted conversation can still be found."""

    def __init__(
        self, database: Database, cipher: Cipher, clock: Clock, files: SqlFiles, blobs: Blobs, deleted_micros: int
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._clock = clock
        self._files = files
        self._blobs = blobs
        self._deleted_micros = deleted_micros

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            try:
                more = await self.once()
            except Unavailable:
                more = False
            except Exception as error:  # noqa: BLE001 - what cannot be removed now may be another time
                _log.error("the sweep of the store failed: %s", type(error).__name__)
                more = False
            await asyncio.sleep(_BETWEEN_SECONDS if more else _EVERY_SECONDS)

    async def once(self) -> bool:
        """Remove a little of each kind; whether there was anything. Raises `Unavailable`."""
        removed = [
            await self._database.write(work)
            for work in (
                self._remove_expired,
                self._remove_hidden,
                self._remove_completions,
                self._remove_conversations,
                self._remove_holds,
            )
        ]
        removed.append(await self._files.sweep(self._blobs))
        return any(removed)

    # --- responses ------------------------------------------------------------------------------------------------

    def _remove_expired(self, connection: Connection) -> int:
        wanted = (
            select(RESPONSES.c.id)
            .where(RESPONSES.c.expires_at_micros <= self._clock.now_micros())
            .order_by(RESPONSES.c.expires_at_micros)
            .limit(_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        ids = connection.execute(wanted).scalars().all()
        for id in ids:
            self._hand_down(connection, id)
        return _remove_responses(connection, ids)

    def _remove_hidden(self, connection: Connection) -> int:
        child = RESPONSES.alias("child")
        wanted = (
            select(RESPONSES.c.id)
            .where(
                RESPONSES.c.hidden_at_micros <= self._clock.now_micros() - _GRACE_MICROS,
                ~select(child.c.number).where(child.c.parent_id == RESPONSES.c.id).exists(),
            )
            .limit(_AT_ONCE)
        )
        return _remove_responses(connection, connection.execute(wanted).scalars().all())

    def _hand_down(self, connection: Connection, id: str) -> None:
        """Give each response that begins with this one's input the part of it that lies in this row."""
        are_children = (RESPONSES.c.parent_id == id) & RESPONSES.c.parent_items.is_not(None)
        children = connection.execute(select(RESPONSES).where(are_children)).all()
        if not children:
            return
        # As it is by now: another that expired with it may have handed something down to it.
        row = connection.execute(select(RESPONSES).where(RESPONSES.c.id == id)).one()
        items = read_input(open_row(self._cipher, RESPONSES, row._mapping)["input"])
        before = row.parent_items or 0
        for child in children:
            opened = open_row(self._cipher, RESPONSES, child._mapping)
            handed = items[: child.parent_items - before] if child.parent_items > before else []
            changed = seal_row(
                self._cipher,
                RESPONSES,
                {"id": child.id, "input": msgspec.json.encode([*handed, *read_input(opened["input"])])},
            )
            connection.execute(
                update(RESPONSES)
                .where(RESPONSES.c.id == child.id)
                .values(
                    input=changed["input"],
                    parent_id=row.parent_id,
                    parent_items=min(child.parent_items, before) if row.parent_id is not None else None,
                )
            )

    # --- the others -----------------------------------------------------------------------------------------------

    def _remove_completions(self, connection: Connection) -> int:
        has_expired = COMPLETIONS.c.expires_at_micros <= self._clock.now_micros()
        rows = connection.execute(
            select(COMPLETIONS.c.number, COMPLETIONS.c.id).where(has_expired).limit(_AT_ONCE)
        ).all()
        connection.execute(delete(COMPLETIONS).where(COMPLETIONS.c.number.in_([row.number for row in rows])))
        remember_gone(connection, [row.id for row in rows])
        return len(rows)

    def _remove_conversations(self, connection: Connection) -> int:
        """Items of deleted conversations, and the conversation with the last of them."""
        over = CONVERSATIONS.c.hidden_at_micros <= self._clock.now_micros() - self._deleted_micros
        wanted = select(CONVERSATIONS.c.id).where(over).limit(1)
        id: str | None = connection.execute(wanted).scalar()
        return remove_conversation(connection, id, _AT_ONCE) if id is not None else 0

    def _remove_holds(self, connection: Connection) -> int:
        connection.execute(delete(HOLDS).where(HOLDS.c.until_micros <= self._clock.now_micros()))
        return 0


def _remove_responses(connection: Connection, ids: Sequence[str]) -> int:
    if ids:
        for part in (EVENTS, RUNS):
            connection.execute(delete(part).where(part.c.response_id.in_(ids)))
        connection.execute(delete(RESPONSES).where(RESPONSES.c.id.in_(ids)))
        remember_gone(connection, ids)
    return len(ids)


def remove_conversation(connection: Connection, id: str, most_items: int) -> int:
    """Remove so many of its items, and itself with the last of them. How much was removed."""
    items = CONVERSATION_ITEMS
    wanted = select(items.c.item_id).where(items.c.conversation_id == id).limit(most_items)
    item_ids = connection.execute(wanted).scalars().all()
    connection.execute(delete(items).where(items.c.conversation_id == id, items.c.item_id.in_(item_ids)))
    remember_gone(connection, item_ids)
    if len(item_ids) == most_items:
        return most_items
    connection.execute(delete(CONVERSATIONS).where(CONVERSATIONS.c.id == id))
    return len(item_ids) + 1
