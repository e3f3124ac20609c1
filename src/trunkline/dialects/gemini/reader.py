"""A Gemini stream or whole reply → events.

A whole reply is a stream of one frame. There is no terminator: the end of the connection, after a reason to finish,
is the end; some servers write a reason into every frame. Source: https://ai.google.dev/api/generate-content, and
recorded streams.
"""

import msgspec

from trunkline.dialects.gemini.answer import Answer
from trunkline.dialects.gemini.errors import read_error, read_error_object
from trunkline.dialects.gemini.wire import Frame, decode_frame
from trunkline.dialects.reading import EventReader
from trunkline.dialects.upstream_errors import garbled


def open_reader() -> EventReader[Answer, Frame]:
    """A reader for one stream."""
    return EventReader(Answer(), decode_frame, _add, read_whole)


def _add(frame: Frame, answer: Answer) -> None:
    answer.add(frame)


def read_whole(body: bytes, answer: Answer) -> None:
    """A whole JSON reply, into the answer: one response, an array of a stream's frames, or an error."""
    try:
        frames = [decode_frame(body)] if body.lstrip()[:1] != b"[" else _read_array(body)
    except ValueError as error:
        answer.fail(garbled(str(error)))
        return
    if not any(frame.candidates or frame.promptFeedback or len(frame.usageMetadata) or frame.error for frame in frames):
        answer.fail(garbled("neither an answer nor an error"))
        return
    for frame in frames:
        if frame.error is not None:
            answer.fail(read_error(200, {}, body) if len(frames) == 1 else read_error_object(frame.error))
        else:
            answer.add(frame)
    answer.end()


def _read_array(body: bytes) -> list[Frame]:
    try:
        return [decode_frame(bytes(raw)) for raw in msgspec.json.decode(body, type=list[msgspec.Raw])]
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(type(error).__name__) from error
