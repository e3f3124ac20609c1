"""Objects of one kind, wherever they are: in the book of the store beside, or in that of a running gateway."""

import asyncio
import json
from argparse import Namespace
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, TypeVar

import msgspec

from trunkline.cli.admin import open_api
from trunkline.config.config import Config
from trunkline.engine.admin.book import Book

Ask = Callable[..., Awaitable[dict[str, Any]]]
"""As `AdminApi.ask`."""


class RemoteBook:
    """The book of one `kind` at a running gateway: each page is a request of the admin API."""

    kind: ClassVar[str]

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def ask(self, method: str, *words: str, query: str = "", body: Any = None) -> dict[str, Any]:
        return await self._ask(method, self.kind, *words, query=query, body=body)

    async def page(self, after: str | None = None, limit: int = 100) -> dict[str, Any]:
        place = f"&after={after}" if after else ""
        return await self.ask("GET", query=f"?limit={limit}{place}")

    async def create(self, members: Mapping[str, Any]) -> dict[str, Any]:
        return await self.ask("POST", body=members)

    async def find(self, name: str) -> dict[str, Any]:
        return await self.ask("GET", name)

    async def update(self, name: str, members: Mapping[str, Any]) -> dict[str, Any]:
        return await self.ask("POST", name, body=members)

    async def delete(self, name: str) -> dict[str, Any]:
        return await self.ask("DELETE", name)


class RemoteRules(RemoteBook):
    async def all(self) -> dict[str, Any]:
        return await self.ask("GET")

    async def reset(self, name: str) -> dict[str, Any]:
        return await self.ask("POST", name, "reset")


AnyBook = TypeVar("AnyBook", bound=Book)
Action = Callable[[AnyBook, Namespace], Awaitable[tuple[Any, str]]]
"""Does one thing in a book, and gives its answer, for programs and for people."""


def act(
    options: Namespace,
    config: Config,
    beside: Callable[[Config], AbstractAsyncContextManager[AnyBook]],
    remote: Callable[[Ask], AnyBook],
    actions: Mapping[str, Action[AnyBook]],
) -> Any:
    """Do what was typed in the book beside or, with `--url`, in a remote one; print the answer, and give it."""

    async def work() -> tuple[Any, str]:
        if not options.url:
            async with beside(config) as book:
                return await actions[options.action](book, options)
        async with open_api(options, config) as api:
            return await actions[options.action](remote(api.ask), options)

    return print_answer(options, *asyncio.run(work()))


def print_answer(options: Namespace, answer: Any, text: str) -> Any:
    """For programs or for people, as was typed. Gives the answer."""
    print(json.dumps(unfold(answer), indent=2) if options.json else text)
    return answer


async def read_all(read_page: Callable[[str | None], Awaitable[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Read a list to its end, page by page."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        page = await read_page(after)
        found += unfold(page["data"])
        if not page["has_more"]:
            return found
        after = page["last_id"]


def unfold(answer: Any) -> Any:
    """An answer with its raw JSON values decoded."""
    return msgspec.json.decode(msgspec.json.encode(answer))
