"""An Anthropic stream or whole reply → events.

A whole reply takes the same way: its blocks are opened and stopped at once. Source:
https://docs.anthropic.com/en/docs/build-with-claude/streaming, and recorded streams.
"""

import json
from typing import Any

import msgspec

from trunkline.dialects.anthropic.answer import Answer
from trunkline.dialects.anthropic.blocks import Delta
from trunkline.dialects.anthropic.errors import read_error, read_error_object
from trunkline.dialects.anthropic.usage import note_cost
from trunkline.dialects.reading import EventReader
from trunkline.dialects.shapes import UNREADABLE, lenient_object
from trunkline.dialects.upstream_errors import decode_body, garbled


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
    except UNREADABLE:
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
