"""The root secret, what is derived from it, and who holds the operator's key.

What is not configured is generated once and kept in `<data_dir>/keyring`: the root secret itself, and of the operator's
key no more than a hash under a key derived from that secret.
"""

import base64
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec import Struct

from trunkline.config.config import Config
from trunkline.errors import ConfigError
from trunkline.ports import Keys, Principal

OPERATOR = Principal("master", "/")

_FILE = "keyring"
_SECRET_BYTES = 32


class _Kept(Struct, omit_defaults=True):
    """What the file holds. `key_id` names the secret that `key_hash` was made under."""

    secret: str = ""
    key_hash: str = ""
    key_id: str = ""


class MasterKey:
    """The one key there is: the operator's. Told by its hash; one that has proved right is remembered as it came."""

    def __init__(self, secret: bytes, key_hash: bytes) -> None:
        self._secret = secret
        self._hash = key_hash
        self._proved = b""

    def find(self, presented: bytes) -> Principal | None:
        """The operator, if this is the key. Neither comparison's time tells how much of a wrong key was right."""
        # A hash costs some 7 µs and every request passes here: the key in use is compared with itself.
        if self._proved and hmac.compare_digest(presented, self._proved):
            return OPERATOR
        if hmac.compare_digest(hmac.digest(self._secret, presented, "sha256"), self._hash):
            self._proved = presented
            return OPERATOR
        return None


class OpenDoor:
    """Nobody is asked for a key: for a gateway that only this machine can reach."""

    def find(self, presented: bytes) -> Principal | None:
        return OPERATOR


@dataclass(frozen=True, slots=True)
class Keyring:
    """`keys` tells who is calling. `carriers` are the keys that carriers are sealed under, by id, `newest` among them.

    `generated` is the operator's key when it was made just now: the only time that it can be shown.
    """

    keys: Keys
    newest: str
    carriers: Mapping[str, bytes] = field(repr=False)
    generated: str | None = field(default=None, repr=False)


def open_keyring(config: Config) -> Keyring:
    """The keyring of a data directory, made if it has to be. Raises `ConfigError` when it cannot be kept.

    Where secret and key are both configured nothing is read or written.
    """
    path = config.data_dir / _FILE
    wants_key = config.auth and config.master_key is None
    kept, generated = _Kept(), None
    if config.secret is None or wants_key:
        try:
            kept, generated = _read_or_make(path, config, wants_key)
        except OSError as error:
            raise ConfigError(f"{path} cannot be kept: {error.strerror}; set TRUNKLINE_DATA_DIR") from None
    roots = (config.secret or _decode(kept.secret, path), *config.previous_secrets)
    return Keyring(
        keys=_find_keys(config, roots, kept),
        carriers={_key_id(root): derive(root, "carrier") for root in reversed(roots)},
        newest=_key_id(roots[0]),
        generated=generated,
    )


def derive(secret: bytes, label: str) -> bytes:
    """A key of 32 bytes for one purpose: HKDF-SHA-256 without salt (RFC 5869), one block."""
    extracted = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(extracted, f"trunkline {label}".encode() + b"\x01", "sha256")


def generate_key() -> str:
    """A key in the shape of all keys issued here: a part to know it by, and a part to guess in vain."""
    known_by = base64.b32encode(secrets.token_bytes(10)).decode().lower()[:10]
    return f"sk-tl-{known_by}-{secrets.token_urlsafe(32)}"


def _key_id(secret: bytes) -> str:
    return base64.urlsafe_b64encode(derive(secret, "key-id")[:6]).decode()


def _find_keys(config: Config, roots: tuple[bytes, ...], kept: _Kept) -> Keys:
    if not config.auth:
        return OpenDoor()
    if config.master_key is not None:
        secret = derive(roots[0], "key")
        return MasterKey(secret, hmac.digest(secret, config.master_key.encode(), "sha256"))
    root = next(root for root in roots if _key_id(root) == kept.key_id)
    return MasterKey(derive(root, "key"), bytes.fromhex(kept.key_hash))


# --- the file ---------------------------------------------------------------------------------------------------


def _read_or_make(path: Path, config: Config, wants_key: bool) -> tuple[_Kept, str | None]:
    """What the file holds, completed with what is missing, and the operator's key if it was made here."""
    kept = _read(path)
    before = msgspec.structs.replace(kept)
    if config.secret is None and not kept.secret:
        kept.secret = base64.urlsafe_b64encode(secrets.token_bytes(_SECRET_BYTES)).decode().rstrip("=")
    roots = (config.secret or _decode(kept.secret, path), *config.previous_secrets)
    generated = None
    # Its hash was made under a secret that is gone: the old key cannot be told any more, so there is a new one.
    if wants_key and kept.key_id not in {_key_id(root) for root in roots}:
        generated = generate_key()
        kept.key_id = _key_id(roots[0])
        kept.key_hash = hmac.digest(derive(roots[0], "key"), generated.encode(), "sha256").hex()
    if kept == before:
        return kept, None
    if before == _Kept() and not _create(path, kept):
        # Another process was first: its keyring is the one.
        return _read_or_make(path, config, wants_key)
    if before != _Kept():
        _replace(path, kept)
    return kept, generated


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
