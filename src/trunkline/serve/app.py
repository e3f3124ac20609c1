"""The same service as a bare ASGI application, for any server: lifespan, http, websocket.

Under our own server the hot lane goes round it and only the lifespan is used. What a server does with bytes before
they are a scope (malformed requests, slow heads, idle connections) is that server's business here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import quote

import msgspec

from trunkline.call import Call, Reply
from trunkline.errors import Slow, TrunklineError
from trunkline.serve import strict, uploads, websocket
from trunkline.serve.asgi_reply import Message, Send, send_reply
from trunkline.serve.body import check_coding, decode
from trunkline.serve.bugs import log_bug
from trunkline.serve.face import Face
from trunkline.serve.limits import Limits
from trunkline.serve.uploads import Arriving

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


class App:
    """The ASGI callable."""

    def __init__(self, face: Face) -> None:
        self.face = face

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._serve_http(scope, receive, send)
            case "websocket":
                await self._serve_websocket(scope, receive, send)
            case "lifespan":
                await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        sweep = asyncio.create_task(self.face.sweep.run())
        try:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        finally:
            sweep.cancel()
            await asyncio.wait({sweep})
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            head = self._read_head(scope)
            is_upload = uploads.is_asked(head.method, head.path)
            if is_upload:
                uploads.check_coding(check_coding(head.headers.get(b"content-encoding", b"")))
                self.face.gateway.authenticate(head)
            body = b"" if is_upload else await self._read_body(head, receive)
        except TrunklineError as error:
            call = self._guess_call(scope)
            reply = self.face.gateway.draw(error, call)
            await send_reply(_closing(reply, scope), call.method, send)
            return
        if is_upload:
            incoming = _Incoming(receive, self.face.limits)
            call = msgspec.structs.replace(head, upload=incoming.upload)
            await _until_gone(self._answer(call, scope, send), incoming.run())
        elif body is not None:
            await _until_gone(self._answer(msgspec.structs.replace(head, body=body), scope, send), _gone(receive))

    def _guess_call(self, scope: Scope) -> Call:
        """A call good enough to draw an error for."""
        path = self.face.guess_path(_raw_target(scope))
        headers = dict(scope["headers"])
        return Call(method=scope.get("method", "GET"), path=path, headers=headers, peer=self._find_peer(scope, headers))

    def _read_head(self, scope: Scope) -> Call:
        """The call without its body."""
        limits = self.face.limits
        fields: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in fields:
                strict.refuse_repeat(name)
            fields[name] = value
        size = sum(strict.field_size(name, value) for name, value in scope["headers"])
        strict.check_size(len(scope["headers"]), size, limits)
        target = self.face.read_target(_raw_target(scope))
        method = scope.get("method", "GET")
        is_upload = uploads.is_asked(method, target.path)
        body_limit = limits.upload_bytes if is_upload else limits.body_bytes
        strict.check_fields(fields, scope["http_version"], body_limit)
        check_coding(fields.get(b"content-encoding", b""))
        strict.expects_continue(fields)
        return Call(
            method=method, path=target.path, query=target.query, headers=fields, peer=self._find_peer(scope, fields)
        )

    def _find_peer(self, scope: Scope, headers: Mapping[bytes, bytes]) -> str:
        client, proxies = scope.get("client"), self.face.proxies
        peer: str = client[0] if client else ""
        forwarded = headers.get(b"x-forwarded-for")
        return peer if forwarded is None or not proxies.trusts(peer) else proxies.find_caller(peer, forwarded)

    async def _read_body(self, head: Call, receive: Receive) -> bytes | None:
        """The whole body, decoded; `None` when the client left while sending it."""
        limits = self.face.limits
        body = bytearray()
        more = True
        while more:
            message = await _receive_in_time(receive, limits)
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > limits.body_bytes:
                strict.raise_body_too_large(limits.body_bytes)
            more = message.get("more_body", False)
        coding = check_coding(head.headers.get(b"content-encoding", b""))
        if not coding:
            return bytes(body)
        return await decode(coding, bytes(body), limits.body_bytes)

    async def _answer(self, call: Call, scope: Scope, send: Send) -> None:
        face = self.face
        try:
            reply = await face.gateway.handle(call)
        except TrunklineError as error:
            reply = face.gateway.draw(error, call)
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller gets a reply
            reply = face.draw_bug(error, call)
        if call.upload is not None and reply.status >= 400:
            reply = _closing(reply, scope)
        try:
            await send_reply(reply, call.method, send)
        except Exception as error:  # noqa: BLE001  # the server logs what it is given, so it is given nothing to quote
            log_bug(error)
            raise RuntimeError("a reply broke off") from None

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        try:
            call = self._read_head(scope)
        except TrunklineError as error:
            await _deny(self.face.gateway.draw(error, self._guess_call(scope)), scope, send)
            return
        if call.path not in websocket.ROUTES:
            await _deny(await self.face.gateway.handle(call), scope, send)
            return
        reply = websocket.refuse(self.face.gateway, call)
        if reply is not None:
            await _deny(reply, scope, send)
            return
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": websocket.ERROR_EVENT.decode()})
        await send({"type": "websocket.close", "code": websocket.CLOSE_CODE, "reason": websocket.CLOSE_REASON})


class _Incoming:
    """The body of an upload as it comes, and then the wait for the client to leave."""

    def __init__(self, receive: Receive, limits: Limits) -> None:
        self._receive = receive
        self._limits = limits
        self._is_wanted = asyncio.Event()
        self._is_wanted.set()
        self.upload = Arriving(self._is_wanted.clear, self._is_wanted.set)

    async def run(self) -> None:
        """Until the client has left."""
        try:
            is_there = await self._feed()
        except TrunklineError as error:
            self.upload.end(error)
            is_there = True
        if is_there:
            await _gone(self._receive)

    async def _feed(self) -> bool:
        """Whether the body is whole; else the client left. Raises `Slow` and `TooLarge`."""
        limits, size, more = self._limits, 0, True
        while more:
            await self._is_wanted.wait()
            message = await _receive_in_time(self._receive, limits)
            if message["type"] == "http.disconnect":
                return False
            data = message.get("body", b"")
            size += len(data)
            if size > limits.upload_bytes:
                strict.raise_body_too_large(limits.upload_bytes)
            # An empty one says nothing: servers end a body with it.
            if data:
                self.upload.feed(data)
            more = message.get("more_body", False)
        self.upload.end()
        return True


async def _receive_in_time(receive: Receive, limits: Limits) -> Message:
    """The next piece of a body. Raises `Slow`."""
    try:
        async with asyncio.timeout(limits.body_idle_seconds):
            return await receive()
    except TimeoutError:
        raise Slow("the body of the request did not arrive in time") from None


async def _until_gone(work: Awaitable[None], gone: Awaitable[None]) -> None:
    """Runs `work`, and cancels it as soon as the client has left."""
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(gone)
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (working, watching):
            task.cancel()
        await asyncio.wait({working, watching})
    if not working.cancelled():
        working.result()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _closing(reply: Reply, scope: Scope) -> Reply:
    """The reply to a request that was not read whole: what is left of it would be taken for the next one."""
    if scope["http_version"] >= "2":
        return reply
    return msgspec.structs.replace(reply, headers=[*reply.headers, (b"connection", b"close")])


async def _deny(reply: Reply, scope: Scope, send: Send) -> None:
    """Refuses an upgrade with an HTTP reply, where the server can send one."""
    if "websocket.http.response" not in (scope.get("extensions") or {}) or not isinstance(reply.body, bytes):
        await send({"type": "websocket.close", "code": websocket.CLOSE_CODE})
        return
    headers = [*reply.headers, (b"content-length", b"%d" % len(reply.body))]
    await send({"type": "websocket.http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": reply.body})


def _raw_target(scope: Scope) -> bytes:
    """The target as it was sent, as far as the server tells."""
    path: bytes = scope.get("raw_path") or quote(scope["path"]).encode("ascii")
    query: bytes = scope.get("query_string", b"")
    return b"%b?%b" % (path, query) if query else path
