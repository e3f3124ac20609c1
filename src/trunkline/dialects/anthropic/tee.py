"""An Anthropic reply passed on byte for byte, while what the gateway must know of it is read in passing.

The hot way: events are read one by one until the first content has gone by, then only the last bytes are kept and
read at the end. Everything else that matters (why it stopped, the counts, an error) comes last.
"""

from typing import Any

from trunkline.dialects.anthropic.errors import read_error, read_error_object, write_error_event
from trunkline.dialects.anthropic.reader import WireEvent, decode_event
from trunkline.dialects.anthropic.usage import merge_counts, read_finish, read_usage
from trunkline.dialects.dialect import TeeOptions
from trunkline.dialects.reading import CUT
from trunkline.dialects.said import estimate_said
from trunkline.dialects.shapes import lenient_list, lenient_object
from trunkline.dialects.sse import EventTooLarge, Splitter
from trunkline.dialects.upstream_errors import ended_early
from trunkline.errors import TrunklineError
from trunkline.usage import NO_USAGE, Usage

# The longest closing events in our recordings are 1 KB together.
_TAIL_BYTES = 8 * 1024
_FIRST_CONTENT = b"content_block_delta"

_ERROR = b"event: error"

# No honest error is longer.
_ERROR_BYTES = 64 * 1024


def holds_end(data: bytes) -> bool:
    """Whether events end with `message_stop`. In a text it would stand behind a backslash."""
    return data.find(b'"message_stop"', -128) >= 0


class Tee:
    """A `Passage` that changes nothing.

    Bytes go on as they come, but for an error event: providers quote our credential there, so it goes on whole, for
    the relay to find it.
    """

    __slots__ = (
        "_counts",
        "_finish",
        "_head",
        "_held",
        "_is_inside",
        "_is_over",
        "_raw",
        "_size",
        "_stopped",
        "_tail",
        "_trimmed",
        "error",
        "has_content",
        "incomplete",
        "usage",
    )

    def __init__(self) -> None:
        self.has_content = False
        self.incomplete = False
        self.error: TrunklineError | None = None
        self.usage: Usage = NO_USAGE
        self._counts: dict[str, Any] = {}
        self._finish: str | None = None
        self._stopped = False
        self._is_over = False
        # Reads every event until the first content; `None` from then on.
        self._head: Splitter | None = Splitter()
        self._tail: list[bytes] = []
        self._size = 0
        self._trimmed = 0
        # The beginning of what is or may become an error event, and whether what went on ended inside a line.
        self._held = b""
        self._is_inside = False

    def feed(self, data: bytes) -> bytes:
        if data[-2:] != b"\n\n" or self._held or self._is_inside:
            data = self._hold_error(self._held + data)
        return self._pass(data) if data else b""

    def _hold_error(self, data: bytes) -> bytes:
        """What may go on: all but an error event that has begun and not ended, or a line that may begin one."""
        lined = data if self._is_inside and not self._held else b"\n" + data
        begin = lined.rfind(b"\n" + _ERROR)
        if begin < 0 or any(lined.find(blank, begin + 1) >= 0 for blank in (b"\n\n", b"\n\r\n")):
            begin = lined.rfind(b"\n")
            if begin < 0 or not _ERROR.startswith(lined[begin + 1 :]):
                begin = len(lined)
        passed, held = lined[: begin + 1], lined[begin + 1 :]
        if len(held) > _ERROR_BYTES:
            passed, held = lined, b""
        self._held = held
        self._is_inside = passed[-1:] != b"\n"
        return passed[len(lined) - len(data) :]

    def _flush(self) -> bytes:
        held, self._held = self._held, b""
        return self._pass(held) if held else b""

    def _pass(self, data: bytes) -> bytes:
        self._tail.append(data)
        self._size += len(data)
        if self._size > 4 * _TAIL_BYTES:
            self._trim()
        if self._head is not None:
            self._read_head(self._head, data)
        return data

    def _trim(self) -> None:
        kept = b"".join(self._tail)[-_TAIL_BYTES:]
        self._trimmed += self._size - len(kept)
        self._tail = [kept]
        self._size = len(kept)

    def _read_head(self, head: Splitter, data: bytes) -> None:
        # In one burst the head is what stands before the first delta; the rest is not worth splitting.
        cut = data.find(_FIRST_CONTENT)
        begin = data.rfind(b"\n\n", 0, cut) if cut > 0 else -1
        try:
            events = head.feed(data if begin < 0 else data[: begin + 2])
        except EventTooLarge:
            self._see_content()
            return
        for _, event in events:
            self._read_event(event)
        if begin >= 0 and self.error is None:
            self._see_content()

    def _see_content(self) -> None:
        self.has_content = True
        self._head = None

    def _read_event(self, data: bytes) -> None:
        try:
            event = decode_event(data)
        except ValueError:
            return
        match event.type:
            case "message_start":
                self._read_start(lenient_object(event.message))
            case "content_block_start":
                if lenient_object(event.content_block).get("type") != "text":
                    self._see_content()
            case "content_block_delta":
                self._see_content()
            case "ping" | "content_block_stop":
                pass
            case _:
                self._read_closing(event)

    def _read_start(self, message: dict[str, Any]) -> None:
        merge_counts(self._counts, message.get("usage"))
        if type(reason := message.get("stop_reason")) is str:
            self._finish = reason
        if lenient_list(message.get("content")):
            self._see_content()

    def _read_closing(self, event: WireEvent) -> None:
        if event.type == "message_delta":
            merge_counts(self._counts, event.usage)
            if event.delta is not None and event.delta.stop_reason is not None:
                self._finish = event.delta.stop_reason
                self.has_content = True
        elif event.type == "message_stop":
            self._stopped = True
            self.has_content = True
        elif event.type == "error" or event.error is not None:
            self.error = read_error_object(event.error)

    def end(self) -> bytes:
        return self._end_with(None)

    def fail(self, error: TrunklineError) -> bytes:
        return self._end_with(error)

    def is_finished(self) -> bool:
        closing = _closing_events(b"".join(self._tail)[-_TAIL_BYTES:])
        return self._is_proper_end or any(
            event.type == "message_stop" or (event.delta is not None and event.delta.stop_reason is not None)
            for event in closing
        )

    def estimate(self) -> int | None:
        if self._is_proper_end and self.usage.total_output:
            return None
        return estimate_said(b"".join(self._tail), self._trimmed)

    @property
    def _is_proper_end(self) -> bool:
        return self._stopped or self._finish is not None

    def _end_with(self, error: TrunklineError | None) -> bytes:
        if self._is_over:
            return b""
        rest = self._flush()
        self._finish_reading()
        if self._is_proper_end or self.error is not None:
            return rest
        return rest + self._close_with(error or self._read_strange() or ended_early())

    def _finish_reading(self) -> None:
        self._is_over = True
        self._trim()
        for event in _closing_events(self._tail[0]):
            self._read_closing(event)
        self.usage = read_usage(self._counts)
        self.incomplete = self._finish is not None and read_finish(self._finish) in CUT

    def _read_strange(self) -> TrunklineError | None:
        """The error in a JSON body that came where a stream was asked for."""
        body = self._tail[0].strip()
        return read_error(200, {}, body) if body[:1] in (b"{", b"[") else None

    def _close_with(self, error: TrunklineError) -> bytes:
        self.error = error
        # What was cut in the middle of an event must not swallow ours.
        gap = b"" if self._tail[0][-2:] in (b"\n\n", b"") else b"\n\n"
        return gap + write_error_event(error)


def _closing_events(tail: bytes) -> list[WireEvent]:
    """The events at the end of the stream that are not content, with what may stand between them."""
    position = tail.rfind(b"message_delta")
    if position < 0:
        position = max(tail.rfind(b"message_stop"), tail.rfind(b'"error"'))
    if position < 0:
        return []
    begin = tail.rfind(b"\n\n", 0, position)
    splitter = Splitter()
    events: list[WireEvent] = []
    for _, data in (*splitter.feed(tail[begin + 2 if begin >= 0 else 0 :]), *splitter.end()):
        try:
            events.append(decode_event(data))
        except ValueError:
            continue
    return events


def tee_stream(options: TeeOptions) -> Tee:
    """A passage for one stream. No option concerns this dialect: its counts are never in the way."""
    return Tee()
