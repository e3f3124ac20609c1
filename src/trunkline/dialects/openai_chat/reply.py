"""A whole Chat reply: read by the stream's own reader, written in one piece.

Source: https://platform.openai.com/docs/api-reference/chat/object
"""

from typing import Any

import msgspec

from trunkline.dialects.dialect import ReplyContext, Seal
from trunkline.dialects.openai_chat.answer import Answer
from trunkline.dialects.openai_chat.chunks import Chunk, decode_chunk
from trunkline.dialects.openai_chat.errors import find_error, read_error_object
from trunkline.dialects.openai_chat.finish import write_finish
from trunkline.dialects.openai_chat.images import write_image
from trunkline.dialects.openai_chat.message import Details, nest_annotation, seal_call, uses_functions
from trunkline.dialects.openai_chat.plain_reply import read_plain_reply
from trunkline.dialects.openai_chat.reader import Reader
from trunkline.dialects.openai_chat.sounds import draw_sound, join_sounds
from trunkline.dialects.openai_chat.usage import write_usage
from trunkline.dialects.shapes import UNREADABLE, decode_json
from trunkline.dialects.sound import find_sound
from trunkline.errors import Garbled
from trunkline.events import Event, ModelResponse
from trunkline.folding import fold
from trunkline.items import Message, Reasoning, Refusal, Text, ToolCall


def read_reply(body: bytes) -> ModelResponse:
    """An upstream's whole answer; a stream that came although JSON was asked for is read all the same."""
    plain = read_plain_reply(body)
    if plain is not None:
        return plain
    response = fold(_read_events(body))
    if response.error is not None:
        raise response.error
    return response


def _read_events(body: bytes) -> list[Event]:
    if is_stream(body):
        reader = Reader()
        return reader.feed(body) + reader.end()
    return Answer().read_whole(read_chunk(body), body)


def is_stream(body: bytes) -> bool:
    """Whether these bytes are server-sent events rather than JSON."""
    if body[:1] == b"{":
        return False
    return body.lstrip()[:6] in (b"data: ", b"event:") or body.lstrip()[:5] == b"data:" or body.lstrip()[:1] == b":"


def read_chunk(body: bytes) -> Chunk:
    """A reply's skeleton. Raises the error that it holds, or `Garbled`."""
    try:
        chunk = decode_chunk(body)
    except UNREADABLE:
        error = find_error(decode_json(body))
        if error is not None:
            raise read_error_object(error) from None
        raise Garbled("the upstream's reply is not a chat completion") from None
    if not chunk.choices:
        error = find_error(decode_json(body))
        if error is not None:
            raise read_error_object(error)
        raise Garbled("the upstream's reply holds no choices")
    return chunk


# --- ours → wire ------------------------------------------------------------------------------------------------


def write_reply(response: ModelResponse, context: ReplyContext) -> bytes:
    """The answer as one `chat.completion`."""
    legacy = uses_functions(context.request)
    message, logprobs, has_calls = _write_message(response, context, legacy)
    finish = write_finish(response.finish, has_calls)
    if finish == "tool_calls" and legacy:
        finish = "function_call"
    body: dict[str, Any] = {
        "id": context.mint("chatcmpl-"),
        "object": "chat.completion",
        "created": context.created_at,
        "model": response.model or context.model,
        "choices": [{"index": 0, "message": message, "logprobs": logprobs, "finish_reason": finish}],
    }
    if response.has_usage:
        body["usage"] = write_usage(response.usage)
    return msgspec.json.encode(body)


class _Gathered:
    """What a message is made of, gathered over the items."""

    def __init__(self, seal: Seal) -> None:
        self.texts: list[str] = []
        self.refusals: list[str] = []
        self.thoughts: list[str] = []
        self.calls: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []
        self.images: list[dict[str, Any]] = []
        self.sounds: list[str] = []
        self.details = Details(seal)
        self.logprobs: list[dict[str, Any]] = []


def _write_message(
    response: ModelResponse, context: ReplyContext, legacy: bool
) -> tuple[dict[str, Any], dict[str, Any] | None, bool]:
    """The message, its log probabilities, and whether it holds calls."""
    gathered = _Gathered(context.seal)
    for item in response.items:
        match item:
            case Message():
                _gather_parts(item, gathered)
            case Reasoning():
                gathered.thoughts += [text for text in (*item.summary, *item.content) if text]
                if item.carrier is not None:
                    gathered.details.add(item.carrier)
            case ToolCall():
                call = _write_call(item, context)
                gathered.details.start_call(call["id"])
                gathered.calls.append(call)
            case _:
                # Other hosted calls and compactions have no place on this wire; their results are in the text.
                if (image := write_image(item, len(gathered.images))) is not None:
                    gathered.images.append(image)
                elif sound := find_sound(item):
                    gathered.sounds.append(sound)
    if response.finish == "content_filter" and response.explanation and not gathered.refusals:
        gathered.refusals.append(response.explanation)
    message = _draw(gathered, bool(response.items), legacy)
    if gathered.sounds:
        message["audio"] = draw_sound(join_sounds(gathered.sounds), context)
    logprobs = {"content": gathered.logprobs, "refusal": None} if gathered.logprobs else None
    return message, logprobs, bool(gathered.calls)


def _gather_parts(item: Message, gathered: _Gathered) -> None:
    for part in item.parts:
        match part:
            case Text():
                gathered.details.start_text()
                start = sum(map(len, gathered.texts))
                nested = (nest_annotation(annotation, start) for annotation in part.annotations)
                gathered.annotations += [annotation for annotation in nested if annotation is not None]
                gathered.texts.append(part.text)
                gathered.logprobs += part.logprobs or []
            case Refusal():
                gathered.refusals.append(part.refusal)
            case _:
                # A model answers with text and refusals; pictures come as items of their own.
                pass


def _write_call(item: ToolCall, context: ReplyContext) -> dict[str, Any]:
    call_id = item.call_id or context.mint("call_")
    if item.kind == "custom":
        body = {"name": item.name, "input": item.arguments}
    else:
        is_empty = not item.arguments and item.status != "incomplete"
        body = {"name": item.name, "arguments": "{}" if is_empty else item.arguments}
    call: dict[str, Any] = {"id": call_id, "type": item.kind, item.kind: body}
    if item.carrier is not None:
        call["extra_content"] = seal_call(item.carrier, context.seal)
    return call


def _draw(gathered: _Gathered, has_items: bool, legacy: bool) -> dict[str, Any]:
    content = "".join(gathered.texts) if gathered.texts or not has_items else None
    message: dict[str, Any] = {
        "role": "assistant",
        "content": content,
        "refusal": "".join(gathered.refusals) if gathered.refusals else None,
        "annotations": gathered.annotations,
    }
    if gathered.images:
        message["images"] = gathered.images
    if gathered.thoughts:
        message["reasoning_content"] = "\n\n".join(gathered.thoughts)
    if details := gathered.details.close():
        message["reasoning_details"] = details
    if gathered.calls and legacy:
        message["function_call"] = gathered.calls[0]["function"]
    elif gathered.calls:
        message["tool_calls"] = gathered.calls
    return message
