"""The root secret and the master key: what is derived from the one, and who holds the other.

`<data dir>/keyring` (0600, its folder 0700) keeps the generated secret and the hash of a generated key, so that a
restart knows both; the key itself is shown once and kept nowhere.
"""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from trunkline.errors import ConfigError
from trunkline.ports import Principal

_SECRET_BYTES = 32
_MASTER = Principal("master", "/")


class _Kept(msgspec.Struct, forbid_unknown_fields=True):
    """The file: base64url, without padding."""

    secret: str = ""
    master_key_hash: str = ""


class Keyring:
    """Answers `ports.Keys`, and derives keys. Nothing secret is in its `repr`."""

    def __init__(self, root_secrets: Sequence[bytes], master_hash: bytes, *, open_to_all: bool = False) -> None:
        self._root_secrets = root_secrets
        self._hash_key = _derive(root_secrets[0], "key")
        self._master_hash = master_hash
        self._open_to_all = open_to_all
        self.newest = _key_id(root_secrets[0])

    def __repr__(self) -> str:
        return f"Keyring(newest={self.newest!r})"

    def find(self, presented: bytes) -> Principal | None:
        """The holder of a key; with authentication off everybody is the operator."""
        if self._open_to_all:
            return _MASTER
        presented_hash = hmac.digest(self._hash_key, presented, "sha256")
        return _MASTER if hmac.compare_digest(presented_hash, self._master_hash) else None

    @property
    def open_to_all(self) -> bool:
        """Whether authentication is off."""
        return self._open_to_all

    def derive(self, label: str) -> dict[str, bytes]:
        """A 32-byte key for one purpose from each root secret, by key id: the newest, and those before a rotation."""
        return {_key_id(secret): _derive(secret, label) for secret in self._root_secrets}


def open_keyring(
    data_dir: Path,
    *,
    secret: bytes | None,
    previous_secrets: Sequence[bytes] = (),
    master_key: str | None,
    auth: bool = True,
) -> tuple[Keyring, str | None]:
    """The keyring, and the master key if it was generated just now: to be shown once.

    What is configured wins over what is kept; what is missing is generated and kept. Raises `ConfigError` when the
    data folder cannot be written or the file is not ours.
    """
    path = data_dir / "keyring"
    kept = _read(path)
    changed = False
    if secret is None and not kept.secret:
        kept.secret = _write_base64(secrets.token_bytes(_SECRET_BYTES))
        changed = True
    root_secret = secret or _read_base64(kept.secret)
    hash_key = _derive(root_secret, "key")
    generated = None
    if master_key is not None:
        master_hash = _hash(hash_key, master_key)
    elif auth and not kept.master_key_hash:
        generated = "sk-tl-" + secrets.token_urlsafe(32)
        master_hash = _hash(hash_key, generated)
        kept.master_key_hash = _write_base64(master_hash)
        changed = True
    else:
        master_hash = _read_base64(kept.master_key_hash)
    if changed:
        _write(path, kept)
    return Keyring((root_secret, *previous_secrets), master_hash, open_to_all=not auth), generated


def _hash(hash_key: bytes, key: str) -> bytes:
    return hmac.digest(hash_key, key.encode(), "sha256")


def _derive(secret: bytes, label: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"trunkline " + label.encode()).derive(secret)


def _key_id(secret: bytes) -> str:
    """A short public name for a secret: says nothing of it, and is the same on every replica."""
    return hashlib.sha256(b"trunkline key id " + secret).hexdigest()[:8]


def _read(path: Path) -> _Kept:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return _Kept()
    except OSError as error:
        raise ConfigError(f"`{path}` cannot be read: {error.strerror}") from None
    try:
        return msgspec.json.decode(data, type=_Kept)
    except msgspec.MsgspecError:
        raise ConfigError(f"`{path}` is not a keyring of trunkline: move it away, or set TRUNKLINE_DATA_DIR") from None


def _write(path: Path, kept: _Kept) -> None:
    """Whole or not at all, readable by its owner alone from the first byte on."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = path.with_name(f"keyring.{os.getpid()}.new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(kept))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise ConfigError(
            f"`{path}` cannot be written: {error.strerror}; set TRUNKLINE_DATA_DIR to a folder that can"
        ) from None


def _write_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _read_base64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
