"""Implements `state.Acts`: a chain of rows, each sealed with a hash of itself and of the one before it.

The hash is keyed by the root secret, so that whoever holds the database alone can make none. The newest entry is noted
in a row of its own, which appenders take in turn, and in a file in the data folder: rows that are cut off at the end
are missed there.
"""

import hmac
import logging
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, RowMapping, Select, insert, select, update

from trunkline.errors import Unavailable
from trunkline.state.acts import Act, Author, Checked, Head, KeptAct, WantedActs
from trunkline.store import sql
from trunkline.store.cipher import Cipher
from trunkline.store.engine import Database
from trunkline.store.rows import open_row, seal_row
from trunkline.store.tables import ACT_HEAD, ACTS
from trunkline.store.within import is_within

_FILE = "acts.head"
_AT_ONCE = 200
_ONE = 1
_NOTHING = ""

_log = logging.getLogger(__name__)


class ActKeys(Struct, frozen=True):
    """What hashes are keyed by: keys by the ids of their root secrets, and the id of the one in force."""

    keys: Mapping[str, bytes]
    newest: str

    def __repr__(self) -> str:
        return f"ActKeys(newest={self.newest!r})"


class SqlActs:
    """`folder` is where the newest entry is noted; it is one process's own."""

    def __init__(self, database: Database, cipher: Cipher, keys: ActKeys, folder: Path) -> None:
        self._database = database
        self._cipher = cipher
        self._keys = keys
        self._file = folder / _FILE

    # --- writing --------------------------------------------------------------------------------------------------

    async def append(self, act: Act) -> KeptAct:
        def work(connection: Connection) -> KeptAct:
            last = self._take_turn(connection)
            row = self._make_row(act, last)
            kept = KeptAct(row["number"], row["hash"], act)
            connection.execute(insert(ACTS).values(seal_row(self._cipher, ACTS, row)))
            connection.execute(update(ACT_HEAD).values(number=kept.number, hash=kept.hash))
            return kept

        kept = await self._database.write(work)
        self._note(Head(kept.number, kept.hash))
        return kept

    def _take_turn(self, connection: Connection) -> Head:
        """The newest entry; nobody else appends until the transaction ends."""
        first = sql.insert(self._database.kind, ACT_HEAD).values(id=_ONE, number=0, hash=_NOTHING)
        connection.execute(first.on_conflict_do_nothing())
        noted = connection.execute(select(ACT_HEAD).with_for_update()).one()
        last = connection.execute(select(ACTS.c.number, ACTS.c.hash).order_by(ACTS.c.number.desc()).limit(1)).first()
        # They differ only when somebody has been at them. The chain goes on, and the gap stays to be seen.
        newest = noted if last is None or last.number <= noted.number else last
        return Head(newest.number, newest.hash)

    def _make_row(self, act: Act, last: Head) -> dict[str, Any]:
        author = act.author
        row: dict[str, Any] = {
            "number": last.number + 1,
            "at_micros": act.at_micros,
            "key_id": author.key_id,
            "key_name": author.name,
            "key_path": author.path,
            "peer": author.peer,
            "kind": act.kind,
            "object_id": act.object_id,
            "about": act.path,
            "secret_id": self._keys.newest,
        }
        key = self._keys.keys[self._keys.newest]
        row["digest"] = _digest(key, act.details)
        row["hash"] = _hash(key, last.hash, row)
        row["details"] = act.details
        return row

    def _note(self, head: Head) -> None:
        """In the file as well. The act is durable already: an older note is better than an error."""
        draft = self._file.with_name(f".{_FILE}.{secrets.token_hex(4)}")
        try:
            draft.write_bytes(msgspec.json.encode(head))
            draft.chmod(0o600)
            draft.replace(self._file)
        except OSError as error:
            _log.warning("the newest act cannot be noted in %s: %s", self._file, error.strerror)

    # --- reading --------------------------------------------------------------------------------------------------

    async def page(self, wanted: WantedActs, *, before: int | None, limit: int) -> Sequence[KeptAct]:
        statement = select(ACTS).where(*_conditions(wanted)).order_by(ACTS.c.number.desc()).limit(limit + 1)
        if before is not None:
            statement = statement.where(ACTS.c.number < before)
        return [self._read(row) for row in await self._rows(statement)]

    async def check(self, known: Sequence[Head] = ()) -> Checked:
        noted = await self._rows(select(ACT_HEAD))
        heads = [*known, *self._noted(), *(Head(row.number, row.hash) for row in noted if row.number)]
        last = Head(0, _NOTHING)
        hashes = {0: _NOTHING}
        asked = {head.number for head in heads}
        while rows := await self._rows(
            select(ACTS).where(ACTS.c.number > last.number).order_by(ACTS.c.number).limit(_AT_ONCE)
        ):
            for row in rows:
                if why := self._judge(row, last):
                    return Checked(last.number, _or_none(last), last.number + 1, why)
                last = Head(row.number, row.hash)
                if row.number in asked:
                    hashes[row.number] = row.hash
        for head in sorted(heads, key=lambda head: head.number):
            if hashes.get(head.number) != head.hash:
                return Checked(last.number, _or_none(last), min(head.number, last.number + 1), _missed(head, last))
        return Checked(last.number, _or_none(last))

    def _judge(self, row: Row[Any], last: Head) -> str:
        """What is wrong with an entry, or nothing."""
        if row.number != last.number + 1:
            return f"it is missing: the next one that is there is number {row.number}"
        key = self._keys.keys.get(row.secret_id)
        if key is None:
            return "its secret is not known here: add it to TRUNKLINE_SECRET_PREVIOUS"
        if not hmac.compare_digest(_hash(key, last.hash, row._mapping), row.hash):
            return "it is not what was written, or not in its place"
        try:
            details = open_row(self._cipher, ACTS, row._mapping)["details"]
        except Unavailable as error:
            return f"its details cannot be opened: {error.detail}"
        # Erased ones are empty; an erasure is an act itself.
        if details and not hmac.compare_digest(_digest(key, details), row.digest):
            return "its details are not what was written"
        return ""

    def _noted(self) -> Sequence[Head]:
        try:
            return [msgspec.json.decode(self._file.read_bytes(), type=Head)]
        except FileNotFoundError:
            return []
        except (OSError, msgspec.MsgspecError):
            _log.warning("%s cannot be read", self._file)
            return []

    def _read(self, row: Row[Any]) -> KeptAct:
        opened = open_row(self._cipher, ACTS, row._mapping)
        act = Act(
            at_micros=row.at_micros,
            author=Author(row.key_id, row.key_name, row.key_path, row.peer),
            kind=row.kind,
            object_id=row.object_id,
            path=row.about,
            details=opened["details"],
        )
        return KeptAct(row.number, row.hash, act)

    async def _rows(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        return await self._database.read(lambda connection: connection.execute(statement).all())


def _conditions(wanted: WantedActs) -> list[ColumnElement[bool]]:
    conditions = [is_within(ACTS.c.about, wanted.path)]
    for column, value in (
        (ACTS.c.kind, wanted.kind),
        (ACTS.c.object_id, wanted.object_id),
        (ACTS.c.key_id, wanted.key_id),
    ):
        if value is not None:
            conditions.append(column == value)
    if wanted.start_micros is not None:
        conditions.append(ACTS.c.at_micros >= wanted.start_micros)
    if wanted.end_micros is not None:
        conditions.append(ACTS.c.at_micros < wanted.end_micros)
    return conditions


_HASHED = (
    "number",
    "at_micros",
    "key_id",
    "key_name",
    "key_path",
    "peer",
    "kind",
    "object_id",
    "about",
    "secret_id",
    "digest",
)


def _hash(key: bytes, before: str, row: Mapping[str, Any] | RowMapping) -> str:
    """Of an entry without its details, of which the digest stands for: so they can be erased, or sealed anew."""
    return hmac.digest(key, msgspec.json.encode([before, *(row[name] for name in _HASHED)]), "sha256").hex()


def _digest(key: bytes, details: bytes) -> str:
    """Keyed as well, so that nobody can guess at what was erased."""
    return hmac.digest(key, b"details\0" + details, "sha256").hex()


def _or_none(head: Head) -> Head | None:
    return head if head.number else None


def _missed(head: Head, last: Head) -> str:
    if head.number > last.number:
        return f"entries are missing at the end: number {head.number} is known to have been there"
    return f"number {head.number} is known to have been another one"
