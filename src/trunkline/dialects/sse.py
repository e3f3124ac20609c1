"""Server-sent events: bytes in any chunking → whole events. Knows nothing of what is in them.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, read generously: line ends may be LF, CR or
CRLF and split over chunks, `data:` may lack its space, an event may lack its blank line at the end of the stream.
Data stays bytes, so that a UTF-8 sequence split over chunks is never decoded in halves.
"""

from collections.abc import Iterator

ServerSentEvent = tuple[bytes, bytes]
"""The event's name (empty when it has none) and its data, lines joined by LF."""

# 32 MiB: base64 images travel in one event; anything longer is not an event any more.
DEFAULT_LIMIT_BYTES = 32 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"


class EventTooLarge(Exception):
    """One event is longer than the limit."""


class Splitter:
    """Cuts a stream into events. Memory is bounded by the limit on one event."""

    __slots__ = ("_after_cr", "_at_start", "_limit", "_pieces", "_size", "_tail")

    def __init__(self, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._pieces: list[bytes] = []
        self._size = 0
        self._tail = b""
        self._after_cr = False
        self._at_start = True

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """The events that these bytes complete. Raises `EventTooLarge`."""
        # One event a read is what providers send most: one search tells, and nothing is cut. (A lone CR in it could
        # only be white space of its JSON.)
        if data[-1:] == b"\n" and not self._pieces and not self._after_cr:
            if data[:6] == b"data: " and data.find(b"\n") == len(data) - 2:
                self._at_start = False
                return [(b"", data[6:-2])]
            if data[:7] == b"event: " and (event := _read_named(data)) is not None:
                self._at_start = False
                return [event]
        # `find`, not `in`: bytes try a number first when asked what is in them, which costs twice as much.
        if self._after_cr or data.find(b"\r") >= 0:
            data = self._unify_line_ends(data)
        # Big events come in hundreds of reads: look for the blank line in the new bytes alone, and join once.
        if data.find(b"\n\n") < 0 and not (self._tail == b"\n" and data[:1] == b"\n"):
            self._keep(data)
            return []
        buffer = data
        if self._pieces:
            buffer = b"".join((*self._pieces, data))
            self._pieces.clear()
            self._size = 0
        *blocks, rest = buffer.split(b"\n\n")
        self._tail = b""
        self._keep(rest)
        return self._read_blocks(blocks)

    def end(self) -> list[ServerSentEvent]:
        """The event that was left without a blank line, if any."""
        rest = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return self._read_blocks([rest]) if rest else []

    @property
    def pending(self) -> bytes:
        """What has come of an event that is not complete, for telling what kind of body this is after all."""
        return b"".join(self._pieces)

    def _keep(self, data: bytes) -> None:
        if not data:
            return
        self._size += len(data)
        if self._size > self._limit:
            raise EventTooLarge
        self._pieces.append(data)
        self._tail = data[-1:]

    def _unify_line_ends(self, data: bytes) -> bytes:
        if self._after_cr and data[:1] == b"\n":
            data = data[1:]
            self._after_cr = False
        if data:
            self._after_cr = data[-1:] == b"\r"
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _read_blocks(self, blocks: list[bytes]) -> list[ServerSentEvent]:
        if self._at_start and blocks:
            self._at_start = False
            blocks[0] = blocks[0].removeprefix(_BOM)
        events: list[ServerSentEvent] = []
        for block in blocks:
            if block[:6] == b"data: " and block.find(b"\n") < 0:
                events.append((b"", block[6:]))
                continue
            # A name and one line of data is all that the typed dialects send: not worth a look at every line.
            name, _, line = block.partition(b"\n")
            if name[:7] == b"event: " and line[:6] == b"data: " and line.find(b"\n") < 0:
                events.append((name[7:], line[6:]))
            elif block and (event := _read_block(block)) is not None:
                events.append(event)
        return events


def _read_named(data: bytes) -> ServerSentEvent | None:
    """The one event that these bytes are, if they are a name and a line of data; `None` where it takes a closer
    look."""
    end = data.find(b"\n")
    if data[end + 1 : end + 7] != b"data: " or data.find(b"\n", end + 1) != len(data) - 2:
        return None
    # A CR in the name would be the end of a line.
    return (data[7:end], data[end + 7 : -2]) if data.find(b"\r", 0, end) < 0 else None


def _read_block(block: bytes) -> ServerSentEvent | None:
    """One event's lines; `None` when they hold no data (comments, retry hints)."""
    name = b""
    data: list[bytes] = []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        if value[:1] == b" ":
            value = value[1:]
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    return (name, data[0] if len(data) == 1 else b"\n".join(data)) if data else None


# --- whole events at hand ---------------------------------------------------------------------------------------


def walk(data: bytes) -> Iterator[bytes]:
    """The data of some whole events from the first on, cut one by one: for who stops at the first that matters."""
    if b"\r" in data:
        yield from _split_all(data)
        return
    start = 0
    while start < len(data):
        end = data.find(b"\n\n", start)
        block = data[start:] if end < 0 else data[start:end]
        start = len(data) if end < 0 else end + 2
        if (event := _read_block(block)) is not None:
            yield event[1]


def walk_back(data: bytes) -> Iterator[bytes]:
    """The data of some whole events from the last on, cut one by one: what ends a stream stands at its end."""
    if b"\r" in data:
        yield from reversed(_split_all(data))
        return
    end = len(data)
    while end > 0:
        if data[end - 2 : end] == b"\n\n":
            end -= 2
        start = data.rfind(b"\n\n", 0, end) + 2
        block = data[max(start, 0) if start > 1 else 0 : end]
        end = start if start > 1 else 0
        if (event := _read_block(block)) is not None:
            yield event[1]


def _split_all(data: bytes) -> list[bytes]:
    splitter = Splitter()
    return [event for _, event in (*splitter.feed(data), *splitter.end())]
