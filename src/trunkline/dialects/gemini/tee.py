"""A Gemini reply passed on byte for byte, while what the gateway must know of it is read in passing.

The hot way: the first bytes are looked at until content has gone by, then only the last ones are kept. Why it stopped
and the counts come last in the last frame, behind whatever content that holds.
"""

import json
import re

from trunkline.dialects.dialect import TeeOptions
from trunkline.dialects.gemini.errors import read_error, read_error_object, write_error_event
from trunkline.dialects.gemini.usage import FAILURES, SEARCHED, count_searches, read_finish, read_usage
from trunkline.dialects.gemini.wire import decode_frame
from trunkline.dialects.reading import CUT
from trunkline.dialects.said import estimate_said
from trunkline.dialects.sse import walk_back
from trunkline.dialects.upstream_errors import ended_early
from trunkline.errors import Failed, TrunklineError
from trunkline.usage import NO_USAGE, Usage

# Grounding and log-probabilities of a long answer take some ten KB behind its end.
_TAIL_BYTES = 64 * 1024

# A frame of content; one whose only part is an empty text says nothing yet.
_CONTENT = re.compile(rb'"parts"\s*:\s*\[\s*\{(?!\s*"text"\s*:\s*""\s*\}\s*\])|"finishReason"|"blockReason"')
# A quote within a string is never bare, so these are members and no text that looks like one.
_FINISH = b'"finishReason"'
_USAGE = b'"usageMetadata"'
_BLOCKED = b'"blockReason"'
_ERROR = b'"error"'
_WORD = re.compile(rb'\s*:\s*"(\w*)"')


class Tee:
    """A `Passage` that changes nothing."""

    __slots__ = ("_is_over", "_reason", "_size", "_tail", "_trimmed", "error", "has_content", "incomplete", "usage")

    def __init__(self) -> None:
        self.has_content = False
        self.incomplete = False
        self.error: TrunklineError | None = None
        self.usage: Usage = NO_USAGE
        self._is_over = False
        self._reason: str | None = None
        self._tail: list[bytes] = []
        self._size = 0
        self._trimmed = 0

    def feed(self, data: bytes) -> bytes:
        self._tail.append(data)
        self._size += len(data)
        if self._size > 4 * _TAIL_BYTES:
            self._trim()
        if not self.has_content:
            self._look(b"".join(self._tail))
        return data

    def _trim(self) -> None:
        data = b"".join(self._tail)
        # The reason may stand before a picture of megabytes.
        self._reason = _find_word(data, _FINISH) or self._reason
        kept = data[-_TAIL_BYTES:]
        self._trimmed += self._size - len(kept)
        self._tail = [kept]
        self._size = len(kept)

    def _look(self, head: bytes) -> None:
        """Whether there is content, or an error in its place."""
        if _CONTENT.search(head) is not None:
            self.has_content = True
        elif head.find(_ERROR) >= 0:
            self.error = _find_error(head)

    def end(self) -> bytes:
        return self._finish_with(None)

    def fail(self, error: TrunklineError) -> bytes:
        return self._finish_with(error)

    def is_finished(self) -> bool:
        tail = b"".join(self._tail)
        return (
            self._reason is not None or _find_word(tail, _FINISH) is not None or _find_word(tail, _BLOCKED) is not None
        )

    def estimate(self) -> int | None:
        """About how many tokens were written; the counts that have come are those up to now."""
        if self.usage.total_output:
            return None
        return estimate_said(b"".join(self._tail), self._trimmed)

    def _finish_with(self, error: TrunklineError | None) -> bytes:
        if self._is_over:
            return b""
        self._is_over = True
        tail = b"".join(self._tail)
        self.usage = _find_usage(tail)
        reason = _find_word(tail, _FINISH) or self._reason
        if reason is not None:
            self.has_content = True
            self.incomplete = read_finish(reason) in CUT
            if reason in FAILURES:
                # It has been said in the stream; the record must know it as well.
                self.error = Failed(f"{FAILURES[reason]} ({reason})", code="server_error")
            return b""
        if _find_word(tail, _BLOCKED) is not None:
            self.incomplete = True
            return b""
        if self.error is not None:
            return b""
        told = _find_error(tail)
        if told is not None and tail.lstrip()[:1] not in (b"{", b"["):
            self.error = told
            return b""
        self.error = told or error or ended_early()
        # What was cut in the middle of a frame must not swallow ours.
        gap = b"" if tail[-4:] in (b"\r\n\r\n", b"") or tail[-2:] == b"\n\n" else b"\r\n\r\n"
        return gap + write_error_event(self.error)


def _find_word(tail: bytes, member: bytes) -> str | None:
    """The string value of the last such member."""
    at = tail.rfind(member)
    if at < 0:
        return None
    found = _WORD.match(tail, at + len(member))
    return found[1].decode() if found is not None else None


def _find_usage(tail: bytes) -> Usage:
    """The last counts: cumulative, so they are the whole. Frames may hold nothing but the kind of traffic."""
    at = len(tail)
    while (at := tail.rfind(_USAGE, 0, at)) >= 0:
        start = tail.find(b"{", at)
        if start < 0:
            continue
        try:
            counts, _ = _DECODER.raw_decode(tail[start : start + 4096].decode("utf-8", "replace"))
        except ValueError:
            continue
        if "promptTokenCount" in counts or "totalTokenCount" in counts:
            return read_usage(counts, _count_searches(tail))
    return NO_USAGE


_SEARCHED = f'"{SEARCHED}"'.encode()


def _count_searches(tail: bytes) -> int:
    """How many searches the last grounding lists."""
    at = tail.rfind(_SEARCHED)
    start = tail.find(b"[", at) if at >= 0 else -1
    if start < 0:
        return 0
    try:
        queries, _ = _DECODER.raw_decode(tail[start : start + 16384].decode("utf-8", "replace"))
    except ValueError:
        return 0
    return count_searches({SEARCHED: queries})


_DECODER = json.JSONDecoder()


def _find_error(data: bytes) -> TrunklineError | None:
    """The error that the last whole frame is, or that came as JSON where a stream was asked for."""
    body = data.strip()
    if body[:1] in (b"{", b"["):
        return read_error(200, {}, body) if _ERROR in body else None
    for event in walk_back(data):
        try:
            frame = decode_frame(event)
        except ValueError:
            continue
        return None if frame.error is None else read_error_object(frame.error)
    return None


def tee_stream(options: TeeOptions) -> Tee:
    """A passage for one stream. No option concerns this dialect: its counts are never in the way."""
    return Tee()
