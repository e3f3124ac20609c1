"""Conversations and their items, and the port that keeps them."""

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

Order = Literal["asc", "desc"]


class KeptConversation(Struct, frozen=True, kw_only=True):
    """A conversation without its items. `metadata` is a JSON object."""

    id: str
    path: str
    created_at_micros: int
    metadata: bytes = b"{}"


class KeptItem(Struct, frozen=True):
    """An item as a JSON object that holds its `id`."""

    id: str
    item: bytes


class Conversations(Protocol):
    """Keeps conversations. An id that cannot be found answers `None` or `False`."""

    async def create(self, conversation: KeptConversation, items: Sequence[KeptItem]) -> None: ...

    async def find(self, path: str, id: str) -> KeptConversation | None: ...

    async def set_metadata(self, path: str, id: str, metadata: bytes) -> KeptConversation | None:
        """Put the metadata in the place of the old."""

    async def delete(self, path: str, id: str) -> bool:
        """Delete it; its id stays unknown from then on. Its items can still be found by their ids."""

    async def add(self, path: str, id: str, items: Sequence[KeptItem]) -> bool:
        """Put items at the end, all or none. Items without end may be added."""

    async def page(
        self, path: str, id: str, *, order: Order, after: str | None, limit: int
    ) -> Sequence[KeptItem] | None:
        """Up to `limit` items behind the item `after` (`KeyError` when that is not in it), and one more if there is
        one."""

    async def items(self, path: str, id: str) -> Sequence[KeptItem] | None:
        """All items, the oldest first."""

    async def find_item(self, path: str, id: str, item_id: str) -> KeptItem | None: ...

    async def delete_item(self, path: str, id: str, item_id: str) -> bool: ...

    async def hold(self, path: str, id: str, holder: str, seconds: float) -> bool:
        """Keep others from running on it for so long; `False` when another holder has it. Anew for the same holder."""

    async def release(self, id: str, holder: str) -> None:
        """Let others run on it, if this holder still has it."""
