"""Tokens of Google Cloud, made from a file of credentials and changed before they run out.

A service account signs a statement of who it is and is given a token for it; a person's application default
credentials hold a token to renew from. Source: https://developers.google.com/identity/protocols/oauth2/service-account.
"""

import asyncio
import base64
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from trunkline.clock import Clock
from trunkline.errors import ConfigError, Denied, Failed, TimedOut, UpstreamError
from trunkline.ports import Origin, Timeouts, Upstream, UpstreamRequest
from trunkline.providers.account import Account

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address
_LIFETIME_SECONDS = 3600

# Google's own libraries change tokens as early; requests in flight keep theirs.
_REFRESH_AHEAD_SECONDS = 225.0
_DEADLINE_SECONDS = 20.0
# After a failure, while the old token still holds.
_RETRY_AFTER_SECONDS = 10.0

_REPLY_BYTES = 64 * 1024


class KeyFile:
    """What a file of credentials says. Its secrets stay out of `repr`."""

    __slots__ = ("_key", "_members", "origin", "path")

    def __init__(self, members: dict[str, Any]) -> None:
        """Raises `ConfigError` for members that make no credentials; the message does not quote them."""
        self._members = members
        kind = members.get("type")
        needed = {
            "service_account": ("client_email", "private_key"),
            "authorized_user": ("client_id", "client_secret", "refresh_token"),
        }.get(kind if isinstance(kind, str) else "")
        if needed is None:
            raise ConfigError("is neither a `service_account` nor an `authorized_user`")
        missing = [name for name in needed if not isinstance(members.get(name), str)]
        if missing:
            raise ConfigError(f"lacks `{missing[0]}`")
        self._key = _read_key(members["private_key"]) if kind == "service_account" else None
        url = urlsplit(members.get("token_uri") or _TOKEN_URL)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ConfigError("holds a `token_uri` that is no URL")
        self.origin = Origin(url.scheme, url.hostname, url.port or (443 if url.scheme == "https" else 80))
        self.path = url.path or "/"

    def write_body(self, now_seconds: int) -> bytes:
        """The form that asks for a token."""
        members = self._members
        if self._key is None:
            names = ("client_id", "client_secret", "refresh_token")
            return urlencode({"grant_type": "refresh_token", **{name: members[name] for name in names}}).encode()
        assertion = self._sign(self._key, now_seconds)
        return urlencode({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}).encode()

    def _sign(self, key: RSAPrivateKey, now_seconds: int) -> str:
        members = self._members
        header = {"alg": "RS256", "typ": "JWT", "kid": members.get("private_key_id") or ""}
        claims = {
            "iss": members["client_email"],
            "scope": _SCOPE,
            "aud": members.get("token_uri") or _TOKEN_URL,
            "iat": now_seconds,
            "exp": now_seconds + _LIFETIME_SECONDS,
        }
        text = b".".join(_encode(msgspec.json.encode(part)) for part in (header, claims))
        return (text + b"." + _encode(key.sign(text, PKCS1v15(), SHA256()))).decode()


def _read_key(text: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigError("holds a `private_key` that is not one") from None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError("holds a `private_key` that is not RSA")
    return key


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def read_key_file(path: str) -> KeyFile:
    """The file at a path. Raises `ConfigError`, naming it."""
    try:
        members = msgspec.json.decode(Path(path).expanduser().read_bytes())
    except OSError as error:
        raise ConfigError(f"the credentials at {path} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ConfigError(f"the credentials at {path} are not JSON") from None
    if not isinstance(members, dict):
        raise ConfigError(f"the credentials at {path} are no JSON object")
    try:
        return KeyFile(members)
    except ConfigError as error:
        raise ConfigError(f"the file of credentials at {path} {error}") from None


def find_credentials(accounts: Iterable[Account]) -> dict[str, KeyFile]:
    """`{account: its credentials}` for the accounts that are opened by tokens. Raises `ConfigError`."""
    found = {}
    for account in accounts:
        if account.provider.token:
            path = account.settings.get("credentials")
            if path is None:
                raise ConfigError(
                    f"`{account.name}` has no credentials: set {account.name.upper().replace('-', '_')}_CREDENTIALS or"
                    " GOOGLE_APPLICATION_CREDENTIALS to a file of them"
                )
            found[account.name] = read_key_file(path)
    return found


class _Token:
    """One account's token: its line, when it runs out, and the one call that fetches another."""

    __slots__ = ("expires_at", "fetching", "line", "retry_at")

    def __init__(self) -> None:
        self.line = b""
        self.expires_at = 0.0
        self.retry_at = 0.0
        self.fetching: asyncio.Task[None] | None = None


class GoogleTokens:
    """The port `Credentials`. However many ask, one call fetches a token; an old one serves while it lasts."""

    def __init__(self, upstream: Upstream, clock: Clock, files: Mapping[str, KeyFile]) -> None:
        self._upstream = upstream
        self._clock = clock
        self._files = files
        self._tokens = {account: _Token() for account in files}

    async def lines(self, account: str) -> bytes:
        """The authorization of an account now."""
        token = self._tokens[account]
        left = token.expires_at - self._clock.monotonic()
        if left < _REFRESH_AHEAD_SECONDS:
            task = self._refresh(account, token)
            if left <= 0:
                # One caller's leaving must not break the others' wait.
                await asyncio.shield(task)
        return token.line

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = [token.fetching for token in self._tokens.values() if token.fetching is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _refresh(self, account: str, token: _Token) -> "asyncio.Task[None]":
        now = self._clock.monotonic()
        if token.fetching is None or (token.fetching.done() and (now >= token.retry_at or now >= token.expires_at)):
            token.fetching = asyncio.create_task(self._fetch(account, token), name=f"token of {account}")
            token.fetching.add_done_callback(_look)
        return token.fetching

    async def _fetch(self, account: str, token: _Token) -> None:
        token.retry_at = self._clock.monotonic() + _RETRY_AFTER_SECONDS
        try:
            async with asyncio.timeout(_DEADLINE_SECONDS):
                line, lifetime = await self._ask(self._files[account])
        except TimeoutError:
            raise TimedOut("no token for the provider came in time") from None
        token.line = line
        token.expires_at = self._clock.monotonic() + lifetime
        token.retry_at = 0.0

    async def _ask(self, file: KeyFile) -> tuple[bytes, float]:
        body = file.write_body(self._clock.now_micros() // 1_000_000)
        host = file.origin.host if file.origin.port in (80, 443) else f"{file.origin.host}:{file.origin.port}"
        head = (
            f"POST {file.path} HTTP/1.1\r\nhost: {host}\r\naccept-encoding: identity\r\n"
            "content-type: application/x-www-form-urlencoded\r\n"
        ).encode()
        seconds = _DEADLINE_SECONDS
        reply = await self._upstream.send(
            UpstreamRequest(file.origin, head, body, Timeouts(seconds, seconds, seconds, seconds))
        )
        try:
            answer = await reply.read(_REPLY_BYTES)
        finally:
            reply.close()
        return _read_token(reply.status, answer)


def _look(task: "asyncio.Task[None]") -> None:
    """Whoever waits sees the error; where nobody does, the old token still holds and another try follows."""
    if not task.cancelled():
        task.exception()


def _read_token(status: int, body: bytes) -> tuple[bytes, float]:
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told = None
    told = told if isinstance(told, dict) else {}
    token, lifetime = told.get("access_token"), told.get("expires_in")
    if status == 200 and isinstance(token, str) and token.isascii() and token.isprintable():
        seconds = float(lifetime) if isinstance(lifetime, int | float) and lifetime > 0 else _LIFETIME_SECONDS / 2
        return b"authorization: Bearer " + token.encode() + b"\r\n", seconds
    raise _refusal(status, told)


def _refusal(status: int, told: dict[str, Any]) -> UpstreamError:
    detail = f"{told.get('error', '')} {told.get('error_description', '')}".strip()[:512]
    if 400 <= status < 500 and status != 429:
        return Denied("the provider refused the gateway's credentials", detail=detail, upstream_status=status)
    return Failed("the provider gave no token", detail=detail, upstream_status=status)
