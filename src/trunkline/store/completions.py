"""Implements `state.Completions`."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, delete, select, update

from trunkline.clock import Clock
from trunkline.state.completions import KeptCompletion
from trunkline.state.conversations import Order
from trunkline.store import sql
from trunkline.store.cipher import Cipher
from trunkline.store.engine import Database
from trunkline.store.gone import remember_gone
from trunkline.store.rows import open_row, seal_row
from trunkline.store.tables import COMPLETIONS

_COLUMNS = [COMPLETIONS.c[name] for name in KeptCompletion.__struct_fields__]

# Rows that are looked at together for what may be one in many.
_AT_ONCE = 100

_decode_metadata = msgspec.json.Decoder(dict[str, str]).decode


class SqlCompletions:
    """Metadata may be sealed, so a page that asks for some is picked row by row."""

    def __init__(self, database: Database, cipher: Cipher, clock: Clock) -> None:
        self._database = database
        self._cipher = cipher
        self._clock = clock

    async def keep(self, completion: KeptCompletion) -> None:
        row = {name: getattr(completion, name) for name in KeptCompletion.__struct_fields__}
        inserted = sql.insert(self._database.kind, COMPLETIONS).values(seal_row(self._cipher, COMPLETIONS, row))
        # Ids are the provider's, and some give every completion the same: the newest is the one that can be found.
        kept = inserted.on_conflict_do_update(
            index_elements=[COMPLETIONS.c.id, COMPLETIONS.c.path],
            set_={name: inserted.excluded[name] for name in row},
        )
        await self._database.write(lambda connection: connection.execute(kept).close())

    async def find(self, path: str, id: str) -> KeptCompletion | None:
        wanted = select(*_COLUMNS).where(self._is_visible(path), COMPLETIONS.c.id == id)
        row = await self._database.read(lambda connection: connection.execute(wanted).first())
        return None if row is None else self._open(row)

    async def page(
        self,
        path: str,
        *,
        order: Order,
        after: str | None,
        limit: int,
        model: str | None,
        metadata: Mapping[str, str],
    ) -> Sequence[KeptCompletion]:
        number = COMPLETIONS.c.number

        def work(connection: Connection) -> Sequence[KeptCompletion]:
            wanted = select(*_COLUMNS, number).where(self._is_visible(path))
            if model is not None:
                wanted = wanted.where(COMPLETIONS.c.model == model)
            wanted = wanted.order_by(number.desc() if order == "desc" else number)
            place = None
            if after is not None:
                behind = select(number).where(self._is_visible(path), COMPLETIONS.c.id == after)
                place = connection.execute(behind).scalar()
                if place is None:
                    raise KeyError(after)
            return self._pick(connection, wanted, order, place, limit + 1, metadata)

        return await self._database.read(work)

    def _pick(
        self,
        connection: Connection,
        wanted: Select[Any],
        order: Order,
        place: int | None,
        count: int,
        metadata: Mapping[str, str],
    ) -> Sequence[KeptCompletion]:
        """The first so many behind a place that have this metadata."""
        number = COMPLETIONS.c.number
        picked: list[KeptCompletion] = []
        while len(picked) < count:
            rest = wanted
            if place is not None:
                rest = wanted.where(number < place if order == "desc" else number > place)
            at_once = max(count - len(picked), _AT_ONCE if metadata else 0)
            rows = connection.execute(rest.limit(at_once)).all()
            found = map(self._open, rows)
            picked += [kept for kept in found if metadata.items() <= _decode_metadata(kept.metadata).items()]
            if len(rows) < at_once:
                break
            place = rows[-1].number
        return picked[:count]

    async def set_metadata(self, path: str, id: str, metadata: bytes, completion: bytes) -> bool:
        row = {"id": id, "path": path, "metadata": metadata, "completion": completion}
        sealed = seal_row(self._cipher, COMPLETIONS, row)
        changed = update(COMPLETIONS).where(self._is_visible(path), COMPLETIONS.c.id == id).values(sealed)
        return await self._database.write(lambda connection: bool(connection.execute(changed).rowcount))

    async def delete(self, path: str, id: str) -> bool:
        deleting = delete(COMPLETIONS).where(self._is_visible(path), COMPLETIONS.c.id == id)

        def work(connection: Connection) -> bool:
            if not connection.execute(deleting).rowcount:
                return False
            remember_gone(connection, [id])
            return True

        return await self._database.write(work)

    def _is_visible(self, path: str) -> ColumnElement[bool]:
        return (COMPLETIONS.c.path == path) & (COMPLETIONS.c.expires_at_micros > self._clock.now_micros())

    def _open(self, row: Row[Any]) -> KeptCompletion:
        opened = open_row(self._cipher, COMPLETIONS, row._mapping)
        return KeptCompletion(**{name: opened[name] for name in KeptCompletion.__struct_fields__})
