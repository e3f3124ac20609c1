"""Implements `state.Files`. Where contents lie it is told; it removes them behind what was deleted or has expired."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, insert, select, update

from trunkline.clock import Clock
from trunkline.state.conversations import Order
from trunkline.state.files import Blobs, FileCopy, KeptFile
from trunkline.store import sql
from trunkline.store.cipher import Cipher
from trunkline.store.engine import Database
from trunkline.store.gone import remember_gone, were_here
from trunkline.store.rows import open_row, seal_row
from trunkline.store.tables import FILE_COPIES, FILES
from trunkline.store.within import is_within

_SWEPT_AT_ONCE = 100


class SqlFiles:
    """A file's name is kept like a body: it may say what is in it."""

    def __init__(self, database: Database, cipher: Cipher, clock: Clock) -> None:
        self._database = database
        self._cipher = cipher
        self._clock = clock

    async def keep(self, file: KeptFile) -> None:
        row: dict[str, Any] = {name: getattr(file, name) for name in KeptFile.__struct_fields__}
        row["name"] = file.name.encode()
        inserted = insert(FILES).values(seal_row(self._cipher, FILES, row))
        await self._database.write(lambda connection: connection.execute(inserted).close())

    # --- finding --------------------------------------------------------------------------------------------------

    async def find(self, path: str, id: str) -> KeptFile | None:
        rows = await self._read(select(FILES).where(self._is_visible(path), FILES.c.id == id))
        return self._open(rows[0]) if rows else None

    async def page(
        self, path: str, *, order: Order, after: str | None, limit: int, purpose: str | None
    ) -> Sequence[KeptFile]:
        number = FILES.c.number
        wanted = select(FILES).where(self._is_visible(path))
        if purpose is not None:
            wanted = wanted.where(FILES.c.purpose == purpose)
        if after is not None:
            places = await self._read(select(number).where(self._is_visible(path), FILES.c.id == after))
            if not places:
                raise KeyError(after)
            wanted = wanted.where(number < places[0].number if order == "desc" else number > places[0].number)
        rows = await self._read(wanted.order_by(number.desc() if order == "desc" else number).limit(limit + 1))
        return [self._open(row) for row in rows]

    async def was_here(self, id: str) -> bool:
        return await self._database.read(lambda connection: were_here(connection, [id]))

    # --- deleting -------------------------------------------------------------------------------------------------

    async def delete(self, path: str, id: str) -> bool:
        hiding = update(FILES).where(self._is_visible(path), FILES.c.id == id)

        def work(connection: Connection) -> bool:
            if not connection.execute(hiding.values(hidden_at_micros=self._clock.now_micros())).rowcount:
                return False
            remember_gone(connection, [id])
            return True

        return await self._database.write(work)

    async def sweep(self, blobs: Blobs) -> int:
        """Remove some of what was deleted or has expired, content first, and say how much it was. Raises
        `Unavailable`."""
        now = self._clock.now_micros()
        is_over = (FILES.c.hidden_at_micros <= now) | (FILES.c.expires_at_micros <= now)
        ids = [row.id for row in await self._read(select(FILES.c.id).where(is_over).limit(_SWEPT_AT_ONCE))]
        for id in ids:
            await blobs.delete(id)
        if ids:
            await self._database.write(lambda connection: _remove(connection, ids))
        return len(ids)

    # --- copies at upstream accounts ------------------------------------------------------------------------------

    async def copies(self, id: str) -> Sequence[FileCopy]:
        return await self._find_copies(FILE_COPIES.c.file_id == id)

    async def copies_below(self, path: str) -> Sequence[FileCopy]:
        return await self._find_copies(
            FILE_COPIES.c.file_id.in_(select(FILES.c.id).where(is_within(FILES.c.path, path)))
        )

    async def _find_copies(self, wanted: ColumnElement[bool]) -> Sequence[FileCopy]:
        rows = await self._read(select(FILE_COPIES.c.account, FILE_COPIES.c.upstream_id).where(wanted))
        return [FileCopy(row.account, row.upstream_id) for row in rows]

    async def copy_at(self, id: str, account: str, since_micros: int) -> str | None:
        rows = await self._read(
            select(FILE_COPIES.c.upstream_id).where(
                FILE_COPIES.c.file_id == id,
                FILE_COPIES.c.account == account,
                FILE_COPIES.c.created_at_micros >= since_micros,
            )
        )
        return rows[0].upstream_id if rows else None

    async def remember_copy(self, id: str, account: str, upstream_id: str) -> None:
        copy = {"upstream_id": upstream_id, "created_at_micros": self._clock.now_micros()}
        written = sql.insert(self._database.kind, FILE_COPIES).values(file_id=id, account=account, **copy)
        upsert = written.on_conflict_do_update(index_elements=["file_id", "account"], set_=copy)
        await self._database.write(lambda connection: connection.execute(upsert).close())

    # --- rows -----------------------------------------------------------------------------------------------------

    async def _read(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        return await self._database.read(lambda connection: connection.execute(statement).all())

    def _is_visible(self, path: str) -> ColumnElement[bool]:
        expires = FILES.c.expires_at_micros
        return (
            (FILES.c.path == path)
            & FILES.c.hidden_at_micros.is_(None)
            & (expires.is_(None) | (expires > self._clock.now_micros()))
        )

    def _open(self, row: Row[Any]) -> KeptFile:
        opened = open_row(self._cipher, FILES, row._mapping)
        found = {name: opened[name] for name in KeptFile.__struct_fields__}
        return KeptFile(**{**found, "name": opened["name"].decode()})


def _remove(connection: Connection, ids: Sequence[str]) -> None:
    # Their copies' names go with them.
    connection.execute(delete(FILES).where(FILES.c.id.in_(ids)))
    remember_gone(connection, ids)
