"""Every difference between SQLite and PostgreSQL, by name. `FOR UPDATE` is none: SQLAlchemy leaves it out on SQLite,
where a writer is alone anyway."""

import importlib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import JSON, ColumnElement, Connection, Insert, Table, TableValuedAlias, cast, func, select, text

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

# Any number will do that nobody else takes a lock of this database by.
_SCHEMA_LOCK = 0x7472_756E_6B6C
# Rows in one statement of SQLite: below the number of values that it takes in one.
_TOGETHER = 64
_FOLD_LOCK = 0x7472_756E_6B6D


def insert(kind: str, table: Table) -> "postgresql.Insert | sqlite.Insert":
    """An insert that can be told what to do when the row is there: `on_conflict_do_update`,
    `on_conflict_do_nothing`."""
    # Only the dialect that is used is loaded.
    made: postgresql.Insert | sqlite.Insert = importlib.import_module(f"sqlalchemy.dialects.{kind}").insert(table)
    return made


def insert_item_ids(connection: Connection, hashes: Mapping[str, Sequence[int]]) -> None:
    """Note under each response's number the hashes of its items' ids, in one statement."""
    pairs = msgspec.json.encode(hashes).decode()
    connection.execute(_INSERT_ITEM_IDS[connection.dialect.name], {"hashes": pairs})


def find_gone(connection: Connection, hashes: Sequence[int]) -> Sequence[int]:
    """Which of these are hashes of ids that are gone. One parameter: SQLAlchemy takes its time with hundreds."""
    wanted = {"hashes": msgspec.json.encode(hashes).decode()}
    return connection.execute(_FIND_GONE[connection.dialect.name], wanted).scalars().all()


def member(kind: str, column: ColumnElement[str], name: str) -> ColumnElement[Any]:
    """A member, a string, of the JSON object that a column holds; `NULL` where there is none."""
    if kind == "postgresql":
        told: ColumnElement[Any] = cast(column, JSON)[name].as_string()
        return told
    pairs = func.json_each(column).table_valued("key", "value")
    # By its name and not by a path, in which a name with a dot or a quote would mean something else.
    return select(pairs.c.value).where(pairs.c.key == name).scalar_subquery()


def members(kind: str, column: ColumnElement[str]) -> TableValuedAlias:
    """The members of the JSON object that a column holds, as rows of `key` and `value`."""
    if kind == "postgresql":
        return func.json_each_text(cast(column, JSON)).table_valued("key", "value", joins_implicitly=True)
    return func.json_each(column).table_valued("key", "value", joins_implicitly=True)


def lock_schema(connection: Connection) -> None:
    """Keep others from changing tables until the transaction ends."""
    # SQLite has let nobody else write since the transaction began.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _SCHEMA_LOCK})


def lock_fold(connection: Connection) -> None:
    """Have processes fold requests one after the other, so that their numbers appear in their order."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _FOLD_LOCK})


def forget_log(connection: Connection) -> None:
    """Leave nothing of what was deleted in SQLite's log. PostgreSQL's is the business of whoever runs it."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def flags(kind: str) -> Callable[[bool], Any]:
    """What makes of a flag what the driver takes at once: SQLite's looks long for somebody to adapt a `bool`."""
    return int if kind == "sqlite" else bool


def contents(kind: str) -> Callable[[bytes], bytes | bytearray]:
    """What makes of a body what the driver takes at once: to adapt `bytes` takes SQLite's a tenth of a row's time."""
    return bytearray if kind == "sqlite" else bytes


class Batch:
    """An insert of many rows that are tuples: SQLAlchemy takes as long to look at each as SQLite to keep it.

    `columns` says what stands where in a row. SQLite is given many rows in one statement, as its driver lets other
    threads run between two, and may have to wait for its turn again.
    """

    def __init__(self, statement: Insert, columns: Collection[str]) -> None:
        self.columns = [column.name for column in statement.table.columns if column.name in columns]
        self._statement = statement
        self._text = ""

    def execute(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        if not self._text:
            self._text = str(self._statement.compile(dialect=connection.dialect, column_keys=self.columns))
        together = _TOGETHER if connection.dialect.name == "sqlite" else 0
        whole = len(rows) - len(rows) % together if together else 0
        for first in range(0, whole, together or 1):
            values = tuple(chain.from_iterable(rows[first : first + together]))
            connection.exec_driver_sql(self._text_together, values)
        if whole < len(rows):
            connection.exec_driver_sql(self._text, rows[whole:])

    @cached_property
    def _text_together(self) -> str:
        """The statement's text for many rows at once."""
        head, values, tail = self._text.partition(f"({', '.join('?' * len(self.columns))})")
        return f"{head}{', '.join([values] * _TOGETHER)}{tail}"


_INSERT_ITEM_IDS = {
    "sqlite": text(
        "INSERT INTO item_ids (hash, response)"
        " SELECT hash.value, responses.number"
        " FROM json_each(:hashes) AS pair JOIN responses ON responses.id = pair.key JOIN json_each(pair.value) AS hash"
        " WHERE true ON CONFLICT DO NOTHING"
    ),
    "postgresql": text(
        "INSERT INTO item_ids (hash, response)"
        " SELECT hash.value::bigint, responses.number"
        " FROM json_each((:hashes)::json) AS pair JOIN responses ON responses.id = pair.key,"
        " json_array_elements_text(pair.value) AS hash"
        " ON CONFLICT DO NOTHING"
    ),
}

_FIND_GONE = {
    "sqlite": text("SELECT hash FROM gone WHERE hash IN (SELECT value FROM json_each(:hashes))"),
    "postgresql": text(
        "SELECT hash FROM gone"
        " WHERE hash IN (SELECT value::bigint FROM json_array_elements_text((:hashes)::json) AS value)"
    ),
}
