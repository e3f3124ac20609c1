"""What is known of files, in the database."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from trunkline.clock import FakeClock
from trunkline.state.files import FileCopy, KeptFile
from trunkline.store.blobs_disk import DiskBlobs
from trunkline.store.cipher import Cipher
from trunkline.store.engine import Database, open_database
from trunkline.store.files import SqlFiles
from trunkline.store.migrate import migrate
from trunkline.store.tables import FILES

CIPHER = Cipher({"k0000001": bytes(32)}, "k0000001")


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = open_database(url)
    await migrate(database)
    yield database
    await database.close()


@pytest.fixture
def files(database: Database, clock: FakeClock) -> SqlFiles:
    return SqlFiles(database, CIPHER, clock)


def make(id: str = "file-1", **members: Any) -> KeptFile:
    known = {
        "path": "/",
        "name": "räksmörgås.pdf",
        "purpose": "user_data",
        "media_type": "application/pdf",
        "size_bytes": 3_000_000_000,
        "created_at_micros": 5,
    }
    return KeptFile(id=id, **(known | members))


async def keep(files: SqlFiles, *ids: str, **members: Any) -> list[KeptFile]:
    kept = [make(id, **members) for id in ids]
    for file in kept:
        await files.keep(file)
    return kept


async def page(files: SqlFiles, path: str = "/", **asked: Any) -> list[str]:
    known: dict[str, Any] = {"order": "desc", "after": None, "limit": 10, "purpose": None}
    return [file.id for file in await files.page(path, **(known | asked))]


async def test_kept(files: SqlFiles) -> None:
    """A file is found as it was kept."""
    (file,) = await keep(files, "file-1", expires_at_micros=2_000_000_000_000_000)
    assert await files.find("/", "file-1") == file


async def test_its_name_is_sealed(files: SqlFiles, database: Database) -> None:
    """A file's name says what is in it, and is sealed like it."""
    await keep(files, "file-1")
    rows = await database.read(lambda connection: connection.execute(select(FILES.c.name)).all())
    assert "gås".encode() not in rows[0].name


async def test_foreign(files: SqlFiles) -> None:
    """Another path's file is not there."""
    await keep(files, "file-1", path="/team")
    assert await files.find("/", "file-1") is None
    assert not await files.delete("/", "file-1")
    assert await page(files) == []
    with pytest.raises(KeyError):
        await page(files, after="file-1")


async def test_expired(files: SqlFiles, clock: FakeClock) -> None:
    """A file whose time is over is not there, swept or not."""
    await keep(files, "file-1", expires_at_micros=clock.now_micros() + 1_000_000)
    assert await page(files) == ["file-1"]
    clock.advance(1)
    assert await files.find("/", "file-1") is None
    assert await page(files) == []


async def test_paged(files: SqlFiles) -> None:
    """A page begins behind the file that is named, and shows one more than it was asked for."""
    await keep(files, "file-c", "file-a", "file-b")
    assert await page(files) == ["file-b", "file-a", "file-c"]
    assert await page(files, order="asc", limit=1) == ["file-c", "file-a"]
    assert await page(files, after="file-b", limit=1) == ["file-a", "file-c"]
    assert await page(files, order="asc", after="file-a") == ["file-b"]
    with pytest.raises(KeyError):
        await page(files, after="file-unknown")


async def test_paged_by_purpose(files: SqlFiles) -> None:
    """A page may be of one purpose, and begin behind a file of another."""
    await keep(files, "file-1", "file-2")
    await keep(files, "file-3", purpose="vision")
    assert await page(files, purpose="vision") == ["file-3"]
    assert await page(files, purpose="user_data", after="file-3") == ["file-2", "file-1"]


async def test_deleted(files: SqlFiles) -> None:
    """A deleted file is not there, and its id stays known as one that was."""
    await keep(files, "file-1")
    assert await files.delete("/", "file-1")
    assert not await files.delete("/", "file-1")
    assert await files.find("/", "file-1") is None
    assert await files.was_here("file-1")
    assert not await files.was_here("file-2")


async def test_swept(files: SqlFiles, clock: FakeClock, tmp_path: Path) -> None:
    """What was deleted or has expired is removed, content and all; what has not, stays."""
    blobs = DiskBlobs(tmp_path / "files", clock)
    await keep(files, "file-stays", "file-deleted")
    await keep(files, "file-expired", expires_at_micros=clock.now_micros())
    for id in ("file-stays", "file-deleted", "file-expired"):
        await (await blobs.open(id)).finish()
    await files.remember_copy("file-deleted", "openai", "file-there")
    await files.delete("/", "file-deleted")
    assert await files.sweep(blobs) == 2
    assert await files.sweep(blobs) == 0
    assert [path.name for path in (tmp_path / "files").iterdir()] == ["file-stays"]
    assert await files.was_here("file-deleted")
    assert await files.was_here("file-expired")
    assert await files.copies("file-deleted") == []
    assert await page(files) == ["file-stays"]


async def test_copies(files: SqlFiles, clock: FakeClock) -> None:
    """An account's copy is known by the id that it has there, the newest one, for as long as it is young enough."""
    await keep(files, "file-1")
    await files.remember_copy("file-1", "openai", "file-old")
    clock.advance(10)
    now = clock.now_micros()
    assert await files.copy_at("file-1", "openai", now) is None
    await files.remember_copy("file-1", "openai", "file-new")
    assert await files.copy_at("file-1", "openai", now) == "file-new"
    assert await files.copy_at("file-1", "azure", 0) is None
    await files.remember_copy("file-1", "azure", "file-azure")
    both = [FileCopy("azure", "file-azure"), FileCopy("openai", "file-new")]
    assert sorted(await files.copies("file-1"), key=lambda copy: copy.account) == both
    assert len(await files.copies_below("/")) == 2
    assert await files.copies_below("/elsewhere") == []
