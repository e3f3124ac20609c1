"""Implements `state.EvidenceRows`: what was said waits in memory, bounded, is made ready in a thread and written in
batches.

It is no account: what has not been written when the process dies is lost, and the record of its request says that there
was something. While the database is away it waits; when there is no room left, what comes is not taken in.
"""

import asyncio
import contextlib
import logging
import zlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from trunkline.errors import Unavailable
from trunkline.evidence import Evidence, KeptEvidence
from trunkline.store import sql
from trunkline.store.cipher import Cipher
from trunkline.store.engine import Database
from trunkline.store.rows import open_row, seal_row
from trunkline.store.tables import EVIDENCE

_log = logging.getLogger("trunkline.store")

# What may wait: some thousand requests, or a few of the largest.
WAITING_BYTES = 64 * 1024 * 1024

_BATCH = 32
_BATCH_BYTES = 8 * 1024 * 1024
_GATHER_SECONDS = 0.2
_RETRY_SECONDS = 2.0
_WRITE_SECONDS = 30.0
_CLOSE_WITHIN_SECONDS = 5.0

Make = Callable[[Evidence], KeptEvidence]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(KeptEvidence).decode


class SqlEvidence:
    """`make` makes what was said fit to be kept. `start` once, `close` at the end."""

    def __init__(
        self, database: Database, cipher: Cipher, make: Make | None, waiting_bytes: int = WAITING_BYTES
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._make = make
        self._most_bytes = waiting_bytes
        self._waiting: deque[Evidence] = deque()
        self._waiting_bytes = 0
        self._something = asyncio.Event()
        self._is_done = asyncio.Event()
        self._is_done.set()
        self._task: asyncio.Task[None] | None = None
        self.lost = 0

    # --- taking in ------------------------------------------------------------------------------------------------

    def keep(self, evidence: Evidence) -> bool:
        size = evidence.size_bytes
        if self._make is None or self._waiting_bytes + size > self._most_bytes:
            self.lost += 1
            return False
        self._waiting_bytes += size
        self._waiting.append(evidence)
        self._something.set()
        self._is_done.clear()
        return True

    async def settle(self) -> None:
        try:
            async with asyncio.timeout(_WRITE_SECONDS):
                await self._is_done.wait()
        except TimeoutError:
            raise Unavailable("the database takes no bodies of requests") from None

    # --- writing --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Write what is taken in, from now on."""
        self._task = asyncio.create_task(self._work(), name="evidence")

    async def close(self) -> None:
        """Write what waits, if the database answers."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_WITHIN_SECONDS):
                await self._is_done.wait()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._waiting:
            _log.error("the bodies of %d requests could not be kept", len(self._waiting))

    async def _work(self) -> None:
        while True:
            await self._something.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            batch = self._batch()
            try:
                await self._write(await asyncio.to_thread(self._make_rows, batch))
            except Exception as error:  # noqa: BLE001 - what cannot be kept must not hold up the rest
                self.lost += len(batch)
                _log.error("the bodies of %d requests could not be kept: %s", len(batch), type(error).__name__)
            self._forget(batch)

    async def _write(self, rows: list[dict[str, Any]]) -> None:
        """Put the rows into the database, as soon as it answers."""
        insert = sql.insert(self._database.kind, EVIDENCE).on_conflict_do_nothing()
        while rows:
            try:
                await self._database.write(lambda connection: connection.execute(insert, rows).close(), _WRITE_SECONDS)
                return
            except Unavailable:
                await asyncio.sleep(_RETRY_SECONDS)

    def _batch(self) -> Sequence[Evidence]:
        """The oldest of what waits: one at least."""
        batch: list[Evidence] = []
        size = 0
        for evidence in self._waiting:
            size += evidence.size_bytes
            if batch and (len(batch) == _BATCH or size > _BATCH_BYTES):
                break
            batch.append(evidence)
        return batch

    def _forget(self, batch: Sequence[Evidence]) -> None:
        for evidence in batch:
            self._waiting.popleft()
            self._waiting_bytes -= evidence.size_bytes
        if not self._waiting:
            self._something.clear()
            self._is_done.set()

    def _make_rows(self, batch: Sequence[Evidence]) -> list[dict[str, Any]]:
        return [row for evidence in batch if (row := self._make_row(evidence)) is not None]

    def _make_row(self, evidence: Evidence) -> dict[str, Any] | None:
        assert self._make is not None
        try:
            said = self._make(evidence)
        except Exception as error:  # noqa: BLE001 - a bug in a reader must cost one body, and no other
            self.lost += 1
            _log.error("what was said in %s could not be kept: %s", evidence.request_id, type(error).__name__)
            return None
        row = {
            "id": evidence.request_id,
            "path": evidence.path,
            "started_at_micros": evidence.started_at_micros,
            # Text, most of it said before: a fifth remains.
            "said": zlib.compress(_encode(said), 1),
        }
        return seal_row(self._cipher, EVIDENCE, row)

    # --- finding --------------------------------------------------------------------------------------------------

    async def find(self, ids: Sequence[str]) -> Mapping[str, KeptEvidence]:
        wanted = select(EVIDENCE).where(EVIDENCE.c.id.in_(ids))

        def work(connection: Connection) -> Mapping[str, KeptEvidence]:
            rows = [open_row(self._cipher, EVIDENCE, row._mapping) for row in connection.execute(wanted)]
            return {row["id"]: _decode(zlib.decompress(row["said"])) for row in rows}

        return await self._database.read(work)
