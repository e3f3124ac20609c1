"""The database: opened from its URL, asked with a deadline, and said to be away in one way alone.

Every statement of the store goes through `Database.reading` or `Database.writing`. What they raise when the database
cannot be reached is `Unavailable`, without a word of the URL; everything else flies as it is. Knows no table.
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from trunkline.errors import ConfigError, Unavailable

SETTING = "TRUNKLINE_DATABASE_URL"

# A statement here takes milliseconds; what takes longer than this waits for something that is not there.
_STATEMENT_SECONDS = 5.0
_CONNECT_SECONDS = 3.0
# Below the statement's deadline, so that a lock that another process holds is SQLite's to report.
_BUSY_MILLISECONDS = 4_000
_CONNECTIONS = {"sqlite": 4, "postgresql": 10}
# A reader begins no transaction. On PostgreSQL that is asking once instead of three times.
_READING: dict[str, dict[str, Any]] = {"sqlite": {"reading": True}, "postgresql": {"isolation_level": "AUTOCOMMIT"}}
# Balancers drop what has been idle for longer.
_RECYCLE_SECONDS = 300

# Of SQLSTATE: no connection, no resources, shut down, cancelled, in the way of another, disk, a standby.
_AWAY_STATES = ("08", "53", "57P", "57014", "40001", "40P01", "55P03", "58", "25006")
_AWAY_SQLITE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
}


class Health:
    """Whether the database answered when it was last asked."""

    def __init__(self) -> None:
        self.up = True

    def __repr__(self) -> str:
        return f"Health(up={self.up})"


class Database:
    """One open database. `kind` is `sqlite` or `postgresql`; nothing of its URL is in its `repr`."""

    def __init__(self, engine: AsyncEngine, health: Health, seconds: float = _STATEMENT_SECONDS) -> None:
        self.kind = engine.dialect.name
        self.health = health
        self._engine = engine
        self._reads = engine.execution_options(**_READING[self.kind])
        self._seconds = seconds
        # SQLite takes one writer at a time. Whoever waits for it here does not sleep there, on a connection.
        self._turn: contextlib.AbstractAsyncContextManager[Any] = (
            asyncio.Lock() if self.kind == "sqlite" else contextlib.nullcontext()
        )

    def __repr__(self) -> str:
        return f"Database({self.kind})"

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read with, each statement on its own. Raises `Unavailable`."""
        async with self._watched(self._seconds), self._reads.connect() as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def writing(self, seconds: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A transaction: all of it is durable when the block has ended, or nothing has happened.

        Raises `Unavailable`.
        """
        async with self._watched(seconds or self._seconds), self._turn, self._engine.begin() as connection:
            yield connection

    async def ask(self) -> None:
        """See whether it answers. Raises `Unavailable`."""
        async with self.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self._engine.dispose()

    @contextlib.asynccontextmanager
    async def _watched(self, seconds: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                yield
        except Exception as error:
            if not is_away(error):
                raise
            self.health.up = False
            raise _unavailable(error) from error
        self.health.up = True


def open_database(url: str, *, seconds: float = _STATEMENT_SECONDS) -> Database:
    """The database of a URL: `sqlite:///path` or `postgresql://…`. Connects when it is first asked.

    Raises `ConfigError` for any other URL, and when its driver is not installed.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        return Database(_open_sqlite(rest), Health(), seconds)
    if scheme in ("postgresql", "postgres", "postgresql+asyncpg"):
        return Database(_open_postgresql(f"postgresql://{rest}"), Health(), seconds)
    raise ConfigError(f"`{SETTING}` should begin with `sqlite:///` or `postgresql://`")


# --- SQLite -----------------------------------------------------------------------------------------------------


def _open_sqlite(rest: str) -> AsyncEngine:
    path = Path(rest.removeprefix("/"))
    if not rest.startswith("/") or not path.name or "?" in rest:
        raise ConfigError(f"`{SETTING}` should name a file: `sqlite:///data/trunkline.db`")
    _make_private(path)
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}",
        pool_size=_CONNECTIONS["sqlite"],
        max_overflow=0,
        pool_timeout=_STATEMENT_SECONDS,
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _make_private(path: Path) -> None:
    """The file, for its owner alone. SQLite gives the two beside it the same mode."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise ConfigError(f"the database {path} cannot be opened: {error.strerror}; see `{SETTING}`") from None


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # Transactions are begun by name (below), not by the driver's guess.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    # NORMAL may lose the newest commits in a power cut. A conversation is answered once its commit is made, and a
    # piece of our own journal is removed once its fold is committed: both rely on the sync. Folding pays for one in
    # some hundred responses, behind the replies.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # At once for writing: a transaction that begins as a reader's can fail when it comes to write.
    if not connection.get_execution_options().get("reading"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


# --- PostgreSQL -------------------------------------------------------------------------------------------------


def _open_postgresql(url: str) -> AsyncEngine:
    try:
        return create_async_engine(
            # The driver reads the URL itself, since it knows what PostgreSQL's own tools take (`sslmode`, …).
            "postgresql+asyncpg://",
            connect_args={
                "dsn": url,
                "timeout": _CONNECT_SECONDS,
                "command_timeout": _STATEMENT_SECONDS,
                # Compiling a statement takes longer than running any of ours.
                "server_settings": {"application_name": "trunkline", "jit": "off"},
            },
            pool_size=_CONNECTIONS["postgresql"],
            max_overflow=0,
            pool_timeout=_STATEMENT_SECONDS,
            pool_recycle=_RECYCLE_SECONDS,
            hide_parameters=True,
        )
    except ModuleNotFoundError:
        raise ConfigError(
            f"`{SETTING}` names PostgreSQL, whose driver is not installed: run `pip install 'trunkline[postgres]'`"
        ) from None


# --- what went wrong --------------------------------------------------------------------------------------------


def is_away(error: BaseException) -> bool:
    """Whether an error says that the database cannot be reached, is full or is busy, and not that we asked wrongly."""
    if isinstance(error, (OSError, exc.TimeoutError)):  # `TimeoutError` is an `OSError`
        return True
    if isinstance(error, exc.DBAPIError):
        return error.connection_invalidated or is_away_driver(error.orig)
    return False


def is_away_driver(error: BaseException | None) -> bool:
    if isinstance(error, OSError):
        return True
    if isinstance(error, sqlite3.Error):
        # The lower byte is the kind, the rest says more of it.
        return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _AWAY_SQLITE
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return isinstance(state, str) and state.startswith(_AWAY_STATES)


def _unavailable(error: BaseException) -> Unavailable:
    original = getattr(error, "orig", None) or error
    return Unavailable(
        "The database of the gateway's store cannot be reached right now. Please try again in a moment.",
        detail=f"{type(original).__name__}: {original}",
        retry_after_seconds=1,
    )
