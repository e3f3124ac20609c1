"""Rows as they lie in the database: bodies sealed, and ids as hashes where no more than that may be kept."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import RowMapping, Table

from trunkline.errors import Unavailable
from trunkline.state.ids import mark, read_mark
from trunkline.store.cipher import Cipher, Unreadable


def hash_id(id: str) -> int:
    """An id as a signed number of 64 bits. What is found by it must be looked at, since two ids may share one."""
    return number(mark(id))


def number(mark: bytes) -> int:
    """A hash as it stands in a row."""
    return int.from_bytes(mark, signed=True)


def hash_item_ids(ids: Iterable[str]) -> list[int]:
    """The hashes under which items may be found: each id's own, and that of the response which it follows from."""
    hashes = []
    for id in ids:
        hashes.append(hash_id(id))
        if (found := read_mark(id)) is not None:
            hashes.append(number(found))
    return hashes


@cache
def sealed_columns(table: Table) -> Sequence[str]:
    """The columns that hold bodies."""
    return tuple(column.name for column in table.columns if column.info.get("sealed"))


def bind(table: Table, column: str, row: Mapping[str, Any] | RowMapping) -> bytes:
    """What a sealed value is bound to: its column, and the names of its row. Moved to another one it does not open."""
    names = "\0".join(str(row[name]) for name in table.info["named_by"])
    return f"{table.name}.{column}\0{names}".encode()


def seal_row(cipher: Cipher, table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """The row with its bodies sealed, in its place."""
    for column in sealed_columns(table):
        if column in row:
            row[column] = cipher.seal(row[column], bind(table, column, row) if cipher.seals else b"")
    return row


def open_row(cipher: Cipher, table: Table, row: Mapping[str, Any] | RowMapping) -> dict[str, Any]:
    """A row with its bodies opened. Raises `Unavailable` for one whose key is gone."""
    opened = dict(row)
    try:
        for column in sealed_columns(table):
            if column in opened:
                opened[column] = cipher.open(opened[column], bind(table, column, row))
    except Unreadable as error:
        raise sealed_away(table.name, error) from error
    return opened


def sealed_away(place: str, error: Unreadable) -> Unavailable:
    """What is there but cannot be opened, as an error for whoever asked for it."""
    sealed = Unavailable(
        f"What was kept cannot be opened ({error}). Asking again is no use before the operator has seen to it;"
        " `trunkline store verify` lists all that is concerned.",
        detail=f"{place}: {error}",
    )
    sealed.should_retry = False
    sealed.retry_after_seconds = None
    return sealed
