"""Every difference between SQLite and PostgreSQL, by name. `FOR UPDATE` is none: SQLAlchemy leaves it out on SQLite,
where a writer is alone anyway."""

from sqlalchemy import Table, TextClause, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

# Any number will do that nobody else takes a lock of this database by.
_SCHEMA_LOCK = 0x7472_756E_6B6C


def insert(kind: str, table: Table) -> "postgresql.Insert | sqlite.Insert":
    """An insert that can be told what to do when the row is there: `on_conflict_do_update`, `on_conflict_do_nothing`."""
    return sqlite.insert(table) if kind == "sqlite" else postgresql.insert(table)


def insert_item_ids(kind: str) -> TextClause:
    """An insert of many items at once; `:pairs` is a JSON array of `[hash, id of the response]`."""
    return _INSERT_ITEM_IDS[kind]


async def lock_schema(connection: AsyncConnection) -> None:
    """Keep others from changing tables until the transaction ends."""
    # SQLite has let nobody else write since the transaction began.
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _SCHEMA_LOCK})


_INSERT_ITEM_IDS = {
    "sqlite": text(
        "INSERT INTO item_ids (hash, response)"
        " SELECT pair.value ->> 0, responses.number"
        " FROM json_each(:pairs) AS pair JOIN responses ON responses.id = pair.value ->> 1"
        " WHERE true ON CONFLICT DO NOTHING"
    ),
    "postgresql": text(
        "INSERT INTO item_ids (hash, response)"
        " SELECT (pair.value ->> 0)::bigint, responses.number"
        " FROM json_array_elements((:pairs)::json) AS pair JOIN responses ON responses.id = pair.value ->> 1"
        " ON CONFLICT DO NOTHING"
    ),
}
