"""Contents on disk: drafts until they are whole, sealed when it is on."""

import asyncio
import secrets
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
from s3_server import S3Server, running

from trunkline.clock import FakeClock, SystemClock
from trunkline.errors import ConfigError, Unavailable
from trunkline.state.files import Blobs
from trunkline.store.blobs import SealedBlobs, open_blobs
from trunkline.store.blobs_disk import DiskBlobs
from trunkline.store.cipher import PLAIN, Cipher

OLD, NEW = {"oldolddd": b"o" * 32}, {"newneww1": b"n" * 32}
SEALING = Cipher(OLD, "oldolddd")

Make = Callable[[Cipher], SealedBlobs]


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    with running() as server:
        for name, value in {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_ACCESS_KEY_ID": "id",
            "AWS_SECRET_ACCESS_KEY": "key",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_MAX_ATTEMPTS": "1",
        }.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return lambda cipher: open_blobs("", tmp_path, cipher, SystemClock())


@pytest.fixture(params=["disk", "disk sealed", "s3", "s3 sealed"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> SealedBlobs:
    place, _, sealed = request.param.partition(" ")
    if place == "s3":
        request.getfixturevalue("s3")
    url = "s3://bucket/files" if place == "s3" else ""
    return open_blobs(url, tmp_path, SEALING if sealed else PLAIN, SystemClock())


@pytest.fixture(params=["disk", "disk sealed"])
def on_disk(request: pytest.FixtureRequest, make: Make) -> SealedBlobs:
    return make(SEALING if request.param == "disk sealed" else PLAIN)


@pytest.fixture
def in_bucket(s3: S3Server, tmp_path: Path) -> SealedBlobs:
    return open_blobs("s3://bucket/files/", tmp_path, PLAIN, SystemClock())


async def put(blobs: Blobs, id: str, *pieces: bytes) -> None:
    blob = await blobs.open(id)
    for piece in pieces:
        await blob.write(piece)
    await blob.finish()


async def get(blobs: Blobs, id: str) -> bytes:
    return b"".join([piece async for piece in blobs.read(id)])


def names(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "files").iterdir())


@pytest.mark.parametrize("size", [0, 1, 3, 65_536, 1_000_000])
async def test_kept(blobs: SealedBlobs, size: int) -> None:
    """A content comes out as it went in."""
    content = secrets.token_bytes(size)
    await put(blobs, "file-1", content[: size // 3], content[size // 3 :])
    assert await get(blobs, "file-1") == content


async def test_for_the_owner_alone(on_disk: SealedBlobs, tmp_path: Path) -> None:
    """Nobody else on the machine can read a content."""
    await put(on_disk, "file-1", b"x")
    assert stat.S_IMODE((tmp_path / "files").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "files" / "file-1").stat().st_mode) == 0o600


async def test_not_before_it_is_whole(blobs: SealedBlobs) -> None:
    """Nothing can be read of a content that is still being written."""
    blob = await blobs.open("file-1")
    await blob.write(b"x")
    with pytest.raises(KeyError):
        await get(blobs, "file-1")
    await blob.discard()


async def test_discarded(on_disk: SealedBlobs, tmp_path: Path) -> None:
    """A content that is thrown away leaves nothing behind."""
    blob = await on_disk.open("file-1")
    await blob.write(b"x")
    await blob.discard()
    await blob.discard()
    assert names(tmp_path) == []


async def test_discarded_when_finished(blobs: SealedBlobs) -> None:
    """A content that is whole cannot be thrown away by its writer any more."""
    blob = await blobs.open("file-1")
    await blob.finish()
    await blob.discard()
    assert await get(blobs, "file-1") == b""


async def test_cut_off(on_disk: SealedBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that is cancelled within a write can still throw all of it away."""
    blob = await on_disk.open("file-1")
    is_held, may_go_on = threading.Event(), threading.Event()

    def hold(self: object, data: bytes) -> None:
        is_held.set()
        may_go_on.wait(5)

    monkeypatch.setattr("trunkline.store.blobs_disk.DiskBlob._write", hold)
    writing = asyncio.create_task(blob.write(b"x" * 100_000))
    await asyncio.to_thread(is_held.wait, 5)
    writing.cancel()
    discarding = asyncio.create_task(blob.discard())
    assert await asyncio.wait({writing, discarding}, timeout=0.05) == ({writing}, {discarding})
    may_go_on.set()
    await discarding
    assert names(tmp_path) == []


async def test_deleted(blobs: SealedBlobs) -> None:
    """A content that is deleted is gone, and may be deleted again."""
    await put(blobs, "file-1", b"x")
    await blobs.delete("file-1")
    await blobs.delete("file-1")
    with pytest.raises(KeyError):
        await get(blobs, "file-1")


async def test_half_read(blobs: SealedBlobs) -> None:
    """Whoever reads may stop at any piece."""
    await put(blobs, "file-1", b"x" * 1_000_000)
    async with aclosing(blobs.read("file-1")) as pieces:
        assert set(await anext(pieces)) == set(b"x")


@pytest.mark.parametrize("id", ["../keyring", "a/b", "", ".", "a.draft"])
async def test_no_way_out(blobs: SealedBlobs, id: str) -> None:
    """No id leads out of the folder."""
    with pytest.raises(KeyError):
        await get(blobs, id)


async def test_sealed_on_disk(make: Make, tmp_path: Path) -> None:
    """With encryption on, the disk holds nothing that can be read."""
    await put(make(SEALING), "file-1", b"plain to see" * 10_000)
    assert b"plain" not in (tmp_path / "files" / "file-1").read_bytes()


async def test_changed_on_disk(make: Make, tmp_path: Path) -> None:
    """A sealed content that was changed is not handed out."""
    await put(make(SEALING), "file-1", b"x" * 1_000)
    path = tmp_path / "files" / "file-1"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(Unavailable):
        await get(make(SEALING), "file-1")


@pytest.mark.parametrize(("before", "after"), [(PLAIN, SEALING), (SEALING, PLAIN), (SEALING, None)])
async def test_sealed_again(make: Make, tmp_path: Path, before: Cipher, after: Cipher | None) -> None:
    """A content can be put under the newest key, or under none, where it lies."""
    after = after or Cipher(OLD | NEW, "newneww1")
    await put(make(before), "file-1", b"x" * 100_000)
    assert await make(Cipher(OLD | NEW, after._newest.decode() if after._newest else None)).seal_again("file-1")
    assert not await make(after).seal_again("file-1")
    assert names(tmp_path) == ["file-1"]
    assert await get(make(Cipher(OLD | NEW, None)), "file-1") == b"x" * 100_000


async def test_abandoned_drafts(tmp_path: Path) -> None:
    """What a process left half-written a day ago is removed at the next start; what is younger may be in the making."""
    folder, clock = tmp_path / "files", FakeClock(SystemClock().now_micros())
    blob = await DiskBlobs(folder, clock).open("file-1")
    DiskBlobs(folder, clock)
    assert len(names(tmp_path)) == 1
    clock.advance(2 * 24 * 60 * 60)
    DiskBlobs(folder, clock)
    assert names(tmp_path) == []
    await blob.discard()


async def test_disk_gone(tmp_path: Path) -> None:
    """A folder that is gone is said to be away for a while."""
    blobs = DiskBlobs(tmp_path / "files", SystemClock())
    (tmp_path / "files").rmdir()
    with pytest.raises(Unavailable):
        await blobs.open("file-1")


async def test_large_in_a_bucket(in_bucket: SealedBlobs, s3: S3Server) -> None:
    """A large content goes up in parts, and is one object in the end."""
    blob = await in_bucket.open("file-1")
    for number in range(10):
        await blob.write(bytes([number]) * 2_000_000)
    assert s3.objects == {}
    await blob.finish()
    assert list(s3.objects) == ["/bucket/files/file-1"]
    assert await get(in_bucket, "file-1") == b"".join(bytes([number]) * 2_000_000 for number in range(10))


async def test_discarded_in_a_bucket(in_bucket: SealedBlobs, s3: S3Server) -> None:
    """Parts that came to nothing are removed: a bucket would keep them, and charge for them."""
    blob = await in_bucket.open("file-1")
    await blob.write(bytes(20_000_000))
    assert len(s3.uploads) == 1
    await blob.discard()
    assert not s3.uploads
    assert not s3.objects


async def test_bucket_away(in_bucket: SealedBlobs, s3: S3Server) -> None:
    """A bucket that does not do its work is said to be away for a while."""
    s3.broken = True
    with pytest.raises(Unavailable):
        await put(in_bucket, "file-1", b"x")
    with pytest.raises(Unavailable):
        await get(in_bucket, "file-1")


@pytest.mark.parametrize("url", ["s3://", "s3:///prefix", "gs://bucket", "bucket"])
def test_no_bucket(url: str, tmp_path: Path) -> None:
    """A place that is none ends the start."""
    with pytest.raises(ConfigError, match="s3://bucket/prefix"):
        open_blobs(url, tmp_path, PLAIN, SystemClock())
