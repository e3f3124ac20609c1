"""A whole Gemini reply of the plainest sort, text and calls of functions, read in one step.

Whatever has more to it is `None` here and read as a stream is.
Source: https://ai.google.dev/api/generate-content#generatecontentresponse
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from trunkline.dialects.gemini.usage import read_usage
from trunkline.dialects.gemini.wire import compact
from trunkline.dialects.shapes import UNREADABLE
from trunkline.events import ModelResponse
from trunkline.items import Item, Message, Text, ToolCall
from trunkline.usage import NO_USAGE

_Word = Annotated[str, Meta(min_length=1)]


class _Call(Struct, forbid_unknown_fields=True):
    name: _Word
    args: Raw = Raw()
    id: str | None = None


class _Part(Struct, forbid_unknown_fields=True):
    text: _Word | None = None
    functionCall: _Call | None = None  # noqa: N815  # the wire's name


class _Content(Struct, forbid_unknown_fields=True):
    parts: Annotated[list[_Part], Meta(min_length=1)]
    role: Any = None


class _Candidate(Struct, forbid_unknown_fields=True):
    content: _Content
    finishReason: Literal["STOP"]  # noqa: N815  # the wire's name
    index: Literal[0] = 0
    avgLogprobs: Any = None  # noqa: N815  # the wire's name


class _Reply(Struct, forbid_unknown_fields=True):
    candidates: Annotated[list[_Candidate], Meta(min_length=1, max_length=1)]
    usageMetadata: dict[str, Any] = {}  # noqa: N815  # the wire's name
    modelVersion: str = ""  # noqa: N815  # the wire's name
    responseId: str = ""  # noqa: N815  # the wire's name
    createTime: Any = None  # noqa: N815  # the wire's name


_decode = msgspec.json.Decoder(_Reply).decode


def read_plain_reply(body: bytes) -> ModelResponse | None:
    """The answer in a reply of this sort; `None` for any other."""
    try:
        reply = _decode(body)
    except UNREADABLE:
        return None
    items = _read_items(reply.candidates[0].content.parts)
    if items is None:
        return None
    counts = reply.usageMetadata
    has_usage = "promptTokenCount" in counts or "totalTokenCount" in counts
    return ModelResponse(
        id=reply.responseId,
        model=reply.modelVersion,
        items=items,
        usage=read_usage(counts) if has_usage else NO_USAGE,
        has_usage=has_usage,
    )


def _read_items(parts: list[_Part]) -> list[Item] | None:
    """The items of parts that are each one thing. Texts that stand together are one text."""
    items: list[Item] = []
    texts: list[str] = []
    for part in parts:
        call = part.functionCall
        if (call is None) == (part.text is None):
            return None
        if part.text is not None:
            texts.append(part.text)
        if call is not None:
            items += _join(texts)
            arguments = compact(call.args)
            items.append(
                ToolCall(
                    call_id=call.id or "",
                    name=call.name,
                    arguments="{}" if arguments in ("", "null") else arguments,
                    status="completed",
                )
            )
            texts = []
    return items + _join(texts)


def _join(texts: list[str]) -> list[Item]:
    return [Message(role="assistant", parts=[Text(text="".join(texts))], status="completed")] if texts else []
