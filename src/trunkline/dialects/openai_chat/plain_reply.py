"""A whole Chat reply of the plainest sort, a text, calls of functions or both, read in one step.

Whatever has more to it is `None` here and read as a stream is, vendors' crookedness included.
Source: https://platform.openai.com/docs/api-reference/chat/object
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from trunkline.dialects.openai_chat.usage import read_usage
from trunkline.dialects.shapes import UNREADABLE
from trunkline.events import ModelResponse
from trunkline.items import Item, Message, Text, ToolCall
from trunkline.usage import NO_USAGE

_Word = Annotated[str, Meta(min_length=1)]
_Nothing = Annotated[list[Any], Meta(max_length=0)] | None


class _Function(Struct, forbid_unknown_fields=True):
    name: _Word
    arguments: _Word


class _Call(Struct, forbid_unknown_fields=True):
    id: _Word
    type: Literal["function"]
    function: _Function


class _Message(Struct, forbid_unknown_fields=True):
    role: Literal["assistant"]
    content: str | None = None
    tool_calls: list[_Call] | None = None
    refusal: None = None
    annotations: _Nothing = None
    audio: None = None
    function_call: None = None
    reasoning: None = None
    reasoning_content: None = None


class _Choice(Struct, forbid_unknown_fields=True):
    message: _Message
    finish_reason: Literal["stop", "tool_calls"]
    index: Literal[0] = 0
    logprobs: None = None


class _Reply(Struct, forbid_unknown_fields=True):
    id: str
    model: str
    choices: Annotated[list[_Choice], Meta(min_length=1, max_length=1)]
    object: Any = None
    created: Any = None
    usage: dict[str, Any] | None = None
    service_tier: Any = None
    system_fingerprint: Any = None


_decode = msgspec.json.Decoder(_Reply).decode


def read_plain_reply(body: bytes) -> ModelResponse | None:
    """The answer in a reply of this sort; `None` for any other."""
    try:
        reply = _decode(body)
    except UNREADABLE:
        return None
    message = reply.choices[0].message
    items: list[Item] = []
    if message.content:
        items.append(Message(role="assistant", parts=[Text(text=message.content)], status="completed"))
    for call in message.tool_calls or ():
        function = call.function
        items.append(ToolCall(call_id=call.id, name=function.name, arguments=function.arguments, status="completed"))
    if not items or _may_be_one(message.tool_calls):
        return None
    return ModelResponse(
        id=reply.id,
        model=reply.model,
        items=items,
        usage=read_usage(reply.usage, reply.service_tier, body) if reply.usage else NO_USAGE,
        has_usage=bool(reply.usage),
    )


def _may_be_one(calls: list[_Call] | None) -> bool:
    """Whether two calls may be pieces of the same one, or one's arguments a word for none."""
    if not calls:
        return False
    return len({call.id for call in calls}) < len(calls) or any(call.function.arguments == "null" for call in calls)
