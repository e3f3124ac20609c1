"""SQLite: one file, one thread that writes and a few that read, on connections of their own."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from trunkline.errors import ConfigError
from trunkline.store.engine import SETTING, STATEMENT_SECONDS, Result, Work

_READERS = 4
# Below the deadline of a statement, so that a lock that another process holds is SQLite's to report.
_BUSY_MILLISECONDS = 4_000
# The pages that an ordinary batch touches should fit, or some are written twice; what was written is read from the
# system's cache as fast. Four times as much made nothing cheaper, and was a seventh of the process.
_WRITER_KIBIBYTES = 4_096
# Forgotten with every commit, so that little of it is ever found again.
_READER_KIBIBYTES = 1_024
_PAGE_BYTES = 8_192
# Pages in the log before they are moved: the later, the more often a page was written to in the meantime.
_CHECKPOINT_PAGES = 2_000


class SqliteConnections:
    """Threads and their connections. Work that is waited for no longer is taken from the queue, or runs to its end."""

    def __init__(self, reading: Engine, writing: Engine) -> None:
        self._reading = reading
        # A connection that others do not write beside keeps its pages in memory from one transaction to the next.
        self._writing = writing
        self._readers = ThreadPoolExecutor(_READERS, "store-read")
        # There is one writer at a time: whoever waits for it here does not sleep there, on a connection.
        self._writer = ThreadPoolExecutor(1, "store-write")

    async def read(self, work: Work[Result]) -> Result:
        def run() -> Result:
            with self._reading.connect() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    async def write(self, work: Work[Result]) -> Result:
        def run() -> Result:
            with self._writing.begin() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._writer, run)

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        for executor in (self._writer, self._readers):
            executor.shutdown(cancel_futures=True)
        for engine in (self._reading, self._writing):
            engine.dispose()


def connect(rest: str) -> SqliteConnections:
    """`rest` is what follows `sqlite://`. Raises `ConfigError` when it names no file, or one that cannot be opened."""
    path = Path(rest.removeprefix("/"))
    if not rest.startswith("/") or not path.name or "?" in rest:
        raise ConfigError(f"`{SETTING}` should name a file: `sqlite:///data/trunkline.db`")
    _make_private(path)
    writing = _open(path, 1, _WRITER_KIBIBYTES)
    event.listen(writing, "begin", _begin)
    return SqliteConnections(_open(path, _READERS, _READER_KIBIBYTES), writing)


def _open(path: Path, connections: int, cache_kibibytes: int) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        pool_size=connections,
        max_overflow=0,
        pool_timeout=STATEMENT_SECONDS,
        hide_parameters=True,
    )
    event.listen(engine, "connect", partial(_prepare, cache_kibibytes))
    return engine


def _make_private(path: Path) -> None:
    """The file, for its owner alone. SQLite gives the two beside it the same mode."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise ConfigError(f"the database {path} cannot be opened: {error.strerror}; see `{SETTING}`") from None


def _prepare(cache_kibibytes: int, connection: Any, _record: Any) -> None:
    # Transactions are begun by name (below), not by the driver's guess.
    connection.isolation_level = None
    cursor = connection.cursor()
    # Of a new database: two responses of a few kilobytes have no room in the usual 4 KB, and every page that is
    # touched is written twice.
    cursor.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
    cursor.execute("PRAGMA journal_mode = WAL")
    # NORMAL may lose the newest commits in a power cut. A conversation is answered once its commit is made, and a
    # piece of our own journal is removed once its fold is committed: both rely on the sync. Folding pays for one in
    # some hundred responses, behind the replies.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
    cursor.execute(f"PRAGMA cache_size = -{cache_kibibytes}")
    cursor.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    # What a statement of many rows would need to be undone: a file of it would be written in every fold, in a folder
    # for everybody's, which a container may not have.
    cursor.execute("PRAGMA temp_store = MEMORY")
    cursor.execute("PRAGMA foreign_keys = ON")
    # What is erased is overwritten.
    cursor.execute("PRAGMA secure_delete = ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    # At once: a transaction that begins as a reader's can fail when it comes to write.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
