"""Token counts and reasons to stop, on Gemini's wire and in our words.

Source: https://ai.google.dev/api/generate-content#UsageMetadata, …#FinishReason.
"""

from typing import Any

from trunkline.dialects.shapes import lenient_int
from trunkline.events import Finish
from trunkline.usage import Usage, from_inclusive

FINISHES: dict[str, Finish] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "IMAGE_OTHER": "content_filter",
    "CONTINUATION": "paused",
}
"""`finishReason` → our word. One that is in neither table is a plain stop."""

FAILURES: dict[str, str] = {
    "MALFORMED_FUNCTION_CALL": "the model wrote a function call that is not valid",
    "UNEXPECTED_TOOL_CALL": "the model called a tool that was not offered",
    "TOO_MANY_TOOL_CALLS": "the model called too many tools in a row",
    "MALFORMED_RESPONSE": "the model wrote an answer that is not valid",
    "MISSING_THOUGHT_SIGNATURE": "a thought signature is missing from the history",
    "NO_IMAGE": "the model made no image",
    "OTHER": "the model stopped for an unknown reason",
}
"""Reasons that are failures: another attempt may do better."""


def read_finish(reason: str) -> Finish:
    """Why the model stopped, in our words."""
    return FINISHES.get(reason, "stop")


def write_finish(finish: Finish, *, has_refusal: bool) -> str:
    """The `finishReason` of an answer; a refusal in words has no other sign here."""
    if finish == "length":
        return "MAX_TOKENS"
    return "SAFETY" if finish == "content_filter" or has_refusal else "STOP"


def read_usage(counts: dict[str, Any]) -> Usage:
    """Token counts of a reply.

    `promptTokenCount` includes what came from the cache but not what tools brought in, and `candidatesTokenCount`
    excludes thought. Missing counts are 0.
    """
    prompt = lenient_int(counts.get("promptTokenCount")) + lenient_int(counts.get("toolUsePromptTokenCount"))
    thoughts = lenient_int(counts.get("thoughtsTokenCount"))
    return from_inclusive(
        prompt,
        lenient_int(counts.get("candidatesTokenCount")) + thoughts,
        cached=lenient_int(counts.get("cachedContentTokenCount")),
        reasoning=thoughts,
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """`usageMetadata`; counts that are 0 are left out where Google leaves them out."""
    counts: dict[str, Any] = {"promptTokenCount": usage.total_input, "candidatesTokenCount": usage.output_tokens}
    if usage.cached_input_tokens:
        counts["cachedContentTokenCount"] = usage.cached_input_tokens
    if usage.reasoning_tokens:
        counts["thoughtsTokenCount"] = usage.reasoning_tokens
    return {**counts, "totalTokenCount": usage.total}
