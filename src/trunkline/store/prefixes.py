"""Inputs that begin with an earlier one: a client without state sends the whole conversation each time.

Kept whole each time, it would grow with the square of its length. So a bounded number of inputs is remembered, each by
one number, and an input that begins with the whole of another is cut down to what comes after. For one thread at a
time.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Raw

# Below this a pointer to what is kept elsewhere costs more than keeping it twice.
LEAST_BYTES = 1024
_REMEMBERED = 20_000


class Beginning(NamedTuple):
    """An input begins with the whole input of this response, which was so many items."""

    response_id: str
    items: int


class _Known(NamedTuple):
    response_id: str
    size_bytes: int


class Prefixes:
    """The inputs seen last; of those that are alike, the newest."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._limit = remembered
        self._known: OrderedDict[int, _Known] = OrderedDict()

    def find(self, path: str, id: str, items: Sequence[Raw]) -> Beginning | None:
        """The longest input of another response that this one begins with; and remember this one as `id`'s."""
        # A list of items is told by Python's own hash of its bytes. Its key is drawn anew by every process, so that
        # nobody can make two lists that look alike; and to the path, nobody else's list is alike either.
        lists: list[tuple[int, int]] = []
        chained, size = hash(path), 0
        for item in items:
            chained = hash((chained, hash(bytes(item))))
            size += len(item)
            lists.append((chained, size))
        if size < LEAST_BYTES:
            return None
        found = None
        for count in range(len(lists), 0, -1):
            known = self._known.get(lists[count - 1][0])
            if known is not None and known.response_id != id and known.size_bytes == lists[count - 1][1]:
                found = Beginning(known.response_id, count)
                break
        self._remember(chained, _Known(id, size))
        return found

    def _remember(self, chained: int, known: _Known) -> None:
        self._known[chained] = known
        self._known.move_to_end(chained)
        if len(self._known) > self._limit:
            self._known.popitem(last=False)
