"""How far the journal has been folded, kept in a small file beside it."""

import os
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from zlib import crc32

import msgspec
from msgspec import Struct


class _Kept(Struct, forbid_unknown_fields=True):
    id: str
    folded: dict[int, int]


class Checkpoint:
    """For every kind the order number up to which all its records are folded, and the name of this journal.

    It is written in its place, without waiting for the disk: what a power cut loses of it is folded once more, and
    nothing else. When it is gone or damaged the journal gets a new name, and all that is still in it is folded once
    more.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / "checkpoint"
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._lock = threading.Lock()
        kept = _read(path.read_bytes())
        self.id = kept.id if kept else secrets.token_hex(8)
        self.folded: dict[int, int] = kept.folded if kept else {}
        self.write(self.folded)

    def write(self, folded: Mapping[int, int]) -> None:
        """Put it in the place of the old one. Raises `OSError`."""
        with self._lock:
            content = msgspec.json.encode(_Kept(self.id, dict(folded)))
            # One write within one page: a process that dies leaves the old one or the new one.
            os.pwrite(self._descriptor, b"%08x %s\n" % (crc32(content), content), 0)

    def close(self) -> None:
        os.close(self._descriptor)


def _read(data: bytes) -> _Kept | None:
    line, _, _ = data.partition(b"\n")
    checksum, _, content = line.partition(b" ")
    if checksum != b"%08x" % crc32(content):
        return None
    return msgspec.json.decode(content, type=_Kept)
