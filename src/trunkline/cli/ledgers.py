"""Usage, audit and acts, wherever they are: asked for by the paths of the admin API, in the store beside too."""

import contextlib
from argparse import Namespace
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

import msgspec

from trunkline.cli.admin import AdminApi, open_api
from trunkline.config.config import Config
from trunkline.state.usage import UsageRows


class Ledgers(Protocol):
    """Answers as the admin API does. Raises what it says is wrong."""

    async def ask(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        """The answer to a `GET` of this path below `/admin/v1`."""

    def read(self, path: str, query: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        """The same, piece by piece, where it is long."""

    async def recalculate(self, query: Mapping[str, str]) -> dict[str, Any]:
        """The answer to a `POST` of `usage/recalculate`."""


@contextlib.asynccontextmanager
async def open_ledgers(options: Namespace, config: Config) -> AsyncIterator[Ledgers]:
    """Those of the gateway that `--url` names, else those of the store beside."""
    if options.url:
        async with open_api(options, config) as api:
            yield _Remote(api)
        return
    from trunkline.cli.opened import open_beside
    from trunkline.engine.act_book import ActBook
    from trunkline.engine.audit_book import AuditBook
    from trunkline.engine.usage_book import UsageBook
    from trunkline.paths import ROOT
    from trunkline.store.usage import SqlUsage

    async with open_beside(config) as beside:
        rows = SqlUsage(beside.database)
        usage, audit = UsageBook(rows, ROOT, beside.clock), AuditBook(rows, ROOT, beside.clock)
        acts = ActBook(beside.acts, ROOT)
        yield _Beside(
            {"usage": usage.page, "usage/summary": usage.summary, "audit": audit.page,
             "acts": acts.page, "acts/check": acts.check},
            {"usage": usage.find, "audit": audit.find},
            {"usage/export": usage.export, "audit/export": audit.export, "audit/live": audit.follow},
            lambda query: _recalculate(config, beside.witness.record, rows, query),
        )  # fmt: skip


class _Remote:
    def __init__(self, api: AdminApi) -> None:
        self._api = api

    async def ask(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        return await self._api.ask("GET", *path.split("/"), query=_write(query, "?"))

    async def recalculate(self, query: Mapping[str, str]) -> dict[str, Any]:
        return await self._api.ask("POST", "usage", "recalculate", query=_write(query, "?"))

    def read(self, path: str, query: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        return self._api.read(*path.split("/"), query=_write(query, "?"))


async def _recalculate(
    config: Config, record: Callable[..., Awaitable[None]], rows: UsageRows, query: Mapping[str, str]
) -> dict[str, Any]:
    """With the accounts and prices of this configuration."""
    from trunkline.catalog.prices import PriceBook
    from trunkline.engine.recalculation import read_recalculation, recalculate
    from trunkline.paths import ROOT

    providers = {account.name: account.provider.name for account in config.accounts}
    book = PriceBook(config.prices)
    asked = read_recalculation(_read_query(query), ROOT)
    if not asked.is_dry:
        await record("usage.recalculate", asked.wanted.path, None, asked.describe())
    return await recalculate(rows, asked, ROOT, lambda account, model: book(account, providers[account], model))


class _Beside:
    """`found` are answered with one object of the id that stands behind them."""

    def __init__(
        self,
        asked: Mapping[str, Callable[..., Awaitable[dict[str, Any]]]],
        found: Mapping[str, Callable[[str], Awaitable[dict[str, Any]]]],
        read: Mapping[str, Callable[..., Awaitable[tuple[str, AsyncGenerator[bytes, None]]]]],
        recalculate: Callable[[Mapping[str, str]], Awaitable[dict[str, Any]]],
    ) -> None:
        self._recalculate = recalculate
        self._asked = asked
        self._found = found
        self._read = read

    async def ask(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        if path in self._asked:
            answer = await self._asked[path](_read_query(query))
        else:
            kind, _, id = path.partition("/")
            answer = await self._found[kind](id)
        # What is kept as JSON is read as such, as it is from a gateway.
        return msgspec.json.decode(msgspec.json.encode(answer), type=dict[str, Any])

    async def recalculate(self, query: Mapping[str, str]) -> dict[str, Any]:
        return await self._recalculate(query)

    async def read(self, path: str, query: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        _, pieces = await self._read[path](_read_query(query))
        async for piece in pieces:
            yield piece


def _write(query: Mapping[str, str], mark: str) -> str:
    return mark + urlencode(query) if query else ""


def _read_query(query: Mapping[str, str]) -> Any:
    from trunkline.engine.query import Query

    return Query(_write(query, "").encode())
