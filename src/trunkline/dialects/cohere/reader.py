"""A Cohere stream, or a whole reply → events.

A whole reply takes the same way: its parts are opened and ended at once. Source:
https://docs.cohere.com/reference/chat-stream, and recorded streams.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from trunkline.dialects.cohere.citations import read_citation
from trunkline.dialects.cohere.errors import broken_off, read_error
from trunkline.dialects.reading import Answer as SharedAnswer
from trunkline.dialects.reading import EventReader
from trunkline.dialects.shapes import lenient_int, lenient_list, lenient_object, lenient_text
from trunkline.dialects.upstream_errors import Found, decode_body, failed
from trunkline.events import (
    AnnotationAdded,
    ArgumentsAdded,
    Finish,
    ItemEnded,
    ItemStarted,
    ModelResponse,
    PartEnded,
    PartStarted,
    TextAdded,
)
from trunkline.items import Carrier, Message, Reasoning, Status, ToolCall
from trunkline.usage import Usage, from_inclusive

DIALECT = "cohere"

_FINISHES: Mapping[str, Finish] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "TOOL_CALL": "stop",
    "MAX_TOKENS": "length",
    "ERROR_LIMIT": "length",
    "ERROR_TOXIC": "content_filter",
}
_FAILURES = frozenset({"ERROR", "TIMEOUT"})

# What some models say for a call that needs no arguments.
_NULL = "null"


class _Said:
    """Text that is open: a part of a message, or a thought (`kind` is `thinking` or `tool_plan`)."""

    __slots__ = ("index", "kind", "part", "texts")

    def __init__(self, kind: str, index: int, part: int) -> None:
        self.kind = kind
        self.index = index
        self.part = part
        self.texts: list[str] = []


class _Call:
    """A call on its way. `held` is what may yet turn out to be no arguments at all."""

    __slots__ = ("held", "index", "said")

    def __init__(self, index: int) -> None:
        self.index = index
        self.held = ""
        self.said = False


class Answer(SharedAnswer):
    """What the events of one answer add up to; fed by the stream or by a whole reply.

    An item is ended when the next one begins, not with its last piece: only then is it known whether a limit cut it,
    and citations come when their text is over.
    """

    __slots__ = ("_calls", "_is_fresh", "_said", "_usage", "_waiting")

    def __init__(self) -> None:
        super().__init__()
        self._said: _Said | None = None
        self._is_fresh = False
        self._calls: dict[int, _Call] = {}
        # Items that are whole but not ended, with what belongs to their end.
        self._waiting: list[tuple[int, Carrier | None]] = []
        self._usage: Usage | None = None

    # --- text and thought -----------------------------------------------------------------------------------------

    def say(self, kind: str, text: str, logprobs: list[dict[str, Any]] | None = None) -> None:
        """A piece of `text`, `thinking` or `tool_plan`; what is empty leaves no trace."""
        if not text:
            return
        said = self._said
        if said is None or said.kind != kind:
            said = self._open(kind)
        elif self._is_fresh:
            said = self._follow(said)
        self._is_fresh = False
        if kind == "text":
            self.out.append(TextAdded(said.index, said.part, "text", text, logprobs))
        else:
            said.texts.append(text)
            self.out.append(TextAdded(said.index, 0, "reasoning", text))

    def _open(self, kind: str) -> _Said:
        self.begin()
        self._settle()
        said = self._said = _Said(kind, self.take_index(), 0)
        item = Message(role="assistant", parts=[], status="in_progress") if kind == "text" else None
        self.out.append(ItemStarted(said.index, item or Reasoning(status="in_progress")))
        self.out.append(PartStarted(said.index, 0, "text" if kind == "text" else "reasoning"))
        return said

    def start_block(self) -> None:
        """Another block begins; if it has anything to say, that is apart from what was said before."""
        self._is_fresh = True

    def _follow(self, said: _Said) -> _Said:
        """Text behind text is another part of the same message, a thought behind a thought another thought."""
        if said.kind != "text":
            return self._open(said.kind)
        self.out.append(PartEnded(said.index, said.part, "text"))
        said.part += 1
        self.out.append(PartStarted(said.index, said.part, "text"))
        return said

    def cite(self, citation: dict[str, Any]) -> None:
        """A citation in the text that is open; of any other it comes too late."""
        said = self._said
        if said is not None and said.kind == "text":
            self.out += [AnnotationAdded(said.index, said.part, found) for found in read_citation(citation)]

    # --- calls ----------------------------------------------------------------------------------------------------

    def call(self, number: int, call_id: str, name: str, arguments: str) -> None:
        self.begin()
        self.end_call(number)
        self._settle()
        call = self._calls[number] = _Call(self.take_index())
        item = ToolCall(call_id=call_id, name=name, arguments="", status="in_progress")
        self.out.append(ItemStarted(call.index, item))
        self.argue(number, arguments)

    def argue(self, number: int, text: str) -> None:
        call = self._calls.get(number)
        if call is None or not text:
            return
        if not call.said:
            call.held += text
            if _NULL.startswith(call.held):
                return
            text, call.held, call.said = call.held, "", True
        self.out.append(ArgumentsAdded(call.index, text))

    def end_call(self, number: int) -> None:
        call = self._calls.pop(number, None)
        if call is None:
            return
        if not call.said:
            self.out.append(ArgumentsAdded(call.index, "{}" if call.held in ("", _NULL) else call.held))
        self._waiting.append((call.index, None))

    # --- the ends -------------------------------------------------------------------------------------------------

    def close(self, last: Status) -> None:
        for number in list(self._calls):
            self.end_call(number)
        self._settle(last)

    def break_off(self) -> None:
        calls, self._calls = self._calls, {}
        self._settle("completed" if calls else "incomplete")
        for call in calls.values():
            if call.held:
                self.out.append(ArgumentsAdded(call.index, call.held))
            self.out.append(ItemEnded(call.index, "incomplete"))

    def read_usage(self) -> Usage | None:
        return self._usage

    def _settle(self, last: Status = "completed") -> None:
        """End what is whole; `last` is how the last of it ends."""
        said, self._said = self._said, None
        if said is not None:
            self.out.append(PartEnded(said.index, said.part, "text" if said.kind == "text" else "reasoning"))
            carrier = None if said.kind == "text" else Carrier(DIALECT, said.kind, "".join(said.texts))
            self._waiting.append((said.index, carrier))
        waiting, self._waiting = self._waiting, []
        for place, (index, carrier) in enumerate(waiting, 1):
            status = last if place == len(waiting) else "completed"
            self.out.append(ItemEnded(index, status, carrier if status == "completed" else None))

    def stop_for(self, reason: str, usage: Any, words: str) -> None:
        """Why the model stopped, and what it has used."""
        counts = lenient_object(usage)
        billed = lenient_object(counts.get("billed_units"))
        tokens = lenient_object(counts.get("tokens")) or billed
        if tokens:
            self._usage = from_inclusive(
                lenient_int(tokens.get("input_tokens")),
                lenient_int(tokens.get("output_tokens")),
                cached=lenient_int(counts.get("cached_tokens")),
            )
        if tokens is not billed:
            # `tokens` counts Cohere's own words around the prompt as well, which nobody pays for.
            self.billed = Usage(
                billed_input_tokens=lenient_int(billed.get("input_tokens")),
                billed_output_tokens=lenient_int(billed.get("output_tokens")),
            )
        if reason in _FAILURES:
            self.failure = broken_off(reason, words)
        else:
            self.finish = _FINISHES.get(reason, "stop")


# --- streams ------------------------------------------------------------------------------------------------------


class _Content(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None


class _Message(msgspec.Struct):
    content: _Content | list[Any] | None = None
    tool_plan: str | None = None
    tool_calls: Any = None
    citations: Any = None


class _Delta(msgspec.Struct):
    message: _Message | None = None
    finish_reason: str | None = None
    usage: Any = None
    error: Any = None


class _WireEvent(msgspec.Struct):
    """Any event of the stream, decoded as far as all of them need."""

    type: str = ""
    index: int = 0
    id: str | None = None
    delta: _Delta | None = None
    logprobs: Any = None
    message: Any = None


_DECODER = msgspec.json.Decoder(_WireEvent)
_NOTHING = _Message()


def _decode(data: bytes) -> _WireEvent:
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(type(error).__name__) from error


def _add(event: _WireEvent, answer: Answer) -> None:
    delta = event.delta
    message = _NOTHING if delta is None or delta.message is None else delta.message
    match event.type:
        case "content-delta" if type(message.content) is _Content:
            _say(message.content, event.logprobs, answer)
        case "content-start" if type(message.content) is _Content:
            answer.start_block()
            _say(message.content, event.logprobs, answer)
        case "tool-plan-delta":
            answer.say("tool_plan", message.tool_plan or "")
        case "tool-call-start":
            _call(event.index, lenient_object(message.tool_calls), answer)
        case "tool-call-delta":
            answer.argue(event.index, _read_arguments(lenient_object(message.tool_calls)))
        case "tool-call-end":
            answer.end_call(event.index)
        case "citation-start":
            answer.cite(lenient_object(message.citations))
        case "message-start":
            answer.begin(event.id or "")
        case "message-end" if delta is not None:
            answer.stop_for(delta.finish_reason or "", delta.usage, lenient_text(delta.error))
            answer.end()
        case "" if event.message is not None:
            answer.fail(failed(Found(502, lenient_text(event.message))))
        case _:
            pass


def _say(content: _Content, logprobs: Any, answer: Answer) -> None:
    if content.thinking:
        answer.say("thinking", content.thinking)
    if content.text:
        answer.say("text", content.text, _read_logprobs([logprobs]))


def _call(number: int, call: dict[str, Any], answer: Answer) -> None:
    name = lenient_text(lenient_object(call.get("function")).get("name"))
    answer.call(number, lenient_text(call.get("id")), name, _read_arguments(call))


def _read_arguments(call: dict[str, Any]) -> str:
    return lenient_text(lenient_object(call.get("function")).get("arguments"))


def _read_logprobs(entries: list[Any]) -> list[dict[str, Any]] | None:
    """Responses' shape of one entry a piece of text: several tokens in one are as probable as all of them together."""
    found = []
    for entry in map(lenient_object, entries):
        values = [value for value in lenient_list(entry.get("logprobs")) if isinstance(value, int | float)]
        if values:
            text = lenient_text(entry.get("text"))
            token = {"token": text, "logprob": float(sum(values)), "bytes": [*text.encode("utf-8", "replace")]}
            found.append({**token, "top_logprobs": []})
    return found or None


# --- whole replies ------------------------------------------------------------------------------------------------


def read_whole(body: bytes, answer: Answer) -> None:
    """A whole JSON reply, into the answer: a message, or the error that came instead."""
    value = decode_body(body)
    message = value.get("message") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(message, dict):
        answer.fail(read_error(502, {}, body))
        return
    answer.begin(lenient_text(value.get("id")))
    answer.say("tool_plan", lenient_text(message.get("tool_plan")))
    _read_content(message, _read_logprobs(lenient_list(value.get("logprobs"))), answer)
    for number, call in enumerate(lenient_list(message.get("tool_calls"))):
        _call(number, lenient_object(call), answer)
        answer.end_call(number)
    answer.stop_for(lenient_text(value.get("finish_reason")), value.get("usage"), lenient_text(value.get("error")))
    answer.end()


def _read_content(message: dict[str, Any], logprobs: list[dict[str, Any]] | None, answer: Answer) -> None:
    citations = [lenient_object(citation) for citation in lenient_list(message.get("citations"))]
    for number, block in enumerate(map(lenient_object, lenient_list(message.get("content")))):
        kind = lenient_text(block.get("type"))
        answer.start_block()
        if kind == "thinking":
            answer.say("thinking", lenient_text(block.get("thinking")))
        else:
            answer.say("text", lenient_text(block.get("text")), logprobs)
            own = [citation for citation in citations if citation.get("content_index", number) == number]
            for citation in own:
                answer.cite(citation)


def open_reader() -> EventReader[Answer, _WireEvent]:
    """A reader for one stream."""
    return EventReader(Answer(), _decode, _add, read_whole)


def read_reply(body: bytes) -> ModelResponse:
    """The answer in a reply's body. Raises the error that the body holds, or `Garbled`."""
    return open_reader().read(body)
