"""Token counts on the Chat wire, wherever a vendor hides them.

Source: https://platform.openai.com/docs/api-reference/chat/object, and recorded replies of the vendors named below.
"""

from collections.abc import Mapping
from typing import Any

from trunkline.dialects.shapes import lenient_int, lenient_object
from trunkline.dialects.told_cost import read_told_cost
from trunkline.usage import Usage, from_inclusive, read_tier, set_media_apart


def read_usage(usage: Mapping[str, Any], tier: Any = None, body: bytes = b"") -> Usage:
    """The counts of a `usage` object; missing ones are 0.

    `tier` is the `service_tier` that stands beside it, and `body` the bytes that both were read from.
    """
    prompt_details = lenient_object(usage.get("prompt_tokens_details"))
    completion_details = lenient_object(usage.get("completion_tokens_details"))
    prompt = lenient_int(usage.get("prompt_tokens"))
    completion = lenient_int(usage.get("completion_tokens"))
    reasoning = lenient_int(completion_details.get("reasoning_tokens") or usage.get("reasoning_tokens"))
    # xAI counts reasoning beside the completion, and only its total gives that away.
    if reasoning and lenient_int(usage.get("total_tokens")) == prompt + completion + reasoning:
        completion += reasoning
    # DeepSeek says `prompt_cache_hit_tokens`, Moonshot `cached_tokens` beside the sums.
    cached = prompt_details.get("cached_tokens") or usage.get("prompt_cache_hit_tokens") or usage.get("cached_tokens")
    counted = from_inclusive(
        prompt,
        completion,
        cached=lenient_int(cached),
        cache_write=lenient_int(prompt_details.get("cache_write_tokens")),
        reasoning=reasoning,
        tier=read_tier(tier),
        told_cost=read_told_cost(usage, body),
    )
    heard, seen = lenient_int(prompt_details.get("audio_tokens")), lenient_int(prompt_details.get("image_tokens"))
    spoken = lenient_int(completion_details.get("audio_tokens"))
    if not (heard or seen or spoken):
        return counted
    return set_media_apart(counted, audio_input=heard, image_input=seen, audio_output=spoken)


def find_usage(chunk_usage: Any, x_groq: Any) -> dict[str, Any] | None:
    """The usage object of one chunk: in its own place, or in Groq's."""
    if type(chunk_usage) is dict and chunk_usage:
        return chunk_usage
    hidden = lenient_object(x_groq).get("usage")
    return hidden if type(hidden) is dict and hidden else None


def write_usage(usage: Usage) -> dict[str, Any]:
    """Token counts with every member that the description of the API lists."""
    return {
        "prompt_tokens": usage.total_input,
        "completion_tokens": usage.total_output,
        "total_tokens": usage.total,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_writes,
            "audio_tokens": usage.audio_input,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": usage.audio_output_tokens,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def straighten_usage(usage: dict[str, Any]) -> dict[str, Any]:
    """A vendor's usage with OpenAI's members put right and its own kept."""
    right = write_usage(read_usage(usage))
    for name in ("prompt_tokens_details", "completion_tokens_details"):
        right[name] = {**right[name], **lenient_object(usage.get(name)), **_counted(right[name])}
    return {**usage, **right}


def _counted(details: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in details.items() if count}
