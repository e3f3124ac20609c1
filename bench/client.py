"""A small blocking HTTP/1.1 client that times what a load generator does not: one request, one stream's beginning."""

import socket
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where to ask on 127.0.0.1, and the headers that every request carries."""

    port: int
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole reply; a chunked body is joined."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float
    """From the first byte sent to the last one read."""
    first_content_seconds: float
    """To the byte that completes `first_mark`, or infinite when there was none."""


class Connection:
    """One keep-alive connection; requests go one after another."""

    def __init__(self, target: Target) -> None:
        self._head = "".join(f"{name}: {value}\r\n" for name, value in target.headers.items())
        self._socket = socket.create_connection(("127.0.0.1", target.port), _TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    def ask(self, path: str, body: bytes | None = None, first_mark: bytes = b"") -> Answer:
        """Sends one request (a GET when there is no body) and reads its reply to the end."""
        method = "GET" if body is None else "POST"
        length = "" if body is None else f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        request = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{self._head}{length}\r\n".encode() + (body or b"")
        begun, first, data = time.perf_counter(), float("inf"), b""
        self._socket.sendall(request)
        while not _whole(data):
            received = self._socket.recv(262144)
            if not received:
                raise ConnectionError("the connection was closed within a reply")
            data += received
            if first_mark and first == float("inf") and first_mark in data:
                first = time.perf_counter() - begun
        return _read_answer(data, time.perf_counter() - begun, first)


def _headers(head: bytes) -> dict[str, str]:
    pairs = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    return {name.decode().lower(): value.strip().decode("latin-1") for name, _, value in pairs}


def _whole(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return False
    headers = _headers(head)
    if "chunked" in headers.get("transfer-encoding", ""):
        return body.endswith(b"0\r\n\r\n")
    return len(body) >= int(headers.get("content-length", "0"))


def _read_answer(data: bytes, seconds: float, first_content_seconds: float) -> Answer:
    head, _, body = data.partition(b"\r\n\r\n")
    headers = _headers(head)
    if "chunked" in headers.get("transfer-encoding", ""):
        body = _join_chunks(body)
    return Answer(int(head.split(b" ", 2)[1]), headers, body, seconds, first_content_seconds)


def _join_chunks(framed: bytes) -> bytes:
    parts, at = [], 0
    while at < len(framed):
        end = framed.index(b"\r\n", at)
        size = int(framed[at:end].split(b";")[0], 16)
        parts.append(framed[end + 2 : end + 2 + size])
        at = end + 4 + size
    return b"".join(parts)
