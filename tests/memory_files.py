"""The ports of files, answered from memory: for tests of what stands above them."""

from collections.abc import AsyncGenerator, Sequence

from trunkline.clock import FakeClock
from trunkline.errors import Unavailable
from trunkline.paths import is_within
from trunkline.state.conversations import Order
from trunkline.state.files import FileCopy, KeptFile


class MemoryFiles:
    def __init__(self, clock: FakeClock) -> None:
        self.kept: dict[str, KeptFile] = {}
        self.gone: set[str] = set()
        self._clock = clock
        self._copies: dict[tuple[str, str], tuple[str, int]] = {}

    async def keep(self, file: KeptFile) -> None:
        self.kept[file.id] = file

    async def find(self, path: str, id: str) -> KeptFile | None:
        file = self.kept.get(id)
        return file if file is not None and self._is_visible(path, file) else None

    async def page(
        self, path: str, *, order: Order, after: str | None, limit: int, purpose: str | None
    ) -> Sequence[KeptFile]:
        files = [file for file in self.kept.values() if self._is_visible(path, file)]
        files = files if order == "asc" else files[::-1]
        if after is not None:
            places = [place for place, file in enumerate(files) if file.id == after]
            if not places:
                raise KeyError(after)
            files = files[places[0] + 1 :]
        return [file for file in files if purpose in (None, file.purpose)][: limit + 1]

    async def delete(self, path: str, id: str) -> bool:
        if await self.find(path, id) is None:
            return False
        del self.kept[id]
        self.gone.add(id)
        return True

    async def was_here(self, id: str) -> bool:
        return id in self.kept or id in self.gone

    async def copies(self, id: str) -> Sequence[FileCopy]:
        return [FileCopy(account, copy) for (file, account), (copy, _) in self._copies.items() if file == id]

    async def copies_below(self, path: str) -> Sequence[FileCopy]:
        ids = [id for id, file in self.kept.items() if is_within(file.path, path)]
        return [copy for id in ids for copy in await self.copies(id)]

    async def copy_at(self, id: str, account: str, since_micros: int) -> str | None:
        copy, made = self._copies.get((id, account), (None, 0))
        return copy if made >= since_micros else None

    async def remember_copy(self, id: str, account: str, upstream_id: str) -> None:
        self._copies[id, account] = upstream_id, self._clock.now_micros()

    def _is_visible(self, path: str, file: KeptFile) -> bool:
        expires = file.expires_at_micros
        return file.path == path and (expires is None or expires > self._clock.now_micros())


class MemoryBlobs:
    """`drafts` counts those being written. With `full` nothing more can be."""

    def __init__(self) -> None:
        self.whole: dict[str, bytes] = {}
        self.drafts = 0
        self.full = False

    async def open(self, id: str) -> "MemoryBlob":
        self.drafts += 1
        return MemoryBlob(self, id)

    async def read(self, id: str) -> AsyncGenerator[bytes, None]:
        content = self.whole[id]
        size = max(10, len(content) // 10)
        for at in range(0, len(content), size):
            yield content[at : at + size]

    async def delete(self, id: str) -> None:
        self.whole.pop(id, None)


class MemoryBlob:
    def __init__(self, blobs: MemoryBlobs, id: str) -> None:
        self._blobs = blobs
        self._id = id
        self._is_over = False
        self._content = b""

    async def write(self, data: bytes) -> None:
        if self._blobs.full:
            raise Unavailable("the disk is full")
        self._content += data

    async def finish(self) -> None:
        self._blobs.whole[self._id] = self._content
        await self.discard()

    async def discard(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._blobs.drafts -= 1
