"""A provider's reply: its head, and its body on the way to whoever takes it.

Knows bytes and back-pressure, not sockets or framing: a `Wire` hands it the body's bytes and can be told to hold on.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from trunkline.errors import Failed, Garbled, TrunklineError
from trunkline.upstream.decoding import Decoder, DecodingError

# 256 KiB: as much as an event loop reads at once; a body that nobody takes yet costs at most about twice that.
HELD_BYTES = 262_144

_NO_HEADERS: Mapping[bytes, bytes] = {}

Feed = Callable[[bytes], None]
Done = Callable[[Exception | None], None]


class Wire(Protocol):
    """What a reply needs of its connection while its body is still coming."""

    name: str

    def hold(self) -> None: ...

    def proceed(self) -> None: ...

    def drop(self) -> None: ...


class Reply:
    """Implements `ports.UpstreamReply`. `head` resolves when status and headers are there.

    `straight` is the holder's own feed while body bytes need nothing done to them: a wire may call it in place of
    `take`, which saves each event of a stream a step.
    """

    # Slots, and no defaults in the class: attributes that come one by one would give each reply a dictionary of its own.
    __slots__ = (
        "_closed",
        "_decoder",
        "_done",
        "_ended",
        "_error",
        "_feed",
        "_held_bytes",
        "_limit_bytes",
        "_name",
        "_parts",
        "_paused",
        "_received",
        "_waiter",
        "_wire",
        "head",
        "headers",
        "status",
        "straight",
    )

    def __init__(self, wire: Wire, head: asyncio.Future[None]) -> None:
        self.head = head
        self.status = 0
        self.headers = _NO_HEADERS
        self._wire: Wire | None = wire
        self._name = wire.name
        self._parts: list[bytes] = []
        self._decoder: Decoder | None = None
        self._feed: Feed | None = None
        self.straight: Feed | None = None
        self._done: Done | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._held_bytes = self._limit_bytes = 0
        self._paused = self._received = self._ended = self._closed = False

    # --- the holder's side ---

    async def read(self, limit_bytes: int) -> bytes:
        self._limit_bytes = limit_bytes
        if self._held_bytes > limit_bytes:
            self._overflow()
        elif not self._ended:
            self._waiter = self.head.get_loop().create_future()
            self.resume()
            try:
                await self._waiter
            except BaseException:
                self.close()
                raise
        if self._error is not None:
            raise self._error
        return b"".join(self._parts)

    def pour(self, feed: Feed, done: Done) -> None:
        self._feed, self._done = feed, done
        held, self._parts, self._held_bytes = b"".join(self._parts), [], 0
        self._paused = False
        if held:
            feed(held)
        if self._ended:
            self._tell_end()
        else:
            if self._decoder is None:
                self.straight = self._feed
            if not self._paused:
                self.resume()

    def pause(self) -> None:
        self._paused = True
        if self._wire is not None:
            self._wire.hold()

    def resume(self) -> None:
        self._paused = False
        if self._decoder is not None:
            self._decode(self._decoder)
        if self._wire is not None and not self._paused:
            self._wire.proceed()

    def close(self) -> None:
        self._closed = True
        if self._wire is not None:
            wire, self._wire = self._wire, None
            wire.drop()
        self._feed = self.straight = self._done = None
        if not self._ended:
            self._end(Failed(f"the reply of `{self._name}` was closed before its end"))

    # --- the wire's side ---

    def begin(self, status: int, headers: Mapping[bytes, bytes], decoder: Decoder | None) -> None:
        self.status, self.headers, self._decoder = status, headers, decoder
        if not self.head.done():
            self.head.set_result(None)

    def take(self, data: bytes) -> None:
        """Body bytes, free of their transfer encoding."""
        if self._decoder is not None:
            self._decoder.push(data)
            self._decode(self._decoder)
        elif self._feed is not None:
            self._feed(data)
        else:
            self._keep(data)

    def arrive(self, body: bytes) -> None:
        """The whole of a body that needs no decoding, come with its head: `take` and `finish` in one."""
        self._wire = None
        self._received = self._ended = True
        self._parts.append(body)
        self._held_bytes = len(body)

    def finish(self) -> None:
        """The wire has delivered everything and serves others now."""
        self._wire = None
        self._received = True
        if self._decoder is None:
            self._end(None)
        else:
            self._decode(self._decoder)

    def fail(self, error: TrunklineError) -> None:
        """The wire is gone; nothing more will come."""
        self._wire = None
        if self.head.done():
            self._end(error)
        else:
            self._ended, self._error = True, error
            self.head.set_exception(error)

    # --- between the two ---

    def _keep(self, data: bytes) -> None:
        """Hold body bytes for a holder who wants them whole, or has not said yet."""
        if self._closed:
            return
        self._parts.append(data)
        self._held_bytes += len(data)
        if self._waiter is None:
            if self._held_bytes > HELD_BYTES:
                self.pause()
        elif self._held_bytes > self._limit_bytes:
            self._overflow()

    def _decode(self, decoder: Decoder) -> None:
        """Deliver decoded pieces for as long as there is somebody to take them, then end if all has come."""
        try:
            while not (self._paused or self._ended):
                piece = decoder.pull()
                if not piece:
                    break
                if self._feed is not None:
                    self._feed(piece)
                else:
                    self._keep(piece)
        except DecodingError as error:
            self._abandon(Garbled(f"the reply of `{self._name}` {error}"))
        if self._received and not self._paused:
            self._end(None if decoder.is_whole else Failed(f"the reply of `{self._name}` was cut short"))

    def _overflow(self) -> None:
        self._abandon(Garbled(f"the reply of `{self._name}` is longer than {self._limit_bytes} bytes"))

    def _abandon(self, error: TrunklineError) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.drop()
        self._ended = False
        self._parts.clear()
        self._end(error)

    def _end(self, error: Exception | None) -> None:
        if self._ended:
            return
        self._ended, self._error = True, error
        if self._waiter is not None:
            if not self._waiter.done():
                self._waiter.set_result(None)
        elif self._done is not None:
            self._tell_end()

    def _tell_end(self) -> None:
        done, self._feed, self.straight, self._done = self._done, None, None, None
        if done is not None:
            done(self._error)
