"""What is written down, sealed and not."""

import os
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.store.cipher import PIECE_BYTES, PLAIN, Cipher, Stream, Unreadable

OLD, NEW = {"old-key_": b"o" * 32}, {"new-key_": b"n" * 32}
ON = Cipher(NEW, "new-key_")
ROTATED = Cipher(NEW | OLD, "new-key_")
BEFORE = Cipher(OLD, "old-key_")
OFF_AGAIN = Cipher(NEW, None)
LIKE_SEALED = ON.seal(b"secret")
VALUES = st.binary(max_size=300) | st.binary(max_size=40).map(lambda rest: LIKE_SEALED[:4] + rest)


@given(VALUES, st.binary(max_size=20))
def test_opened_as_sealed(value: bytes, bound_to: bytes) -> None:
    """Whatever is sealed opens to itself, and nothing of it shows."""
    sealed = ON.seal(value, bound_to)
    assert ON.open(sealed, bound_to) == value
    assert len(value) < 8 or value not in sealed


@given(VALUES)
def test_off(value: bytes) -> None:
    """When it is off a value stays as it is, but for one that looks sealed; either opens, on or off."""
    written = PLAIN.seal(value)
    assert written == value or value.startswith(LIKE_SEALED[:4])
    assert PLAIN.open(written) == ON.open(written) == value


def test_switched() -> None:
    """What was sealed while it was on still opens when it is off."""
    assert OFF_AGAIN.open(LIKE_SEALED) == b"secret"
    assert OFF_AGAIN.seal(b"plain") == b"plain"
    assert (ON.seals, OFF_AGAIN.seals, PLAIN.seals) == (True, False, False)


def test_rotation() -> None:
    """A value under an older key opens, and is known to be old."""
    old = BEFORE.seal(b"before")
    assert ROTATED.open(old) == b"before"
    assert not ROTATED.is_current(old)
    assert ROTATED.is_current(ROTATED.seal(b"after"))


def test_what_is_to_be_encrypted_again() -> None:
    """A value is current when it is written as it would be now, sealed or not."""
    assert not ON.is_current(b"plain")
    assert not ON.is_current(PLAIN.seal(LIKE_SEALED))
    assert PLAIN.is_current(b"plain")
    assert PLAIN.is_current(PLAIN.seal(LIKE_SEALED))
    assert not OFF_AGAIN.is_current(LIKE_SEALED)


def test_key_gone() -> None:
    """A value whose key is gone says which one it needs, and how to give it."""
    with pytest.raises(Unreadable, match=r"old-key_.*TRUNKLINE_SECRET_PREVIOUS"):
        ON.open(BEFORE.seal(b"before"))


def test_changed_anywhere() -> None:
    """No bit of a sealed value can be changed, nor can it be cut or bound to something else."""
    sealed = ON.seal(b"content", b"row 1")
    for at in range(4, len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(Unreadable):
            ON.open(bytes(changed), b"row 1")
        with pytest.raises(Unreadable):
            ON.open(sealed[:at], b"row 1")
    with pytest.raises(Unreadable):
        ON.open(sealed, b"row 2")


def test_equal_values_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same value twice is never the same bytes, neither of one process nor of one that was forked off."""
    here = [ON.seal(b"same") for _ in range(2)]
    monkeypatch.setattr(os, "getpid", lambda: -2)
    there = [ON.seal(b"same") for _ in range(2)]
    assert len({*here, *there}) == 4
    assert len({sealed[:28] for sealed in (*here, *there)}) == 2
    assert {ON.open(sealed) for sealed in (*here, *there)} == {b"same"}


def test_no_keys_in_its_looks() -> None:
    """Its repr names the key id alone."""
    assert repr(ON) == "Cipher(newest='new-key_')"
    assert repr(PLAIN) == "Cipher(newest=None)"


def test_key_ids_are_eight_letters() -> None:
    """A key id of another length is a bug, found at once."""
    with pytest.raises(ValueError, match="8 letters"):
        Cipher({"short": bytes(32)}, "short")


# --- files ------------------------------------------------------------------------------------------------------


def run(stream: Stream, *pieces: bytes) -> bytes:
    return b"".join([*map(stream.update, pieces), stream.finish()])


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[begin:end] for begin, end in pairwise(places)]


LENGTHS = st.sampled_from([0, 1, 3, 27, 28, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES, 200_000])
CUTS = st.lists(st.integers(0, 210_000), max_size=5)


@given(LENGTHS, CUTS, CUTS, st.sampled_from([ON, PLAIN]), st.booleans())
def test_streams(length: int, cuts: list[int], other_cuts: list[int], cipher: Cipher, like_sealed: bool) -> None:
    """A file of any length comes out as it went in, however either is cut."""
    data = ((LIKE_SEALED if like_sealed else b"") + b"content " * (length // 8 + 1))[:length]
    sealed = run(cipher.seal_stream(), *in_pieces(data, cuts))
    assert run(ROTATED.open_stream(), *in_pieces(sealed, other_cuts)) == data
    assert cipher.is_current(sealed[:64])
    assert cipher is ON or sealed == data or data.startswith(LIKE_SEALED[:4])


@pytest.mark.parametrize("length", [0, 10, PIECE_BYTES, 3 * PIECE_BYTES])
def test_cut_streams(length: int) -> None:
    """A sealed file that was cut is noticed, also where a piece ends."""
    sealed = run(ON.seal_stream(), bytes(length))
    whole = PIECE_BYTES + 16
    for cut in {5, 27, 28, 29, 28 + whole, 28 + 2 * whole, 28 + 3 * whole, len(sealed) - 1}:
        if cut < len(sealed):
            with pytest.raises(Unreadable):
                run(ON.open_stream(), sealed[:cut])


def test_reordered_streams() -> None:
    """Pieces of a sealed file cannot change places, be left out, or follow its end."""
    sealed = run(ON.seal_stream(), bytes(3 * PIECE_BYTES))
    whole = PIECE_BYTES + 16
    head, one, two, three = sealed[:28], *(sealed[28 + n * whole : 28 + (n + 1) * whole] for n in range(3))
    for wrong in ([head, two, one, three], [head, one, three], [sealed, three], [head, three]):
        with pytest.raises(Unreadable):
            run(ON.open_stream(), *wrong)


def test_a_stream_whose_key_is_gone() -> None:
    """A file whose key is gone says which one it needs."""
    with pytest.raises(Unreadable, match="old-key_"):
        run(ON.open_stream(), run(BEFORE.seal_stream(), b"before"))


def test_begins_at_once() -> None:
    """A sealed file is passed on piece by piece: no more than one is held back."""
    stream = ON.seal_stream()
    assert len(stream.update(bytes(10 * PIECE_BYTES))) == 28 + 9 * (PIECE_BYTES + 16)
