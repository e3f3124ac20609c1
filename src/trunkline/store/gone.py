"""Ids that were here once. Of one that was deleted no more than a hash is kept, so that it stays unknown to all."""

from collections.abc import Sequence

from sqlalchemy import Connection, exists, or_, select

from trunkline.store import sql
from trunkline.store.rows import hash_id, hash_item_ids
from trunkline.store.tables import CONVERSATION_ITEMS, GONE, ITEM_IDS, METADATA


def remember_gone(connection: Connection, ids: Sequence[str]) -> None:
    if ids:
        insert = sql.insert(connection.dialect.name, GONE).on_conflict_do_nothing()
        connection.execute(insert, [{"hash": hash_id(id)} for id in ids])


def were_here(connection: Connection, ids: Sequence[str]) -> bool:
    """Whether any of these is, or ever was, the id of an object or an item."""
    hashes = hash_item_ids(ids)
    found = [exists().where(table.c.hash.in_(hashes)) for table in (GONE, ITEM_IDS)]
    objects = [table for table in METADATA.tables.values() if "named_by" in table.info and "id" in table.c]
    found += [exists().where(table.c.id.in_(ids)) for table in objects]
    found.append(exists().where(CONVERSATION_ITEMS.c.item_id.in_(ids)))
    return bool(connection.execute(select(or_(*found))).scalar())
