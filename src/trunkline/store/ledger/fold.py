"""Records → rows, many in one transaction, all of them or none.

The same record may come twice, after a crash between the transaction and the word of it: what is there already stays
as it is.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import msgspec
from sqlalchemy import Connection, Table

from trunkline.errors import Unavailable
from trunkline.records import Record
from trunkline.store import sql
from trunkline.store.engine import Database
from trunkline.store.ledger.coding import clean
from trunkline.store.ledger.hours import Hours
from trunkline.store.ledger.rows import Values, make_rows
from trunkline.store.ledger.tables import ATTEMPTS, REQUESTS, usual_values

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
        self._flag = sql.flags(database.kind)
        self._requests, self._attempts = (_Batches(database.kind, table) for table in (REQUESTS, ATTEMPTS))
        self._hours = Hours(database.kind)

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
        of_requests, of_attempts = make_rows(records, self._flag)
        requests, attempts = self._requests.sort(*of_requests), self._attempts.sort(*of_attempts)

        def work(connection: Connection) -> None:
            sql.lock_fold(connection)
            newest = self._hours.find_newest(connection)
            self._requests.execute(connection, requests)
            self._attempts.execute(connection, attempts)
            self._hours.add(connection, newest, of_requests, parts=any(attempts))

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
    """Inserts into one table, of rows that end as usual and of those that do not."""

    def __init__(self, kind: str, table: Table) -> None:
        self._usually = usual_values(table)
        columns = [column.name for column in table.columns if column.name != "number"]
        insert = sql.insert(kind, table).on_conflict_do_nothing()
        self._usual = sql.Batch(insert, columns[: -len(self._usually)])
        self._whole = sql.Batch(insert, columns)

    def sort(self, said: list[Values], rest: list[Values]) -> tuple[list[Values], list[Values]]:
        """The usual ones, without their ends, and the others."""
        if rest.count(self._usually) == len(rest):
            return said, []
        usual = [one for one, end in zip(said, rest, strict=True) if end == self._usually]
        return usual, [one + end for one, end in zip(said, rest, strict=True) if end != self._usually]

    def execute(self, connection: Connection, rows: tuple[list[Values], list[Values]]) -> None:
        for batch, some in zip((self._usual, self._whole), rows, strict=True):
            if some:
                batch.execute(connection, some)
