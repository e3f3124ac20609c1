"""One question to a cloud about credentials, and its answer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from trunkline.clock import Clock
from trunkline.errors import ConfigError, Denied, Failed, UpstreamError
from trunkline.ports import Origin, Timeouts, Upstream, UpstreamRequest

DEADLINE_SECONDS = 20.0
_REPLY_BYTES = 256 * 1024
_FILE_BYTES = 256 * 1024
_PORTS = {"http": 80, "https": 443}
_FAR = Timeouts(DEADLINE_SECONDS, DEADLINE_SECONDS, DEADLINE_SECONDS, DEADLINE_SECONDS)
_NEARBY = Timeouts(2.0, 5.0, 5.0, 5.0)


class Answer(Struct, frozen=True):
    """What was said. Its body holds secrets."""

    status: int
    body: bytes

    def __repr__(self) -> str:
        return f"Answer({self.status})"

    @property
    def members(self) -> dict[str, Any]:
        """The JSON object that it is; empty for whatever else."""
        try:
            told = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
        return told if isinstance(told, dict) else {}

    def check(self, detail: str = "") -> None:
        """Raises `Denied` or `Failed` unless it is a success. `detail` is for the log; by default what OAuth servers
        say."""
        if self.status in (200, 201):
            return
        told = self.members
        detail = (detail or f"{told.get('error', '')} {told.get('error_description', '')}").strip()[:512]
        raise refuse(self.status, detail)


def refuse(status: int, detail: str) -> UpstreamError:
    """The error of a question that was answered with no credentials."""
    if 400 <= status < 500 and status != 429:
        return Denied("the provider refused the gateway's credentials", detail=detail, upstream_status=status)
    return Failed("the provider gave no token", detail=detail, upstream_status=status)


class Asker:
    """Asks over HTTP. What a machine says of itself is asked `nearby`, where no proxy leads."""

    def __init__(self, upstream: Upstream, nearby: Upstream, clock: Clock) -> None:
        self._upstream = upstream
        self._nearby = nearby
        self.clock = clock

    async def send(self, request: UpstreamRequest) -> Answer:
        return await _answer(self._upstream, request)

    async def ask_form(self, url: str, members: Mapping[str, str]) -> Answer:
        """A form, posted."""
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return await self.send(make_request("POST", url, kind, urlencode(members).encode()))

    async def ask_nearby(self, method: str, url: str, headers: Mapping[str, str]) -> Answer:
        """What this machine says, or who runs it: it is there at once or not at all."""
        return await _answer(self._nearby, replace(make_request(method, url, headers), timeouts=_NEARBY))


async def _answer(upstream: Upstream, request: UpstreamRequest) -> Answer:
    reply = await upstream.send(request)
    try:
        return Answer(reply.status, await reply.read(_REPLY_BYTES))
    finally:
        reply.close()


def read_url(url: str) -> tuple[Origin, str]:
    """The server of a URL, and what is asked of it. Raises `ConfigError`, without quoting it."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigError("holds an address that is no URL") from None
    if parts.scheme not in _PORTS or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise ConfigError("holds an address that is no URL")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Origin(parts.scheme, host, port or _PORTS[parts.scheme]), target


def make_request(method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> UpstreamRequest:
    """A request. Raises `Failed` for a header that cannot be."""
    origin, target = read_url(url)
    host = urlsplit(url).netloc.rpartition("@")[2].removesuffix(f":{_PORTS[origin.scheme]}")
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}", "accept-encoding: identity"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if not all(line.isascii() and line.isprintable() for line in lines):
        raise Failed("what opens the provider of credentials cannot stand in a header")
    return UpstreamRequest(origin, "".join(line + "\r\n" for line in lines).encode(), body, _FAR)


def read_text(path: str) -> str:
    """A file that somebody else keeps fresh. Raises `Denied`: what is in it is ours to mend."""
    try:
        data = Path(path).expanduser().read_bytes()[:_FILE_BYTES]
        return data.decode().strip()
    except (OSError, UnicodeDecodeError):
        raise Denied("the gateway's credentials cannot be read", detail=f"{path} cannot be read") from None
