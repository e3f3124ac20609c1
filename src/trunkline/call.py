"""One request on the doorstep, free of any transport: `Call` in, `Reply` out.

The gateway is a function `handle(Call) -> Reply`; HTTP, ASGI and the in-process model are thin faces of it. A reply's
body is bytes, or a `Stream` that is poured into the face's `Sink`. Pouring is a push: the upstream's bytes are written
to the client from the very callback that brought them, with no queue, task or wake-up for each event.
"""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct, field

Header = tuple[bytes, bytes]


class Upload(Protocol):
    """A request body that is still on its way. A client that leaves cancels whoever reads."""

    async def read(self) -> bytes:
        """The next piece; empty at the end. Raises the caller's errors for a body that is too large or too slow."""


class Call(Struct, frozen=True, kw_only=True):
    """A request as it arrived. Never edited.

    `path` is the raw path without the query, still percent-encoded, with the base path taken off. Header names are
    lower-case; of a repeated header the last value is kept (repeats that matter are refused by the face). `body` is
    whole and already decoded from any content encoding; on the few routes that take more than belongs into memory it
    is empty, and `upload` brings it, of a caller whose key has been looked at.
    """

    method: str
    path: str
    query: bytes = b""
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    peer: str = ""
    upload: Upload | None = None


class Source(Protocol):
    """Where a stream's bytes come from: can be asked to hold on when the client is slow."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class Sink(Protocol):
    """Where a stream's bytes go: the face's side of a reply.

    `write` takes one or more whole events, never waits and never raises; when the client is slow the sink calls
    `pause` (later `resume`) on the source it was attached to. Bytes written after the client has left are dropped.
    """

    def attach(self, source: Source) -> None: ...

    def write(self, data: bytes) -> None: ...


class Stream(Protocol):
    """A reply body that is still being made."""

    async def pour(self, sink: Sink) -> None:
        """Write everything to `sink`; return when the stream has ended, well or by an error event.

        Cancelling this closes the upstream. It never raises but for cancellation: what goes wrong is drawn in the
        stream itself, as the dialect's error event.
        """

    def close(self) -> None:
        """Release everything without pouring, for a client that left between the head and the body."""


class Reply(Struct, frozen=True, kw_only=True):
    """What goes back: status, headers (lower-case names, no content-length, no transfer-encoding) and the body."""

    status: int
    headers: list[Header]
    body: bytes | Stream = b""
