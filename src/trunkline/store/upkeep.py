"""Walks over everything that is kept: to read it once, or to seal it as it would be sealed now."""

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Row, Select, Table, Update, select, tuple_, update

from trunkline.errors import Unavailable
from trunkline.store.blobs import SealedBlobs
from trunkline.store.cipher import Cipher, Unreadable
from trunkline.store.engine import Database
from trunkline.store.rows import bind, sealed_columns
from trunkline.store.tables import FILES, METADATA

_AT_ONCE = 50

_SEALED = [table for table in METADATA.sorted_tables if sealed_columns(table)]
_CONTENTS = "contents of files"


class Problem(Struct, frozen=True):
    """Something that cannot be opened: where it is, and why."""

    place: str
    why: str


class Walked(Struct):
    """How many there were of each kind, and what could not be opened."""

    counts: dict[str, int]
    problems: list[Problem]

    def count(self, kind: str, number: int) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + number


async def verify(database: Database, cipher: Cipher, blobs: SealedBlobs) -> Walked:
    """Read all rows and contents of files, and count them. Raises `Unavailable` when the database is away."""
    walked = Walked({}, [])
    for table in _SEALED:
        async for rows in _walk(database, table):
            walked.count(table.name, len(rows))
            for row in rows:
                walked.problems += _open(cipher, table, row)[1]
    async for rows in _walk(database, FILES):
        for row in rows:
            walked.count(_CONTENTS, 1)
            try:
                async for _ in blobs.read(row.id):
                    pass
            except (KeyError, Unavailable) as error:
                walked.problems.append(_lost_content(row.id, error))
    return walked


async def reencrypt(database: Database, cipher: Cipher, blobs: SealedBlobs) -> Walked:
    """Seal what was written under an older key, or before encryption was on, and open it if it is off now.

    Counts what was changed. Raises `Unavailable` when the database is away: what was done by then stays done.
    """
    walked = Walked({}, [])
    for table in _SEALED:
        async for rows in _walk(database, table):
            changes = []
            for row in rows:
                opened, problems = _open(cipher, table, row)
                walked.problems += problems
                stale = {name: value for name, value in opened.items() if not cipher.is_current(row._mapping[name])}
                if stale:
                    changes.append(_replace(cipher, table, row, stale))
            if changes:
                walked.count(table.name, await database.write(partial(_run, changes)))
    async for rows in _walk(database, FILES):
        for row in rows:
            try:
                walked.count(_CONTENTS, await blobs.seal_again(row.id))
            except (KeyError, Unavailable) as error:
                walked.problems.append(_lost_content(row.id, error))
    return walked


async def _walk(database: Database, table: Table) -> AsyncIterator[Sequence[Row[Any]]]:
    """All rows, some at a time, in the order of their key."""
    key = list(table.primary_key.columns)
    first = select(table).order_by(*key).limit(_AT_ONCE)
    wanted = first
    while rows := await database.read(partial(_read, wanted)):
        yield rows
        last = rows[-1]._mapping
        wanted = first.where(tuple_(*key) > tuple_(*(last[column] for column in key)))


def _read(wanted: Select[Any], connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(wanted).all()


def _run(changes: Sequence[Update], connection: Connection) -> int:
    return sum(connection.execute(change).rowcount for change in changes)


def _replace(cipher: Cipher, table: Table, row: Row[Any], bodies: Mapping[str, bytes]) -> Update:
    """Seal bodies anew in their row, unless that was changed since it was read."""
    before = row._mapping
    is_row = [table.c[name] == before[name] for name in (*table.info["named_by"], *bodies)]
    return (
        update(table)
        .where(*is_row)
        .values({name: cipher.seal(value, bind(table, name, before)) for name, value in bodies.items()})
    )


def _open(cipher: Cipher, table: Table, row: Row[Any]) -> tuple[dict[str, bytes], list[Problem]]:
    """A row's bodies, and those that cannot be opened."""
    opened, problems = {}, []
    for column in sealed_columns(table):
        try:
            opened[column] = cipher.open(row._mapping[column], bind(table, column, row._mapping))
        except Unreadable as error:
            names = ", ".join(str(row._mapping[name]) for name in table.info["named_by"])
            problems.append(Problem(f"{table.name} {names}: {column}", str(error)))
    return opened, problems


def _lost_content(id: str, error: KeyError | Unavailable) -> Problem:
    return Problem(f"{_CONTENTS} {id}", error.detail if isinstance(error, Unavailable) else "it is not there")
