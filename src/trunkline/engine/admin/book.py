"""What can be asked of every book, whatever kind of object it is about."""

from collections.abc import Mapping
from typing import Any, Protocol


class Book(Protocol):
    """The objects of one kind that its caller may administer. Each is named by its name or id."""

    async def create(self, members: Mapping[str, Any], /) -> dict[str, Any]: ...

    async def find(self, name: str, /) -> dict[str, Any]: ...

    async def update(self, name: str, members: Mapping[str, Any], /) -> dict[str, Any]: ...

    async def delete(self, name: str, /) -> dict[str, Any]: ...


class RuleBook(Book, Protocol):
    """Rules that count: so few that a list of them has no pages."""

    async def all(self) -> dict[str, Any]: ...

    async def reset(self, name: str, /) -> dict[str, Any]: ...
