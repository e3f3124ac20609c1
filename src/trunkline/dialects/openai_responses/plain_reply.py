"""A whole Responses reply of the plainest sort, messages and calls of functions, read in one step.

Whatever has more to it is `None` here and read as a stream is.
Source: https://platform.openai.com/docs/api-reference/responses/object
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from trunkline.dialects.openai_responses.usage import read_response_usage
from trunkline.dialects.shapes import UNREADABLE
from trunkline.events import ModelResponse
from trunkline.items import Item, Message, Text, ToolCall
from trunkline.usage import NO_USAGE

_Word = Annotated[str, Meta(min_length=1)]
_Nothing = Annotated[list[Any], Meta(max_length=0)] | None


class _Text(Struct, forbid_unknown_fields=True):
    type: Literal["output_text"]
    text: _Word
    annotations: _Nothing = None
    logprobs: _Nothing = None


class _Message(Struct, forbid_unknown_fields=True, tag_field="type", tag="message"):
    id: _Word
    role: Literal["assistant"]
    status: Literal["completed"]
    content: Annotated[list[_Text], Meta(min_length=1)]


class _Call(Struct, forbid_unknown_fields=True, tag_field="type", tag="function_call"):
    id: _Word
    call_id: _Word
    name: _Word
    arguments: _Word
    status: Literal["completed"]


class _Reply(Struct):
    """`tool_usage` counts what such a reply has none of."""

    object: Literal["response"]
    status: Literal["completed"]
    id: str
    model: str
    output: Annotated[list[_Message | _Call], Meta(min_length=1)]
    usage: dict[str, Any] | None = None
    service_tier: Any = None
    tool_usage: None = None


_decode = msgspec.json.Decoder(_Reply).decode


def read_plain_reply(body: bytes) -> ModelResponse | None:
    """The answer in a reply of this sort; `None` for any other."""
    try:
        reply = _decode(body)
    except UNREADABLE:
        return None
    told = {"usage": reply.usage, "service_tier": reply.service_tier}
    return ModelResponse(
        id=reply.id,
        model=reply.model,
        items=[_read_item(item) for item in reply.output],
        usage=NO_USAGE if reply.usage is None else read_response_usage(told, body),
        has_usage=reply.usage is not None,
    )


def _read_item(item: _Message | _Call) -> Item:
    if type(item) is _Call:
        return ToolCall(call_id=item.call_id, name=item.name, arguments=item.arguments, id=item.id, status="completed")
    assert type(item) is _Message
    parts = [Text(text=part.text) for part in item.content]
    return Message(role="assistant", parts=[*parts], id=item.id, status="completed")
