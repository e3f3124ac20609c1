"""Removes what is older than it is to be kept: a little at a time, beside everything else."""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Column, ColumnElement, Connection, delete, select, update

from trunkline.clock import Clock
from trunkline.store import sql
from trunkline.store.engine import Database
from trunkline.store.ledger import hours
from trunkline.store.ledger.sums import HOUR_MICROS
from trunkline.store.ledger.tables import ATTEMPTS, REQUESTS
from trunkline.store.tables import EVIDENCE

_DAY_MICROS = 24 * 60 * 60 * 1_000_000

# Rows in one transaction: some milliseconds, since whoever wants to write waits for it.
_AT_ONCE = 200


class Lifetimes(Struct, frozen=True):
    """How many days requests are kept as accounts, and how many what the audit adds to them."""

    usage_days: int = 400
    audit_days: int = 30


class LedgerSweep:
    """Sweeps one database."""

    def __init__(self, database: Database, clock: Clock, lifetimes: Lifetimes) -> None:
        self._database = database
        self._clock = clock
        self._lifetimes = lifetimes

    async def once(self) -> bool:
        """Remove a little of each kind; whether there may be more. Raises `Unavailable`."""
        works = (self._remove_evidence, self._remove_audit, self._remove_requests)
        removed = [await self._database.write(work) for work in works]
        # Most of an hour's requests have ended when another one has passed.
        over = self._clock.now_micros() // HOUR_MICROS - 1
        return await self._database.write(lambda connection: hours.merge(connection, over)) or _AT_ONCE in removed

    def _remove_evidence(self, connection: Connection) -> int:
        ids = self._find(connection, EVIDENCE.c.id, self._lifetimes.audit_days)
        connection.execute(delete(EVIDENCE).where(EVIDENCE.c.id.in_(ids)))
        return len(ids)

    def _remove_audit(self, connection: Connection) -> int:
        ids = self._find(connection, REQUESTS.c.id, self._lifetimes.audit_days, REQUESTS.c.trail.is_not(None))
        connection.execute(update(REQUESTS).where(REQUESTS.c.id.in_(ids)).values(trail=None))
        return len(ids)

    def _remove_requests(self, connection: Connection) -> int:
        # Before any row is: others take both in this order.
        sql.lock_fold(connection)
        ids = self._find(connection, REQUESTS.c.id, self._lifetimes.usage_days)
        if not ids:
            hours.forget(connection, self._find_end(self._lifetimes.usage_days) // HOUR_MICROS)
            return 0
        hours.change(connection, ids, -1)
        for column in (ATTEMPTS.c.request_id, REQUESTS.c.id):
            connection.execute(delete(column.table).where(column.in_(ids)))
        return len(ids)

    def _find(
        self, connection: Connection, id: Column[str], days: int, *conditions: ColumnElement[bool]
    ) -> Sequence[str]:
        """The oldest of those that have been kept for so many days."""
        started = id.table.c.started_at_micros
        wanted = select(id).where(started <= self._find_end(days), *conditions).order_by(started).limit(_AT_ONCE)
        return connection.execute(wanted.with_for_update(skip_locked=True)).scalars().all()

    def _find_end(self, days: int) -> int:
        return self._clock.now_micros() - days * _DAY_MICROS
