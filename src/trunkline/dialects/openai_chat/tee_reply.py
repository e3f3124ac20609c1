"""A faithful provider's whole reply, passed on as it is, with its usage and errors read in passing."""

from typing import Any, Literal

import msgspec
from msgspec import Struct

from trunkline.dialects.dialect import JsonReply
from trunkline.dialects.openai_chat.chunks import decode_chunk
from trunkline.dialects.openai_chat.errors import read_body_error, read_chunk_error
from trunkline.dialects.openai_chat.finish import is_cut
from trunkline.dialects.openai_chat.usage import find_usage, read_usage
from trunkline.dialects.shapes import UNREADABLE
from trunkline.errors import Garbled
from trunkline.usage import NO_USAGE, from_inclusive, read_tier

_SOUND = frozenset({"stop", "tool_calls"})


class _PromptDetails(Struct, frozen=True):
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    audio_tokens: Literal[0] = 0
    image_tokens: Literal[0] = 0


class _CompletionDetails(Struct, frozen=True):
    reasoning_tokens: int = 0
    audio_tokens: Literal[0] = 0


class _Counts(Struct):
    """OpenAI's own counts, and the places where others put theirs, which must be empty."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: _PromptDetails = _PromptDetails()
    completion_tokens_details: _CompletionDetails = _CompletionDetails()
    prompt_cache_hit_tokens: None = None
    cached_tokens: None = None
    reasoning_tokens: None = None
    cost: None = None
    cost_in_usd_ticks: None = None
    estimated_cost: None = None


class _Ended(Struct):
    finish_reason: str


class _OrdinaryReply(Struct):
    """A sound reply as OpenAI writes it. Anything else is read with patience, which costs three times as much."""

    choices: list[_Ended]
    usage: _Counts
    service_tier: str | None = None
    error: None = None
    x_groq: None = None


_decode_ordinary = msgspec.json.Decoder(_OrdinaryReply).decode


def tee_reply(body: bytes) -> JsonReply:
    """Pass a whole reply on, with its counts read."""
    try:
        ordinary = _decode_ordinary(body)
    except UNREADABLE:
        return _tee_odd_reply(body)
    counts = ordinary.usage
    if counts.total_tokens != counts.prompt_tokens + counts.completion_tokens or not ordinary.choices:
        return _tee_odd_reply(body)
    usage = from_inclusive(
        counts.prompt_tokens,
        counts.completion_tokens,
        cached=counts.prompt_tokens_details.cached_tokens,
        cache_write=counts.prompt_tokens_details.cache_write_tokens,
        reasoning=counts.completion_tokens_details.reasoning_tokens,
        tier=read_tier(ordinary.service_tier),
    )
    for choice in ordinary.choices:
        if choice.finish_reason not in _SOUND:
            return _tee_odd_reply(body)
    return JsonReply(body=body, usage=usage)


def _tee_odd_reply(body: bytes) -> JsonReply:
    try:
        chunk = decode_chunk(body)
    except UNREADABLE:
        error = read_body_error(body) or Garbled("the upstream's reply is not a chat completion")
        return JsonReply(body=body, usage=NO_USAGE, error=error)
    if chunk.choices == [] and read_chunk_error(chunk) is None:
        return JsonReply(body=body, usage=NO_USAGE, error=Garbled("the upstream's reply holds no choices"))
    usage: dict[str, Any] | None = find_usage(chunk.usage, chunk.x_groq)
    return JsonReply(
        body=body,
        usage=read_usage(usage, chunk.service_tier, body) if usage is not None else NO_USAGE,
        incomplete=any(
            is_cut(choice.finish_reason) for choice in chunk.choices or () if _is_word(choice.finish_reason)
        ),
        error=read_chunk_error(chunk),
    )


def _is_word(value: Any) -> bool:
    return type(value) is str
