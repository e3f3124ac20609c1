"""A native JSON reply on its way through: the bytes pass as they are, while its usage and errors are read."""

from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from trunkline.dialects.dialect import JsonReply
from trunkline.dialects.openai_responses.errors import find_error, read_error_object
from trunkline.dialects.openai_responses.usage import HOSTED_CALLS, read_response_usage
from trunkline.dialects.shapes import UNREADABLE
from trunkline.errors import Garbled
from trunkline.usage import NO_USAGE, from_inclusive, read_tier


class _Reply(Struct):
    """The members of a reply that are looked at."""

    status: Any = None
    usage: Any = None
    error: Any = None
    service_tier: Any = None
    output: Any = None
    tool_usage: Any = None


class _InputDetails(Struct, frozen=True):
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    audio_tokens: Literal[0] = 0


class _OutputDetails(Struct, frozen=True):
    reasoning_tokens: int = 0
    audio_tokens: Literal[0] = 0


class _Counts(Struct):
    input_tokens: int
    output_tokens: int
    input_tokens_details: _InputDetails = _InputDetails()
    output_tokens_details: _OutputDetails = _OutputDetails()
    cost: None = None
    cost_in_usd_ticks: None = None
    server_side_tool_usage_details: None = None


class _Item(Struct, frozen=True):
    type: str = ""


class _OrdinaryReply(Struct):
    """A sound reply as OpenAI writes it. Anything else is read with patience, which costs three times as much."""

    status: str
    usage: _Counts
    output: list[_Item] = []
    service_tier: str | None = None
    error: None = None


_decode_ordinary = msgspec.json.Decoder(_OrdinaryReply).decode
_decode_reply = msgspec.json.Decoder(_Reply).decode


def tee_reply(body: bytes) -> JsonReply:
    """A JSON reply passing through: its output stays undecoded."""
    try:
        ordinary = _decode_ordinary(body)
    except UNREADABLE:
        return _tee_odd_reply(body)
    for item in ordinary.output:
        if item.type in HOSTED_CALLS:
            return _tee_odd_reply(body)
    counts = ordinary.usage
    details = counts.input_tokens_details
    usage = from_inclusive(
        counts.input_tokens,
        counts.output_tokens,
        cached=details.cached_tokens,
        cache_write=details.cache_write_tokens,
        reasoning=counts.output_tokens_details.reasoning_tokens,
        tier=read_tier(ordinary.service_tier),
    )
    return JsonReply(body=body, usage=usage, incomplete=ordinary.status == "incomplete")


def _tee_odd_reply(body: bytes) -> JsonReply:
    try:
        reply = _decode_reply(body)
    except UNREADABLE:
        return JsonReply(body=body, usage=NO_USAGE, error=Garbled("the upstream's reply is not a response object"))
    error = read_error_object(find_error({"error": reply.error})) if reply.error else None
    usage = read_response_usage(asdict(reply), body)
    return JsonReply(body=body, usage=usage, incomplete=reply.status == "incomplete", error=error)
