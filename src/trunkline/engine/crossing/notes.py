"""What a request leaves for the turn after it: thought by call id, and which prefixes were seen lately.

Bound, like seals, to the family and account of the upstream and the path of the caller, so that nobody reads another's.
"""

import hashlib

import msgspec

from trunkline.dialects.recall import Thought
from trunkline.ports import Shared

# As long as an agent may wait for its human.
_THOUGHT_SECONDS = 24 * 3600.0

# What Anthropic keeps a cached prefix for, since it was last used.
_PREFIX_SECONDS = 300.0

_thoughts = msgspec.json.Decoder(Thought)


class Notes:
    """The notes of one caller's path with one account of one family."""

    __slots__ = ("_scope", "_shared")

    def __init__(self, shared: Shared, family: str, account: str, path: str) -> None:
        self._shared = shared
        self._scope = f"{family}\0{account}\0{path}\0".encode()

    def recall(self, call_id: str) -> Thought | None:
        """The thought that led to a call."""
        noted = self._shared.get(b"thought\0" + self._scope + call_id.encode("utf-8", "replace"))
        return _thoughts.decode(noted) if noted is not None else None

    def remember(self, call_id: str, thought: Thought) -> None:
        key = b"thought\0" + self._scope + call_id.encode("utf-8", "replace")
        self._shared.put(key, msgspec.json.encode(thought), _THOUGHT_SECONDS)

    def see_prefix(self, prefix: bytes) -> bool:
        """Note a prefix; says whether it was seen in the last minutes."""
        key = b"prefix\0" + self._scope + hashlib.sha256(prefix).digest()
        seen = self._shared.get(key) is not None
        self._shared.put(key, b"", _PREFIX_SECONDS)
        return seen
