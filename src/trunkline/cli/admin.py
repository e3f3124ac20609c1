"""The admin API of a running gateway, asked from the command line."""

import contextlib
from argparse import Namespace
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from trunkline.config.config import Config
from trunkline.errors import CallerError, ConfigError, Garbled, NotFound, TrunklineError, Unavailable
from trunkline.ports import Timeouts, UpstreamRequest
from trunkline.providers.account import check_key, read_base_url
from trunkline.upstream.http1 import HttpClient
from trunkline.upstream.proxy import read_proxies

_TIMEOUTS = Timeouts(connect=5.0, first_byte=30.0, idle=30.0, total=60.0)
_MOST_BYTES = 64 * 1024 * 1024


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

    async def close(self) -> None:
        await self._client.close()


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
