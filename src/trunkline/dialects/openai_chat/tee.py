"""A faithful provider's stream, passed on as it is: the listener learns usage, the end and errors in passing.

The hot way: events are looked into only until the first with content; after that the last bytes are kept, and read
when the stream is over.
"""

import re
from collections.abc import Iterator
from typing import Any

from trunkline.dialects.dialect import TeeOptions
from trunkline.dialects.openai_chat.chunks import Chunk, Delta, decode_chunk
from trunkline.dialects.openai_chat.errors import (
    ENDED_UNEXPECTEDLY,
    read_body_error,
    read_chunk_error,
    write_error_event,
)
from trunkline.dialects.openai_chat.finish import is_cut
from trunkline.dialects.openai_chat.usage import find_usage, read_usage
from trunkline.dialects.said import estimate_said
from trunkline.dialects.shapes import UNREADABLE
from trunkline.dialects.sse import DEFAULT_LIMIT_BYTES, Splitter, walk, walk_back
from trunkline.errors import Failed, Garbled, TrunklineError, UpstreamError
from trunkline.usage import NO_USAGE, Usage

# Finish, usage and `[DONE]` come to some 1.5 KiB with every member that OpenAI sends; Azure's filters add as much.
_TAIL_BYTES = 8192
# From the empty `choices` of a usage chunk to the end of `[DONE]`: some 500 bytes at OpenAI.
_USAGE_BYTES = 2048
# Joined and cut only so often.
_RECENT_BYTES = 4 * _TAIL_BYTES

_BLANK_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")
_BLOCKS = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_DONE = b"data: [DONE]"


def holds_end(data: bytes) -> bool:
    """Whether events end with `[DONE]`. What stands at the beginning of a line is nobody's text."""
    at = data.rfind(_DONE, -32)
    return at == 0 or (at > 0 and data[at - 1 : at] == b"\n")


def _end_of_events(data: bytes) -> int:
    """Where the last whole event ends."""
    return max(data.rfind(blank) + len(blank) if blank in data else 0 for blank in _BLANK_LINES)


def _split_blocks(data: bytes) -> Iterator[bytes]:
    """Whole events, each with its blank line."""
    start = 0
    for match in _BLOCKS.finditer(data):
        yield data[start : match.end()]
        start = match.end()


def _has_empty_choices(data: bytes) -> bool:
    return data.find(b'"choices":[]') >= 0 or data.find(b'"choices": []') >= 0


def _has_content(chunk: Chunk) -> bool:
    """Whether a chunk is worth a status 200: text, reasoning, a call, or the model's own end."""
    for choice in chunk.choices or ():
        delta = choice.delta or choice.message or Delta()
        if choice.finish_reason or delta.content or delta.refusal or delta.tool_calls or delta.function_call:
            return True
        if delta.reasoning_content or delta.reasoning or delta.reasoning_details:
            return True
    return False


def _try_decode(event: bytes) -> Chunk | None:
    try:
        return decode_chunk(event)
    except UNREADABLE:
        return None


class Tee:
    """One stream in passing. An event is passed when it is whole, so that an end of ours never lands inside one."""

    __slots__ = (
        "_cut_usage",
        "_has_choices",
        "_is_over",
        "_partial",
        "_partial_bytes",
        "_saw_finish",
        "_recent",
        "_recent_bytes",
        "_trimmed_bytes",
        "error",
        "has_content",
        "incomplete",
        "usage",
    )

    def __init__(self, options: TeeOptions) -> None:
        self.has_content = False
        self.incomplete = False
        self.error: TrunklineError | None = None
        self.usage: Usage = NO_USAGE
        self._cut_usage = options.cut_usage
        self._has_choices = False
        # The beginning of an event, as it has come so far.
        self._partial: list[bytes] = []
        self._partial_bytes = 0
        self._recent: list[bytes] = []
        self._recent_bytes = 0
        self._trimmed_bytes = 0
        self._is_over = False
        self._saw_finish = False

    def feed(self, data: bytes) -> bytes:
        """The bytes of every event that these complete."""
        if self._partial or not data.endswith(b"\n\n"):
            data = self._hold(data)
            if not data:
                return b""
        if not self.has_content:
            self._look_for_content(data)
        self._recent.append(data)
        self._recent_bytes += len(data)
        if self._recent_bytes > _RECENT_BYTES:
            self._recent = [b"".join(self._recent)[-_TAIL_BYTES:]]
            self._trimmed_bytes += self._recent_bytes - _TAIL_BYTES
            self._recent_bytes = _TAIL_BYTES
        # The usage chunk is the last one before `[DONE]`, so only the end of a burst can hold it.
        if self._cut_usage and data.rfind(b"[]", -_USAGE_BYTES) >= 0 and _has_empty_choices(data):
            return self._without_usage(data)
        return data

    def _hold(self, data: bytes) -> bytes:
        """Keep the event that is not complete; give back what is."""
        if b"\n\n" not in data and b"\r" not in data and data[:1] != b"\n":
            self._partial.append(data)
            self._partial_bytes += len(data)
            # Whoever sends so much without a blank line sends no events: let it go rather than gather it.
            return self._release() if self._partial_bytes > DEFAULT_LIMIT_BYTES else b""
        data = self._release() + data
        end = _end_of_events(data)
        if end < len(data):
            self._partial.append(data[end:])
            self._partial_bytes = len(data) - end
        return data[:end]

    def _release(self) -> bytes:
        partial = b"".join(self._partial)
        self._partial.clear()
        self._partial_bytes = 0
        return partial

    def end(self) -> bytes:
        """What was held back, or, if that was no proper end, an error event."""
        if self._is_over:
            return b""
        self._is_over = True
        partial = self._release()
        is_done = self._read_tail(partial)
        if self.error is not None:
            # Upstream's own error event has passed, or waits in the rest.
            return partial
        if is_done or self._saw_finish:
            return partial
        self.error = self._read_body(partial) or Failed(ENDED_UNEXPECTEDLY)
        return write_error_event(self.error)

    def fail(self, error: TrunklineError) -> bytes:
        """Break off, unless the stream was over."""
        if self._is_over:
            return b""
        self._is_over = True
        if self._read_tail(self._release()) or self._saw_finish or self.error is not None:
            # The answer is whole, or the upstream's own error event has passed.
            return b""
        self.error = error
        return write_error_event(error)

    def is_finished(self) -> bool:
        """Of several choices, every one that was speaking lately."""
        speaking: set[Any] = set()
        finished: set[Any] = set()
        for event in walk_back(self._tail()):
            for choice in ((chunk := _try_decode(event)) and chunk.choices) or ():
                (finished if choice.finish_reason else speaking).add(repr(choice.index))
        return bool(finished) and speaking <= finished

    def estimate(self) -> int | None:
        if self.usage is not NO_USAGE:
            return None
        return estimate_said(b"".join(self._recent), self._trimmed_bytes)

    def _tail(self) -> bytes:
        return b"".join(self._recent)[-_TAIL_BYTES:]

    # --- looking in ---------------------------------------------------------------------------------------------

    def _look_for_content(self, data: bytes) -> None:
        for event in walk(data):
            if event == b"[DONE]":
                if self._has_choices:
                    self.has_content = True
                else:
                    self.error = Garbled("the upstream's stream holds no choices")
                    self._is_over = True
                return
            chunk = _try_decode(event)
            if chunk is None:
                continue
            error = read_chunk_error(chunk)
            if error is not None:
                self.error = error
                self._is_over = True
                return
            self._has_choices |= bool(chunk.choices)
            if _has_content(chunk):
                self.has_content = True
                return

    def _read_tail(self, partial: bytes) -> bool:
        """Learn from the last events, from the end back to the finish; whether `[DONE]` was among them."""
        is_done = False
        for event in walk_back(self._tail() + partial):
            if event == b"[DONE]":
                is_done = True
            elif (chunk := _try_decode(event)) is not None:
                self._learn(chunk, event)
            if self._saw_finish:
                break
        return is_done

    def _learn(self, chunk: Chunk, event: bytes) -> None:
        usage = find_usage(chunk.usage, chunk.x_groq)
        if usage is not None and self.usage is NO_USAGE:
            self.usage = read_usage(usage, chunk.service_tier, event)
        self.error = self.error or read_chunk_error(chunk)
        for choice in chunk.choices or ():
            if type(choice.finish_reason) is str and choice.finish_reason:
                self._saw_finish = True
                self.incomplete |= is_cut(choice.finish_reason)

    def _read_body(self, rest: bytes) -> UpstreamError | None:
        """The error in a JSON body that came where a stream was asked for."""
        return read_body_error(self._tail() + rest)

    def _without_usage(self, data: bytes) -> bytes:
        kept: list[bytes] = []
        for block in _split_blocks(data):
            if _has_empty_choices(block):
                events = Splitter().feed(block)
                chunk = _try_decode(events[0][1]) if events else None
                usage = find_usage(chunk.usage, chunk.x_groq) if chunk is not None else None
                if chunk is not None and usage is not None:
                    self.usage = read_usage(usage, chunk.service_tier, events[0][1])
                    continue
            kept.append(block)
        return b"".join(kept)
