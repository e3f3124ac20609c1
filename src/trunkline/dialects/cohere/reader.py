"""A Cohere stream, or a whole reply → events.

A whole reply takes the same way: its parts are opened and ended at once. Source:
https://docs.cohere.com/reference/chat-stream, and recorded streams.
"""

from typing import Any

import msgspec

from trunkline.dialects.cohere.answer import Answer
from trunkline.dialects.cohere.errors import read_error
from trunkline.dialects.reading import EventReader
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.dialects.upstream_errors import Found, decode_body, failed
from trunkline.events import ModelResponse


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
