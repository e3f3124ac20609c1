"""Token counts on the Responses wire. Source: https://platform.openai.com/docs/api-reference/responses/object"""

from typing import Any

from trunkline.dialects.shapes import lenient_int, lenient_object
from trunkline.usage import NO_USAGE, Usage, from_inclusive


def read_usage(value: Any) -> Usage:
    """Token counts; here cached and written tokens count inside the input, and reasoning inside the output."""
    usage = lenient_object(value)
    if not usage:
        return NO_USAGE
    input_details = lenient_object(usage.get("input_tokens_details"))
    output_details = lenient_object(usage.get("output_tokens_details"))
    return from_inclusive(
        lenient_int(usage.get("input_tokens")),
        lenient_int(usage.get("output_tokens")),
        cached=lenient_int(input_details.get("cached_tokens")),
        cache_write=lenient_int(input_details.get("cache_write_tokens")),
        reasoning=lenient_int(output_details.get("reasoning_tokens")),
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """Token counts with both details objects, which clients require."""
    return {
        "input_tokens": usage.total_input,
        "input_tokens_details": {
            "cached_tokens": usage.cached_input_tokens,
            "cache_write_tokens": usage.cache_writes,
        },
        "output_tokens": usage.total_output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total,
    }
