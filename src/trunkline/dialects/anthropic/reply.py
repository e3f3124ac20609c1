"""Whole Anthropic replies, read and written, and the pieces that the stream shares with them.

Source: https://docs.anthropic.com/en/api/messages.
"""

from typing import Any

import msgspec

from trunkline.dialects.anthropic.arguments import read_arguments
from trunkline.dialects.anthropic.blocks import DIALECT
from trunkline.dialects.anthropic.citations import write_citation
from trunkline.dialects.anthropic.drawn import write_drawn
from trunkline.dialects.anthropic.found import seal_found
from trunkline.dialects.anthropic.plain_reply import read_plain_reply
from trunkline.dialects.anthropic.reader import open_reader
from trunkline.dialects.anthropic.usage import write_stop_reason, write_usage
from trunkline.dialects.dialect import ReplyContext, Seal
from trunkline.dialects.estimate import estimate_input
from trunkline.events import ModelResponse, ResponseEnded
from trunkline.items import Carrier, Item, Message, OtherItem, Reasoning, Refusal, Text, ToolCall
from trunkline.usage import Usage

FOREIGN_TEXT = Carrier("chat", "text", "")
"""What stands in the signature of thought that came without one: a replay is then known as ours, and its text kept."""


# --- reading ------------------------------------------------------------------------------------------------------


def read_reply(body: bytes) -> ModelResponse:
    """The answer in a reply's body, be it JSON or, from a server that streams unasked, events.

    Raises the error that the body holds, or `Garbled`.
    """
    return read_plain_reply(body) or open_reader().read(body)


# --- writing ------------------------------------------------------------------------------------------------------


def write_reply(response: ModelResponse, context: ReplyContext) -> bytes:
    """The answer as one JSON message: what the stream adds up to."""
    content: list[dict[str, Any]] = []
    for item in response.items:
        content += _write_item(item, context.seal)
    refusals = [
        part.refusal
        for item in response.items
        if isinstance(item, Message)
        for part in item.parts
        if isinstance(part, Refusal)
    ]
    has_calls = any(isinstance(item, ToolCall) for item in response.items)
    usage = response.usage if response.has_usage else Usage(input_tokens=estimate_input(context.request))
    end = ResponseEnded(response.finish, response.stop_sequence, response.explanation)
    return msgspec.json.encode(
        {
            **write_opening(response.model, context, usage),
            "content": content,
            **write_ending(end, context, has_calls=has_calls, refusal="".join(refusals)),
        }
    )


def write_opening(model: str, context: ReplyContext, usage: Usage) -> dict[str, Any]:
    """The message's envelope before anything is in it."""
    return {
        "id": context.mint("msg_"),
        "type": "message",
        "role": "assistant",
        "model": model or context.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": write_usage(usage),
    }


def write_ending(end: ResponseEnded, context: ReplyContext, *, has_calls: bool, refusal: str) -> dict[str, Any]:
    """Why the answer ended; both first members are always there."""
    sequence = _name_sequence(end.stop_sequence, context.request.settings.stop)
    reason = write_stop_reason(end.finish, sequence, has_calls, bool(refusal))
    ending: dict[str, Any] = {"stop_reason": reason, "stop_sequence": sequence if reason == "stop_sequence" else None}
    if reason == "refusal":
        ending["stop_details"] = {
            "type": "refusal",
            "category": None,
            "explanation": end.explanation or refusal or None,
        }
    return ending


def _name_sequence(told: str | None, asked: list[str] | None) -> str | None:
    """The stop sequence that was hit: an upstream that does not say which can mean the only one."""
    if told == "":
        return asked[0] if asked is not None and len(asked) == 1 else None
    return told


def _write_item(item: Item, seal: Seal) -> list[dict[str, Any]]:
    match item:
        case Message():
            return [block for part in item.parts if (block := _write_part(part, seal)) is not None]
        case Reasoning():
            return _write_reasoning(item, seal)
        case ToolCall():
            call = {**call_start(item), "input": _write_input(item)}
            return [call, write_opaque(item.carrier, seal)] if item.carrier is not None else [call]
        case OtherItem() if is_shown(item):
            return [seal_found(item.value, seal)]
        case OtherItem() if (picture := write_drawn(item)) is not None:
            return [picture]
        case _:
            return []


def _write_input(call: ToolCall) -> dict[str, Any]:
    return {"input": call.arguments} if call.kind == "custom" else read_arguments(call.arguments)


def _write_part(part: Any, seal: Seal) -> dict[str, Any] | None:
    if isinstance(part, Refusal):
        return {"type": "text", "text": part.refusal} if part.refusal else None
    if not isinstance(part, Text) or not (part.text or part.annotations):
        return None
    block: dict[str, Any] = {"type": "text", "text": part.text}
    citations = [write_citation(annotation, part.text, seal) for annotation in part.annotations]
    if found := [citation for citation in citations if citation is not None]:
        block["citations"] = found
    return block


def _write_reasoning(item: Reasoning, seal: Seal) -> list[dict[str, Any]]:
    text = "\n\n".join(filter(None, (*item.summary, *item.content)))
    carrier = item.carrier
    if not text and carrier is None:
        return []
    if not text and carrier is not None and (carrier.family, carrier.kind) != (DIALECT, "signature"):
        return [write_opaque(carrier, seal)]
    return [{"type": "thinking", "thinking": text, "signature": seal(carrier or FOREIGN_TEXT)}]


def call_start(call: ToolCall) -> dict[str, Any]:
    """The block that opens a call, before its arguments."""
    return {"type": "tool_use", "id": call.call_id, "name": call.name, "input": {}, **call.extras.get(DIALECT, {})}


def write_opaque(carrier: Carrier, seal: Seal) -> dict[str, Any]:
    """A block for what has no text to show."""
    return {"type": "redacted_thinking", "data": seal(carrier)}


def is_shown(item: OtherItem) -> bool:
    """Whether an item that only one dialect knows is of this one; others' hosted calls have no block here."""
    return item.dialect == DIALECT
