"""Token counts and reasons to stop, on Anthropic's wire and in our words.

Source: https://docs.anthropic.com/en/api/messages (usage, stop_reason).
"""

from typing import Any

from trunkline.dialects.shapes import lenient_int, lenient_list, lenient_object
from trunkline.dialects.told_cost import read_told_cost
from trunkline.events import Finish
from trunkline.usage import Usage, read_tier

# Our own word, among the wire's.
_TOLD = "told cost in nano-dollars"

FINISHES: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
    "pause_turn": "paused",
}
"""`stop_reason` → our word. One that is not here (Anthropic adds some) is a plain stop."""


def read_finish(stop_reason: str) -> Finish:
    """Why the model stopped, in our words."""
    return FINISHES.get(stop_reason, "stop")


def write_stop_reason(finish: Finish, stop_sequence: str | None, has_calls: bool, has_refusal: bool) -> str:
    """The `stop_reason` of an answer: what it holds decides where our word does not."""
    if finish == "length":
        return "max_tokens"
    if finish == "content_filter" or (has_refusal and not has_calls):
        return "refusal"
    if finish == "paused":
        return "pause_turn"
    if has_calls:
        return "tool_use"
    return "stop_sequence" if stop_sequence is not None else "end_turn"


def read_usage(counts: dict[str, Any]) -> Usage:
    """Token counts of a reply.

    `input_tokens` here excludes cache reads and writes, so the buckets copy straight across; `cache_creation` says how
    much of what was written is kept for an hour. `output_tokens` includes thinking, which newer models count apart as
    well. What a compaction on the way took stands in `iterations` alone. Missing counts are 0.
    """
    usage = _read_counts(counts)
    for iteration in map(lenient_object, lenient_list(counts.get("iterations"))):
        if iteration.get("type") == "compaction":
            usage += _read_counts(iteration)
    return usage


def _read_counts(counts: dict[str, Any]) -> Usage:
    output = lenient_int(counts.get("output_tokens"))
    split = lenient_object(counts.get("cache_creation"))
    hour = lenient_int(split.get("ephemeral_1h_input_tokens"))
    minutes = lenient_int(split.get("ephemeral_5m_input_tokens"))
    written = lenient_int(counts.get("cache_creation_input_tokens")) or hour + minutes
    hour = min(hour, written)
    details = lenient_object(counts.get("output_tokens_details"))
    thinking = min(output, lenient_int(details.get("thinking_tokens")))
    return Usage(
        input_tokens=lenient_int(counts.get("input_tokens")),
        cached_input_tokens=lenient_int(counts.get("cache_read_input_tokens")),
        cache_write_tokens=written - hour,
        cache_write_1h_tokens=hour,
        output_tokens=output - thinking,
        reasoning_tokens=thinking,
        web_searches=lenient_int(lenient_object(counts.get("server_tool_use")).get("web_search_requests")),
        tier="fast" if counts.get("speed") == "fast" else read_tier(counts.get("service_tier")),
        told_cost=counts.get(_TOLD),
    )


def merge_counts(known: dict[str, Any], update: Any) -> None:
    """Take an event's counts into those known so far: they are cumulative, and a missing or null one says nothing."""
    known |= {name: value for name, value in lenient_object(update).items() if value is not None}


def note_cost(usage: Any, body: bytes) -> None:
    """Add to a usage object, in place, what it says of its cost; `body` are the bytes that it was read from."""
    if type(usage) is dict and (cost := read_told_cost(usage, body)) is not None:
        usage[_TOLD] = cost


_TIERS = {"default": "standard", "standard": "standard", "priority": "priority", "batch": "batch"}


def write_usage(usage: Usage) -> dict[str, Any]:
    """The `usage` member, whole."""
    counts: dict[str, Any] = {
        "input_tokens": usage.total_input - usage.cached - usage.cache_writes,
        "cache_creation_input_tokens": usage.cache_writes,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.total_output,
    }
    if usage.cache_write_1h_tokens:
        counts["cache_creation"] = {
            "ephemeral_5m_input_tokens": usage.cache_write_tokens,
            "ephemeral_1h_input_tokens": usage.cache_write_1h_tokens,
        }
    if usage.reasoning_tokens:
        counts["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    if usage.web_searches:
        counts["server_tool_use"] = {"web_search_requests": usage.web_searches, "web_fetch_requests": 0}
    if usage.tier in _TIERS:
        counts["service_tier"] = _TIERS[usage.tier]
    return counts
