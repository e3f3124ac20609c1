"""Credentials taken out of what is told."""

import re

# Local servers are given placeholders ("x", "ollama", "not-needed"): taking words out would only garble what is said.
_SHORTEST_SECRET = 6
_LONG_SECRET = 16
_WORD = re.compile(r"[a-z][a-z._\-]*")

# Vendors quote the start of a key, and stars or dots behind it; so much of it is the key's own whatever stands behind.
_STARRED_START, _OWN_START = 8, 16
_TAKEN_OUT = "[redacted]"


def is_secret(value: str) -> bool:
    return len(value) >= _LONG_SECRET or (len(value) >= _SHORTEST_SECRET and not _WORD.fullmatch(value))


def take_out(secret: str, text: str) -> str:
    """The text without a credential. A short one may be the start of another word."""
    if not is_secret(secret):
        return text
    if len(secret) >= _LONG_SECRET:
        return text.replace(secret, _TAKEN_OUT)
    return re.sub(rf"(?<![\w\-]){re.escape(secret)}(?![\w\-])", _TAKEN_OUT, text)


def take_out_starred(key: str, text: str) -> str:
    """The text without a key that a vendor quotes cut short, or starred out."""
    if len(key) < _LONG_SECRET:
        return text
    own, starred = re.escape(key[:_OWN_START]), re.escape(key[:_STARRED_START])
    return re.sub(rf"(?:{own}|{starred}[\w\-]*(?:\*|…|\.\.))[\w\-*.…]*", _TAKEN_OUT, text)
