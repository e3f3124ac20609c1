"""Inputs that begin with an earlier one: a client without state sends the whole conversation each time.

Kept whole each time, it would grow with the square of its length. So a bounded number of inputs is remembered, by
digests alone, and one that begins with the whole of another is cut down to what comes after. Pure but for its memory,
which belongs to one thread at a time.
"""

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple
from zlib import crc32

from msgspec import Raw

# Below this a pointer to what is kept elsewhere costs more than keeping it twice.
_LEAST_BYTES = 1024
_REMEMBERED = 20_000


class Beginning(NamedTuple):
    """An input begins with the whole of the response's, which were so many items."""

    response_id: str
    items: int


class Prefixes:
    """Inputs of kept responses, the newest of those that are alike."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._limit = remembered
        # Under the length and a checksum, which cost next to nothing for each place where an input could end.
        self._known: OrderedDict[tuple[str, int, int], tuple[bytes, str]] = OrderedDict()

    def find(self, path: str, id: str, items: Sequence[Raw]) -> Beginning | None:
        """The longest other input that this one begins with, byte for byte; and remember this one as `id`'s."""
        checksums: list[int] = []
        checksum = size = 0
        for item in items:
            checksum = crc32(item, checksum)
            size += len(item)
            checksums.append(checksum)
        if size < _LEAST_BYTES:
            return None
        found = self._find(path, id, items, checksums)
        self._remember(path, id, items, checksum)
        return found

    def _find(self, path: str, id: str, items: Sequence[Raw], checksums: Sequence[int]) -> Beginning | None:
        for count in range(len(items), 0, -1):
            known = self._known.get((path, count, checksums[count - 1]))
            if known is not None and known[1] != id and known[0] == _digest(items[:count]):
                return Beginning(known[1], count)
        return None

    def _remember(self, path: str, id: str, items: Sequence[Raw], checksum: int) -> None:
        key = (path, len(items), checksum)
        self._known[key] = (_digest(items), id)
        self._known.move_to_end(key)
        if len(self._known) > self._limit:
            self._known.popitem(last=False)


def _digest(items: Sequence[Raw]) -> bytes:
    digest = blake2b(digest_size=16)
    for item in items:
        # With its length, so that no two lists of items make the same bytes.
        digest.update(b"%d:" % len(item))
        digest.update(item)
    return digest.digest()
