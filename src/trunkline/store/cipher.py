"""Encryption at rest: what rows, journal and files hold, sealed with AES-256-GCM under keys of the root secrets.

Whatever was written while it was off is recognised as such and read as it is, so that it can be switched on and off
over data that is there. It knows bytes alone: not what they mean, nor where they are kept.

A sealed value is `magic · 8 letters of the key id · 16 bytes of salt · 12 of a count · ciphertext with tag`, all before
the ciphertext being authenticated with it. A value that was not sealed is itself, or, when it happens to begin with the
magic, `magic · 8 zero bytes · value`. A stream is the same up to the salt, and then pieces of 64 KiB, each with a tag.
"""

import hmac
import itertools
import os
import secrets
from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_MAGIC = b"\xd9tl1"
_NOT_SEALED = bytes(8)
_KEY_END = len(_MAGIC) + len(_NOT_SEALED)
_SALT_END = _KEY_END + 16
_COUNT_END = _SALT_END + 12
_TAG_BYTES = 16
PIECE_BYTES = 64 * 1024


class Unreadable(Exception):
    """A sealed value whose key is gone, or that was changed or cut. The message says which, and names the key id."""


class Cipher:
    """Seals under the newest key, and opens under any it still has.

    `keys` maps key ids (8 letters) to 32-byte keys, `newest` is the id to seal under: `None` seals nothing, and still
    opens what was sealed before. `bound_to` is authenticated and not kept: a value opens only where the same is given,
    such as the id of its row.
    """

    def __init__(self, keys: Mapping[str, bytes], newest: str | None) -> None:
        self._keys = {key_id.encode(): key for key_id, key in keys.items()}
        if any(len(key_id) != len(_NOT_SEALED) for key_id in self._keys):
            raise ValueError("a key id has 8 letters")
        self._newest = newest.encode() if newest else None
        self._derive = lru_cache(maxsize=1024)(self._derive_under)
        self._process = -1

    def __repr__(self) -> str:
        return f"Cipher(newest={self._newest.decode() if self._newest else None!r})"

    @property
    def seals(self) -> bool:
        """Whether new values are sealed."""
        return self._newest is not None

    def seal(self, value: bytes, bound_to: bytes = b"") -> bytes:
        if self._newest is None:
            return _escape(value)
        # Counted under a salt that no other process has: nonces drawn at random would meet after some 2**32 values.
        if self._process != os.getpid():
            self._begin(self._newest)
        nonce = next(self._counts).to_bytes(12, "big")
        return self._head + nonce + self._own.encrypt(nonce, value, self._head + nonce + bound_to)

    def open(self, value: bytes, bound_to: bytes = b"") -> bytes:
        """The value that was sealed, or that was never sealed. Raises `Unreadable`."""
        if not value.startswith(_MAGIC):
            return value
        key_id = value[len(_MAGIC) : _KEY_END]
        if key_id == _NOT_SEALED:
            return value[_KEY_END:]
        cipher = self._derive(key_id, value[_KEY_END:_SALT_END])
        try:
            return cipher.decrypt(value[_SALT_END:_COUNT_END], value[_COUNT_END:], value[:_COUNT_END] + bound_to)
        except (InvalidTag, ValueError):
            raise Unreadable(f"a value sealed under the key {key_id.decode()} was changed or cut") from None

    def is_current(self, value: bytes) -> bool:
        """Whether the value, or the stream that begins so, is as it would be written now."""
        key_id = value[len(_MAGIC) : _KEY_END] if value.startswith(_MAGIC) else _NOT_SEALED
        return key_id == (self._newest or _NOT_SEALED)

    def seal_stream(self) -> "Stream":
        """Seals a file of any length under a key of its own."""
        if self._newest is None:
            return _Escaping()
        salt = secrets.token_bytes(16)
        return _Sealing(_MAGIC + self._newest + salt, self._derive_under(self._newest, salt))

    def open_stream(self) -> "Stream":
        """Opens what `seal_stream` made. Raises `Unreadable` where it was changed, reordered or cut."""
        return _Opening(self._derive_under)

    def _begin(self, newest: bytes) -> None:
        salt = secrets.token_bytes(16)
        self._head, self._own = _MAGIC + newest + salt, self._derive(newest, salt)
        self._counts, self._process = itertools.count(), os.getpid()

    def _derive_under(self, key_id: bytes, salt: bytes) -> AESGCM:
        key = self._keys.get(key_id)
        if key is None:
            name = key_id.decode("ascii", "replace")
            raise Unreadable(f"no key {name}: set the secret it belongs to in TRUNKLINE_SECRET_PREVIOUS")
        return AESGCM(hmac.digest(key, salt, "sha256"))


PLAIN = Cipher({}, None)
"""Seals nothing."""


class Stream(Protocol):
    """Bytes in, bytes out: `update` gives what is ready, `finish` the rest. One stream, one object."""

    def update(self, data: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


def _escape(value: bytes) -> bytes:
    return _MAGIC + _NOT_SEALED + value if value.startswith(_MAGIC) else value


class _Escaping:
    """Passes a stream through; one that begins like a sealed one is marked."""

    def __init__(self) -> None:
        self._begun = False
        self._held = b""

    def update(self, data: bytes) -> bytes:
        if self._begun:
            return data
        self._held += data
        return self.finish() if len(self._held) >= len(_MAGIC) else b""

    def finish(self) -> bytes:
        held, self._held, self._begun = self._held, b"", True
        return _escape(held)


class _Pieces:
    """Cuts a stream into pieces; the last one is told apart, since it alone is made by `finish`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held = bytearray()
        self._number = 0

    def cut(self, data: bytes) -> list[bytes]:
        """Whole pieces, when it is known that something follows them."""
        self._held += data
        ready = max(0, len(self._held) - 1) // self._size * self._size
        pieces = [bytes(self._held[at : at + self._size]) for at in range(0, ready, self._size)]
        del self._held[:ready]
        return pieces

    def rest(self) -> bytes:
        return bytes(self._held)

    def nonce(self, *, last: bool) -> bytes:
        """The place of the piece and whether it is the last: out of its place, nothing opens."""
        number = self._number
        self._number += 1
        return number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


class _Sealing:
    def __init__(self, head: bytes, cipher: AESGCM) -> None:
        self._head, self._unsent, self._cipher = head, head, cipher
        self._pieces = _Pieces(PIECE_BYTES)

    def update(self, data: bytes) -> bytes:
        return self._begin() + b"".join(self._seal(piece, last=False) for piece in self._pieces.cut(data))

    def finish(self) -> bytes:
        return self._begin() + self._seal(self._pieces.rest(), last=True)

    def _begin(self) -> bytes:
        head, self._unsent = self._unsent, b""
        return head

    def _seal(self, piece: bytes, *, last: bool) -> bytes:
        return self._cipher.encrypt(self._pieces.nonce(last=last), piece, self._head)


class _Derive(Protocol):
    def __call__(self, key_id: bytes, salt: bytes, /) -> AESGCM: ...


class _Opening:
    """Reads the head first, and then knows whether there is anything to open."""

    def __init__(self, derive: _Derive) -> None:
        self._derive = derive
        self._held = b""
        self._begun = False
        self._head = b""
        self._cipher: AESGCM | None = None
        self._pieces = _Pieces(PIECE_BYTES + _TAG_BYTES)

    def update(self, data: bytes) -> bytes:
        if not self._begun:
            self._held += data
            if len(self._held) < _SALT_END:
                return b""
            data = self._begin()
        if self._cipher is None:
            return data
        return b"".join(self._open(piece, last=False) for piece in self._pieces.cut(data))

    def finish(self) -> bytes:
        plain = b"" if self._begun else self._begin()
        return plain if self._cipher is None else self._open(self._pieces.rest(), last=True)

    def _begin(self) -> bytes:
        """Take the head off the bytes held so far; what is left is content."""
        held, self._held, self._begun = self._held, b"", True
        if not held.startswith(_MAGIC):
            return held
        key_id = held[len(_MAGIC) : _KEY_END]
        if key_id == _NOT_SEALED:
            return held[_KEY_END:]
        if len(held) < _SALT_END:
            raise Unreadable("a sealed file was cut within its head")
        self._head = held[:_SALT_END]
        self._cipher = self._derive(key_id, held[_KEY_END:_SALT_END])
        return held[_SALT_END:]

    def _open(self, piece: bytes, *, last: bool) -> bytes:
        assert self._cipher is not None
        try:
            return self._cipher.decrypt(self._pieces.nonce(last=last), piece, self._head)
        except (InvalidTag, ValueError):
            raise Unreadable("a sealed file was changed or cut") from None
