"""The journal: what was promised is there after a crash."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trunkline.clock import FakeClock
from trunkline.errors import ConfigError, Unavailable
from trunkline.store.journal import ASIDE, KEPT, Journal, open_journal
from trunkline.store.segments import HEAD_BYTES, Disk, read_segments

SMALL = 8192
"""The size of a file in these tests."""


@asynccontextmanager
async def opened(directory: Path, **options: Any) -> AsyncIterator[Journal]:
    journal = open_journal(directory, **{"segment_bytes": SMALL} | options)
    journal.start()
    try:
        yield journal
    finally:
        await journal.close()


@contextmanager
def looked_at(directory: Path) -> Iterator[list[bytes]]:
    """What a start would replay."""
    with read_only(directory) as journal:
        yield [record.payload for record in journal.replay(KEPT, ASIDE)]


@contextmanager
def read_only(directory: Path) -> Iterator[Journal]:
    journal = open_journal(directory, segment_bytes=SMALL)
    try:
        yield journal
    finally:
        journal.release()


def left(directory: Path) -> list[bytes]:
    with looked_at(directory) as payloads:
        return payloads


async def write(journal: Journal, *payloads: bytes, kind: int = KEPT) -> list[int]:
    receipts = [journal.append(kind, payload) for payload in payloads]
    await asyncio.gather(*(receipt.written for receipt in receipts))
    return [receipt.order for receipt in receipts]


def files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.log"))


# --- writing and replaying --------------------------------------------------------------------------------------


async def test_replayed(tmp_path: Path) -> None:
    """What was written and not folded is replayed in order by the next start, and by the one after it."""
    async with opened(tmp_path) as journal:
        await write(journal, b"one", b"two", b"three")
    assert left(tmp_path) == left(tmp_path) == [b"one", b"two", b"three"]


async def test_folded_is_not_replayed(tmp_path: Path) -> None:
    """What was folded is not replayed; what was not, is."""
    async with opened(tmp_path) as journal:
        orders = await write(journal, b"one", b"two", b"three")
        await journal.folded(KEPT, orders[1])
    assert left(tmp_path) == [b"three"]


async def test_nothing_left(tmp_path: Path) -> None:
    """When everything was folded a stop leaves no record on the disk."""
    async with opened(tmp_path) as journal:
        orders = await write(journal, b"one", b"two")
        await journal.folded(KEPT, orders[-1])
    assert files(tmp_path) == []


async def test_kinds_are_folded_apart(tmp_path: Path) -> None:
    """Every kind has a checkpoint of its own."""
    async with opened(tmp_path) as journal:
        await write(journal, b"aside", kind=ASIDE)
        orders = await write(journal, b"kept")
        await journal.folded(KEPT, orders[0])
    with read_only(tmp_path) as again:
        assert [(record.kind, record.payload) for record in again.replay(KEPT, ASIDE)] == [(ASIDE, b"aside")]
        assert list(again.replay(KEPT)) == []


async def test_order_goes_on(tmp_path: Path) -> None:
    """Order numbers never come again, even when no record is left that had one."""
    async with opened(tmp_path) as journal:
        orders = await write(journal, b"one", b"two")
        await journal.folded(KEPT, orders[-1])
        name = journal.id
    async with opened(tmp_path) as journal:
        assert await write(journal, b"three") == [orders[-1] + 1]
        assert journal.id == name
    async with opened(tmp_path) as journal:
        assert await write(journal, b"four") == [orders[-1] + 2]


async def test_many_files(tmp_path: Path) -> None:
    """Records fill file after file, and a file goes when all its records are folded."""
    payloads = [b"%04d" % n * 100 for n in range(100)]
    async with opened(tmp_path) as journal:
        orders = await write(journal, *payloads)
        assert len(files(tmp_path)) > 5
        await journal.folded(KEPT, orders[50])
        assert [journal.read(order) for order in orders[51:]] == payloads[51:]
        with pytest.raises(KeyError):
            journal.read(orders[0])
    assert left(tmp_path) == payloads[51:]


async def test_larger_than_a_file(tmp_path: Path) -> None:
    """A record that is larger than a file gets one of its size."""
    async with opened(tmp_path) as journal:
        await write(journal, b"before", b"x" * 5 * SMALL, b"behind")
    assert left(tmp_path) == [b"before", b"x" * 5 * SMALL, b"behind"]


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payloads=st.lists(st.binary(min_size=1, max_size=3000), max_size=30), fold=st.integers(0, 30))
def test_any_sizes(payloads: list[bytes], fold: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever the sizes, what is replayed is what was written less what was folded."""
    directory = tmp_path_factory.mktemp("journal")

    async def run() -> None:
        async with opened(directory) as journal:
            orders = await write(journal, *payloads)
            if folded := orders[:fold]:
                await journal.folded(KEPT, folded[-1])

    asyncio.run(run())
    assert left(directory) == payloads[fold:]


async def test_for_its_owner_alone(tmp_path: Path) -> None:
    """Directory and files are the owner's alone."""
    directory = tmp_path / "data" / "journal"
    async with opened(directory) as journal:
        await write(journal, b"one")
        assert directory.stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}


async def test_one_process(tmp_path: Path) -> None:
    """A second process is refused, with the directory's name, until the first is gone."""
    async with opened(tmp_path):
        with pytest.raises(ConfigError, match=f"{tmp_path}.*TRUNKLINE_DATA_DIR"):
            open_journal(tmp_path)
    assert left(tmp_path) == []


def test_no_place(tmp_path: Path) -> None:
    """A directory that cannot be made is refused, with its name."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"file/journal.*TRUNKLINE_DATA_DIR"):
        open_journal(tmp_path / "file" / "journal")


async def test_nothing_in_its_looks(tmp_path: Path) -> None:
    """Its repr tells where it is and how much, nothing of what is in it."""
    async with opened(tmp_path) as journal:
        await write(journal, b"secret")
        assert repr(journal) == f"Journal(Shelf({str(tmp_path)!r}, 1 files), order=1)"


async def test_stopping(tmp_path: Path) -> None:
    """What waits when it is closed is written; what comes afterwards is refused."""
    async with opened(tmp_path) as journal:
        receipts = [journal.append(KEPT, b"%d" % n) for n in range(100)]
    await asyncio.gather(*(receipt.written for receipt in receipts))
    with pytest.raises(Unavailable, match="stopping"):
        await journal.append(KEPT, b"late").written
    assert left(tmp_path) == [b"%d" % n for n in range(100)]


async def test_scrubbed(tmp_path: Path) -> None:
    """Folded records can be made to leave the disk at once, even those of the file being written to."""
    async with opened(tmp_path) as journal:
        orders = await write(journal, b"to be erased")
        await journal.folded(KEPT, orders[0])
        await journal.scrub()
        assert b"to be erased" not in b"".join(path.read_bytes() for path in files(tmp_path))
        await write(journal, b"after")
    assert left(tmp_path) == [b"after"]


async def test_scrubbed_under_load(tmp_path: Path) -> None:
    """Nothing that is not folded is lost while files are turned over."""
    async with opened(tmp_path) as journal:
        receipts = []
        for n in range(30):
            receipts += [journal.append(KEPT, b"%d" % (10 * n + k)) for k in range(10)]
            if n % 3 == 0:
                await journal.scrub()
            if n % 10 == 9:
                await receipts[-1].written
                await journal.folded(KEPT, receipts[-10].order)
        await asyncio.gather(*(receipt.written for receipt in receipts))
    assert left(tmp_path) == [b"%d" % n for n in range(291, 300)]


async def test_scrubbed_no_more(tmp_path: Path) -> None:
    """What is not folded stays."""
    async with opened(tmp_path) as journal:
        await write(journal, b"not folded")
        await journal.scrub()
        await write(journal, b"after")
    assert left(tmp_path) == [b"not folded", b"after"]


# --- damage -----------------------------------------------------------------------------------------------------


async def one_file(directory: Path, *payloads: bytes) -> Path:
    async with opened(directory, segment_bytes=1024) as journal:
        await write(journal, *payloads)
    (path,) = files(directory)
    return path


async def test_torn_at_every_byte(tmp_path: Path) -> None:
    """Wherever the machine died in the last record, all before it are there, and writing goes on."""
    path = await one_file(tmp_path, b"first", b"second", b"torn")
    (segment,) = read_segments(tmp_path)
    whole, begin = path.read_bytes(), segment._begins[-1]
    for cut in range(begin, segment.end):
        path.write_bytes(whole[:cut])
        assert left(tmp_path) == [b"first", b"second"]
        path.write_bytes(whole[:cut] + bytes(len(whole) - cut))
        assert left(tmp_path) == [b"first", b"second"]
    async with opened(tmp_path) as journal:
        await write(journal, b"after")
    assert left(tmp_path) == [b"first", b"second", b"after"]


async def test_damaged_at_every_byte(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A damaged byte costs one record: those behind it are read, and the log says where it was."""
    path = await one_file(tmp_path, b"first", b"second", b"third")
    (segment,) = read_segments(tmp_path)
    whole, (_, begin, end) = path.read_bytes(), segment._begins
    for at in range(begin, end):
        caplog.clear()
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :])
        assert left(tmp_path) == [b"first", b"third"]
        assert f"damaged from byte {begin} to {end}" in caplog.text


async def test_died_while_making_a_file(tmp_path: Path) -> None:
    """A file without a head and with nothing in it is what a crash leaves: it goes without a word."""
    await one_file(tmp_path, b"first")
    (tmp_path / "000000000099.log").write_bytes(bytes(SMALL))
    (tmp_path / "000000000100.log").write_bytes(b"")
    assert left(tmp_path) == [b"first"]
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("head", [b"tl-log-1damaged", b"tl-log-9"])
async def test_unreadable_file(tmp_path: Path, caplog: pytest.LogCaptureFixture, head: bytes) -> None:
    """A file that cannot be read stays where it is, and the log names it."""
    path = await one_file(tmp_path, b"first")
    whole = path.read_bytes()
    path.write_bytes(head + whole[len(head) :])
    async with opened(tmp_path) as journal:
        await write(journal, b"after")
    assert left(tmp_path) == [b"after"]
    assert path.exists()
    assert str(path) in caplog.text


async def test_file_of_another_version(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that a newer version wrote is left to it."""
    path = await one_file(tmp_path, b"first")
    whole = path.read_bytes()
    head = b"tl-log-2" + whole[8 : HEAD_BYTES - 4]
    path.write_bytes(head + crc32(head).to_bytes(4, "little") + whole[HEAD_BYTES:])
    assert left(tmp_path) == []
    assert path.exists()
    assert "another version" in caplog.text


async def test_unknown_kind(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Records of a kind that this version does not know are kept as they are, and the log says so at the start."""
    async with opened(tmp_path) as journal:
        await write(journal, b"from the future", kind=200)
        orders = await write(journal, b"known")
        await journal.folded(KEPT, orders[0])
    assert left(tmp_path) == []
    assert "(200)" in caplog.text
    async with opened(tmp_path) as journal:
        assert [record.payload for record in journal.replay(200)] == [b"from the future"]


@pytest.mark.parametrize("content", [None, b"", b"00000000 {}\n", b"garbage"])
async def test_checkpoint_gone(tmp_path: Path, content: bytes | None) -> None:
    """Without its checkpoint everything that is still there is replayed, under a new name."""
    async with opened(tmp_path) as journal:
        orders = await write(journal, b"one", b"two")
        await journal.folded(KEPT, orders[0])
        name = journal.id
    checkpoint = tmp_path / "checkpoint"
    checkpoint.unlink() if content is None else checkpoint.write_bytes(content)
    with read_only(tmp_path) as again:
        assert [record.payload for record in again.replay(KEPT)] == [b"one", b"two"]
        assert again.id != name


# --- a disk that fails, fills up, hangs --------------------------------------------------------------------------


class BadDisk(Disk):
    """A disk that does what it is told."""

    def __init__(self) -> None:
        self.full = False
        self.broken = False
        self.flushes = 0
        self.moves = threading.Event()
        self.moves.set()

    def allocate(self, descriptor: int, size: int) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().allocate(descriptor, size)

    def flush(self, descriptor: int) -> None:
        self.flushes += 1
        assert self.moves.wait(10)
        if self.broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().flush(descriptor)


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for is another thread's, or has no event
            await asyncio.sleep(0.002)


async def test_promised_after_the_flush(tmp_path: Path) -> None:
    """Nobody is told before the disk has answered, and those who waited meanwhile share the next flush."""
    disk = BadDisk()
    async with opened(tmp_path, disk=disk) as journal:
        disk.moves.clear()
        first = journal.append(KEPT, b"first")
        await until(lambda: disk.flushes == 1)
        others = [journal.append(KEPT, b"other") for _ in range(50)]
        await asyncio.sleep(0.01)
        assert not first.written.done()
        disk.moves.set()
        await asyncio.gather(first.written, *(other.written for other in others))
        assert disk.flushes == 2


@pytest.mark.parametrize(("apart_seconds", "waits"), [(0.0004, True), (0.002, False)])
async def test_a_flush_for_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apart_seconds: float, waits: bool
) -> None:
    """When very many records come flushes keep their distance, so that more share one; else nothing waits."""
    clock, waited = FakeClock(), list[float]()
    monkeypatch.setattr("trunkline.store.writer.monotonic", clock.monotonic)
    async with opened(tmp_path) as journal:
        assert journal._writer
        monkeypatch.setattr(journal._writer._stopping, "wait", waited.append)
        for _ in range(200):
            clock.advance(apart_seconds)
            await write(journal, b"one")
    assert bool(waited) is waits
    assert all(0.005 < seconds < 0.0061 for seconds in waited)


async def test_given_up_by_its_caller(tmp_path: Path) -> None:
    """Who no longer waits for a record does not keep it from being written."""
    disk = BadDisk()
    async with opened(tmp_path, disk=disk) as journal:
        disk.moves.clear()
        receipt = journal.append(KEPT, b"first")
        receipt.written.cancel()
        disk.moves.set()
        await write(journal, b"second")
    assert left(tmp_path) == [b"first", b"second"]


async def test_broken_disk(tmp_path: Path) -> None:
    """A record that the disk refused is refused, and never seen again; the next one is taken when the disk takes it."""
    disk = BadDisk()
    async with opened(tmp_path, disk=disk) as journal:
        await write(journal, b"before")
        disk.broken = True
        with pytest.raises(Unavailable, match="full or broken"):
            await write(journal, b"refused")
        disk.broken = False
        await write(journal, b"after")
    assert left(tmp_path) == [b"before", b"after"]


async def test_disk_that_stays_broken(tmp_path: Path) -> None:
    """A disk that goes on failing is not filled with files."""
    disk = BadDisk()
    async with opened(tmp_path, disk=disk) as journal:
        await write(journal, b"before")
        disk.broken = True
        for _ in range(5):
            with pytest.raises(Unavailable):
                await write(journal, b"refused")
        await until(lambda: journal._writer and journal._writer.spare)
        assert len(files(tmp_path)) == 2
    assert left(tmp_path) == [b"before"]


async def test_full_disk(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A full disk is told while there is still room; then records are refused, and taken again once there is space."""
    disk = BadDisk()
    async with opened(tmp_path, disk=disk) as journal:
        await write(journal, b"x" * 5000)
        await until(lambda: journal._writer and journal._writer.spare)
        disk.full = True
        await write(journal, b"y" * 5000)
        await until(lambda: "hardly room" in caplog.text)
        await write(journal, b"z" * 1000)
        for _ in range(2):
            with pytest.raises(Unavailable, match="full or broken") as refused:
                await write(journal, b"refused" * 1000)
            assert refused.value.should_retry
        disk.full = False
        await write(journal, b"after")
    assert left(tmp_path) == [b"x" * 5000, b"y" * 5000, b"z" * 1000, b"after"]


def test_full_from_the_start(tmp_path: Path) -> None:
    """Without room for a single file the start fails and names the directory."""
    disk = BadDisk()
    disk.full = True

    async def start() -> None:
        journal = open_journal(tmp_path, disk=disk)
        try:
            journal.start()
        finally:
            await journal.close()

    with pytest.raises(ConfigError, match=r"No space left.*TRUNKLINE_DATA_DIR"):
        asyncio.run(start())
    assert files(tmp_path) == []


async def test_too_much_waits(tmp_path: Path) -> None:
    """What waits for the disk is bounded: beyond that a record is refused at once."""
    disk = BadDisk()
    async with opened(tmp_path, disk=disk, queue_bytes=1000) as journal:
        disk.moves.clear()
        taken = [journal.append(KEPT, bytes(300)) for _ in range(3)]
        refused = journal.append(KEPT, bytes(300))
        with pytest.raises(Unavailable, match="too much"):
            await refused.written
        disk.moves.set()
        await asyncio.gather(*(receipt.written for receipt in taken))
        await write(journal, bytes(300))


async def test_hung_disk(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """When the disk hangs nobody waits for ever, later records are refused at once, and it can come back."""
    disk = BadDisk()
    async with opened(tmp_path, disk=disk, stuck_seconds=0.03) as journal:
        disk.moves.clear()
        receipts = [journal.append(KEPT, b"one"), journal.append(KEPT, b"two")]
        for receipt in receipts:
            with pytest.raises(Unavailable, match="does not answer"):
                async with asyncio.timeout(5):
                    await receipt.written
        late = journal.append(KEPT, b"late")
        assert late.written.done()
        disk.moves.set()
        await until(lambda: journal._waiting_bytes == 0)
        await write(journal, b"back")
    assert left(tmp_path)[-1] == b"back"
    assert b"late" not in left(tmp_path)


async def test_slow_disk(tmp_path: Path) -> None:
    """A disk that is slow but answers loses nothing."""

    class SlowDisk(Disk):
        def flush(self, descriptor: int) -> None:
            threading.Event().wait(0.02)
            super().flush(descriptor)

    async with opened(tmp_path, disk=SlowDisk(), stuck_seconds=0.3) as journal:
        for n in range(16):
            await write(journal, b"%d" % n)
    assert left(tmp_path) == [b"%d" % n for n in range(16)]


async def test_listeners(tmp_path: Path) -> None:
    """Whoever listens is called when records were written or lost."""
    disk, calls = BadDisk(), []
    async with opened(tmp_path, disk=disk) as journal:
        journal.listen(lambda: calls.append("something"))
        await write(journal, b"one")
        assert calls == ["something"]
        disk.broken = True
        with pytest.raises(Unavailable):
            await write(journal, b"two")
        assert len(calls) == 2


# --- kill -9 ----------------------------------------------------------------------------------------------------

CHILD = """
import asyncio, os, sys
from pathlib import Path
from trunkline.store.journal import KEPT, open_journal

async def main():
    journal = open_journal(Path(sys.argv[1]), segment_bytes=65536)
    journal.start()
    async def client(number):
        count = 0
        while True:
            name = b"%d-%d" % (number, count)
            receipt = journal.append(KEPT, name + b" " + b"x" * (137 * number))
            await receipt.written
            os.write(1, name + b"\\n")
            count += 1
            if number == 0 and count % 20 == 0:
                await journal.folded(KEPT, 1)
    await asyncio.gather(*(client(number) for number in range(16)))

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("acknowledged", [1, 500, 3000])
def test_killed_under_load(tmp_path: Path, acknowledged: int) -> None:
    """After `kill -9` every record that was acknowledged is replayed, whole and once."""
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        names = [process.stdout.readline().strip() for _ in range(acknowledged)]
        process.send_signal(signal.SIGKILL)
        names += process.stdout.read().split()
    replayed = [payload.split(b" ") for payload in left(tmp_path)]
    found = [name for name, _ in replayed]
    assert len(found) == len(set(found))
    # The first order number was folded, and it alone.
    assert set(names) - {b"0-0"} <= set(found)
    assert all(content == b"x" * (137 * int(name.partition(b"-")[0])) for name, content in replayed)
