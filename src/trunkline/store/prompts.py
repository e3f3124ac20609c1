"""Implements `state.Prompts`."""

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, exists, func, insert, select, update

from trunkline.state.prompts import KeptPrompt, KeptVersion
from trunkline.store.cipher import Cipher
from trunkline.store.engine import Database
from trunkline.store.gone import remember_gone
from trunkline.store.rows import open_row, seal_row
from trunkline.store.tables import PROMPT_VERSIONS, PROMPTS

_VERSION = re.compile(r"[1-9][0-9]{0,8}")


class SqlPrompts:
    """Versions are kept as the numbers they are. There are few prompts, and all is written at once."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self._database = database
        self._cipher = cipher

    # --- writing --------------------------------------------------------------------------------------------------

    async def create(self, prompt: KeptPrompt, version: KeptVersion) -> None:
        row = {name: getattr(prompt, name) for name in ("id", "path", "name", "created_at_micros")}

        def work(connection: Connection) -> None:
            connection.execute(insert(PROMPTS).values(**row, default_version=int(prompt.default_version)))
            self._insert(connection, int(version.version), version)

        await self._database.write(work)

    async def add_version(
        self, path: str, id: str, body: bytes, created_at_micros: int, *, is_default: bool
    ) -> KeptVersion | None:
        def work(connection: Connection) -> KeptVersion | None:
            # Whoever adds another one at the same time waits here, and counts on from this one.
            if connection.execute(select(PROMPTS.c.id).where(_is(path, id)).with_for_update()).first() is None:
                return None
            newest = select(func.max(PROMPT_VERSIONS.c.version)).where(PROMPT_VERSIONS.c.prompt_id == id)
            number = 1 + (connection.execute(newest).scalar() or 0)
            version = KeptVersion(prompt_id=id, version=str(number), created_at_micros=created_at_micros, body=body)
            self._insert(connection, number, version)
            if is_default:
                connection.execute(update(PROMPTS).where(_is(path, id)).values(default_version=number))
            return version

        return await self._database.write(work)

    def _insert(self, connection: Connection, number: int, version: KeptVersion) -> None:
        row: dict[str, Any] = {
            "prompt_id": version.prompt_id,
            "version": number,
            "created_at_micros": version.created_at_micros,
            "body": version.body,
        }
        connection.execute(insert(PROMPT_VERSIONS).values(seal_row(self._cipher, PROMPT_VERSIONS, row)))

    async def set_default(self, path: str, id: str, version: str) -> bool:
        if not _VERSION.fullmatch(version):
            return False
        is_there = exists().where(PROMPT_VERSIONS.c.prompt_id == id, PROMPT_VERSIONS.c.version == int(version))
        return await self._update(_is(path, id) & is_there, default_version=int(version))

    async def rename(self, path: str, id: str, name: str) -> bool:
        return await self._update(_is(path, id), name=name)

    async def _update(self, where: ColumnElement[bool], **values: str | int) -> bool:
        changed = update(PROMPTS).where(where).values(**values)
        return await self._database.write(lambda connection: bool(connection.execute(changed).rowcount))

    async def delete(self, path: str, id: str) -> bool:
        def work(connection: Connection) -> bool:
            # Its versions go with it.
            if not connection.execute(delete(PROMPTS).where(_is(path, id))).rowcount:
                return False
            remember_gone(connection, [id])
            return True

        return await self._database.write(work)

    # --- finding --------------------------------------------------------------------------------------------------

    async def find(self, path: str, id: str) -> KeptPrompt | None:
        rows = await self._read(select(PROMPTS).where(_is(path, id)))
        return _read_prompt(rows[0]) if rows else None

    async def version(self, path: str, id: str, version: str | None) -> KeptVersion | None:
        if version is not None and not _VERSION.fullmatch(version):
            return None
        number = PROMPTS.c.default_version if version is None else int(version)
        rows = await self._read(_select_versions(path, id).where(PROMPT_VERSIONS.c.version == number))
        return self._open(rows[0]) if rows else None

    async def versions(self, path: str, id: str) -> Sequence[KeptVersion] | None:
        rows = await self._read(_select_versions(path, id).order_by(PROMPT_VERSIONS.c.version.desc()))
        # A prompt has one version at least.
        return [self._open(row) for row in rows] or None

    async def page(self, path: str, *, after: str | None, limit: int) -> Sequence[KeptPrompt]:
        wanted = select(PROMPTS).where(PROMPTS.c.path == path)
        if after is not None:
            places = await self._read(select(PROMPTS.c.number).where(_is(path, after)))
            if not places:
                raise KeyError(after)
            wanted = wanted.where(PROMPTS.c.number < places[0].number)
        rows = await self._read(wanted.order_by(PROMPTS.c.number.desc()).limit(limit + 1))
        return [_read_prompt(row) for row in rows]

    async def _read(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        return await self._database.read(lambda connection: connection.execute(statement).all())

    def _open(self, row: Row[Any]) -> KeptVersion:
        opened = open_row(self._cipher, PROMPT_VERSIONS, row._mapping)
        return KeptVersion(**{**opened, "version": str(opened["version"])})


def _is(path: str, id: str) -> ColumnElement[bool]:
    return (PROMPTS.c.path == path) & (PROMPTS.c.id == id)


def _select_versions(path: str, id: str) -> Select[Any]:
    return select(PROMPT_VERSIONS).join(PROMPTS, PROMPTS.c.id == PROMPT_VERSIONS.c.prompt_id).where(_is(path, id))


def _read_prompt(row: Row[Any]) -> KeptPrompt:
    found = {name: row._mapping[name] for name in KeptPrompt.__struct_fields__}
    return KeptPrompt(**{**found, "default_version": str(row.default_version)})
