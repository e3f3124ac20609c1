"""A ConverseStream, or a whole Converse reply → events.

A whole reply takes the same way: its blocks are opened and stopped at once. Source:
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html.
"""

from typing import Any

import msgspec

from trunkline.dialects.bedrock.answer import Answer
from trunkline.dialects.bedrock.blocks import Delta, read_pieces
from trunkline.dialects.bedrock.errors import error_named, read_error, read_exception
from trunkline.dialects.eventstream import Corrupt, Message, Splitter
from trunkline.dialects.reading import respond
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.dialects.upstream_errors import decode_body, ended_early, garbled
from trunkline.errors import TrunklineError
from trunkline.events import Event, ModelResponse

# An error page in the place of a stream; what is longer is not worth reading.
_ODD_BYTES = 256 * 1024


class _WireEvent(msgspec.Struct):
    """Any event of the stream, decoded as far as all of them need."""

    contentBlockIndex: int = 0  # noqa: N815  # as the wire spells it, here and below
    delta: Delta | None = None
    start: Any = None
    stopReason: str = ""  # noqa: N815  # the wire's name
    additionalModelResponseFields: Any = None  # noqa: N815  # the wire's name
    usage: Any = None
    serviceTier: Any = None  # noqa: N815  # the wire's name


_DECODER = msgspec.json.Decoder(_WireEvent)


class Reader:
    """A `StreamReader` for one stream."""

    __slots__ = ("_answer", "_begun", "_odd", "_splitter")

    def __init__(self) -> None:
        self._splitter = Splitter()
        self._answer = Answer()
        self._begun = False
        # What came instead of a stream of messages, which never begins with a letter or bracket.
        self._odd: bytearray | None = None

    def feed(self, data: bytes) -> list[Event]:
        answer = self._answer
        if answer.over:
            return []
        if not self._begun and data:
            self._begun = True
            self._odd = bytearray() if data[:1] in (b"{", b"[", b"<", b"\n", b" ") else None
        if self._odd is not None:
            self._odd += data[: _ODD_BYTES - len(self._odd)]
            return []
        try:
            for message in self._splitter.feed(data):
                self._take(message)
        except Corrupt as error:
            answer.fail(garbled(str(error)))
        return answer.take()

    def end(self) -> list[Event]:
        if self._odd is not None:
            read_whole(bytes(self._odd), self._answer)
        return self.fail(ended_early())

    def fail(self, error: TrunklineError) -> list[Event]:
        self._answer.settle(error)
        return self._answer.take()

    def is_finished(self) -> bool:
        return self._answer.finish is not None

    def _take(self, message: Message) -> None:
        """Take one message into the answer. The commonest come first."""
        answer, headers = self._answer, message.headers
        if answer.over:
            return
        if headers.get(":message-type", "event") != "event":
            self._take_error(message)
            return
        try:
            event = _DECODER.decode(message.payload)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            answer.fail(garbled(type(error).__name__))
            return
        match headers.get(":event-type"):
            case "contentBlockDelta" if event.delta is not None:
                answer.add(event.contentBlockIndex, event.delta)
            case "contentBlockStart":
                if start := lenient_object(event.start):
                    answer.open(event.contentBlockIndex, start)
            case "contentBlockStop":
                answer.stop(event.contentBlockIndex)
            case "messageStart":
                answer.begin()
            case "messageStop":
                answer.stop_for(event.stopReason, event.additionalModelResponseFields)
                answer.end_if_whole()
            case "metadata":
                answer.count(event.usage, event.serviceTier)
                answer.end_if_whole()
            case _:
                pass

    def _take_error(self, message: Message) -> None:
        answer, headers = self._answer, message.headers
        if headers.get(":message-type") == "exception":
            answer.settle(read_exception(headers.get(":exception-type", ""), message.payload))
        else:
            answer.settle(error_named(headers.get(":error-code", ""), headers.get(":error-message", "")))


# --- whole replies ------------------------------------------------------------------------------------------------


def read_whole(body: bytes, answer: Answer) -> None:
    """A whole JSON reply, into the answer: a message, or the error that came instead."""
    value = decode_body(body)
    output = value.get("output") if isinstance(value, dict) else None
    if not isinstance(output, dict):
        answer.fail(read_error(502, {}, body) if isinstance(value, dict) else garbled("neither a reply nor an error"))
        return
    answer.begin()
    for number, block in enumerate(lenient_list(lenient_object(output.get("message")).get("content"))):
        _read_block(number, lenient_object(block), answer)
    answer.count(value.get("usage"), value.get("serviceTier"))
    answer.stop_for(lenient_text(value.get("stopReason")), value.get("additionalModelResponseFields"))
    answer.end()


def _read_block(number: int, block: dict[str, Any], answer: Answer) -> None:
    pieces = read_pieces(block)
    if not pieces and "text" not in block:
        answer.open(number, block)
    for piece in pieces:
        answer.add(number, piece)
    answer.stop(number)


def read_reply(body: bytes) -> ModelResponse:
    """The answer in a reply's body. Raises the error that the body holds, or `Garbled`."""
    answer = Answer()
    read_whole(body, answer)
    return respond(answer.take())
