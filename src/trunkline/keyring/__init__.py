"""The root secret, what is derived from it, and who holds the operator's key.

What is not configured is generated once and kept in `<data_dir>/keyring`: the root secret itself, and of the operator's
key no more than a hash under a key derived from that secret.
"""

import base64
import hmac
import logging
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from trunkline.errors import ConfigError
from trunkline.principal import OPERATOR, Principal
from trunkline.state.keys import PREFIX, hash_key

_log = logging.getLogger("trunkline")

_FILE = "keyring"
_SECRET_BYTES = 32


class _Kept(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """What the file holds. `key_id` names the secret that `key_hash` was made under."""

    secret: str = ""
    key_hash: str = ""
    key_id: str = ""


class Keyring:
    """Answers `ports.Keys`, and derives keys from the root secrets. Nothing secret is in its `repr`.

    `newest` is the id of the root secret in force. Without `key_hash` everybody is the operator: for a gateway that
    only this machine can reach. `hashed_under` is the root secret that the hash was made under.
    """

    def __init__(self, roots: Sequence[bytes], key_hash: bytes | None, hashed_under: bytes) -> None:
        self._roots = tuple(roots)
        self._hash = key_hash
        self._secret = derive(hashed_under, "key")
        self.newest = _key_id(roots[0])

    def __repr__(self) -> str:
        return f"Keyring(newest={self.newest!r})"

    @property
    def open_to_all(self) -> bool:
        """Whether authentication is off."""
        return self._hash is None

    def find(self, presented: bytes) -> Principal | None:
        """The operator, if this is the key. The time of the comparison does not tell how much of a wrong key was
        right."""
        if self._hash is None or hmac.compare_digest(hash_key(self._secret, presented), self._hash):
            return OPERATOR
        return None

    def derive(self, label: str) -> dict[str, bytes]:
        """A 32-byte key for one purpose from each root secret, by key id: the newest, and those before a rotation."""
        return {_key_id(root): derive(root, label) for root in self._roots}


def open_keyring(
    data_dir: Path,
    *,
    secret: bytes | None = None,
    previous_secrets: Sequence[bytes] = (),
    master_key: str | None = None,
    auth: bool = True,
) -> tuple[Keyring, str | None]:
    """The keyring, and the operator's key if it was generated just now: the only time that it can be shown.

    What is configured wins over what is kept; where secret and key are both configured nothing is read or written.
    Raises `ConfigError` when the data directory cannot be written, or the file is damaged.
    """
    path = data_dir / _FILE
    wants_key = auth and master_key is None
    kept, generated = _Kept(), None
    if secret is None or wants_key:
        try:
            if secret is None and _is_missed(path):
                _log.warning(
                    "`%s` is new, though its folder is not: keys that were issued before are unknown from now on, and what"
                    " is sealed cannot be opened. Restore that file, or set TRUNKLINE_SECRET to the secret that was in it",
                    path,
                )
            kept, generated = _read_or_make(path, secret, previous_secrets, wants_key)
        except OSError as error:
            raise ConfigError(f"`{path}` cannot be kept: {error.strerror}; set TRUNKLINE_DATA_DIR") from None
    roots = (secret or _decode(kept.secret, path), *previous_secrets)
    if not auth:
        return Keyring(roots, None, roots[0]), None
    if master_key is not None:
        return Keyring(roots, _hash(roots[0], master_key), roots[0]), None
    hashed_under = next(root for root in roots if _key_id(root) == kept.key_id)
    return Keyring(roots, bytes.fromhex(kept.key_hash), hashed_under), generated


def derive(secret: bytes, label: str) -> bytes:
    """A key of 32 bytes for one purpose: HKDF-SHA-256 without salt (RFC 5869), one block."""
    extracted = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(extracted, f"trunkline {label}".encode() + b"\x01", "sha256")


def generate_key(id: str | None = None) -> str:
    """A key in the shape of all keys issued here: a part to know it by, its id, and a part to guess in vain."""
    return f"{PREFIX}{id or generate_id()}-{secrets.token_urlsafe(32)}"


def generate_id() -> str:
    """The part to know a key by."""
    return base64.b32encode(secrets.token_bytes(10)).decode().lower()[:10]


def _key_id(secret: bytes) -> str:
    return base64.urlsafe_b64encode(derive(secret, "key-id")[:6]).decode()


def _hash(root: bytes, key: str) -> bytes:
    return hash_key(derive(root, "key"), key.encode())


# --- the file ---------------------------------------------------------------------------------------------------


def _read_or_make(
    path: Path, secret: bytes | None, previous_secrets: Sequence[bytes], wants_key: bool
) -> tuple[_Kept, str | None]:
    """What the file holds, completed with what is missing, and the operator's key if it was made here."""
    kept = _read(path)
    before = msgspec.structs.replace(kept)
    if secret is None and not kept.secret:
        kept.secret = base64.urlsafe_b64encode(secrets.token_bytes(_SECRET_BYTES)).decode().rstrip("=")
    roots = (secret or _decode(kept.secret, path), *previous_secrets)
    generated = None
    # Its hash was made under a secret that is gone: the old key cannot be told any more, so there is a new one.
    if wants_key and kept.key_id not in {_key_id(root) for root in roots}:
        generated = generate_key()
        kept.key_id = _key_id(roots[0])
        kept.key_hash = _hash(roots[0], generated).hex()
    if kept == before:
        return kept, None
    if before == _Kept() and not _create(path, kept):
        # Another process was first: its keyring is the one.
        return _read_or_make(path, secret, previous_secrets, wants_key)
    if before != _Kept():
        _replace(path, kept)
    return kept, generated


def _is_missed(path: Path) -> bool:
    """Whether there is no such file where there was a gateway before."""
    folder = path.parent
    return not path.exists() and folder.is_dir() and any(entry.name[0] != "." for entry in folder.iterdir())


def _read(path: Path) -> _Kept:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return _Kept()
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    try:
        return msgspec.json.decode(content, type=_Kept)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ConfigError(f"{path} is damaged: restore it, or remove it to begin with new secrets") from None


def _create(path: Path, kept: _Kept) -> bool:
    """Put a new file in its place, whole, unless there is one by now."""
    draft = _write_draft(path, kept)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def _replace(path: Path, kept: _Kept) -> None:
    _write_draft(path, kept).replace(path)


def _write_draft(path: Path, kept: _Kept) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    draft = path.with_name(f".{_FILE}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(kept) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return draft


def _decode(text: str, path: Path) -> bytes:
    try:
        secret = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        secret = b""
    if len(secret) < _SECRET_BYTES:
        raise ConfigError(f"{path} is damaged: restore it, or remove it to begin with new secrets")
    return secret
