"""What is asked of every book that administrators keep: a route each, the same for all kinds of objects."""

from collections.abc import Callable
from typing import Generic, TypeVar

from trunkline.call import Reply
from trunkline.engine.admin.book import Book, RuleBook
from trunkline.engine.desk import Desk
from trunkline.engine.envelope import decode_body, read_members
from trunkline.engine.exchange import Exchange

AnyBook = TypeVar("AnyBook", bound=Book)


class BookRoutes(Generic[AnyBook]):
    """The routes of one kind. What only this kind can do stands in its own file, beside how its book is opened."""

    def __init__(self, open_book: Callable[[Desk, Exchange], AnyBook]) -> None:
        self._open_book = open_book

    async def create(self, desk: Desk, x: Exchange) -> Reply:
        """`POST /admin/v1/{kind}`."""
        book = self._open_book(desk, x)
        return desk.say(x, await book.create(decode_body(read_members(x.call.body))))

    async def find(self, desk: Desk, x: Exchange) -> Reply:
        """`GET /admin/v1/{kind}/{name}`."""
        return desk.say(x, await self._open_book(desk, x).find(x.found.ids[0]))

    async def update(self, desk: Desk, x: Exchange) -> Reply:
        """`POST /admin/v1/{kind}/{name}`: what is sent takes the place of what was."""
        book = self._open_book(desk, x)
        return desk.say(x, await book.update(x.found.ids[0], decode_body(read_members(x.call.body))))

    async def delete(self, desk: Desk, x: Exchange) -> Reply:
        """`DELETE /admin/v1/{kind}/{name}`."""
        return desk.say(x, await self._open_book(desk, x).delete(x.found.ids[0]))


class RuleRoutes(BookRoutes[RuleBook]):
    """The routes of limits and budgets, which can also be reset."""

    async def all(self, desk: Desk, x: Exchange) -> Reply:
        """`GET /admin/v1/{kind}`: and how they stand, those of the configuration first."""
        return desk.say(x, await self._open_book(desk, x).all())

    async def reset(self, desk: Desk, x: Exchange) -> Reply:
        """`POST /admin/v1/{kind}/{name}/reset`: nothing is used of it."""
        return desk.say(x, await self._open_book(desk, x).reset(x.found.ids[0]))
