"""Every difference between SQLite and PostgreSQL, by name. `FOR UPDATE` is none: SQLAlchemy leaves it out on SQLite,
where a writer is alone anyway."""


from sqlalchemy import Table, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

# Any number will do that nobody else takes a lock of this database by.
_SCHEMA_LOCK = 0x7472_756E_6B6C


def insert(kind: str, table: Table) -> "postgresql.Insert | sqlite.Insert":
    """An insert that can be told what to do when the row is there: `on_conflict_do_update`, `on_conflict_do_nothing`."""
    return sqlite.insert(table) if kind == "sqlite" else postgresql.insert(table)


async def lock_schema(connection: AsyncConnection) -> None:
    """Keep others from changing tables until the transaction ends."""
    # SQLite has let nobody else write since the transaction began.
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _SCHEMA_LOCK})
