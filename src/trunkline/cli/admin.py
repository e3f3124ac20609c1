"""The admin API of a running gateway, asked from the command line."""

import asyncio
import contextlib
from argparse import Namespace
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from trunkline.config.config import Config
from trunkline.errors import CallerError, ConfigError, Garbled, NotFound, TrunklineError, Unavailable
from trunkline.ports import Timeouts, UpstreamReply, UpstreamRequest
from trunkline.providers.account import check_key, read_base_url
from trunkline.upstream.http1 import HttpClient
from trunkline.upstream.proxy import read_proxies

_TIMEOUTS = Timeouts(connect=5.0, first_byte=30.0, idle=30.0, total=60.0)
# An export takes as long as it takes, and a live stream has no end.
_LONG_TIMEOUTS = Timeouts(connect=5.0, first_byte=60.0, idle=60.0, total=float("inf"))
_MOST_BYTES = 64 * 1024 * 1024
_MOST_PIECES = 64


class AdminApi:
    """One gateway, for as long as it is open. `url` is its address as clients have it, with or without `/v1`."""

    def __init__(self, url: str, key: str, proxies: Mapping[str, str]) -> None:
        try:
            self._origin, path = read_base_url(url)
        except ConfigError as error:
            raise ConfigError(f"`--url` {error}") from None
        try:
            check_key(key)
        except ConfigError as error:
            raise ConfigError(f"the gateway's key {error}") from None
        self._path = path.removesuffix("/v1") + "/admin/v1"
        self._headers = f"host: {self._origin.host}:{self._origin.port}\r\nauthorization: Bearer {key}\r\n"
        self._client = HttpClient(proxies=read_proxies(proxies))

    async def ask(self, method: str, *words: str, query: str = "", body: Any = None) -> dict[str, Any]:
        """The decoded answer to a request below `/admin/v1`. Raises what the gateway says is wrong."""
        path = "/".join((self._path, *(quote(word, safe="") for word in words)))
        head = f"{method} {path}{query} HTTP/1.1\r\n{self._headers}content-type: application/json\r\n"
        data = b"" if body is None else msgspec.json.encode(body)
        reply = await self._client.send(UpstreamRequest(self._origin, head.encode(), data, _TIMEOUTS))
        try:
            answer = await reply.read(_MOST_BYTES)
        finally:
            reply.close()
        if reply.status >= 300:
            raise _read_error(reply.status, answer)
        return _decode(answer)

    async def read(self, *words: str, query: str = "") -> AsyncGenerator[bytes, None]:
        """The answer to a `GET`, piece by piece as it comes. Raises what the gateway says is wrong, `Failed` when it is
        cut off."""
        path = "/".join((self._path, *(quote(word, safe="") for word in words)))
        head = f"GET {path}{query} HTTP/1.1\r\n{self._headers}"
        reply = await self._client.send(UpstreamRequest(self._origin, head.encode(), b"", _LONG_TIMEOUTS))
        try:
            if reply.status >= 300:
                raise _read_error(reply.status, await reply.read(_MOST_BYTES))
            async for piece in _Reading(reply):
                yield piece
        finally:
            reply.close()

    async def close(self) -> None:
        await self._client.close()


class _Reading:
    """A reply that is pushed, as something to iterate over. Holds the gateway back when there is more than a little."""

    def __init__(self, reply: UpstreamReply) -> None:
        self._reply = reply
        self._pieces: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._is_over = False
        self._error: Exception | None = None
        reply.pour(self._take, self._end)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._pieces:
                yield self._pieces.popleft()
            if self._error is not None:
                raise self._error
            if self._is_over:
                return
            self._reply.resume()

    def _take(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._news.set()
        if len(self._pieces) >= _MOST_PIECES:
            self._reply.pause()

    def _end(self, error: Exception | None) -> None:
        self._is_over, self._error = True, error
        self._news.set()


@contextlib.asynccontextmanager
async def open_api(options: Namespace, config: Config) -> AsyncIterator[AdminApi]:
    """The running gateway that `--url` and `--key` name. Raises `ConfigError` without a key."""
    key = options.key or config.master_key
    if not key:
        raise ConfigError("a running gateway is asked with its master key: add --key, or set TRUNKLINE_MASTER_KEY")
    api = AdminApi(options.url, key, config.proxies)
    try:
        yield api
    finally:
        await api.close()


def _read_error(status: int, answer: bytes) -> TrunklineError:
    try:
        message = str(_decode(answer)["error"]["message"])
    except (Garbled, KeyError, TypeError):
        return NotFound(f"that address answered with {status}, and not as a gateway does: check `--url`")
    return Unavailable(message) if status >= 500 else CallerError(message)


def _decode(answer: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(answer, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise Garbled("that address does not answer as a gateway does: check `--url`") from None
