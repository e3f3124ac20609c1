"""The port `Upstream` as clouds answer it, and one account that is opened by a source."""

import asyncio
import json
from typing import Any

from trunkline.clock import FakeClock
from trunkline.ports import Origin, UpstreamRequest
from trunkline.upstream.credentials.asker import Asker
from trunkline.upstream.credentials.grant import Source
from trunkline.upstream.credentials.tokens import Tokens

REQUEST = UpstreamRequest(Origin("https", "model.test", 443), b"POST /x HTTP/1.1\r\nhost: model.test\r\n", b"{}")


class Reply:
    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.headers: dict[bytes, bytes] = {}
        self._body = body
        self.is_closed = False

    async def read(self, limit_bytes: int) -> bytes:
        return self._body

    def close(self) -> None:
        self.is_closed = True


class TokenServer:
    """Answers `answers` in turn, then `answer`, else a token; text stands for itself, an error is raised. Waits for `go`
    first, where that is set. `requests` are those from afar, `nearby` the machine's own."""

    def __init__(self) -> None:
        self.requests: list[UpstreamRequest] = []
        self.nearby: list[UpstreamRequest] = []
        self.status = 200
        self.answer: Any = None
        self.answers: list[Any] = []
        self.go: asyncio.Event | None = None

    async def send(self, request: UpstreamRequest) -> Reply:
        self.requests.append(request)
        return await self.reply()

    async def reply(self) -> Reply:
        if self.go is not None:
            await self.go.wait()
        counted = {"access_token": f"token{len(self.requests) + len(self.nearby)}", "expires_in": 3600}
        told = self.answers.pop(0) if self.answers else self.answer or counted
        if isinstance(told, Exception):
            raise told
        return Reply(self.status, told.encode() if isinstance(told, str) else json.dumps(told).encode())


class Nearby:
    def __init__(self, server: TokenServer) -> None:
        self._server = server

    async def send(self, request: UpstreamRequest) -> Reply:
        self._server.nearby.append(request)
        return await self._server.reply()


class Opened:
    """One account, and what is added to the head of its requests."""

    def __init__(self, server: TokenServer, clock: FakeClock, source: Source) -> None:
        self._tokens = Tokens(Asker(server, Nearby(server), clock), {"account": source})

    async def lines(self) -> bytes:
        opened = await self._tokens.open("account", REQUEST)
        assert opened.body == REQUEST.body
        return opened.head.removeprefix(REQUEST.head)

    async def close(self) -> None:
        await self._tokens.close()
