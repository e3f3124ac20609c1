"""Usage, audit and acts of the store beside, answering as the admin API of a gateway would."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from trunkline.catalog.prices import PriceBook
from trunkline.cli.opened import Beside, open_beside
from trunkline.config.config import Config
from trunkline.engine.admin.act_book import ActBook
from trunkline.engine.admin.audit_book import AuditBook
from trunkline.engine.admin.session_book import SessionBook
from trunkline.engine.admin.usage.book import UsageBook
from trunkline.engine.admin.usage.recalculation import read_recalculation, recalculate
from trunkline.engine.query import Query
from trunkline.paths import ROOT
from trunkline.store.evidence import SqlEvidence
from trunkline.store.sessions import SqlSessions
from trunkline.store.usage import SqlUsage

Answer = Awaitable[dict[str, Any]]


@contextlib.asynccontextmanager
async def open_ledgers_beside(config: Config) -> AsyncIterator["LedgersBeside"]:
    """The ledgers of the store that a gateway of this configuration uses."""
    async with open_beside(config) as beside:
        yield LedgersBeside(config, beside)


class LedgersBeside:
    """A table of what can be asked for, by path."""

    def __init__(self, config: Config, beside: Beside) -> None:
        clock = beside.clock
        self._config = config
        self._witness = beside.witness
        self._rows = rows = SqlUsage(beside.database)
        evidence = SqlEvidence(beside.database, beside.cipher, None)
        usage, audit = UsageBook(rows, ROOT, clock), AuditBook(rows, evidence, ROOT, clock)
        sessions = SessionBook(rows, SqlSessions(beside.database), evidence, ROOT, clock)
        acts = ActBook(beside.acts, ROOT)
        self._lists: Mapping[str, Callable[[Query], Answer]] = {
            "usage": usage.page,
            "usage/summary": usage.summary,
            "audit": audit.page,
            "audit/sessions": sessions.page,
            "acts": acts.page,
            "acts/check": acts.check,
        }
        self._objects: Mapping[str, Callable[[str, Query], Answer]] = {
            "usage": lambda name, _: usage.find(name),
            "audit": lambda name, _: audit.find(name),
            "audit/sessions": sessions.find,
        }
        self._streams: Mapping[str, Callable[[Query], Awaitable[tuple[str, AsyncGenerator[bytes, None]]]]] = {
            "usage/export": usage.export,
            "audit/export": audit.export,
            "audit/live": audit.follow,
        }

    async def ask(self, path: str, query: Mapping[str, str], id: str = "") -> dict[str, Any]:
        read = _read(query)
        answer = await (self._objects[path](id, read) if id else self._lists[path](read))
        # What is kept as JSON is read as such, as it is from a gateway.
        return msgspec.json.decode(msgspec.json.encode(answer), type=dict[str, Any])

    async def read(self, path: str, query: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        _, pieces = await self._streams[path](_read(query))
        async for piece in pieces:
            yield piece

    async def recalculate(self, query: Mapping[str, str]) -> dict[str, Any]:
        """With the accounts and prices of this configuration."""
        providers = {account.name: account.provider.name for account in self._config.accounts}
        book = PriceBook(self._config.prices)
        asked = read_recalculation(_read(query), ROOT)
        if not asked.is_dry:
            await self._witness.record("usage.recalculate", asked.wanted.path, None, asked.describe())
        return await recalculate(
            self._rows, asked, ROOT, lambda account, model: book(account, providers[account], model)
        )


def _read(query: Mapping[str, str]) -> Query:
    return Query(urlencode(query).encode())
