"""A reply that is handed out in pieces as they are read: for contents too large to be held."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from trunkline.call import Sink


class Pieces:
    """`trunkline.call.Stream`. `first` has been read already; `ended` is told once how it went, when all is over.

    A content that breaks off raises from `pour`: cutting the connection is all that can be said within it.
    """

    def __init__(self, first: bytes, pieces: AsyncGenerator[bytes, None], ended: Callable[[str], None]) -> None:
        self._first = first
        self._pieces = pieces
        self._ended = ended
        self._may_go_on = asyncio.Event()
        self._may_go_on.set()

    async def pour(self, sink: Sink) -> None:
        outcome = "error"
        try:
            sink.attach(self)
            sink.write(self._first)
            async with aclosing(self._pieces):
                async for piece in self._pieces:
                    await self._may_go_on.wait()
                    sink.write(piece)
            outcome = "ok"
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            self._ended(outcome)

    def close(self) -> None:
        self._closing = asyncio.ensure_future(self._pieces.aclose())
        self._ended("ok")

    def pause(self) -> None:
        self._may_go_on.clear()

    def resume(self) -> None:
        self._may_go_on.set()
