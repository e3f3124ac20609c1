"""Removes what is older than it is to be kept: a little at a time, beside everything else."""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection, Table, delete, select

from trunkline.clock import Clock
from trunkline.store.engine import Database
from trunkline.store.ledger.tables import ATTEMPTS, AUDIT, REQUESTS
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
        return _AT_ONCE in removed

    def _remove_evidence(self, connection: Connection) -> int:
        ids = self._find(connection, EVIDENCE, "id", self._lifetimes.audit_days)
        connection.execute(delete(EVIDENCE).where(EVIDENCE.c.id.in_(ids)))
        return len(ids)

    def _remove_audit(self, connection: Connection) -> int:
        ids = self._find(connection, AUDIT, "request_id", self._lifetimes.audit_days)
        connection.execute(delete(AUDIT).where(AUDIT.c.request_id.in_(ids)))
        return len(ids)

    def _remove_requests(self, connection: Connection) -> int:
        ids = self._find(connection, REQUESTS, "id", self._lifetimes.usage_days)
        for table, column in ((ATTEMPTS, "request_id"), (AUDIT, "request_id"), (REQUESTS, "id")):
            connection.execute(delete(table).where(table.c[column].in_(ids)))
        return len(ids)

    def _find(self, connection: Connection, table: Table, column: str, days: int) -> Sequence[str]:
        """The oldest of those that have been kept for so many days."""
        over = table.c.started_at_micros <= self._clock.now_micros() - days * _DAY_MICROS
        wanted = select(table.c[column]).where(over).order_by(table.c.started_at_micros).limit(_AT_ONCE)
        return connection.execute(wanted.with_for_update(skip_locked=True)).scalars().all()
