"""An Anthropic stream or whole reply → events.

A whole reply takes the same way: its blocks are opened and stopped at once. Source:
https://docs.anthropic.com/en/docs/build-with-claude/streaming, and recorded streams.
"""

import json
from typing import Any

import msgspec

from trunkline.dialects.anthropic.blocks import KINDS, Block, Delta, OtherBlock, TextBlock
from trunkline.dialects.anthropic.errors import ended_early, garbled, read_error, read_error_object
from trunkline.dialects.anthropic.usage import CUT, merge_counts, read_finish, read_usage
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.dialects.sse import EventTooLarge, Splitter
from trunkline.errors import TrunklineError
from trunkline.events import (
    Event,
    Finish,
    ResponseEnded,
    ResponseFailed,
    ResponseStarted,
    UsageReported,
)
from trunkline.items import Status


class WireEvent(msgspec.Struct):
    """Any event of the stream, decoded as far as all of them need; a block's start stays raw."""

    type: str = ""
    index: int = 0
    delta: Delta | None = None
    content_block: Any = None
    message: Any = None
    usage: Any = None
    error: Any = None


_DECODER = msgspec.json.Decoder(WireEvent)


def decode_event(data: bytes) -> WireEvent:
    """One event's data. Half surrogate pairs, which no UTF-8 can hold, become replacement characters.

    Raises `ValueError` for what is no event.
    """
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        value = json.loads(data.decode("utf-8", "replace"))
        whole = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        return _DECODER.decode(whole)
    except (ValueError, RecursionError) as error:
        raise ValueError(type(error).__name__) from error


class Answer:
    """What the events of one answer add up to; fed by the stream or by a whole reply. Never raises."""

    __slots__ = (
        "_blocks",
        "_counts",
        "_explanation",
        "_finish",
        "_last",
        "_next",
        "_started",
        "_stop_sequence",
        "out",
        "over",
    )

    def __init__(self) -> None:
        self.out: list[Event] = []
        self.over = False
        self._started = False
        self._blocks: dict[int, Block] = {}
        # The stopped block whose item waits for its end.
        self._last: Block | None = None
        self._next = 0
        self._counts: dict[str, Any] = {}
        self._finish: Finish | None = None
        self._stop_sequence: str | None = None
        self._explanation: str | None = None

    @property
    def has_finish(self) -> bool:
        """Whether the model has said why it stopped."""
        return self._finish is not None

    def take(self) -> list[Event]:
        """The events since the last time."""
        out, self.out = self.out, []
        return out

    def start(self, message: dict[str, Any]) -> None:
        """`message_start`, or the envelope of a whole reply, whose blocks it may hold already.

        A second one comes where a server has spliced another model's answer in: what was closed stays, what was open
        is broken off, and block indexes begin anew.
        """
        self.begin(lenient_text(message.get("id")), lenient_text(message.get("model")))
        self._break_off()
        merge_counts(self._counts, message.get("usage"))
        for number, block in enumerate(lenient_list(message.get("content"))):
            self.open(number, lenient_object(block))
            self.stop(number)
        if type(reason := message.get("stop_reason")) is str:
            sequence = lenient_text(message.get("stop_sequence")) or None
            self.finish(reason, sequence, message.get("stop_details"))

    def begin(self, id: str = "", model: str = "") -> None:
        """Let the answer begin, if it has not."""
        if not self._started:
            self._started = True
            self.out.append(ResponseStarted(id, model))

    def open(self, number: int, block: dict[str, Any]) -> None:
        self.begin()
        if number in self._blocks:
            self.stop(number)
        kind = lenient_text(block.get("type"))
        if kind == "text":
            self._blocks[number] = TextBlock(self._place_text, block, self.out)
            return
        self._settle_last("completed")
        self._blocks[number] = KINDS.get(kind, OtherBlock)(self._take_index(), block, self.out)

    def _place_text(self) -> tuple[int, int]:
        """Where text goes, as item and part: into the message that has just been said, or into a new one."""
        last = self._last
        if isinstance(last, TextBlock):
            self._last = None
            return last.index, last.part + 1
        self._settle_last("completed")
        return self._take_index(), 0

    def _take_index(self) -> int:
        self._next += 1
        return self._next - 1

    def add(self, number: int, delta: Delta) -> None:
        block = self._blocks.get(number)
        if block is not None:
            block.add(delta, self.out)

    def stop(self, number: int) -> None:
        block = self._blocks.pop(number, None)
        if block is None or (isinstance(block, TextBlock) and not block.is_placed):
            return
        block.stop(self.out)
        self._settle_last("completed")
        self._last = block

    def _settle_last(self, status: Status) -> None:
        if self._last is not None:
            self._last.settle(status, self.out)
            self._last = None

    def finish(self, stop_reason: str, stop_sequence: str | None, stop_details: Any) -> None:
        """Why the model stopped: now the last item can end."""
        self._finish = read_finish(stop_reason)
        self._stop_sequence = stop_sequence
        self._explanation = lenient_text(lenient_object(stop_details).get("explanation")) or None

    def count(self, usage: Any) -> None:
        merge_counts(self._counts, usage)

    def end(self) -> None:
        """The proper end."""
        finish = self._finish or "stop"
        self.begin()
        for number in list(self._blocks):
            self.stop(number)
        self._settle_last("incomplete" if finish in CUT else "completed")
        self._report()
        self.out.append(ResponseEnded(finish, self._stop_sequence, self._explanation))
        self.over = True

    def fail(self, error: TrunklineError) -> None:
        """The end, by an error: what is open, or was not yet certain, is incomplete."""
        self.begin()
        self._break_off()
        self._settle_last("incomplete")
        self._report()
        self.out.append(ResponseFailed(error))
        self.over = True

    def _report(self) -> None:
        if self._counts:
            self.out.append(UsageReported(read_usage(self._counts)))

    def _break_off(self) -> None:
        """End the blocks that were never stopped."""
        blocks, self._blocks = self._blocks, {}
        for block in blocks.values():
            if isinstance(block, TextBlock) and not block.is_placed:
                continue
            self._settle_last("completed")
            block.settle("incomplete", self.out)


class Reader:
    """A `StreamReader` for one stream."""

    __slots__ = ("_answer", "_begun", "_splitter")

    def __init__(self) -> None:
        self._splitter = Splitter()
        self._answer = Answer()
        self._begun = False

    def feed(self, data: bytes) -> list[Event]:
        answer = self._answer
        if answer.over:
            return []
        try:
            for _, event in self._splitter.feed(data):
                self._take(event)
        except EventTooLarge:
            answer.fail(garbled("an event is too large"))
        return answer.take()

    def end(self) -> list[Event]:
        answer = self._answer
        if answer.over:
            return []
        rest = self._splitter.pending
        if not self._begun and rest.lstrip()[:1] in (b"{", b"["):
            read_whole(rest, answer)
            return answer.take()
        for _, event in self._splitter.end():
            self._take(event)
        if not answer.over:
            if answer.has_finish:
                answer.end()
            else:
                answer.fail(ended_early())
        return answer.take()

    def fail(self, error: TrunklineError) -> list[Event]:
        answer = self._answer
        if not answer.over:
            if answer.has_finish:
                answer.end()
            else:
                answer.fail(error)
        return answer.take()

    def _take(self, data: bytes) -> None:
        """One event. The commonest come first."""
        answer = self._answer
        if answer.over:
            return
        self._begun = True
        try:
            event = decode_event(data)
        except ValueError as error:
            if data != b"[DONE]":
                answer.fail(garbled(str(error)))
            return
        kind = event.type
        if kind == "content_block_delta":
            if event.delta is not None:
                answer.add(event.index, event.delta)
        elif kind == "content_block_start":
            answer.open(event.index, lenient_object(event.content_block))
        elif kind == "content_block_stop":
            answer.stop(event.index)
        elif kind == "message_start":
            answer.start(lenient_object(event.message))
        elif kind == "message_delta":
            answer.count(event.usage)
            if event.delta is not None and event.delta.stop_reason is not None:
                answer.finish(event.delta.stop_reason, event.delta.stop_sequence, event.delta.stop_details)
        elif kind == "message_stop":
            answer.end()
        elif kind == "error" or event.error is not None:
            answer.fail(read_error_object(event.error))


def read_whole(body: bytes, answer: Answer) -> None:
    """A whole JSON reply, into the answer: a message, or the error that came instead."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        answer.fail(garbled(type(error).__name__))
        return
    if isinstance(value, dict) and value.get("type") == "message":
        answer.start(value)
        answer.end()
    elif isinstance(value, dict) and value.get("error") is None:
        answer.fail(garbled("neither a message nor an error"))
    else:
        answer.fail(read_error(200, {}, body))
