"""A Chat upstream's stream → the chunks of one answer.

Source: https://platform.openai.com/docs/api-reference/chat/streaming
"""

import re

from trunkline.dialects.openai_chat.answer import Answer
from trunkline.dialects.openai_chat.chunks import Chunk, decode_chunk
from trunkline.dialects.openai_chat.errors import find_error, read_error_object
from trunkline.dialects.shapes import UNREADABLE, decode_json
from trunkline.dialects.sse import EventTooLarge, ServerSentEvent, Splitter
from trunkline.errors import Garbled, TrunklineError, UpstreamError
from trunkline.events import Event, PartKind, TextAdded

_PLAIN: dict[PartKind, re.Pattern[bytes]] = {
    "text": re.compile(rb'"content":\s*"([^"\\]+)"'),
    "reasoning": re.compile(rb'"reasoning(?:_content)?":\s*"([^"\\]+)"'),
}
"""Where the text of a plain event stands."""


class Reader(Answer):
    """The answer in one upstream stream."""

    __slots__ = ("_after", "_before", "_repeated", "_splitter")

    def __init__(self) -> None:
        super().__init__()
        self._splitter = Splitter()
        # What stood around the text of the last plain event, and the kind of that text.
        self._before = b""
        self._after = b""
        self._repeated: PartKind = "text"

    # --- the interface ------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> list[Event]:
        """Bytes in any chunking."""
        if self._is_over:
            return []
        try:
            events = self._splitter.feed(data)
        except EventTooLarge:
            return self.fail(Garbled("the upstream sent an event beyond the size limit"))
        return self._read_events(events)

    def end(self) -> list[Event]:
        """The connection is at its end."""
        if self._is_over:
            return []
        rest = self._splitter.pending.strip()
        if rest[:1] in (b"{", b"["):
            return self._read_body(rest)
        out = self._read_events(self._splitter.end())
        if not self._is_over:
            self._close_stream()
            out += self._flush()
        return out

    def fail(self, error: TrunklineError) -> list[Event]:
        """The connection broke. Behind the finish nothing was missing but formalities."""
        if not self._is_over:
            if self._finish is None:
                self._fail(error)
            else:
                self._close_stream()
        return self._flush()

    # --- wire events --------------------------------------------------------------------------------------------

    def _read_events(self, events: list[ServerSentEvent]) -> list[Event]:
        for _, data in events:
            if self._before and self._take_repeat(data):
                continue
            if data == b"[DONE]":
                self._close_stream()
            else:
                try:
                    chunk = decode_chunk(data)
                except UNREADABLE:
                    error = _find_listed_error(data)
                    if error is None:
                        # One broken event in a stream that goes on and finishes well costs a token, not the answer.
                        continue
                    self._fail(error)
                    break
                count = len(self._out)
                self._take_chunk(chunk, data)
                self._learn(chunk, data, len(self._out) - count)
            if self._is_over:
                break
        return self._flush()

    def _learn(self, chunk: Chunk, data: bytes, count: int) -> None:
        """Remember what stood around the text of an event that was nothing but text: the next differs in that alone."""
        self._before = b""
        kind = self._kind
        if count != 1 or kind is None or kind not in _PLAIN or chunk.usage or chunk.x_groq or not chunk.choices:
            return
        choice, event = chunk.choices[0], self._out[-1]
        if len(chunk.choices) > 1 or choice.finish_reason is not None or choice.logprobs is not None:
            return
        plain = _PLAIN[kind].search(data)
        if plain is not None and type(event) is TextAdded and plain[1] == event.text.encode("utf-8", "replace"):
            self._before, self._after = data[: plain.start(1)], data[plain.end(1) :]
            self._repeated = kind

    def _take_repeat(self, data: bytes) -> bool:
        """Take an event that differs from the last one in its text alone, without decoding it."""
        before, after = self._before, self._after
        if not data.startswith(before) or not data.endswith(after) or self._kind != self._repeated:
            return False
        text = data[len(before) : -len(after)]
        if not text or text.find(b"\\") >= 0 or text.find(b'"') >= 0 or len(data) < len(before) + len(after):
            return False
        try:
            self._out.append(TextAdded(self._index, self._part, self._repeated, text.decode()))
        except UnicodeDecodeError:
            return False
        return True

    def _read_body(self, body: bytes) -> list[Event]:
        """A JSON body where a stream was asked for: an error, or the whole answer."""
        try:
            chunk = decode_chunk(body[1:-1] if body[:1] == b"[" else body)
        except UNREADABLE:
            return self.fail(Garbled("the upstream answered with something that is neither a stream nor a reply"))
        return self.read_whole(chunk, body)


def _find_listed_error(data: bytes) -> UpstreamError | None:
    """The error in an array, which is how Google's endpoint of OpenAI's format sends it."""
    if data[:1] != b"[":
        return None
    try:
        error = find_error(decode_json(data))
    except Garbled:
        return None
    return read_error_object(error) if error is not None else None
