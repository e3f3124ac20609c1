"""Erases everything of a path and of all paths below it: rows, contents of files, and what the journal still holds.

Of an id that was here no more is left than a hash, so that it stays unknown to all.
"""

from collections.abc import Mapping
from functools import partial

from sqlalchemy import ColumnElement, Connection, Table, delete, select, update

from trunkline.clock import Clock
from trunkline.state.files import Blobs
from trunkline.store import sql
from trunkline.store.engine import Database
from trunkline.store.evidence import SqlEvidence
from trunkline.store.files import SqlFiles
from trunkline.store.gone import remember_gone
from trunkline.store.journal import Journal
from trunkline.store.keeper import Keeper
from trunkline.store.ledger.erase import erase_requests
from trunkline.store.ledger.ledger import SqlLedger
from trunkline.store.ledger.tables import REQUESTS
from trunkline.store.tables import ACTS, CONVERSATION_ITEMS, CONVERSATIONS, FILES, METADATA
from trunkline.store.within import is_within

_AT_ONCE = 200


async def erase(
    path: str,
    database: Database,
    keeper: Keeper,
    journal: Journal,
    ledger: SqlLedger,
    evidence: SqlEvidence,
    files: SqlFiles,
    blobs: Blobs,
    clock: Clock,
) -> Mapping[str, int]:
    """How many objects of each kind there were. Raises `Unavailable`; then some of it may be left."""
    await keeper.settled()
    await ledger.settle()
    await evidence.settle()
    erased = {}
    for table in METADATA.sorted_tables:
        # A file's row stays until its content is gone. What is no object outlives those of its path.
        if "path" in table.c and "named_by" in table.info and table is not FILES:
            erased[table.name] = await _erase_table(database, table, path)
    hidden = update(FILES).where(is_within(FILES.c.path, path)).values(hidden_at_micros=clock.now_micros())
    erased[FILES.name] = await database.write(lambda connection: connection.execute(hidden).rowcount)
    while await files.sweep(blobs):
        pass
    # What was done to its objects stays known, without what was in them.
    emptied = update(ACTS).where(is_within(ACTS.c.about, path)).values(details=b"")
    await database.write(lambda connection: connection.execute(emptied).close())
    erased[REQUESTS.name] = await erase_requests(path, database)
    await journal.scrub()
    await ledger.scrub()
    await database.read(sql.forget_log)
    return erased


async def _erase_table(database: Database, table: Table, path: str) -> int:
    inside = is_within(table.c.path, path)
    erased = 0
    while count := await database.write(partial(_erase_some, table, inside)):
        erased += count
    return erased


def _erase_some(table: Table, inside: ColumnElement[bool], connection: Connection) -> int:
    ids = connection.execute(select(table.c.id).where(inside).limit(_AT_ONCE)).scalars().all()
    if table is CONVERSATIONS:
        items = select(CONVERSATION_ITEMS.c.item_id).where(CONVERSATION_ITEMS.c.conversation_id.in_(ids))
        remember_gone(connection, connection.execute(items).scalars().all())
    for part in METADATA.tables.values():
        whole, column = part.info.get("part_of") or ("", "")
        if whole == table.name:
            connection.execute(delete(part).where(part.c[column].in_(ids)))
    # The ids of completions are the provider's: another path may have one of the same.
    connection.execute(delete(table).where(table.c.id.in_(ids), inside))
    remember_gone(connection, ids)
    return len(ids)
