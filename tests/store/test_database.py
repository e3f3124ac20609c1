"""Opening a database, and what is said when it is away."""

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kept import conversation, items, make_settings, response
from sqlalchemy import Connection, exc, text

from postgresql_server import running_postgresql
from trunkline.clock import FakeClock
from trunkline.errors import ConfigError, Unavailable
from trunkline.state.responses import Turn
from trunkline.store.engine import open_database
from trunkline.store.open import open_store

PASSWORD = "hunter2-and-more"


@pytest.mark.parametrize(
    "url", ["mysql://host/db", "trunkline.db", "sqlite://", "sqlite:///", "sqlite:///:memory:?cache=shared", ""]
)
def test_a_url_that_cannot_be(url: str) -> None:
    """The setting is named."""
    with pytest.raises(ConfigError, match="TRUNKLINE_DATABASE_URL"):
        open_database(url)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
async def test_ways_to_write_postgresql(scheme: str) -> None:
    """All mean the same."""
    database = open_database(f"{scheme}://user:{PASSWORD}@127.0.0.1:1/db?sslmode=disable")
    assert database.kind == "postgresql"
    assert PASSWORD not in repr(database)
    await database.close()


async def test_nobody_listens() -> None:
    """The error is ours, and holds nothing of the URL."""
    database = open_database(f"postgresql://user:{PASSWORD}@127.0.0.1:1/db")
    with pytest.raises(Unavailable) as caught:
        await database.ask()
    assert PASSWORD not in caught.value.message + caught.value.detail
    assert "127.0.0.1" not in caught.value.message
    assert caught.value.retry_after_seconds == 1
    assert not database.health.up
    await database.close()


async def test_files_are_private(tmp_path: Path) -> None:
    """Those that SQLite puts beside it too."""
    folder = tmp_path / "new"
    database = open_database(f"sqlite:///{folder}/trunkline.db")
    await database.write(make_table)
    assert {path.name for path in folder.iterdir()} >= {"trunkline.db", "trunkline.db-wal"}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    await database.close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no list of open files")
async def test_nothing_is_written_beside_the_database(tmp_path: Path) -> None:
    """What a statement of many rows needs to be undone stays in memory: a folder for temporary files may not be there."""
    database = open_database(f"sqlite:///{tmp_path}/trunkline.db")

    def fill(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE words (word TEXT NOT NULL UNIQUE)"))
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT i FROM n"
        connection.execute(text(f"INSERT INTO words SELECT printf('%0200d', i) FROM ({numbers})"))

    def work(connection: Connection) -> list[str]:
        connection.execute(text("UPDATE words SET word = word || '.'"))
        links = list(Path("/proc/self/fd").iterdir())
        return [str(link.readlink()) for link in links if link.is_symlink()]

    await database.write(fill)
    opened = await database.write(work)
    await database.close()
    assert [path for path in opened if path.endswith("trunkline.db")]
    assert not [path for path in opened if "etilqs" in path]


async def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    """It is said at once."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(ConfigError, match="TRUNKLINE_DATABASE_URL"):
        open_database(f"sqlite:///{tmp_path}/taken/trunkline.db")


def make_table(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE t (a INTEGER PRIMARY KEY)"))


async def test_a_failed_block_leaves_nothing(url: str) -> None:
    """Not even its first half."""
    database = open_database(url)
    await database.write(make_table)

    def work(connection: Connection) -> None:
        connection.execute(text("INSERT INTO t VALUES (1)"))
        raise KeyError("a")

    with pytest.raises(KeyError):
        await database.write(work)
    assert await database.read(lambda connection: connection.execute(text("SELECT count(*) FROM t")).scalar()) == 0
    await database.close()


async def test_our_own_mistakes_fly(url: str) -> None:
    """A statement that is wrong is not a database that is away."""
    database = open_database(url)
    with pytest.raises(exc.SQLAlchemyError):
        await database.read(lambda connection: connection.execute(text("SELECT * FROM nothing")))
    assert database.health.up
    await database.close()


@pytest.mark.parametrize("content", [b"no database at all" * 300, b"SQLite format 3\0" + bytes(9000)])
async def test_a_damaged_file(tmp_path: Path, content: bytes) -> None:
    """It is said what it is and what can be done, and nobody is told to try again."""
    path = tmp_path / "trunkline.db"
    path.write_bytes(content)
    database = open_database(f"sqlite:///{path}")
    with pytest.raises(Unavailable, match="damaged") as caught:
        await database.ask()
    assert not caught.value.should_retry
    assert not database.health.up
    await database.close()


async def test_a_locked_file(tmp_path: Path) -> None:
    """Another program that holds on to it is an outage, which ends when it lets go."""
    database = open_database(f"sqlite:///{tmp_path}/trunkline.db", seconds=0.2)
    await database.write(make_table)
    other = sqlite3.connect(tmp_path / "trunkline.db")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        await database.write(lambda connection: connection.execute(text("INSERT INTO t VALUES (1)")).close())
    assert not database.health.up
    other.rollback()
    other.close()
    await database.write(lambda connection: connection.execute(text("INSERT INTO t VALUES (2)")).close(), 10)
    assert database.health.up
    await database.close()


@pytest.fixture
def mortal() -> Iterator[Any]:
    """A PostgreSQL for a test that kills it."""
    with running_postgresql() as server:
        yield server


def kill(server: Any) -> None:
    """Kill it, and return when it is gone for whoever starts it again."""
    pid = server.get_pid()
    os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        time.sleep(0.05)


@pytest.mark.slow
async def test_killed_in_mid_flight(mortal: Any, tmp_path: Path, clock: FakeClock) -> None:
    """What only writes goes on, what must read says so, and all of it is there when the database is back."""
    settings = make_settings(mortal.get_uri("postgres"), tmp_path)
    async with open_store(settings, clock) as store:
        ports = store.ports
        await ports.conversations.create(conversation("conv_1"), items("msg_0"))
        await ports.responses.keep(response("resp_1"))
        await asyncio.to_thread(kill, mortal)
        turn = Turn("conv_1", [b'{"id":"msg_1"}', b'{"id":"msg_2"}'])
        await asyncio.wait_for(ports.responses.keep(response("resp_2", parent_id="resp_1"), turn), 10)
        assert await ports.responses.find("/", "resp_2") is not None
        for asked in (
            ports.responses.find("/", "resp_1"),
            ports.responses.chain("/", "resp_2"),
            ports.conversations.items("/", "conv_1"),
            ports.conversations.hold("/", "conv_1", "a", 5),
            ports.conversations.add("/", "conv_1", items("msg_9")),
            ports.responses.delete("/", "resp_2"),
        ):
            with pytest.raises(Unavailable):
                await asked
        assert not store.up
        await asyncio.to_thread(mortal.ensure_postgres_running)
        async with asyncio.timeout(30):
            while not store.up:  # noqa: ASYNC110 - nothing tells when it comes back, as in life
                await asyncio.sleep(0.05)
        await store.settled()
        assert [kept.id for kept in await ports.responses.chain("/", "resp_2") or ()] == ["resp_1", "resp_2"]
        assert [item.id for item in await ports.conversations.items("/", "conv_1") or ()] == ["msg_0", "msg_1", "msg_2"]
