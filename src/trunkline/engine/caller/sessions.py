"""Which session a request belongs to: what its headers or its body say, else how its conversation begins.

The beginning of a conversation is sent again with every turn, so its hash is the same in all of them. It is looked at
as the bytes that it is, and no further than to the end of the user's first words: this is done for every request.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Raw

from trunkline.engine.envelope import Members

HEADERS = (
    b"x-session-id",
    b"x-claude-code-session-id",
    b"session-id",
    b"session_id",
    b"x-litellm-session-id",
    b"helicone-session-id",
    b"agent-session-id",
)
"""What clients and other gateways call it, the commonest first."""

GUESSED = "auto-"
"""What the name of a session begins with that is known by its opening alone."""

OURS = ("session_id", "litellm_session_id")
"""Members of a body that are said to a gateway, and go no further."""

_MEMBERS = (*OURS, "metadata", "conversation", "prompt_cache_key")
SAYING = frozenset(_MEMBERS)
"""Members of a body that may say something of its session or labels. Most bodies have none."""

_IN_METADATA = ("session_id", "litellm_session_id", "user_id")

# Where a dialect has the turns, and beside them how the model is told to behave.
_RESPONSES = ("input", ("instructions",))
_DIALECTS = (("messages", ("system",)), _RESPONSES, ("contents", ("systemInstruction", "system_instruction")))

# What Claude Code writes into `metadata.user_id`: `user_…_account_…_session_…`, or an object with a `session_id`.
_WITHIN = "_session_"

_MOST_CHARACTERS = 128
_SECRETS = ("sk-", "Bearer ", "Basic ", "AIza", "eyJ")

# How far the user's first words are looked for: behind a long system message. And how much of them, and of the
# instructions, tells sessions apart.
_REACH_BYTES = 32 * 1024
_TOLD_BYTES = 384

# What is longer is hashed anew each time: a caller may say as much as a body holds.
_MOST_KEPT_BYTES = 1024

# How a part ends that is marked as the end of what to cache.
_MARKED = (b'"ephemeral"', b'"5m"', b'"1h"')

_NULL = Raw(b"null")


class Sessions:
    """`headers` are looked at before all others. `guesses`: whether an opening makes a session. `key` keeps what is
    hashed from being found out by trying."""

    def __init__(self, headers: Sequence[bytes] = (), *, guesses: bool = True, key: bytes = b"") -> None:
        self._headers = (*headers, *HEADERS)
        self._guesses = guesses
        self._key = key
        self._hash_known = lru_cache(maxsize=1024)(self._hash_anew)

    def read(self, path: str, headers: Mapping[bytes, bytes]) -> str:
        """The session that the headers of a request say; empty where they say none."""
        for name in self._headers:
            if name in headers and (said := headers[name].decode("utf-8", "replace").strip()):
                return self._name(path, said)
        return ""

    def read_body(self, path: str, members: Members, metadata: Mapping[str, Any]) -> str:
        """The same of its body. `metadata` are the body's own, decoded."""
        for member in _MEMBERS:
            if member in members and (said := _read(member, members[member], metadata)):
                return self._name(path, said)
        return ""

    def guess(self, path: str, members: Members) -> str:
        """The session of a request that says none, by how its conversation begins."""
        if not self._guesses:
            return ""
        if "previous_response_id" in members and members["previous_response_id"] != _NULL:
            return self._hash(GUESSED, path, bytes(members["previous_response_id"]))
        for turns, standing in _DIALECTS:
            if turns in members:
                return self._hash(GUESSED, path, _tell(members[turns], members, standing))
        return ""

    def follow(self, path: str, session: str, members: Members, opening: bytes) -> str:
        """The session of a request that goes on from responses, of which the first one's input is `opening`."""
        if not session.startswith(GUESSED):
            return session
        return self._hash(GUESSED, path, _tell(opening, members, _RESPONSES[1]))

    def _name(self, path: str, said: str) -> str:
        """A session as it is called; by a hash where that is too long, not printable, or looks like a key."""
        if len(said) <= _MOST_CHARACTERS and said.isprintable() and not said.startswith(_SECRETS):
            return said
        return self._hash("hashed-", path, said.encode("utf-8", "replace"))

    def _hash(self, kind: str, path: str, told: bytes) -> str:
        return (self._hash_known if len(told) <= _MOST_KEPT_BYTES else self._hash_anew)(kind, path, told)

    def _hash_anew(self, kind: str, path: str, told: bytes) -> str:
        return kind + blake2b(b"%b\0%b" % (path.encode(), told), digest_size=12, key=self._key).hexdigest()


def _read(name: str, raw: Raw, metadata: Mapping[str, Any]) -> str:
    """What a member says of the session; empty where it says nothing."""
    if name == "metadata":
        return next(filter(None, (_read_text(metadata.get(inner)) for inner in _IN_METADATA)), "")
    value = _decode(raw)
    return _read_text(value.get("id") if isinstance(value, dict) else value)


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        return ""
    if value.startswith("{"):
        found = _decode(value)
        value = found.get("session_id", value) if isinstance(found, dict) else value
        return value if isinstance(value, str) else ""
    return value.partition(_WITHIN)[2] or value


def _decode(value: Raw | str) -> Any:
    """What a member holds; `None` where it is not JSON, which whoever is asked will say."""
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _tell(turns: Raw | bytes, members: Members, standing: Sequence[str]) -> bytes:
    """What tells one conversation from others: how it is told to behave, and what its user says first."""
    said = _cut(turns)
    # A text has no roles, and may be long.
    user = 0 if said.startswith(b'"') else max(said.find(b'"user"'), 0)
    # Braces in what is said only make it shorter, in every turn alike.
    end = said.find(b"}", user, user + _TOLD_BYTES)
    told = said[user - _TOLD_BYTES if user > _TOLD_BYTES else 0 : end if end >= 0 else user + _TOLD_BYTES]
    if told.endswith(_MARKED):
        # Marks for a cache wander from turn to turn.
        told = told.rpartition(b'"cache_control"')[0].rstrip(b", ") or told
    for name in standing:
        if name in members:
            return _cut(members[name])[:_TOLD_BYTES] + told
    return told


def _cut(raw: Raw | bytes) -> bytes:
    # What is short is sooner copied than viewed.
    return bytes(raw) if len(raw) <= _REACH_BYTES else bytes(memoryview(raw)[:_REACH_BYTES])
