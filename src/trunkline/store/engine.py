"""The database: opened from its URL, asked with a deadline, and said to be away in one way alone.

Whoever needs it writes what is to be done as a plain function of a connection, and hands that to `Database.read` or
`Database.write`. So one piece of code serves both kinds: on SQLite it runs in a thread as a whole, which costs a third
of handing over each statement; on PostgreSQL it runs on the loop, and waits there without blocking it.

What they raise when the database cannot be reached is `Unavailable`, without a word of the URL; everything else flies
as it is. Knows no table.
"""

import asyncio
import importlib
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, exc, text

from trunkline.errors import ConfigError, Unavailable

SETTING = "TRUNKLINE_DATABASE_URL"

# A statement here takes milliseconds; what takes longer than this waits for something that is not there.
STATEMENT_SECONDS = 5.0

# Of SQLSTATE: no connection, no resources, shut down, cancelled, in the way of another, disk, a standby.
_AWAY_STATES = ("08", "53", "57P", "57014", "40001", "40P01", "55P03", "58", "25006")
# Of SQLite: permission, busy, locked, read-only, I/O, full, cannot open. The lower byte of a code is the kind.
_AWAY_CODES = {3, 5, 6, 8, 10, 13, 14}
# Damaged, or no database at all.
_DAMAGED_CODES = {11, 26}

Result = TypeVar("Result")
Work = Callable[[Connection], Result]


class Connections(Protocol):
    """How one kind of database has work done. Raises the driver's own errors."""

    async def read(self, work: Work[Result]) -> Result:
        """Each statement on its own."""

    async def write(self, work: Work[Result]) -> Result:
        """In one transaction, durable at its end."""

    async def close(self) -> None: ...


class Health:
    """Whether the database answered when it was last asked."""

    def __init__(self) -> None:
        self.up = True

    def __repr__(self) -> str:
        return f"Health(up={self.up})"


class Database:
    """One open database. `kind` is `sqlite` or `postgresql`; nothing of its URL is in its `repr`."""

    def __init__(self, kind: str, connections: Connections, seconds: float = STATEMENT_SECONDS) -> None:
        self.kind = kind
        self.health = Health()
        self._connections = connections
        self._seconds = seconds

    def __repr__(self) -> str:
        return f"Database({self.kind}, {self.health})"

    async def read(self, work: Work[Result], seconds: float | None = None) -> Result:
        """Do what only reads. Raises `Unavailable`."""
        return await self._watch(self._connections.read(work), seconds)

    async def write(self, work: Work[Result], seconds: float | None = None) -> Result:
        """Do it in one transaction: all of it is durable then, or nothing has happened. Raises `Unavailable`."""
        return await self._watch(self._connections.write(work), seconds)

    async def ask(self) -> None:
        """See whether it answers. Raises `Unavailable`."""
        await self.read(lambda connection: connection.execute(text("SELECT 1")).all())

    async def close(self) -> None:
        await self._connections.close()

    async def _watch(self, working: Coroutine[Any, Any, Result], seconds: float | None) -> Result:
        try:
            async with asyncio.timeout(seconds or self._seconds):
                result = await working
        except Exception as error:
            if not is_away(error):
                raise
            self.health.up = False
            raise _unavailable(error) from error
        self.health.up = True
        return result


def open_database(url: str, *, seconds: float = STATEMENT_SECONDS) -> Database:
    """The database of a URL: `sqlite:///path` or `postgresql://…`. Connects when it is first asked.

    Raises `ConfigError` for any other URL, and when its driver is not installed.
    """
    scheme, _, rest = url.partition("://")
    kind = _KINDS.get(scheme)
    if kind is None:
        raise ConfigError(f"`{SETTING}` should begin with `sqlite:///` or `postgresql://`")
    # Only the driver that is used is loaded.
    return Database(kind, importlib.import_module(f"trunkline.store.{kind}").connect(rest), seconds)


_KINDS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "postgresql+asyncpg": "postgresql",
}


def is_away(error: BaseException | None) -> bool:
    """Whether an error says that the database cannot be reached, is full, busy or damaged, and not that we asked
    wrongly."""
    if isinstance(error, (OSError, exc.TimeoutError)):  # the language's own `TimeoutError` is an `OSError`
        return True
    if isinstance(error, exc.DBAPIError):
        return error.connection_invalidated or is_away(error.orig)
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _AWAY_CODES | _DAMAGED_CODES
    state = getattr(error, "sqlstate", None)
    return isinstance(state, str) and state.startswith(_AWAY_STATES)


def _unavailable(error: BaseException) -> Unavailable:
    original = getattr(error, "orig", None) or error
    detail = f"{type(original).__name__}: {original}"
    if getattr(original, "sqlite_errorcode", 0) & 0xFF in _DAMAGED_CODES:
        damaged = Unavailable(
            f"The database of the gateway's store is damaged. Its operator has to bring back a copy of the file that"
            f" `{SETTING}` names, or to move it away and begin with an empty one.",
            detail=detail,
        )
        damaged.should_retry, damaged.retry_after_seconds = False, None
        return damaged
    return Unavailable(
        "The database of the gateway's store cannot be reached right now. Please try again in a moment.",
        detail=detail,
        retry_after_seconds=1,
    )
