"""Texts as they are typed → values. Each reader raises `ValueError` with what the text should be, and never quotes
it."""

import base64
import binascii
import re
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

from trunkline.serve.proxies import Network
from trunkline.upstream.reach import Hosts, read_hosts

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(B|KB|MB|GB|KIB|MIB|GIB)?", re.IGNORECASE)
_UNITS = {
    "B": 1,
    "KB": 1_000,
    "MB": 1_000_000,
    "GB": 1_000_000_000,
    "KIB": 1 << 10,
    "MIB": 1 << 20,
    "GIB": 1 << 30,
}
_BOOLS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_SECRET_BYTES = 32

# What lowering knows words for.
_EMULATED = ("verbosity",)


def read_text(text: str) -> str:
    return text


def read_size(text: str) -> int:
    """`32MB`, `64KiB` or a number of bytes."""
    match = _SIZE.fullmatch(text)
    size = int(float(match[1]) * _UNITS[(match[2] or "B").upper()]) if match else 0
    if size <= 0:
        raise ValueError("should be a size like 32MB")
    return size


def read_seconds(text: str) -> float:
    """`30`, `0.5` or `30s`."""
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise ValueError("should be a number of seconds like 30")
    return seconds


def read_days(text: str) -> int:
    """A whole number of days."""
    if not text.isdecimal() or not 1 <= int(text) <= 36_500:
        raise ValueError("should be a number of days like 30")
    return int(text)


def read_count(text: str) -> int:
    """A whole number, at least 1."""
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000_000:
        raise ValueError("should be a whole number like 16384")
    return int(text)


def read_bool(text: str) -> bool:
    if text.lower() not in _BOOLS:
        raise ValueError("should be true or false")
    return _BOOLS[text.lower()]


def read_auto_or_off(text: str) -> bool:
    """Whether what the gateway does by itself is left to it."""
    if text.lower() not in ("auto", "off"):
        raise ValueError("should be auto or off")
    return text.lower() == "auto"


def read_port(text: str) -> int:
    """A port number; 0 takes any free port."""
    if not text.isdecimal() or int(text) > 65_535:
        raise ValueError("should be a port number like 8080")
    return int(text)


def read_path(text: str) -> Path:
    return Path(text).expanduser()


def read_file(text: str) -> Path:
    path = read_path(text)
    if not path.is_file():
        raise ValueError("names a file that is not there")
    return path


def read_base_path(text: str) -> str:
    """A path that begins with a slash; the one at its end is taken off."""
    if not text.startswith("/") or not text.isascii() or any(char in text for char in "?#% \t"):
        raise ValueError("should be a path like /ai")
    return "/" + text.strip("/")


def read_log_format(text: str) -> str:
    if text not in ("text", "json"):
        raise ValueError("should be text or json")
    return text


def read_key(text: str) -> str:
    """A key that callers can send in a header."""
    if len(text) < 8 or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("should be at least 8 visible ASCII characters")
    return text


def read_secret(text: str) -> bytes:
    """A root secret: base64url of at least 32 bytes."""
    try:
        secret = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) < _SECRET_BYTES:
        raise ValueError(
            "should be at least 32 random bytes in base64url, as"
            " `python -c 'import secrets; print(secrets.token_urlsafe(32))'` makes them"
        )
    return secret


def read_secrets(text: str) -> tuple[bytes, ...]:
    return tuple(read_secret(part) for part in read_list(text))


def read_list(text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def read_emulated(text: str) -> frozenset[str]:
    """Settings that can be told in words."""
    words = read_list(text)
    if any(word not in _EMULATED for word in words):
        raise ValueError("should be a list of verbosity")
    return frozenset(words)


def read_host_list(text: str) -> Hosts:
    """Hosts with commas between them."""
    return read_hosts(read_list(text))


def read_time(text: str) -> int:
    """A day, which begins in UTC, or a time: microseconds since the epoch."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("should be a day or a time like 2027-01-31 or 2027-01-31T12:00:00Z") from None
    return round((time if time.tzinfo is not None else time.replace(tzinfo=UTC)).timestamp()) * 1_000_000


def read_networks(text: str) -> tuple[Network, ...]:
    """Addresses and networks with commas between them."""
    try:
        return tuple(map(ip_network, read_list(text)))
    except ValueError:
        raise ValueError("should be a list of addresses and networks like 10.0.0.0/8, ::1") from None


def read_database_url(text: str) -> str:
    """The URL of a file of SQLite, or of a PostgreSQL."""
    scheme, _, rest = text.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and rest.strip("/"):
        return text
    if scheme not in ("postgresql", "postgres", "postgresql+asyncpg") or not rest:
        raise ValueError("should be like sqlite:///data/trunkline.db or postgresql://user@host/database")
    return text


def read_redis_url(text: str) -> str:
    """The URL of a Redis."""
    scheme, _, rest = text.partition("://")
    if scheme not in ("redis", "rediss", "unix") or not rest:
        raise ValueError("should be like redis://localhost:6379, rediss://… or unix:///run/valkey.sock")
    return text


def read_redis_away(text: str) -> bool:
    """Whether budgets are kept by each process for itself while nobody counts for all."""
    if text not in ("refuse", "alone"):
        raise ValueError("should be refuse or alone")
    return text == "alone"


def has_password(url: str) -> bool:
    """Whether a URL, or a reference to one, may say a password."""
    return "@" in url or "password=" in url
