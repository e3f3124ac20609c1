"""Usage, audit and acts, wherever they are: asked for by the paths of the admin API, in the store beside too."""

import contextlib
from argparse import Namespace
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

from trunkline.cli.admin import AdminApi, open_api
from trunkline.config.config import Config


class Ledgers(Protocol):
    """Answers as the admin API does. Raises what it says is wrong."""

    async def ask(self, path: str, query: Mapping[str, str], id: str = "") -> dict[str, Any]:
        """The answer to a `GET` of this path below `/admin/v1`, with an id behind it."""

    def read(self, path: str, query: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        """The answer piece by piece, for exports that are long."""

    async def recalculate(self, query: Mapping[str, str]) -> dict[str, Any]:
        """The answer to a `POST` of `usage/recalculate`."""


@contextlib.asynccontextmanager
async def open_ledgers(options: Namespace, config: Config) -> AsyncIterator[Ledgers]:
    """The ledgers of the gateway that `--url` names, else those of the store beside."""
    if options.url:
        async with open_api(options, config) as api:
            yield _Remote(api)
        return
    # A gateway elsewhere is asked without what a store takes.
    from trunkline.cli.ledgers_beside import open_ledgers_beside

    async with open_ledgers_beside(config) as beside:
        yield beside


class _Remote:
    def __init__(self, api: AdminApi) -> None:
        self._api = api

    async def ask(self, path: str, query: Mapping[str, str], id: str = "") -> dict[str, Any]:
        return await self._api.ask("GET", *path.split("/"), *([id] if id else ()), query=_write(query))

    async def recalculate(self, query: Mapping[str, str]) -> dict[str, Any]:
        return await self._api.ask("POST", "usage", "recalculate", query=_write(query))

    def read(self, path: str, query: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        return self._api.read(*path.split("/"), query=_write(query))


def _write(query: Mapping[str, str]) -> str:
    return f"?{urlencode(query)}" if query else ""
