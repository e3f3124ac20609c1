"""A whole Messages reply of the plainest sort, texts and calls of the caller's tools, read in one step.

Whatever has more to it is `None` here and read as a stream is.
Source: https://docs.anthropic.com/en/api/messages
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from trunkline.dialects.anthropic.usage import merge_counts, note_cost, read_usage
from trunkline.dialects.shapes import UNREADABLE
from trunkline.events import ModelResponse
from trunkline.items import Item, Message, Text, ToolCall
from trunkline.usage import NO_USAGE

_Nothing = Annotated[list[Any], Meta(max_length=0)] | None


class _Text(Struct, forbid_unknown_fields=True, tag_field="type", tag="text"):
    text: Annotated[str, Meta(min_length=1)]
    citations: _Nothing = None


class _Call(Struct, forbid_unknown_fields=True, tag_field="type", tag="tool_use"):
    id: str
    name: str
    input: dict[str, Any]


class _Reply(Struct, forbid_unknown_fields=True):
    type: Literal["message"]
    id: str
    model: str
    content: Annotated[list[_Text | _Call], Meta(min_length=1)]
    stop_reason: Literal["end_turn", "tool_use"]
    role: Any = None
    stop_sequence: None = None
    stop_details: None = None
    container: None = None
    usage: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(_Reply).decode


def read_plain_reply(body: bytes) -> ModelResponse | None:
    """The answer in a reply of this sort; `None` for any other."""
    try:
        reply = _decode(body)
    except UNREADABLE:
        return None
    counts: dict[str, Any] = {}
    note_cost(reply.usage, body)
    merge_counts(counts, reply.usage)
    return ModelResponse(
        id=reply.id,
        model=reply.model,
        items=_read_items(reply.content),
        usage=read_usage(counts) if counts else NO_USAGE,
        has_usage=bool(counts),
    )


def _read_items(blocks: list[_Text | _Call]) -> list[Item]:
    """Texts that stand together are parts of one message."""
    items: list[Item] = []
    for block in blocks:
        if type(block) is _Call:
            arguments = msgspec.json.encode(block.input).decode()
            items.append(ToolCall(call_id=block.id, name=block.name, arguments=arguments, status="completed"))
        elif type(block) is _Text and items and type(last := items[-1]) is Message:
            last.parts.append(Text(text=block.text))
        elif type(block) is _Text:
            items.append(Message(role="assistant", parts=[Text(text=block.text)], status="completed"))
    return items
