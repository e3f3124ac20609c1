"""Implements `state.Conversations`. A turn that is still in the journal is waited for: it belongs before what
follows."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from trunkline.clock import Clock
from trunkline.state.conversations import KeptConversation, KeptItem, Order
from trunkline.store.cipher import Cipher
from trunkline.store.engine import Database
from trunkline.store.fold import make_item, put_items
from trunkline.store.gone import remember_gone
from trunkline.store.holds import Holds
from trunkline.store.keeper import Keeper
from trunkline.store.rows import open_row, seal_row
from trunkline.store.tables import CONVERSATION_ITEMS, CONVERSATIONS

_ITEMS = CONVERSATION_ITEMS


class SqlConversations:
    """Items lie in rows of their own, numbered within their conversation."""

    def __init__(self, database: Database, keeper: Keeper, cipher: Cipher, clock: Clock, holds: Holds) -> None:
        self._database = database
        self._keeper = keeper
        self._cipher = cipher
        self._clock = clock
        self._holds = holds

    # --- conversations --------------------------------------------------------------------------------------------

    async def create(self, conversation: KeptConversation, items: Sequence[KeptItem]) -> None:
        row = {name: getattr(conversation, name) for name in KeptConversation.__struct_fields__}
        row["next_position"] = len(items)
        rows = self._make_items(conversation.id, 0, items)

        def work(connection: Connection) -> None:
            connection.execute(insert(CONVERSATIONS), seal_row(self._cipher, CONVERSATIONS, row))
            put_items(connection, rows)

        await self._database.write(work)

    async def find(self, path: str, id: str) -> KeptConversation | None:
        wanted = select(CONVERSATIONS).where(_is_visible(path, id))
        row = await self._database.read(lambda connection: connection.execute(wanted).first())
        return None if row is None else self._open(row)

    async def set_metadata(self, path: str, id: str, metadata: bytes) -> KeptConversation | None:
        sealed = seal_row(self._cipher, CONVERSATIONS, {"id": id, "metadata": metadata})

        def work(connection: Connection) -> Row[Any] | None:
            connection.execute(update(CONVERSATIONS).where(_is_visible(path, id)).values(metadata=sealed["metadata"]))
            return connection.execute(select(CONVERSATIONS).where(_is_visible(path, id))).first()

        row = await self._database.write(work)
        return None if row is None else self._open(row)

    async def delete(self, path: str, id: str) -> bool:
        hiding = update(CONVERSATIONS).where(_is_visible(path, id)).values(hidden_at_micros=self._clock.now_micros())

        def work(connection: Connection) -> bool:
            if not connection.execute(hiding).rowcount:
                return False
            remember_gone(connection, [id])
            return True

        return await self._database.write(work)

    # --- items ----------------------------------------------------------------------------------------------------

    async def add(self, path: str, id: str, items: Sequence[KeptItem]) -> bool:
        await self._keeper.settled()

        def work(connection: Connection) -> bool:
            wanted = select(CONVERSATIONS.c.next_position).where(_is_visible(path, id)).with_for_update()
            position: int | None = connection.execute(wanted).scalar()
            if position is None:
                return False
            put_items(connection, self._make_items(id, position, items))
            connection.execute(
                update(CONVERSATIONS).where(CONVERSATIONS.c.id == id).values(next_position=position + len(items))
            )
            return True

        return await self._database.write(work)

    async def page(
        self, path: str, id: str, *, order: Order, after: str | None, limit: int
    ) -> Sequence[KeptItem] | None:
        await self._keeper.settled()

        def work(connection: Connection) -> Sequence[KeptItem] | None:
            if not _is_there(connection, path, id):
                return None
            wanted = select(_ITEMS).where(_ITEMS.c.conversation_id == id)
            if after is not None:
                place = connection.execute(select(_ITEMS.c.position).where(_is_item(id, after))).scalar()
                if place is None:
                    raise KeyError(after)
                wanted = wanted.where(_ITEMS.c.position < place if order == "desc" else _ITEMS.c.position > place)
            wanted = wanted.order_by(_ITEMS.c.position.desc() if order == "desc" else _ITEMS.c.position)
            return self._open_items(connection.execute(wanted.limit(limit + 1)).all())

        return await self._database.read(work)

    async def items(self, path: str, id: str) -> Sequence[KeptItem] | None:
        await self._keeper.settled()

        def work(connection: Connection) -> Sequence[KeptItem] | None:
            if not _is_there(connection, path, id):
                return None
            wanted = select(_ITEMS).where(_ITEMS.c.conversation_id == id).order_by(_ITEMS.c.position)
            return self._open_items(connection.execute(wanted).all())

        return await self._database.read(work)

    async def find_item(self, path: str, id: str, item_id: str) -> KeptItem | None:
        await self._keeper.settled()

        def work(connection: Connection) -> Sequence[KeptItem]:
            if not _is_there(connection, path, id):
                return []
            return self._open_items(connection.execute(select(_ITEMS).where(_is_item(id, item_id))).all())

        found = await self._database.read(work)
        return found[0] if found else None

    async def delete_item(self, path: str, id: str, item_id: str) -> bool:
        await self._keeper.settled()

        def work(connection: Connection) -> bool:
            if not _is_there(connection, path, id):
                return False
            if not connection.execute(delete(_ITEMS).where(_is_item(id, item_id))).rowcount:
                return False
            remember_gone(connection, [item_id])
            return True

        return await self._database.write(work)

    # --- one run at a time ----------------------------------------------------------------------------------------

    async def hold(self, path: str, id: str, holder: str, seconds: float) -> bool:
        return await self._holds.take(id, holder, seconds)

    async def release(self, id: str, holder: str) -> None:
        await self._holds.drop(id, holder)

    # --- rows -----------------------------------------------------------------------------------------------------

    def _make_items(self, id: str, position: int, items: Sequence[KeptItem]) -> list[dict[str, Any]]:
        return [make_item(self._cipher, id, position + number, kept.id, kept.item) for number, kept in enumerate(items)]

    def _open(self, row: Row[Any]) -> KeptConversation:
        opened = open_row(self._cipher, CONVERSATIONS, row._mapping)
        return KeptConversation(**{name: opened[name] for name in KeptConversation.__struct_fields__})

    def _open_items(self, rows: Sequence[Row[Any]]) -> Sequence[KeptItem]:
        return [KeptItem(row.item_id, open_row(self._cipher, _ITEMS, row._mapping)["item"]) for row in rows]


def _is_visible(path: str, id: str) -> ColumnElement[bool]:
    return (CONVERSATIONS.c.path == path) & (CONVERSATIONS.c.id == id) & CONVERSATIONS.c.hidden_at_micros.is_(None)


def _is_there(connection: Connection, path: str, id: str) -> bool:
    return connection.execute(select(CONVERSATIONS.c.id).where(_is_visible(path, id))).first() is not None


def _is_item(id: str, item_id: str) -> ColumnElement[bool]:
    return (_ITEMS.c.conversation_id == id) & (_ITEMS.c.item_id == item_id)
