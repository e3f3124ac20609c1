"""Brings a database's tables up to date at start, one process at a time, and all of it or nothing."""

import importlib

from msgspec import Struct
from sqlalchemy import Connection, inspect, text

from trunkline.errors import ConfigError
from trunkline.store import sql
from trunkline.store.engine import SETTING, Database

# The last module of tables: with it all of them are there.
from trunkline.store.ledger.tables import METADATA
from trunkline.store.migrations import newest_version

# A long time for a large table to be changed, or for another process to have done so.
_SECONDS = 600.0


class Migrated(Struct, frozen=True):
    """The version that was there (`None` for an empty database), and the one that is there now."""

    before: str | None
    now: str


async def migrate(database: Database) -> Migrated:
    """Raises `Unavailable`, and `ConfigError` where a newer program has been here."""
    before = await database.read(_read_version)
    if before != newest_version():
        before = await database.write(_upgrade, _SECONDS)
    return Migrated(before, newest_version())


def _upgrade(connection: Connection) -> str | None:
    sql.lock_schema(connection)
    # Another process may have been first.
    before, newest = _read_version(connection), newest_version()
    if before is not None and before > newest:
        raise ConfigError(
            f"the database holds tables of a later version ({before}; this program knows {newest}):"
            f" run the later program, or name another database with `{SETTING}`"
        )
    if before is None:
        _make_tables(connection, newest)
    elif before != newest:
        # Alembic takes long to load, and hardly any start needs it.
        importlib.import_module("trunkline.store.migrations.upgrade").upgrade(connection, newest)
    return before


def _make_tables(connection: Connection, version: str) -> None:
    """An empty database needs no steps: what they come to, and a word of it for the steps that are to follow."""
    METADATA.create_all(connection)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": version})


def _read_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return version
