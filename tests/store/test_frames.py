"""Whole records told from torn ones."""

import mmap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.store.frames import HEAD_BYTES, Frame, read_frames, write_frame

SEED = 0x1234ABCD
PAYLOADS = st.lists(st.binary(max_size=200), min_size=1, max_size=8)


def written(payloads: list[bytes], seed: int = SEED) -> bytes:
    """The payloads as frames, the first with order number 1, kind 7."""
    return b"".join(b"".join(write_frame(n, 7, payload, seed)) for n, payload in enumerate(payloads, 1))


def payloads(data: bytes) -> list[bytes]:
    return [data[frame.payload] for frame in read_frames(data, 0, SEED)]


@given(PAYLOADS)
def test_read_as_written(all_of_them: list[bytes]) -> None:
    """What was written is read, in order, with its number and kind."""
    data = written(all_of_them) + bytes(100)
    frames = list(read_frames(data, 0, SEED))
    assert [data[frame.payload] for frame in frames] == all_of_them
    assert [(frame.order, frame.kind) for frame in frames] == [(n, 7) for n in range(1, len(all_of_them) + 1)]


@given(PAYLOADS, st.data())
def test_cut_anywhere(all_of_them: list[bytes], data: st.DataObject) -> None:
    """Of a file that was cut within its last record all the others are there."""
    whole = written(all_of_them)
    last = HEAD_BYTES + len(all_of_them[-1])
    cut = data.draw(st.integers(len(whole) - last, len(whole) - 1))
    assert payloads(whole[:cut]) == all_of_them[:-1]


def test_cut_at_every_byte() -> None:
    """Wherever the last record is cut, it alone is missing, whether the file ends there or goes on with zeros."""
    whole = written([b"first", b"second", b'{"third": 3}'])
    begin = len(written([b"first", b"second"]))
    for cut in range(begin, len(whole)):
        assert payloads(whole[:cut]) == [b"first", b"second"]
        assert payloads(whole[:cut] + bytes(4096)) == [b"first", b"second"]


@given(PAYLOADS, st.data())
def test_flipped_bit(all_of_them: list[bytes], data: st.DataObject) -> None:
    """A flipped bit costs the record that it is in, and no other."""
    whole = bytearray(written(all_of_them))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    torn = next(n for n, frame in enumerate(read_frames(written(all_of_them), 0, SEED)) if at < frame.end)
    assert payloads(bytes(whole)) == all_of_them[:torn] + all_of_them[torn + 1 :]


def test_a_gap_shows() -> None:
    """A frame behind a torn place does not begin where the one before it ended."""
    whole = bytearray(written([b"one", b"two", b"three"]))
    first, second, third = read_frames(bytes(whole), 0, SEED)
    whole[second.begin] ^= 0xFF
    assert list(read_frames(bytes(whole), 0, SEED)) == [first, third]
    assert third.begin != first.end


@pytest.mark.parametrize("gap", [1, 3, 4, 65_531, 65_535, 65_536, 65_537, 200_000])
def test_a_gap_of_any_length(gap: int) -> None:
    """What is behind it is found, however long it is."""
    data = written([b"one"]) + b"x" * gap + written([b"two"])
    assert payloads(data) == [b"one", b"two"]
    assert payloads(data[:-1] + b"?") == [b"one"]


def test_a_mapped_file_to_its_end(tmp_path: Path) -> None:
    """Nothing beyond it is read, which would end the process: here it is surely nobody's."""
    path = tmp_path / "file"
    path.write_bytes(written([b"one"]).ljust(2 * mmap.PAGESIZE, b"\xd9"))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as data:
        data.resize(mmap.PAGESIZE)
        assert [data[frame.payload] for frame in read_frames(data, 0, SEED)] == [b"one"]


def test_no_caller_can_write_a_frame() -> None:
    """A frame in a payload, made under any other seed, is content and nothing else."""
    forged = written([b"not a record"], seed=SEED + 1)
    data = bytearray(written([forged, b"behind it"]))
    data[0] ^= 0xFF
    assert [frame.order for frame in read_frames(bytes(data), 0, SEED)] == [2]


def test_empty() -> None:
    """A file of zeros holds nothing, and neither does an empty one."""
    assert list(read_frames(bytes(10_000), 0, SEED)) == []
    assert list(read_frames(b"", 0, SEED)) == []
    assert Frame(1, 2, 10, 50).payload == slice(10 + HEAD_BYTES, 50)
