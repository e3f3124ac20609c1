"""Contents of files in a folder beside the database, each in a file of its own for its owner alone.

A blob is a draft until it is whole and on the disk: then it gets its name. Knows no encryption and no table.
"""

import io
import os
import re
import secrets
from collections.abc import AsyncGenerator
from pathlib import Path

from trunkline.clock import Clock
from trunkline.errors import ConfigError, Unavailable
from trunkline.store.segments import sync_directory
from trunkline.store.worker import Worker

_PIECE_BYTES = 262_144
_DRAFT = ".draft"
# No upload takes so long: what it left behind was cut off with its process.
_DRAFT_SECONDS = 24 * 60 * 60
# Our own ids have no other letters, and no other ones get here; a name of this kind leaves the folder by no way.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,200}")


class DiskBlobs:
    """Implements `state.Blobs`. Raises `ConfigError` for a folder that cannot be written."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            _remove_drafts(folder, clock.now_micros() / 1_000_000 - _DRAFT_SECONDS)
        except OSError as error:
            raise ConfigError(f"the files' folder {folder} cannot be opened: {error.strerror}") from None

    async def open(self, id: str) -> "DiskBlob":
        blob = DiskBlob(self._path(id))
        try:
            await blob.create()
        except BaseException:
            await blob.discard()
            raise
        return blob

    async def read(self, id: str) -> AsyncGenerator[bytes, None]:
        worker = Worker(_explain)
        file = await worker.do(_open, self._path(id))
        try:
            while piece := await worker.do(file.read, _PIECE_BYTES):
                yield piece
        finally:
            await worker.settle()
            file.close()

    async def delete(self, id: str) -> None:
        await Worker(_explain).do(self._path(id).unlink, missing_ok=True)

    def _path(self, id: str) -> Path:
        if not _NAME.fullmatch(id):
            raise KeyError(id)
        return self._folder / id


class DiskBlob:
    """Implements `state.Blob`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}{_DRAFT}")
        # What is open; `None` before it is created, and when it is over.
        self._file: io.FileIO | None = None
        self._worker = Worker(_explain)

    async def create(self) -> None:
        await self._worker.do(self._create)

    async def write(self, data: bytes) -> None:
        await self._worker.do(self._write, data)

    async def finish(self) -> None:
        await self._worker.do(self._finish)

    async def discard(self) -> None:
        await self._worker.settle()
        await self._worker.do(self._discard)

    # --- in a thread ----------------------------------------------------------------------------------------------

    def _create(self) -> None:
        self._file = io.FileIO(self._draft, "xb", opener=_open_private)

    def _write(self, data: bytes) -> None:
        assert self._file is not None, "it is written before it is over"
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def _finish(self) -> None:
        assert self._file is not None, "it is finished once"
        os.fsync(self._file.fileno())
        self._draft.rename(self._path)
        self._file.close()
        self._file = None
        sync_directory(self._path.parent)

    def _discard(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            self._draft.unlink(missing_ok=True)


def _explain(error: Exception) -> Unavailable | None:
    """A disk that is full or gone."""
    if not isinstance(error, OSError):
        return None
    return Unavailable(
        "The files of this gateway cannot be read or written right now. Please try again in a moment.",
        detail=f"{type(error).__name__}: {error}",
    )


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _open(path: Path) -> io.FileIO:
    try:
        return io.FileIO(path)
    except FileNotFoundError:
        raise KeyError(path.name) from None


def _remove_drafts(folder: Path, oldest_seconds: float) -> None:
    for draft in folder.glob(f"*{_DRAFT}"):
        if draft.stat().st_mtime < oldest_seconds:
            draft.unlink(missing_ok=True)
