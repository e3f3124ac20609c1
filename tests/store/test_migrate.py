"""Tables are made and changed at start, by one process."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.engine.interfaces import ReflectedIndex

from trunkline.errors import ConfigError
from trunkline.store.engine import open_database
from trunkline.store.migrate import Migrated, migrate
from trunkline.store.migrations import VERSIONS, newest_version
from trunkline.store.migrations.upgrade import upgrade
from trunkline.store.tables import COMPLETIONS, METADATA

PROGRAM = """
import asyncio, sys
from trunkline.store.engine import open_database
from trunkline.store.migrate import migrate

async def main():
    database = open_database(sys.argv[1])
    print((await migrate(database)).before)
    await database.close()

asyncio.run(main())
"""


async def test_the_tables_are_those_that_queries_see(url: str) -> None:
    """Every column, key and index."""
    database = open_database(url)
    assert await migrate(database) == Migrated(None, newest_version())
    assert await database.read(differences) == []
    assert await migrate(database) == Migrated(newest_version(), newest_version())
    await database.close()


async def test_the_steps_come_to_the_same_tables(url: str) -> None:
    """Whether a database has gone through them all or was made by the newest program."""
    database = open_database(url)
    await database.write(lambda connection: upgrade(connection, newest_version()))
    assert await database.read(differences) == []
    stepped = await database.read(describe)
    assert await migrate(database) == Migrated(newest_version(), newest_version())
    await database.write(METADATA.drop_all)
    await database.write(lambda connection: connection.execute(text("DROP TABLE alembic_version")).close())
    assert await migrate(database) == Migrated(None, newest_version())
    assert await database.read(describe) == stepped
    await database.close()


async def test_completions_of_an_older_program_stay(url: str) -> None:
    """What is new about them is filled in."""
    database = open_database(url)
    await database.write(lambda connection: upgrade(connection, "0003"))
    columns = "id, path, created_at_micros, expires_at_micros, model, metadata, completion, messages"
    old = f"INSERT INTO completions ({columns}) VALUES ('chatcmpl-1', '/', 1, 2, 'm', :body, :body, :body)"
    await database.write(lambda connection: connection.execute(text(old), {"body": b"{}"}).close())
    await migrate(database)
    row = await database.read(lambda connection: connection.execute(select(COMPLETIONS)).one())
    assert (row.id, row.model, row.completion, row.account, row.native) == ("chatcmpl-1", "m", b"{}", "", False)
    await database.close()


def describe(connection: Connection) -> dict[str, object]:
    """Every table's columns and indexes, as the database says them."""
    found = inspect(connection)
    return {
        name: (
            sorted(
                str(sorted((key, str(value)) for key, value in column.items())) for column in found.get_columns(name)
            ),
            sorted(f"{index['name']}{index['column_names']}{_tell_rows(index)}" for index in found.get_indexes(name)),
            sorted(map(str, found.get_foreign_keys(name))),
        )
        for name in sorted(found.get_table_names())
        if name != "alembic_version"
    }


def _tell_rows(index: ReflectedIndex) -> str:
    """Of which rows it is, if not of all."""
    options = index.get("dialect_options", {})
    return str(options.get("sqlite_where", options.get("postgresql_where", "")))


def differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), METADATA))


def test_one_row_of_versions() -> None:
    """Each step follows the one before, and the last one is the newest."""
    config = Config()
    config.set_main_option("script_location", str(VERSIONS.parent))
    config.set_main_option("path_separator", "os")
    steps = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert steps == sorted(steps, reverse=True)
    assert steps[0] == newest_version()
    assert len(steps) == len(list(VERSIONS.glob("v*.py")))


async def test_several_processes_at_once(url: str) -> None:
    """One makes the tables, the others find them made."""
    programs = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, url, stdout=asyncio.subprocess.PIPE)
        for _ in range(3)
    ]
    outputs = [await asyncio.wait_for(program.communicate(), 60) for program in programs]
    assert [program.returncode for program in programs] == [0, 0, 0]
    found = sorted(output.decode().strip() for output, _ in outputs)
    assert found[0:1] == sorted(["None", newest_version()])[0:1]
    assert found.count("None") == 1


async def test_tables_of_a_later_program(url: str) -> None:
    """They are left alone, and the start says why."""
    database = open_database(url)
    await migrate(database)
    await database.write(
        lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")).close()
    )
    with pytest.raises(ConfigError, match="9999"):
        await migrate(database)
    await database.close()


def test_a_start_without_a_change_is_quick(tmp_path: Path) -> None:
    """What only changes of tables need is not loaded; the first start of all has none."""
    program = PROGRAM + "\nprint('alembic' in sys.modules)"
    url = f"sqlite:///{tmp_path}/trunkline.db"
    loaded = [
        subprocess.run([sys.executable, "-c", program, url], check=True, capture_output=True, text=True).stdout.split()
        for _ in range(2)
    ]
    assert loaded == [["None", "False"], [newest_version(), "False"]]
