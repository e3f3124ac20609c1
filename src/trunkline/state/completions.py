"""Chat completions that were kept because the caller asked for it, and the port that keeps them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from trunkline.state.conversations import Order


class KeptCompletion(Struct, frozen=True, kw_only=True):
    """A chat completion. `completion` is the object as the caller saw it, with `metadata`; `messages` the JSON array of
    the request's messages. `account` names the upstream account that answered, and `native` says that it keeps the
    completion as well."""

    id: str
    path: str
    created_at_micros: int
    expires_at_micros: int
    model: str
    metadata: bytes
    completion: bytes
    messages: bytes
    account: str = ""
    native: bool = False


class Completions(Protocol):
    """Keeps chat completions. An id that cannot be found answers `None` or `False`."""

    async def keep(self, completion: KeptCompletion) -> None:
        """Keep it, in the place of an older one of the same id and path."""

    async def find(self, path: str, id: str) -> KeptCompletion | None: ...

    async def page(
        self,
        path: str,
        *,
        order: Order,
        after: str | None,
        limit: int,
        model: str | None,
        metadata: Mapping[str, str],
    ) -> Sequence[KeptCompletion]:
        """Up to `limit` completions behind `after` (`KeyError` when it is unknown), and one more if there is one."""

    async def set_metadata(self, path: str, id: str, metadata: bytes, completion: bytes) -> bool: ...

    async def delete(self, path: str, id: str) -> bool: ...
