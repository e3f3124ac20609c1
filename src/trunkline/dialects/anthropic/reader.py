"""An Anthropic stream or whole reply → events.

A whole reply takes the same way: its blocks are opened and stopped at once. Source:
https://docs.anthropic.com/en/docs/build-with-claude/streaming, and recorded streams.
"""

import json
from typing import Any

import msgspec

from trunkline.dialects.anthropic.blocks import KINDS, Delta, OtherBlock
from trunkline.dialects.anthropic.citations import read_citation
from trunkline.dialects.anthropic.errors import read_error, read_error_object
from trunkline.dialects.anthropic.usage import merge_counts, note_cost, read_finish, read_usage
from trunkline.dialects.blocks import BlockAnswer, TextBlock
from trunkline.dialects.reading import EventReader
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.dialects.upstream_errors import decode_body, garbled
from trunkline.usage import Usage


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
        event = _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _decode_crooked(data)
    if event.usage is not None:
        note_cost(event.usage, data)
    return event


def _decode_crooked(data: bytes) -> WireEvent:
    try:
        value = json.loads(data.decode("utf-8", "replace"))
        whole = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        return _DECODER.decode(whole)
    except (ValueError, RecursionError) as error:
        raise ValueError(type(error).__name__) from error


class Answer(BlockAnswer[Delta]):
    """What the events of one answer add up to; fed by the stream or by a whole reply."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, Any] = {}

    def start(self, message: dict[str, Any]) -> None:
        """`message_start`, or the envelope of a whole reply, whose blocks it may hold already.

        A second one comes where a server has spliced another model's answer in: what was closed stays, what was open
        is broken off, and block indexes begin anew.
        """
        self.begin(lenient_text(message.get("id")), lenient_text(message.get("model")))
        self.abandon()
        self.count(message.get("usage"))
        for number, block in enumerate(lenient_list(message.get("content"))):
            self.open(number, lenient_object(block))
            self.stop(number)
        if type(reason := message.get("stop_reason")) is str:
            sequence = lenient_text(message.get("stop_sequence")) or None
            self.stop_for(reason, sequence, message.get("stop_details"))

    def open(self, number: int, block: dict[str, Any]) -> None:
        self.begin()
        self.stop(number)
        kind = lenient_text(block.get("type"))
        if kind == "text":
            text = TextBlock(self.place_text, read_citation)
            self.put(number, text)
            text.add(Delta(text=lenient_text(block.get("text"))), self.out)
            for citation in lenient_list(block.get("citations")):
                text.add(Delta(citation=citation), self.out)
        else:
            self.put(number, KINDS.get(kind, OtherBlock)(self.place(), block, self.out))

    def stop_for(self, reason: str, stop_sequence: str | None, stop_details: Any) -> None:
        """Why the model stopped: now the last item can end."""
        self.finish = read_finish(reason)
        self.stop_sequence = stop_sequence
        self.explanation = lenient_text(lenient_object(stop_details).get("explanation")) or None

    def count(self, usage: Any) -> None:
        merge_counts(self._counts, usage)

    def read_usage(self) -> Usage | None:
        return read_usage(self._counts) if self._counts else None


def _add(event: WireEvent, answer: Answer) -> None:
    """Take one wire event into the answer. The commonest come first."""
    kind, delta = event.type, event.delta
    if kind == "content_block_delta":
        if delta is not None:
            answer.add(event.index, delta)
    elif kind == "content_block_start":
        answer.open(event.index, lenient_object(event.content_block))
    elif kind == "content_block_stop":
        answer.stop(event.index)
    elif kind == "message_start":
        answer.start(lenient_object(event.message))
    elif kind == "message_delta":
        answer.count(event.usage)
        if delta is not None and delta.stop_reason is not None:
            answer.stop_for(delta.stop_reason, delta.stop_sequence, delta.stop_details)
    elif kind == "message_stop":
        answer.end()
    elif kind == "error" or event.error is not None:
        answer.fail(read_error_object(event.error))


def read_whole(body: bytes, answer: Answer) -> None:
    """A whole JSON reply, into the answer: a message, or the error that came instead."""
    value = decode_body(body)
    if isinstance(value, dict) and value.get("type") == "message":
        note_cost(value.get("usage"), body)
        answer.start(value)
        answer.end()
    elif value is None or (isinstance(value, dict) and value.get("error") is None):
        answer.fail(garbled("neither a message nor an error"))
    else:
        answer.fail(read_error(200, {}, body))


def open_reader() -> EventReader[Answer, WireEvent]:
    """A reader for one stream."""
    return EventReader(Answer(), decode_event, _add, read_whole)
