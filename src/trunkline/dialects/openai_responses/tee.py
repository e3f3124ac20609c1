"""A native stream on its way through: the bytes pass as they are, while usage, errors and the proper end are noticed.

Only whole events are passed on, so that our own error event can follow at any time. Until something worth a status
200 has come each event is looked at; after that only the last event of each read, by its name.
"""

from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct

from trunkline.dialects.dialect import TeeOptions
from trunkline.dialects.openai_responses.errors import (
    draw_error_event,
    draw_response_error,
    find_error,
    read_error_object,
    write_event,
)
from trunkline.dialects.openai_responses.usage import read_response_usage
from trunkline.dialects.shapes import UNREADABLE, decode_json, lenient_object
from trunkline.dialects.sse import DEFAULT_LIMIT_BYTES, walk, walk_back
from trunkline.errors import Failed, Garbled, TrunklineError, UpstreamError
from trunkline.usage import NO_USAGE, Usage

_TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})
_ERRORS = frozenset({"response.failed", "response.cancelled", "error"})

# As they stand in the bytes; an event whose name does not show is looked into as well.
_END_NAMES = frozenset(name.encode() for name in _TERMINAL)
_NOTABLE = frozenset(name.encode() for name in _TERMINAL | _ERRORS) | {b""}

# Before any of these nothing has come that could not be taken back.
_CONTENT = frozenset(
    {
        "response.output_text.delta",
        "response.refusal.delta",
        "response.reasoning_text.delta",
        "response.reasoning_summary_text.delta",
        "response.function_call_arguments.delta",
        "response.custom_tool_call_input.delta",
        "response.output_item.done",
        "response.completed",
        "response.incomplete",
    }
)
_NO_CALLS = frozenset({"message", "reasoning", ""})

_BLANK_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")

# How many events may follow the terminal one in the same read: `[DONE]`, a comment.
_TRAILING_EVENTS = 4


class _Typed(Struct, frozen=True):
    type: str = ""
    error: Any = None


class _Numbered(Struct):
    sequence_number: int = -1


class _Added(Struct):
    item: _Typed = _Typed()


_decode_typed = msgspec.json.Decoder(_Typed).decode
_decode_numbered = msgspec.json.Decoder(_Numbered).decode
_decode_added = msgspec.json.Decoder(_Added).decode


class Tee:
    """One native stream passing through."""

    __slots__ = (
        "_begun",
        "_fault",
        "_held",
        "_held_bytes",
        "_last",
        "_over",
        "_terminal",
        "error",
        "has_content",
        "incomplete",
        "usage",
    )

    def __init__(self, _: TeeOptions) -> None:
        self.has_content = False
        self.incomplete = False
        self.error: TrunklineError | None = None
        self.usage: Usage = NO_USAGE
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._begun = b""
        # The upstream's own error event. It becomes `error` at the end: its `response.failed` is to pass as well.
        self._fault: UpstreamError | None = None
        self._last = b""
        self._terminal = b""
        self._over = False

    def feed(self, data: bytes) -> bytes:
        if self._over:
            # A `[DONE]`, where it was not lost with what broke off.
            return data if self.error is None else b""
        if self._held or data[-2:] != b"\n\n":
            data = self._hold(data)
            if not data:
                return b""
        if not self.has_content:
            self._look(data)
        self._last = data
        if data[-2:] != b"\n\n" or _last_name(data) in _NOTABLE:
            self._look_back(data)
        return data

    def end(self) -> bytes:
        if self._over:
            return b""
        rest = b"".join(self._held)
        if rest.lstrip()[:1] in (b"{", b"["):
            return self.fail(_read_body_error(rest))
        if rest and _is_whole(rest):
            # Only its blank line is missing.
            rest = self.feed(b"\n\n")
        else:
            rest = b""
        return rest + self.fail(Failed("the upstream's stream ended unexpectedly"))

    def fail(self, error: TrunklineError) -> bytes:
        if self._over:
            return b""
        self._over = True
        if self._terminal:
            self._read_terminal()
            return b""
        number = _read_number(self._last) + 1
        drawn = b""
        self.error = self.error or self._fault
        if self.error is None:
            self.error = error
            drawn = write_event(draw_error_event(error, number))
            number += 1
        response = _read_response(self._begun)
        if not response:
            return drawn
        response |= {"status": "failed", "error": draw_response_error(self.error)}
        return drawn + write_event({"type": "response.failed", "sequence_number": number, "response": response})

    def is_finished(self) -> bool:
        return bool(self._terminal)

    def estimate(self) -> int | None:
        """Events are numbered, and hold about a token."""
        return None if self._terminal else _read_number(self._last) + 1

    def _hold(self, data: bytes) -> bytes:
        """Keep the event that is not complete; give back what is."""
        if b"\n\n" not in data and b"\r" not in data and data[:1] != b"\n":
            self._held.append(data)
            self._held_bytes += len(data)
            # Whoever sends so much without a blank line sends no events: let it go rather than gather it.
            return self._release() if self._held_bytes > DEFAULT_LIMIT_BYTES else b""
        data = self._release() + data
        length = _whole_length(data)
        if length < len(data):
            self._held.append(data[length:])
            self._held_bytes = len(data) - length
        return data[:length]

    def _release(self) -> bytes:
        held = b"".join(self._held)
        self._held.clear()
        self._held_bytes = 0
        return held

    def _look(self, data: bytes) -> None:
        """Each event, until there is content: what would make a status 200 right, or wrong."""
        for body in walk(data):
            name = _read_name(body)
            if name in _CONTENT or (name == "response.output_item.added" and _is_call(body)):
                self.has_content = True
                return
            if name in _ERRORS:
                self.error = _read_event_error(name, body)
                return
            if name == "response.created":
                self._begun = body

    def _look_back(self, data: bytes) -> None:
        """The last events of a read, from the last: is a terminal one among them, or an error?"""
        for body in islice(walk_back(data), _TRAILING_EVENTS + 1):
            name = _read_name(body)
            if name in _TERMINAL:
                self._terminal = body
                return
            if name == "error" and self._fault is None:
                self._fault = _read_event_error(name, body)

    def _read_terminal(self) -> None:
        name = _read_name(self._terminal)
        response = _read_response(self._terminal)
        self.usage = read_response_usage(response, self._terminal)
        self.incomplete = name == "response.incomplete"
        if name in _ERRORS and self.error is None:
            self.error = self._fault or _read_event_error(name, self._terminal)


def _last_name(data: bytes) -> bytes:
    """What the last of some whole events is called, as far as can be told without decoding; else nothing.

    Found from the end by single line ends, which is several times faster than looking for blank lines.
    """
    line = data.rfind(b"\n", 0, -2) + 1
    start = data.rfind(b"\n", 0, line - 1) + 1 if line else 0
    if data[start : start + 7] == b"event: ":
        return data[start + 7 : line - 1]
    if data[line : line + 15] == b'data: {"type":"':
        return data[line + 15 : data.find(b'"', line + 15)]
    return b""


def holds_end(data: bytes) -> bool:
    """Whether the event that ends a stream is the last of these, but for a `[DONE]` that some send behind it."""
    if data[-16:] == b"\n\ndata: [DONE]\n\n":
        data = data[:-14]
    return _last_name(data) in _END_NAMES


def _whole_length(data: bytes) -> int:
    """How many of the bytes are whole events."""
    return max((at + len(mark) for mark in _BLANK_LINES if (at := data.rfind(mark)) >= 0), default=0)


def _is_whole(rest: bytes) -> bool:
    """Whether an event that lacks its blank line lacks nothing else."""
    body = next(walk_back(rest), b"")
    return body == b"[DONE]" or bool(_read_name(body))


# --- what is in an event ----------------------------------------------------------------------------------------


def _read_name(body: bytes) -> str:
    """An event's type. A bare error has none: it is of whatever stands between the provider and us."""
    try:
        typed = _decode_typed(body)
    except UNREADABLE:
        return ""
    return typed.type or ("error" if typed.error else "")


def _is_call(body: bytes) -> bool:
    try:
        return _decode_added(body).item.type not in _NO_CALLS
    except UNREADABLE:
        return False


def _read_number(data: bytes) -> int:
    """The sequence number that was reached; -1 when there was none."""
    for body in walk_back(data):
        try:
            number = _decode_numbered(body).sequence_number
        except UNREADABLE:
            continue
        if number >= 0:
            return number
    return -1


def _read_response(body: bytes) -> dict[str, Any]:
    """The response object in an event; empty when there is none."""
    try:
        return lenient_object(lenient_object(decode_json(body)).get("response")) if body else {}
    except Garbled:
        return {}


def _read_event_error(name: str, body: bytes) -> UpstreamError:
    if name == "error":
        return read_error_object(find_error(_read_json(body)))
    return read_error_object(_read_response(body).get("error"))


def _read_json(body: bytes) -> Any:
    try:
        return decode_json(body)
    except Garbled:
        return None


def _read_body_error(body: bytes) -> UpstreamError:
    """What is wrong when JSON came where a stream was asked for."""
    value = _read_json(body)
    if type(value) is dict and value.get("object") == "response":
        return Garbled("the upstream answered without a stream although one was asked for")
    return read_error_object(find_error(value))
