"""Token counts on the Responses wire. Source: https://platform.openai.com/docs/api-reference/responses/object"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from trunkline.dialects.shapes import lenient_int, lenient_list, lenient_object, lenient_text
from trunkline.dialects.told_cost import read_told_cost
from trunkline.usage import NO_USAGE, Usage, from_inclusive, read_tier, set_media_apart

HOSTED_CALLS = frozenset({"web_search_call", "code_interpreter_call", "file_search_call"})
"""Items of an answer that each cost something."""


def read_response_usage(response: Mapping[str, Any], body: bytes) -> Usage:
    """What a response used, calls of hosted tools included. `body` are the bytes that it was read from."""
    told = lenient_object(response.get("usage"))
    usage, tier = read_usage(told), read_tier(response.get("service_tier"))
    calls = [
        item
        for item in lenient_list(response.get("output"))
        if type(item) is dict and item.get("type") in HOSTED_CALLS and item.get("status") != "failed"
    ]
    cost = read_told_cost(told, body)
    served = lenient_object(told.get("server_side_tool_usage_details"))
    if not calls and not served and not tier and cost is None:
        return usage
    if not calls and not served and "tool_usage" not in response:
        return replace(usage, tier=tier, told_cost=cost)
    return replace(
        usage,
        web_searches=_count_searches(calls, response, served),
        code_sessions=_count_sessions(calls),
        file_searches=lenient_int(served.get("file_search_calls")) or _count(calls, "file_search_call"),
        tier=tier,
        told_cost=cost,
    )


def _count_searches(calls: list[dict[str, Any]], response: Mapping[str, Any], served: Mapping[str, Any]) -> int:
    """Searches as far as the provider counts them, else the calls that searched: opening a page found costs nothing."""
    counted = lenient_object(lenient_object(response.get("tool_usage")).get("web_search")).get("num_requests")
    if type(counted) is int:
        return lenient_int(counted)
    if served:
        return lenient_int(served.get("web_search_calls")) + lenient_int(served.get("x_search_calls"))
    actions = [lenient_object(call.get("action")) for call in calls if call["type"] == "web_search_call"]
    return sum(action.get("type", "search") == "search" for action in actions)


def _count_sessions(calls: list[dict[str, Any]]) -> int:
    """Containers that code ran in: several calls in the same one are one session."""
    return len({lenient_text(call.get("container_id")) for call in calls if call["type"] == "code_interpreter_call"})


def _count(calls: list[dict[str, Any]], kind: str) -> int:
    return sum(call["type"] == kind for call in calls)


def read_usage(value: Any) -> Usage:
    """Token counts; here cached and written tokens count inside the input, and reasoning inside the output."""
    usage = lenient_object(value)
    if not usage:
        return NO_USAGE
    input_details = lenient_object(usage.get("input_tokens_details"))
    output_details = lenient_object(usage.get("output_tokens_details"))
    counted = from_inclusive(
        lenient_int(usage.get("input_tokens")),
        lenient_int(usage.get("output_tokens")),
        cached=lenient_int(input_details.get("cached_tokens")),
        cache_write=lenient_int(input_details.get("cache_write_tokens")),
        reasoning=lenient_int(output_details.get("reasoning_tokens")),
    )
    heard, spoken = lenient_int(input_details.get("audio_tokens")), lenient_int(output_details.get("audio_tokens"))
    return set_media_apart(counted, audio_input=heard, audio_output=spoken) if heard or spoken else counted


def write_usage(usage: Usage) -> dict[str, Any]:
    """Token counts with both details objects, which clients require."""
    return {
        "input_tokens": usage.total_input,
        "input_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_writes,
        },
        "output_tokens": usage.total_output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total,
    }
