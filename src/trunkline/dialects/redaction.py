"""Bodies without what nobody should read in them later: keys, credentials of tools, contents of files.

What is JSON is taken apart, so that a member is known by its name; anything else is searched as text. A guess in favour
of silence: what looks like a key is taken for one.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from trunkline.dialects.shapes import UNREADABLE

REDACTED = "[redacted]"

# Members that open somebody's door, whoever's they are.
_SECRET_NAMES = frozenset(
    "authorization authorization_token api_key apikey api-key x-api-key access_token refresh_token client_secret secret"
    " password private_key headers".split()
)

# Words so short open no doors. Most texts have none that are longer, and are not looked at any further.
_LEAST_CHARACTERS = 16
_LONG_WORDS = re.compile(r"[A-Za-z0-9._~+/=\-]{16,}")

# What looks like a key: a word and a long one with capitals behind it, which no id of an object has; Google's, AWS's,
# GitHub's, Slack's, JWTs.
_KEY = re.compile(
    r"\b(?:sk|rk|pk)[-_][A-Za-z0-9_\-]{16,}|\b[a-z0-9]{2,5}[-_](?=[a-z0-9]*[A-Z])[A-Za-z0-9]{30,}"
    r"|\bAIza[A-Za-z0-9_\-]{30,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{30,}|\bxox[abprs]-[A-Za-z0-9\-]{10,}"
    r"|\beyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]*"
)
_PRIVATE = "PRIVATE KEY-----"
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?")

# Pictures, sound, sealed reasoning: nothing that anybody reads is so long and has no space in it.
_MOST_READ = 512

_SECRET_MEMBERS = re.compile(
    '("(?:' + "|".join(sorted(_SECRET_NAMES)) + r')"\s*:\s*)(?:"(?:[^"\\]|\\.)*"?|\{[^{}]*\}?|\[[^\[\]]*\]?)',
    re.IGNORECASE,
)

# Taken apart, a body holds the interpreter for some milliseconds a megabyte.
_MOST_PARSED_BYTES = 4 * 1024 * 1024


class Redaction:
    """`patterns` are taken out besides, `most_characters` is how long a text may be that is kept."""

    def __init__(self, patterns: Sequence[re.Pattern[str]] = (), most_characters: int = 65_536) -> None:
        self._patterns = patterns
        self._most = most_characters

    def clean(self, body: bytes) -> tuple[str, bool]:
        """A body to keep, and whether it had to be cut."""
        if len(body) <= _MOST_PARSED_BYTES and body[:1] in (b"{", b"["):
            try:
                text = msgspec.json.encode(self._walk(msgspec.json.decode(body))).decode()
                return text[: self._most], len(text) > self._most
            except UNREADABLE:
                pass
        # A character is four bytes at most. One that is cut in two is no loss.
        raw = body[: 4 * self._most].decode("utf-8", "replace")
        text = self.clean_text(_hide_members(raw))
        return text[: self._most], len(text) > self._most or len(body) > 4 * self._most

    def clean_text(self, text: str) -> str:
        """One text of a body."""
        if text.startswith("{"):
            # Arguments of a call, say: JSON within JSON.
            text = _hide_members(text)
        if max(map(len, text.split()), default=0) >= _LEAST_CHARACTERS:
            text = _LONG_WORDS.sub(_judge, text)
        if len(text) > self._most:
            text = text[: self._most]
        if _PRIVATE in text:
            text = _PRIVATE_KEY.sub(REDACTED, text)
        for pattern in self._patterns:
            text = pattern.sub(REDACTED, text)
        return text

    def _walk(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.clean_text(value)
        if isinstance(value, list):
            return [self._walk(element) for element in value]
        if isinstance(value, dict):
            return {
                name: REDACTED if member and name.lower() in _SECRET_NAMES else self._walk(member)
                for name, member in value.items()
            }
        return value


def _hide_members(text: str) -> str:
    return _SECRET_MEMBERS.sub(rf'\1"{REDACTED}"', text)


def _judge(found: re.Match[str]) -> str:
    """The word itself, or what stands in its place if it looks like a key."""
    word, before = found.group(), found.string[max(0, found.start() - 8) : found.start()]
    if len(word) >= _MOST_READ or before == ";base64,":
        return f"[{len(word)} characters cut]"
    return REDACTED if before.lower().endswith("bearer ") else _KEY.sub(REDACTED, word)
