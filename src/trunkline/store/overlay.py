"""What was kept and is not in the database yet: every entry in its order, and the newest state of every response.

The contents of the newest are held in memory up to a limit; beyond it they are read back from the journal.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice

from msgspec import Struct, msgpack

from trunkline.state.responses import KeptResponse, Turn
from trunkline.store.cipher import Cipher
from trunkline.store.journal import Journal
from trunkline.store.writer import LOST, WAITING, Receipt

# Ids that were deleted, remembered in case that a run which is under way keeps them once more.
_HIDDEN = 10_000
# Beside the bytes of its content: the entry's own objects.
_ENTRY_BYTES = 1_500


class Entry(Struct, frozen=True):
    """A response, a turn, or both, to be folded together.

    `order` grows from entry to entry of one journal. A fold that is tried again, after a failure or after a restart,
    brings entries that may be in the database already: one that remembers the last `order` beside the journal's id, in
    the same transaction, can leave those out.
    """

    order: int
    path: str
    response: KeptResponse | None
    turn: Turn | None


class Held(Struct, eq=False):
    """One entry. `content` is `None` when too much is held; `promised` is who waits until it is folded."""

    receipt: Receipt
    path: str
    id: str | None
    content: Entry | None
    size: int
    promised: "asyncio.Future[None] | None" = None


_encode = msgpack.Encoder().encode
_decode = msgpack.Decoder(tuple[str, KeptResponse | None, Turn | None]).decode


class Overlay:
    """Entries in their order, found by the ids of their responses."""

    def __init__(self, journal: Journal, cipher: Cipher, limit_bytes: int) -> None:
        self._journal = journal
        self._cipher = cipher
        self._limit_bytes = limit_bytes
        self._entries: deque[Held] = deque()
        self._newest: dict[str, Held] = {}
        self._size_bytes = 0
        self._hidden: dict[str, None] = {}

    def __repr__(self) -> str:
        return f"Overlay({len(self._entries)} entries, {self._size_bytes} bytes)"

    def __len__(self) -> int:
        return len(self._entries)

    def write(self, path: str, response: KeptResponse | None, turn: Turn | None) -> bytes:
        """An entry as it stands in the journal: bodies as they are, sealed if anything is."""
        return self._cipher.seal(_encode((path, response, turn)))

    def read(self, receipt: Receipt, payload: bytes) -> Entry:
        """An entry from the journal. Raises `Unreadable` when its key is gone."""
        return Entry(receipt.order, *_decode(self._cipher.open(payload)))

    def hold(self, receipt: Receipt, entry: Entry) -> Held:
        """Take an entry in, behind all others."""
        response = entry.response
        size = _size(entry)
        content = entry if self._size_bytes + size <= self._limit_bytes else None
        if content is not None:
            self._size_bytes += size
        held = Held(receipt, entry.path, response.id if response else None, content, size)
        self._entries.append(held)
        if response is not None:
            self._newest[response.id] = held
        return held

    # --- finding --------------------------------------------------------------------------------------------------

    async def find(self, path: str, id: str) -> KeptResponse | None:
        held = self._newest.get(id)
        if held is None or held.path != path or held.receipt.state == LOST or id in self._hidden:
            return None
        entry = held.content
        if entry is None:
            entry = (await self.load((held,)))[0]
        return entry.response if entry else None

    async def load(self, entries: Sequence[Held]) -> list[Entry | None]:
        """Their contents; `None` for one whose record is gone from the journal."""
        if all(held.content is not None for held in entries):
            return [held.content for held in entries]
        return await asyncio.to_thread(lambda: [self._load(held) for held in entries])

    def _load(self, held: Held) -> Entry | None:
        if held.content is not None:
            return held.content
        # It is put away only when the record can be found.
        if payload := held.receipt.payload:
            return self.read(held.receipt, payload)
        try:
            return self.read(held.receipt, self._journal.read(held.receipt.order))
        except KeyError:
            return None

    def hide(self, id: str) -> None:
        """Find this response no more, not even when it is kept again."""
        self._hidden[id] = None
        if len(self._hidden) > _HIDDEN:
            del self._hidden[next(iter(self._hidden))]

    # --- folding --------------------------------------------------------------------------------------------------

    @property
    def last_order(self) -> int:
        """The number of what was kept last; 0 when there is nothing."""
        return self._entries[-1].receipt.order if self._entries else 0

    def decided(self, limit: int, limit_bytes: int) -> list[Held]:
        """The first entries, as far as it is known whether they are written; a part of them when there are many."""
        batch: list[Held] = []
        size = 0
        for held in islice(self._entries, limit):
            size += held.size
            if held.receipt.state == WAITING or (batch and size > limit_bytes):
                break
            batch.append(held)
        return batch

    def drop(self, number: int) -> Iterator[Held]:
        """Take the first entries out."""
        for _ in range(number):
            held = self._entries.popleft()
            if held.content is not None:
                self._size_bytes -= held.size
            if held.id is not None and self._newest.get(held.id) is held:
                del self._newest[held.id]
            yield held

    def __iter__(self) -> Iterator[Held]:
        return iter(self._entries)


def _size(entry: Entry) -> int:
    size = _ENTRY_BYTES
    if entry.response is not None:
        size += len(entry.response.input) + len(entry.response.response)
    if entry.turn is not None:
        size += sum(map(len, entry.turn.items))
    return size
