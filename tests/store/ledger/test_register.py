"""The register: what was written is there after a crash, in files of one size that are used again."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from full_disk import FullDisk

from recorded import record
from trunkline.errors import ConfigError
from trunkline.records import Record
from trunkline.store.frames import HEAD_BYTES as FRAME_BYTES
from trunkline.store.ledger.coding import encode_record
from trunkline.store.ledger.register import SHEET_BYTES, Register, open_register
from trunkline.store.ledger.sheets import HEAD_BYTES, open_sheet
from trunkline.store.segments import Disk

SMALL = HEAD_BYTES + 4 * (FRAME_BYTES + len(encode_record(record())))
"""The size of a file in these tests: it has room for four records."""


@contextmanager
def opened(directory: Path, **options: Any) -> Iterator[Register]:
    register = open_register(directory, **{"sheet_bytes": SMALL} | options)
    try:
        yield register
    finally:
        register.close()


def write(register: Register, *numbers: int) -> None:
    """Records of these numbers, with the next file made in time."""
    for number in numbers:
        register.tend()
        register.write(record(number))


def read(register: Register) -> list[Record]:
    """Everything that is not folded."""
    return register.read(register.start, 1_000_000)[0]


def left(directory: Path) -> list[Record]:
    """What a start would fold."""
    with opened(directory) as register:
        return read(register)


def numbers(records: list[Record]) -> list[int]:
    return [int(one.request_id[4:], 16) for one in records]


def fold(register: Register, most: int) -> None:
    """Say that so many are in the database."""
    _, cursor = register.read(register.start, most)
    register.release(cursor)


# --- writing and reading ------------------------------------------------------------------------------------------


def test_read_back(tmp_path: Path) -> None:
    """In order, over several files, by this process and by the next ones."""
    with opened(tmp_path) as register:
        write(register, *range(10))
        assert numbers(read(register)) == list(range(10))
        assert register.order == 10
    assert numbers(left(tmp_path)) == numbers(left(tmp_path)) == list(range(10))


def test_read_on(tmp_path: Path) -> None:
    """A reader goes on where it was, also into a file that was not there when it came."""
    with opened(tmp_path) as register:
        cursor, seen = register.end, []
        for number in range(10):
            write(register, number)
            records, cursor = register.read(cursor, 1)
            seen += numbers(records)
        assert seen == list(range(10))
        assert register.read(cursor, 1) == ([], cursor)
        assert cursor.position == register.end.position


def test_read_behind(tmp_path: Path) -> None:
    """Whatever a reader leaves for later, and more than is kept at hand, comes to it in order."""
    with opened(tmp_path, sheet_bytes=SHEET_BYTES) as register:
        slow, quick, seen = register.end, register.end, []
        for number in range(3_000):
            write(register, number)
            if number == 100:
                assert len(register.read(quick, 50)[0]) == 50
        while quick.order < register.order:
            records, quick = register.read(quick, 70)
            seen += numbers(records)
            if register.order < 3_010:
                write(register, register.order)
        assert seen == list(range(3_010))
        while slow.order < register.order:
            records, slow = register.read(slow, 600)
            seen += numbers(records)
        assert seen == [*range(3_010), *range(3_010)]


def test_folded(tmp_path: Path) -> None:
    """What is in the database is not read again, and its files are used again."""
    with opened(tmp_path) as register:
        write(register, *range(10))
        fold(register, 9)
        assert numbers(read(register)) == [9]
        assert len(list(tmp_path.glob("*.reg"))) == 2
    assert numbers(left(tmp_path)) == [9]


def test_a_file_used_again(tmp_path: Path) -> None:
    """Nothing that it held before is taken for a record."""
    with opened(tmp_path) as register:
        for number in range(40):
            write(register, number)
            if number % 5 == 4:
                fold(register, 5)
        assert len(list(tmp_path.glob("*.reg"))) <= 3
        write(register, 40)
    assert numbers(left(tmp_path)) == [40]


def test_all_folded(tmp_path: Path) -> None:
    """Nothing is left but the word of it; the numbers go on."""
    with opened(tmp_path) as register:
        write(register, 1, 2)
        fold(register, 2)
    assert not list(tmp_path.glob("*.reg"))
    with opened(tmp_path) as register:
        write(register, 3)
        assert register.order == 3


def test_a_lost_checkpoint(tmp_path: Path) -> None:
    """Everything that is still there is folded once more."""
    with opened(tmp_path) as register:
        write(register, 1, 2, 3)
        fold(register, 2)
    (tmp_path / "checkpoint").unlink()
    assert numbers(left(tmp_path)) == [1, 2, 3]


def test_scrub(tmp_path: Path) -> None:
    """Once all is folded and another file begun, nothing of it can be read in any of the files."""
    with opened(tmp_path) as register:
        write(register, 1)
        register.tend()
        assert register.turn()
        fold(register, 1)
        register.scrub()
        assert not any(b"/team/alpha" in path.read_bytes() for path in tmp_path.glob("*.reg"))


def test_private_and_for_one(tmp_path: Path) -> None:
    """The folder is its owner's, and one process's."""
    with opened(tmp_path / "ledger"):
        assert (tmp_path / "ledger").stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in (tmp_path / "ledger").iterdir()} == {0o600}
        with pytest.raises(ConfigError, match="another process"):
            open_register(tmp_path / "ledger")


# --- crashes --------------------------------------------------------------------------------------------------------


def test_torn_at_every_byte(tmp_path: Path) -> None:
    """A record that was being copied when the process died is left out, and those before it are there."""
    with opened(tmp_path) as register:
        write(register, 1, 2)
        begin = register.end.offset
        write(register, 3)
        end = register.end.offset
    (path,) = tmp_path.glob("*.reg")
    data = path.read_bytes()
    for cut in range(begin, end):
        path.write_bytes(data[:cut] + bytes(len(data) - cut))
        sheet = open_sheet(path)
        assert sheet is not None
        assert [sheet.read(frame) for frame in sheet.frames(HEAD_BYTES, sheet.end)] == [record(1), record(2)]
        sheet.close()


def test_damaged_in_the_middle(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What is behind a damaged place is read, and the place is named."""
    with opened(tmp_path) as register:
        write(register, 1)
        begin = register.end.offset
        write(register, 2, 3)
    (path,) = tmp_path.glob("*.reg")
    data = bytearray(path.read_bytes())
    data[begin + 40] ^= 1
    path.write_bytes(data)
    assert numbers(left(tmp_path)) == [1, 3]
    assert f"from byte {begin}" in caplog.text


def test_died_while_making_a_file(tmp_path: Path) -> None:
    """One without a head is removed; one whose head is damaged is left alone."""
    with opened(tmp_path) as register:
        write(register, 1)
    (tmp_path / "000000000098.reg").write_bytes(bytes(SMALL))
    (tmp_path / "000000000099.reg").write_bytes(b"x" * SMALL)
    assert numbers(left(tmp_path)) == [1]
    assert not (tmp_path / "000000000098.reg").exists()
    assert (tmp_path / "000000000099.reg").exists()


PROGRAM = """
import sys
from pathlib import Path
from recorded import record
from trunkline.store.ledger.register import open_register

register = open_register(Path(sys.argv[1]), sheet_bytes=65536)
for number in range(1_000_000):
    register.tend()
    register.write(record(number))
    print(number, flush=True)
"""


@pytest.mark.slow
def test_killed_while_writing(tmp_path: Path) -> None:
    """Every record that was said to be written is there, whenever the process is killed."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    for _ in range(500):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    said = 500 + len(process.stdout.read().split(b"\n")) - 1
    process.wait()
    process.stdout.close()
    assert numbers(left(tmp_path))[:said] == list(range(said))


# --- a full disk ----------------------------------------------------------------------------------------------------


def test_no_room_at_start(tmp_path: Path) -> None:
    """It does not start, and says why."""
    with pytest.raises(ConfigError, match="No space left"):
        open_register(tmp_path, disk=FullDisk(0), sheet_bytes=SMALL)
    assert not list(tmp_path.glob("*.reg"))


def test_no_room_for_the_next_file(tmp_path: Path) -> None:
    """What has no room waits in memory, in order, until there is some."""
    disk = FullDisk(1)
    with opened(tmp_path, disk=disk) as register:
        write(register, *range(7))
        assert register.spare is None
        assert register.waiting == 3
        assert numbers(read(register)) == [0, 1, 2, 3]
        disk.room = 2
        register.tend()
        register.catch_up()
        assert register.waiting == 0
        assert numbers(read(register)) == list(range(7))


def test_a_full_disk_is_no_matter_while_files_are_folded(tmp_path: Path) -> None:
    """Two files are enough for any number of records."""
    with opened(tmp_path, disk=FullDisk(2)) as register:
        for number in range(50):
            write(register, number)
            fold(register, 1)
        assert register.waiting == 0


def test_synced(tmp_path: Path) -> None:
    """Every file that was written to since is waited for, and none when nothing was written."""
    flushed = []

    class Watched(Disk):
        def flush(self, descriptor: int) -> None:
            flushed.append(descriptor)
            super().flush(descriptor)

    with opened(tmp_path, disk=Watched()) as register:
        write(register, *range(6))
        register.sync()
        assert len(flushed) == 2
        register.sync()
        assert len(flushed) == 2
        write(register, 6)
        register.sync()
        assert len(flushed) == 3
