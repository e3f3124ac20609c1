"""Records → rows, many in one transaction, all of them or none.

The same record may come twice, after a crash between the transaction and the word of it: what is there already stays
as it is.
"""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec
from sqlalchemy import Connection, Table

from trunkline.errors import Unavailable
from trunkline.records import Record
from trunkline.store import sql
from trunkline.store.engine import Database
from trunkline.store.ledger.coding import clean
from trunkline.store.ledger.rows import Row, attempt_row, audit_row, request_row, uses_rare
from trunkline.store.ledger.tables import ATTEMPTS, AUDIT, RARE_COUNTS, REQUESTS

_log = logging.getLogger("trunkline.store")

# Some hundred rows, maybe for a slow disk.
_SECONDS = 30.0
# One after the other: then it is not the records that something is wrong with.
_MOST_REFUSED = 20


class Fold:
    """Folds batches, one at a time. `refused` is a file for the records that the database would not take."""

    def __init__(self, database: Database, refused: Path) -> None:
        self._database = database
        self._refused = refused
        self._refused_in_a_row = 0
        self._usual = _Batches(database.kind, RARE_COUNTS)
        self._whole = _Batches(database.kind, ())

    async def __call__(self, records: Sequence[Record]) -> None:
        """Raises `Unavailable` when the database is away; what is asked again then does no harm."""
        try:
            await self._put(records)
            self._refused_in_a_row = 0
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a database has against one of them must not hold up the rest
            if len(records) == 1:
                await self._put_clean(records[0], error)
                return
            half = len(records) // 2
            await self(records[:half])
            await self(records[half:])

    async def _put(self, records: Sequence[Record]) -> None:
        whole = [record for record in records if uses_rare(record)]
        usual = [record for record in records if not uses_rare(record)] if whole else records
        rows = [(self._usual, _make_rows(usual, is_whole=False)), (self._whole, _make_rows(whole, is_whole=True))]

        def work(connection: Connection) -> None:
            sql.lock_fold(connection)
            for batches, (requests, attempts, audit) in rows:
                batches.execute(connection, requests, attempts, audit)

        await self._database.write(work, _SECONDS)

    async def _put_clean(self, record: Record, error: Exception) -> None:
        """Once more without what a caller may have slipped in; what is refused then as well goes into a file."""
        record = clean(record)
        try:
            await self._put([record])
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 - as above
            self._refused_in_a_row += 1
            if self._refused_in_a_row > _MOST_REFUSED:
                raise Unavailable("the database takes no records", detail=type(error).__name__) from error
            _log.error("the database will not take the record of %s: %s", record.request_id, type(error).__name__)
            with self._refused.open("ab") as file:
                file.write(msgspec.json.encode(record) + b"\n")


class _Batches:
    """Inserts into the three tables, of rows without some of the columns."""

    def __init__(self, kind: str, without: Collection[str]) -> None:
        self._batches = [_insert(kind, table, {"number", *without}) for table in (REQUESTS, ATTEMPTS, AUDIT)]

    def execute(self, connection: Connection, *rows: Sequence[Row]) -> None:
        for batch, some in zip(self._batches, rows, strict=True):
            if some:
                batch.execute(connection, some)


def _insert(kind: str, table: Table, without: Collection[str]) -> sql.Batch:
    columns = [column.name for column in table.columns if column.name not in without]
    return sql.Batch(sql.insert(kind, table).on_conflict_do_nothing(), columns)


def _make_rows(records: Sequence[Record], *, is_whole: bool) -> tuple[list[Row], list[Row], list[Row]]:
    attempts = [
        attempt_row(record, position, attempt, is_whole=is_whole)
        for record in records
        for position, attempt in enumerate(record.attempts)
    ]
    return [request_row(record) for record in records], attempts, [audit_row(record) for record in records]
