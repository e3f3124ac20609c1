"""A ConverseStream, or a whole Converse reply → events.

A whole reply takes the same way: its blocks are opened and stopped at once. Source:
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from trunkline.dialects.bedrock.blocks import Block, CallBlock, Delta, OtherBlock, TextBlock, ThoughtBlock, read_pieces
from trunkline.dialects.bedrock.errors import ended_early, error_named, garbled, read_error, read_exception
from trunkline.dialects.eventstream import Corrupt, Message, Splitter
from trunkline.dialects.shapes import lenient_int, lenient_list, lenient_object, lenient_text
from trunkline.errors import Failed, TrunklineError
from trunkline.events import (
    Event,
    Finish,
    ModelResponse,
    ResponseEnded,
    ResponseFailed,
    ResponseStarted,
    UsageReported,
    fold,
)
from trunkline.items import Status
from trunkline.usage import Usage

_FINISHES: Mapping[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
"""`stopReason` → our word. One that is not here is a plain stop, but for the two that are failures."""

_MALFORMED = frozenset({"malformed_model_output", "malformed_tool_use"})
_CUT: frozenset[Finish] = frozenset({"length", "content_filter"})

# An error page in the place of a stream; what is longer is not worth reading.
_ODD_BYTES = 256 * 1024


class _WireEvent(msgspec.Struct):
    """Any event of the stream, decoded as far as all of them need."""

    contentBlockIndex: int = 0  # noqa: N815  # as the wire spells it, here and below
    delta: Delta | None = None
    start: Any = None
    stopReason: str = ""  # noqa: N815
    additionalModelResponseFields: Any = None  # noqa: N815
    usage: Any = None


_DECODER = msgspec.json.Decoder(_WireEvent)


class Answer:
    """What the events of one answer add up to; fed by the stream or by a whole reply. Never raises."""

    __slots__ = (
        "_blocks",
        "_finish",
        "_last",
        "_malformed",
        "_next",
        "_started",
        "_stop_sequence",
        "_usage",
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
        self._usage: Usage | None = None
        self._finish: Finish | None = None
        self._malformed = ""
        self._stop_sequence: str | None = None

    @property
    def has_finish(self) -> bool:
        """Whether the model has said why it stopped."""
        return self._finish is not None

    def take(self) -> list[Event]:
        """The events since the last time."""
        out, self.out = self.out, []
        return out

    def begin(self) -> None:
        """Let the answer begin, if it has not. The wire names neither id nor model."""
        if not self._started:
            self._started = True
            self.out.append(ResponseStarted())

    def open(self, number: int, block: dict[str, Any]) -> None:
        """A block that says at its start what it is."""
        self.begin()
        self.stop(number)
        self._settle_last("completed")
        if (call := block.get("toolUse")) is not None and lenient_object(call).get("type") is None:
            self._blocks[number] = CallBlock(self._take_index(), lenient_object(call), self.out)
        else:
            self._blocks[number] = OtherBlock(self._take_index(), block, self.out)

    def add(self, number: int, delta: Delta) -> None:
        """A piece of a block, which text and thought begin with."""
        block = self._blocks.get(number) or self._open_unsaid(number, delta)
        if block is not None:
            block.add(delta, self.out)

    def _open_unsaid(self, number: int, delta: Delta) -> Block | None:
        self.begin()
        if delta.reasoningContent is not None:
            self._settle_last("completed")
            self._blocks[number] = ThoughtBlock(self._take_index(), self.out)
        elif delta.text is not None or delta.citation is not None:
            self._blocks[number] = TextBlock(self._place_text)
        return self._blocks.get(number)

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

    def finish(self, reason: str, fields: Any) -> None:
        """Why the model stopped; `fields` are the members of its own reply that were asked for."""
        self._malformed = reason if reason in _MALFORMED else ""
        self._finish = _FINISHES.get(reason, "stop")
        if reason == "stop_sequence":
            self._stop_sequence = lenient_text(lenient_object(fields).get("stop_sequence")) or None

    def count(self, usage: Any) -> None:
        """Token counts. Cached tokens stand beside the input, so the buckets copy straight across."""
        counts = lenient_object(usage)
        written = lenient_int(counts.get("cacheWriteInputTokens"))
        details = [lenient_object(detail) for detail in lenient_list(counts.get("cacheDetails"))]
        hour = sum(lenient_int(detail.get("inputTokens")) for detail in details if detail.get("ttl") == "1h")
        hour = min(hour, written)
        self._usage = Usage(
            input_tokens=lenient_int(counts.get("inputTokens")),
            cached_input_tokens=lenient_int(counts.get("cacheReadInputTokens")),
            cache_write_tokens=written - hour,
            output_tokens=lenient_int(counts.get("outputTokens")),
            cache_write_1h_tokens=hour,
        )

    def end_if_whole(self) -> None:
        """The proper end, once both have come that end a stream, in whichever order."""
        if self._finish is not None and self._usage is not None:
            self.end()

    def end(self) -> None:
        """The proper end; but an answer that the model has garbled is none."""
        if self._malformed:
            self.fail(Failed("the model's answer is malformed", detail=self._malformed))
            return
        finish = self._finish or "stop"
        self.begin()
        for number in list(self._blocks):
            self.stop(number)
        self._settle_last("incomplete" if finish in _CUT else "completed")
        self._report()
        self.out.append(ResponseEnded(finish, self._stop_sequence))
        self.over = True

    def fail(self, error: TrunklineError) -> None:
        """The end, by an error: what is open, or was not yet certain, is incomplete."""
        self.begin()
        blocks, self._blocks = self._blocks, {}
        for block in blocks.values():
            if not isinstance(block, TextBlock) or block.is_placed:
                self._settle_last("completed")
                block.settle("incomplete", self.out)
        self._settle_last("incomplete")
        self._report()
        self.out.append(ResponseFailed(error))
        self.over = True

    def _report(self) -> None:
        if self._usage is not None:
            self.out.append(UsageReported(self._usage))


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
            if not answer.over:
                answer.fail(garbled(str(error)))
        return answer.take()

    def end(self) -> list[Event]:
        answer = self._answer
        if not answer.over:
            if self._odd is not None:
                read_whole(bytes(self._odd), answer)
            elif answer.has_finish:
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

    def _take(self, message: Message) -> None:
        """One message. The commonest come first."""
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
            case "contentBlockDelta":
                if event.delta is not None:
                    answer.add(event.contentBlockIndex, event.delta)
            case "contentBlockStart":
                if start := lenient_object(event.start):
                    answer.open(event.contentBlockIndex, start)
            case "contentBlockStop":
                answer.stop(event.contentBlockIndex)
            case "messageStart":
                answer.begin()
            case "messageStop":
                answer.finish(event.stopReason, event.additionalModelResponseFields)
                answer.end_if_whole()
            case "metadata":
                answer.count(event.usage)
                answer.end_if_whole()
            case _:
                pass

    def _take_error(self, message: Message) -> None:
        answer, headers = self._answer, message.headers
        if answer.has_finish:
            answer.end()
        elif headers.get(":message-type") == "exception":
            answer.fail(read_exception(headers.get(":exception-type", ""), message.payload))
        else:
            answer.fail(error_named(headers.get(":error-code", ""), headers.get(":error-message", "")))


# --- whole replies ------------------------------------------------------------------------------------------------


def read_whole(body: bytes, answer: Answer) -> None:
    """A whole JSON reply, into the answer: a message, or the error that came instead."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        answer.fail(garbled(type(error).__name__))
        return
    output = value.get("output") if isinstance(value, dict) else None
    if not isinstance(output, dict):
        answer.fail(read_error(502, {}, body) if isinstance(value, dict) else garbled("neither a reply nor an error"))
        return
    answer.begin()
    for number, block in enumerate(lenient_list(lenient_object(output.get("message")).get("content"))):
        _read_block(number, lenient_object(block), answer)
    answer.count(value.get("usage"))
    answer.finish(lenient_text(value.get("stopReason")), value.get("additionalModelResponseFields"))
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
    response = fold(answer.take())
    if response.error is not None:
        raise response.error
    return response
