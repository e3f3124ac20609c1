"""Files that callers have uploaded, the ports that keep what is known of them and what is in them."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from msgspec import Struct

from trunkline.state.conversations import Order


class KeptFile(Struct, frozen=True, kw_only=True):
    """What is known of a file; its content is a blob of the same id. `expires_at_micros` is `None` for one that
    stays."""

    id: str
    path: str
    name: str
    purpose: str
    media_type: str
    size_bytes: int
    created_at_micros: int
    expires_at_micros: int | None = None


class FileCopy(Struct, frozen=True):
    """What an upstream account calls the copy that it was given of a file."""

    account: str
    upstream_id: str


class Files(Protocol):
    """Keeps what is known of files. An id that cannot be found answers `None` or `False`."""

    async def keep(self, file: KeptFile) -> None: ...

    async def find(self, path: str, id: str) -> KeptFile | None: ...

    async def page(
        self, path: str, *, order: Order, after: str | None, limit: int, purpose: str | None
    ) -> Sequence[KeptFile]:
        """Up to `limit` files behind `after` (`KeyError` when it is unknown), and one more if there is one."""

    async def delete(self, path: str, id: str) -> bool:
        """Delete it; its id stays unknown from then on."""

    async def was_here(self, id: str) -> bool:
        """Whether this id is, or has ever been, known here, whoever it belonged to."""

    async def copies(self, id: str) -> Sequence[FileCopy]:
        """All copies of a file that upstream accounts were given."""

    async def copies_below(self, path: str) -> Sequence[FileCopy]:
        """All copies of the files of a path and of the paths below it."""

    async def copy_at(self, id: str, account: str, since_micros: int) -> str | None:
        """The id under which an upstream account has a copy of it that was made since then."""

    async def remember_copy(self, id: str, account: str, upstream_id: str) -> None: ...


class Blob(Protocol):
    """A blob being written. Nothing can be read of it before `finish`; `discard` leaves nothing behind."""

    async def write(self, data: bytes) -> None: ...

    async def finish(self) -> None: ...

    async def discard(self) -> None:
        """Throw it away, unless it is finished. Idempotent."""


class Blobs(Protocol):
    """Keeps contents: on disk beside the database, or in an object store."""

    async def open(self, id: str) -> Blob:
        """A new blob. Raises `Unavailable` when it cannot be written."""

    def read(self, id: str) -> AsyncGenerator[bytes, None]:
        """The content in pieces. Raises `KeyError` when there is none, `Unavailable` when it cannot be reached."""

    async def delete(self, id: str) -> None: ...
