"""Issued keys, kept in memory."""

from collections.abc import Sequence

from msgspec.structs import replace

from trunkline.errors import Unavailable
from trunkline.paths import is_within
from trunkline.state.keys import KeptKey, KeyChanges, KeyHash, NameTaken


class MemoryKeys:
    """`away` makes it answer as a store that cannot be reached."""

    def __init__(self) -> None:
        self._kept: dict[str, KeptKey] = {}
        self._gone: dict[str, int] = {}
        self.revision = 0
        self.away = False

    def now(self, id: str) -> KeptKey:
        return self._kept[id]

    def restore(self, revision: int) -> None:
        """As it was then, but for what has been changed since."""
        self._kept = {id: key for id, key in self._kept.items() if key.revision <= revision}
        self.revision = revision

    async def add(self, key: KeptKey) -> None:
        self._put(key)

    async def replace(self, known: KeptKey, key: KeptKey) -> bool:
        if self._kept.get(known.id) != known:
            return False
        self._put(key)
        return True

    async def delete(self, known: KeptKey) -> bool:
        if self._kept.get(known.id) != known:
            return False
        del self._kept[known.id]
        self.revision += 1
        self._gone[known.id] = self.revision
        return True

    async def hash_anew(self, known: KeptKey, hashes: tuple[KeyHash, ...]) -> bool:
        self._ask()
        if self._kept.get(known.id) != known:
            return False
        self._kept[known.id] = replace(known, hashes=hashes)
        return True

    async def find(self, name: str) -> KeptKey | None:
        self._ask()
        named = (key for key in self._kept.values() if key.name == name)
        return self._kept.get(name) or next(named, None)

    async def page(self, path: str, *, after: str | None, limit: int) -> Sequence[KeptKey]:
        found = [key for key in reversed(self._kept.values()) if is_within(key.path, path)]
        ids = [key.id for key in found]
        if after is not None and after not in ids:
            raise KeyError(after)
        return found[0 if after is None else ids.index(after) + 1 :][: limit + 1]

    async def changes(self, after: int) -> KeyChanges:
        self._ask()
        keys = [key for key in self._kept.values() if key.revision > after]
        return KeyChanges(self.revision, keys, [id for id, revision in self._gone.items() if revision > after])

    def _put(self, key: KeptKey) -> None:
        self._ask()
        if any(kept.name == key.name and kept.id != key.id for kept in self._kept.values()):
            raise NameTaken
        self.revision += 1
        self._kept[key.id] = replace(key, revision=self.revision)

    def _ask(self) -> None:
        if self.away:
            raise Unavailable("away")
