"""A server on loopback that answers with the bytes a test gives it, well-formed or not."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from typing import cast

from trunkline.ports import DEFAULT_TIMEOUTS, Origin, Timeouts, UpstreamRequest

HEAD = b"POST /v1/things HTTP/1.1\r\nhost: api.example.com\r\n"


def write_reply(body: bytes = b"{}", *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def write_chunks(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


class Peer(asyncio.Protocol):
    """One connection, seen from the server."""

    def __init__(self, server: "ByteServer") -> None:
        self.server = server
        self.requests: list[bytes] = []
        self.received = b""
        self.lost = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.server.peers.append(self)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self.server.on_bytes is not None:
            self.server.on_bytes(self)
            return
        while (size := self._request_size()) is not None:
            self.requests.append(self.received[:size])
            self.received = self.received[size:]
            self.server.requests.append(self.requests[-1])
            self._answer()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(None)

    def _request_size(self) -> int | None:
        head, end, _ = self.received.partition(b"\r\n\r\n")
        if not end:
            return None
        lengths = [line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        size = len(head) + 4 + (int(lengths[0]) if lengths else 0)
        return size if len(self.received) >= size else None

    def _answer(self) -> None:
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer):
            answer(self)
        else:
            self.send(answer)

    def send(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)

    def end(self) -> None:
        """An orderly end: FIN after what was sent."""
        assert self.transport is not None
        self.transport.close()

    def reset(self) -> None:
        """A disorderly end: RST."""
        assert self.transport is not None
        opened = self.transport.get_extra_info("socket")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


Answer = bytes | Callable[[Peer], None]


class ByteServer:
    """Gives `answers` in order, the last one again and again. `on_bytes` replaces the whole behaviour."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: list[Answer] = [write_reply()]
        self.on_bytes: Callable[[Peer], None] | None = None
        self.peers: list[Peer] = []
        self.requests: list[bytes] = []
        self.port = 0
        self._tls = tls
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Peer(self), "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for peer in self.peers:
            if peer.transport is not None:
                peer.transport.abort()
            await peer.lost

    @property
    def origin(self) -> Origin:
        return Origin("https" if self._tls else "http", "127.0.0.1", self.port)

    def request(
        self, body: bytes = b"{}", *, head: bytes = HEAD, timeouts: Timeouts = DEFAULT_TIMEOUTS
    ) -> UpstreamRequest:
        return UpstreamRequest(self.origin, head, body, timeouts)


class Poured:
    """Where a body is poured in a test."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.ended: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def feed(self, data: bytes) -> None:
        assert not self.ended.done(), "nothing comes after the end"
        self.pieces.append(data)

    def done(self, error: Exception | None) -> None:
        self.ended.set_result(error)

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)
