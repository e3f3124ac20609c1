"""The lines between chunks, in any pieces."""

import itertools

import pytest
from doorstep import chunked
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import InvalidRequest
from trunkline.serve.chunks import ChunkLines


def feed(data: bytes, cuts: list[int]) -> ChunkLines:
    lines = ChunkLines()
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(places):
        lines.feed(data[start:end])
    return lines


CUTS = st.lists(st.integers(0, 10_000), max_size=30)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.binary(max_size=20), CUTS)
def test_plain_chunks(chunks: list[bytes], behind: bytes, cuts: list[int]) -> None:
    """Chunks of any bytes pass in any pieces, and what stands behind the last one is counted, not read."""
    lines = feed(chunked(*chunks)[:-2] + behind, cuts)
    assert lines.is_over
    assert lines.beyond == len(behind)


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=4),
    st.sampled_from([b";", b";a=b", b" ", b"\t;", b"g", b"\r", b"0" * 20, b"\0"]),
    CUTS,
)
def test_anything_beside_a_size(chunks: list[bytes], extra: bytes, cuts: list[int]) -> None:
    """Whatever else stands on a size line is refused, in any pieces."""
    data = chunked(*chunks).removesuffix(b"0\r\n\r\n") + b"1" + extra + b"\r\na\r\n0\r\n\r\n"
    with pytest.raises(InvalidRequest):
        feed(data, cuts)
