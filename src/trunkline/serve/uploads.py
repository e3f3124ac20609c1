"""Bodies that are handed over as they come: larger than what belongs into memory, and taken from known callers only."""

import asyncio
from collections.abc import Callable

from trunkline.errors import TrunklineError, UnsupportedMediaType

ROUTES = frozenset({"/v1/files", "/files"})

# So much may wait for its reader; what the socket has sent on the way here comes on top.
_HIGH_WATER_BYTES = 262_144


def is_asked(method: str, path: str) -> bool:
    """Whether the body of a request is one of these."""
    return method == "POST" and path in ROUTES


class Arriving:
    """`trunkline.call.Upload`. `pause` is called when too much waits, `resume` when its reader wants more.

    The first `resume` comes before the first byte is needed, so that a client may be invited by it.
    """

    __slots__ = ("_error", "_is_over", "_parts", "_pause", "_resume", "_waiting_bytes", "_wake")

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._pause = pause
        self._resume = resume
        self._parts: list[bytes] = []
        self._waiting_bytes = 0
        self._error: TrunklineError | None = None
        self._is_over = False
        self._wake = asyncio.Event()

    def feed(self, data: bytes) -> None:
        self._parts.append(data)
        self._waiting_bytes += len(data)
        self._wake.set()
        if self._waiting_bytes > _HIGH_WATER_BYTES:
            self._pause()

    def end(self, error: TrunklineError | None = None) -> None:
        """The body has come, or no more of it will: then its reader is given the error."""
        self._error = self._error or error
        self._is_over = True
        self._wake.set()

    async def read(self) -> bytes:
        while not self._parts and not self._is_over:
            self._resume()
            self._wake.clear()
            await self._wake.wait()
        if self._error is not None:
            raise self._error
        data = b"".join(self._parts)
        self._parts.clear()
        self._waiting_bytes = 0
        return data


def check_coding(coding: bytes) -> None:
    """Raises for a body that would have to be decoded: its size would not be known as it comes."""
    if coding:
        raise UnsupportedMediaType("uploads are not taken compressed; send no encoding", param="content-encoding")
