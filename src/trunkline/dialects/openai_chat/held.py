"""A Chat stream whose end is held back, so that the completion can be kept before anybody hears of it.

Source: https://platform.openai.com/docs/api-reference/chat/streaming
"""

import re

import msgspec

from trunkline.dialects.around import Around
from trunkline.dialects.dialect import Passage
from trunkline.dialects.openai_chat.chunks import decode_chunk
from trunkline.dialects.openai_chat.gather import gather_stream
from trunkline.dialects.openai_chat.usage import find_usage, read_usage, write_usage
from trunkline.dialects.shapes import UNREADABLE
from trunkline.dialects.sse import walk_back
from trunkline.errors import TrunklineError
from trunkline.usage import NO_USAGE, Usage

_DONE = re.compile(rb"(?:^|(?<=[\r\n]))data: ?\[DONE\]")

# Longer answers pass, and are not kept: nobody's are, but for pictures by the dozen.
_MOST_BYTES = 32 * 1024 * 1024

# Where the upstream's own usage chunk stands, which a caller that did not ask for it does not see.
_TAIL_BYTES = 8192


class HeldCompletion(Around):
    """A passage around a caller's stream of whole events. `response` is the completion once it has come whole;
    `[DONE]` is given out by `release`."""

    __slots__ = ("_held", "_is_released", "_pieces", "_size_bytes", "_tail", "begun", "response")

    def __init__(self, inner: Passage) -> None:
        super().__init__(inner)
        self._pieces: list[bytes] = []
        self._size_bytes = 0
        self._tail = b""
        self._held = b""
        self._is_released = False
        self.begun: bytes | None = None
        self.response: bytes | None = None

    def feed(self, data: bytes) -> bytes:
        self._tail = (self._tail + data)[-_TAIL_BYTES:]
        return super().feed(data)

    def end(self) -> bytes:
        return self._close(super().end())

    def fail(self, error: TrunklineError) -> bytes:
        return self._close(super().fail(error))

    def release(self, changes: object = None) -> bytes:
        """What was held back, after which everything passes."""
        held, self._held = self._held, b""
        self._is_released = True
        return held

    def change(self, out: bytes) -> bytes:
        if self.response is not None:
            if self._is_released:
                return out
            self._held += out
            return b""
        done = _DONE.search(out) if out.find(b"[DONE]") >= 0 else None
        passed = out if done is None else out[: done.start()]
        self._size_bytes += len(passed)
        if self._size_bytes > _MOST_BYTES:
            self._pieces.clear()
            return out
        self._pieces.append(passed)
        if done is None or self.error is not None:
            return out
        self.response = self._gather()
        if self.response is None:
            return out
        self._held = out[done.start() :]
        return passed

    def _close(self, out: bytes) -> bytes:
        """The stream is over, perhaps without `[DONE]`."""
        if self.response is None and self.error is None:
            self.response = self._gather()
        return out

    def _gather(self) -> bytes | None:
        said, self._pieces = b"".join(self._pieces), []
        return gather_completion(said, self._find_usage()) if said else None

    def _find_usage(self) -> Usage:
        """What was used: a tee tells at the very end, so the upstream's own words are looked at."""
        if self.usage != NO_USAGE:
            return self.usage
        for event in walk_back(self._tail):
            try:
                chunk = decode_chunk(event)
            except UNREADABLE:
                continue
            if (usage := find_usage(chunk.usage, chunk.x_groq)) is not None:
                return read_usage(usage, chunk.service_tier, event)
        return NO_USAGE


def gather_completion(stream: bytes, usage: Usage) -> bytes | None:
    """The completion that a stream is, `None` for one that is none. `usage` counts where the stream does not tell."""
    try:
        completion = gather_stream(stream)
    except (TrunklineError, *UNREADABLE):
        return None
    if not completion["choices"] or not completion.get("id"):
        return None
    for choice in completion["choices"]:
        choice["message"] = {"role": "assistant", "content": None, "refusal": None} | choice["message"]
        choice.setdefault("logprobs", None)
    if usage != NO_USAGE:
        completion.setdefault("usage", write_usage(usage))
    return msgspec.json.encode(completion)
