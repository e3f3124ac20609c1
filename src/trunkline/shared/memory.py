"""Values for a while, in this process's memory: bounded, the oldest go first, and nothing ever reaches a disk."""

from collections import OrderedDict

from trunkline.clock import Clock

# Some ten thousand thoughts, or a hundred of the longest.
MEMORY_BYTES = 64 * 1024 * 1024

# Beside the bytes of key and value: the entry's own objects.
_ENTRY_BYTES = 300


class MemoryShared:
    """The port, for one process. A value that is larger than a fiftieth of all is not kept."""

    def __init__(self, clock: Clock, limit_bytes: int = MEMORY_BYTES) -> None:
        self._clock = clock
        self._limit_bytes = limit_bytes
        self._entries: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()
        self._size_bytes = 0

    def __repr__(self) -> str:
        return f"MemoryShared({len(self._entries)} entries, {self._size_bytes} bytes)"

    def get(self, key: bytes) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[0] <= self._clock.monotonic():
            self._drop(key)
            return None
        return entry[1]

    def put(self, key: bytes, value: bytes, seconds: float) -> None:
        if key in self._entries:
            self._drop(key)
        size = _size(key, value)
        if size > self._limit_bytes // 50:
            return
        while self._size_bytes + size > self._limit_bytes:
            self._drop(next(iter(self._entries)))
        self._entries[key] = (self._clock.monotonic() + seconds, value)
        self._size_bytes += size

    def _drop(self, key: bytes) -> None:
        _, value = self._entries.pop(key)
        self._size_bytes -= _size(key, value)


def _size(key: bytes, value: bytes) -> int:
    return len(key) + len(value) + _ENTRY_BYTES
