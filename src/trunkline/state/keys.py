"""Keys that were issued here or are declared by the configuration, as hashes; and the ports that keep and make them."""

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from trunkline.principal import SCOPES

PREFIX = "sk-tl-"
"""What every key that is made here begins with; the ten characters behind it are the key's id."""

RESERVED = frozenset({"master", "local"})
"""What no key is called: the operator's own, and the command line beside the store."""

KNOWN_SCOPES = frozenset({*SCOPES, *(f"{scope}:read" for scope in SCOPES)})

_ID_CHARACTERS = 10
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+=:-]{0,63}")
_MOST_IN_MODEL = 256
_HASH = re.compile(r"tl1\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]{43})")

_NO_LABELS: Mapping[str, str] = {}


class KeyHash(Struct, frozen=True):
    """HMAC-SHA-256 of a whole key, under the key derived from the root secret of the id `root`.

    With `until_micros` it counts no longer than that: the key has been rotated.
    """

    root: str
    digest: bytes
    until_micros: int | None = None


class KeptKey(Struct, frozen=True, kw_only=True):
    """A key, without the key itself. `models` are `None` for everything.

    `declared_in` is the place in the configuration of one that is declared: its `id` is its name, and it is never
    changed here. `revision` says when it was changed last; whatever changes a key names the one that it knows.
    """

    id: str
    name: str
    path: str
    hashes: tuple[KeyHash, ...]
    labels: Mapping[str, str] = _NO_LABELS
    models: tuple[str, ...] | None = None
    scopes: tuple[str, ...] = ()
    created_at_micros: int = 0
    created_by: str = ""
    expires_at_micros: int | None = None
    revoked_at_micros: int | None = None
    declared_in: str = ""
    revision: int = 0

    def is_live(self, now_micros: int) -> bool:
        """Whether it opens anything."""
        return self.revoked_at_micros is None and (
            self.expires_at_micros is None or now_micros < self.expires_at_micros
        )


class KeyChanges(Struct, frozen=True):
    """What has become of keys up to a revision: those that are new or different, and the ids of those that are gone."""

    revision: int
    keys: Sequence[KeptKey]
    gone: Sequence[str]


class MadeKey(Struct, frozen=True):
    """A key that was made just now: the only time that its text is known."""

    id: str
    text: str
    hash: KeyHash

    def __repr__(self) -> str:
        return f"MadeKey({self.id!r})"


class NameTaken(Exception):
    """Another key has this name."""


class KeptKeys(Protocol):
    """Keeps keys. All raise `Unavailable` when they cannot be reached."""

    async def add(self, key: KeptKey) -> None:
        """Raises `NameTaken`."""

    async def replace(self, known: KeptKey, key: KeptKey) -> bool:
        """Put `key` into the place of `known`; `False` when that has been changed or deleted meanwhile.

        Raises `NameTaken`.
        """

    async def delete(self, known: KeptKey) -> bool:
        """For good, its name with it; `False` when it has been changed or deleted meanwhile."""

    async def hash_anew(self, known: KeptKey, hashes: tuple[KeyHash, ...]) -> bool:
        """Replace the hashes alone. That is no change: whoever knows the old ones knows the key all the same."""

    async def find(self, name: str) -> KeptKey | None:
        """By its id, else by its name."""

    async def page(self, path: str, *, after: str | None, limit: int) -> Sequence[KeptKey]:
        """Up to `limit` keys of a path and the paths below it, behind the id `after` (`KeyError` when it is unknown
        there), the newest first, and one more if there is one."""

    async def changes(self, after: int) -> KeyChanges:
        """Since a revision; all keys since 0."""


class KeyMaker(Protocol):
    """Makes keys, and knows which there are."""

    @property
    def declared(self) -> Sequence[KeptKey]:
        """The keys of the configuration, in its order."""

    @property
    def newest(self) -> str:
        """The id of the root secret in force. A hash under another one waits for its key's next use."""

    def make(self, id: str | None = None) -> MadeKey:
        """A key of a new id, or another text for an id that is there."""

    async def refresh(self) -> None:
        """Know of every change that has been made by now; as well as possible."""


def is_name(text: str) -> bool:
    """Whether a key may be called so: rules and records name it by this."""
    return text not in RESERVED and _NAME.fullmatch(text) is not None


def is_model(text: str) -> bool:
    """Whether a text may stand among a key's models."""
    return 0 < len(text) <= _MOST_IN_MODEL and text.isprintable() and not any(char in text for char in " ,")


def find_id(presented: bytes) -> str | None:
    """The id in a key as it was sent; `None` for one of another shape."""
    if not presented.startswith(b"sk-tl-"):
        return None
    return presented[len(PREFIX) : len(PREFIX) + _ID_CHARACTERS].decode("latin-1")


def hash_key(secret: bytes, presented: bytes) -> bytes:
    """What is kept of a key, under a secret derived for keys."""
    return hmac.digest(secret, presented, "sha256")


def write_hash(hash: KeyHash) -> str:
    """`tl1.<id of the root secret>.<base64url>`, as a file declares it."""
    return f"tl1.{hash.root}.{base64.urlsafe_b64encode(hash.digest).decode().rstrip('=')}"


def read_hash(text: str) -> KeyHash:
    """Raises `ValueError` for what is none."""
    match = _HASH.fullmatch(text)
    if match is None:
        raise ValueError("should be a hash as `trunkline keys hash` makes them")
    return KeyHash(match[1], base64.urlsafe_b64decode(match[2] + "="))
