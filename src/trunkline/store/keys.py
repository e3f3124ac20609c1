"""Implements `state.KeptKeys`.

A deleted key leaves its row without anything in it but its id, so that every process learns that it is gone.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, exc, insert, or_, select, update

from trunkline.clock import Clock
from trunkline.state.keys import KeptKey, KeyChanges, KeyHash, NameTaken
from trunkline.store.engine import Database
from trunkline.store.revisions import advance, read_revision
from trunkline.store.tables import KEYS
from trunkline.store.within import is_within

_REVISION = "keys"

_PLAIN = ("id", "name", "path", "created_at_micros", "created_by", "expires_at_micros", "revoked_at_micros")
_ENCODED = {"labels": dict[str, str], "models": tuple[str, ...] | None, "scopes": tuple[str, ...]}

_IS_THERE = KEYS.c.hidden_at_micros.is_(None)

_decode_hashes = msgspec.json.Decoder(tuple[KeyHash, ...]).decode
_decoders = {name: msgspec.json.Decoder(type_).decode for name, type_ in _ENCODED.items()}

Change = Callable[[Connection], bool]


class SqlKeys:
    """There are few keys, and all is written at once."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    # --- writing --------------------------------------------------------------------------------------------------

    async def add(self, key: KeptKey) -> None:
        row = _write(key)

        def work(connection: Connection) -> bool:
            connection.execute(insert(KEYS).values(**row, revision=advance(connection, _REVISION)))
            return True

        await self._name(work)

    async def replace(self, known: KeptKey, key: KeptKey) -> bool:
        return await self._name(lambda connection: _update(connection, known, _write(key)))

    async def delete(self, known: KeptKey) -> bool:
        emptied = _write(KeptKey(id=known.id, name="", path=known.path, hashes=()))
        row = emptied | {"name": None, "hidden_at_micros": self._clock.now_micros()}
        return await self._database.write(lambda connection: _update(connection, known, row))

    async def hash_anew(self, known: KeptKey, hashes: tuple[KeyHash, ...]) -> bool:
        changed = update(KEYS).where(_is_as(known)).values(hashes=_encode(hashes))
        return await self._database.write(lambda connection: bool(connection.execute(changed).rowcount))

    async def _name(self, change: Change) -> bool:
        """Make a change that gives a key its name. Raises `NameTaken`."""
        try:
            return await self._database.write(change)
        except exc.IntegrityError:
            raise NameTaken from None

    # --- finding --------------------------------------------------------------------------------------------------

    async def find(self, name: str) -> KeptKey | None:
        wanted = select(KEYS).where(_IS_THERE, or_(KEYS.c.id == name, KEYS.c.name == name))
        rows = await self._database.read(lambda connection: connection.execute(wanted).all())
        found = sorted(map(_read, rows), key=lambda key: key.id != name)
        return found[0] if found else None

    async def page(self, path: str, *, after: str | None, limit: int) -> Sequence[KeptKey]:
        number, is_wanted = KEYS.c.number, is_within(KEYS.c.path, path)

        def work(connection: Connection) -> Sequence[Row[Any]]:
            wanted = select(KEYS).where(_IS_THERE, is_wanted)
            if after is not None:
                place = connection.execute(select(number).where(KEYS.c.id == after, is_wanted)).scalar()
                if place is None:
                    raise KeyError(after)
                wanted = wanted.where(number < place)
            return connection.execute(wanted.order_by(number.desc()).limit(limit + 1)).all()

        return list(map(_read, await self._database.read(work)))

    async def changes(self, after: int) -> KeyChanges:
        def work(connection: Connection) -> KeyChanges:
            # First the number: what is changed between the two is told once more the next time.
            revision = read_revision(connection, _REVISION)
            if revision == after:
                return KeyChanges(revision, (), ())
            rows = connection.execute(select(KEYS).where(KEYS.c.revision > after)).all()
            gone = [row.id for row in rows if row.hidden_at_micros is not None]
            return KeyChanges(revision, [_read(row) for row in rows if row.hidden_at_micros is None], gone)

        return await self._database.read(work)


def _update(connection: Connection, known: KeptKey, row: dict[str, Any]) -> bool:
    revision = advance(connection, _REVISION)
    changed = update(KEYS).where(_is_as(known)).values(**row, revision=revision)
    return bool(connection.execute(changed).rowcount)


def _is_as(known: KeptKey) -> ColumnElement[bool]:
    """Whether a row is what somebody knows of it. Hashes are made anew without a change of the revision."""
    return (KEYS.c.id == known.id) & (KEYS.c.revision == known.revision) & (KEYS.c.hashes == _encode(known.hashes))


def _write(key: KeptKey) -> dict[str, Any]:
    plain = {name: getattr(key, name) for name in _PLAIN}
    return plain | {name: _encode(getattr(key, name)) for name in (*_ENCODED, "hashes")}


def _read(row: Row[Any]) -> KeptKey:
    found = {name: row._mapping[name] for name in (*_PLAIN, "revision")}
    decoded = {name: decode(row._mapping[name]) for name, decode in _decoders.items()}
    return KeptKey(**found, **decoded, hashes=_decode_hashes(row.hashes))


def _encode(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()
