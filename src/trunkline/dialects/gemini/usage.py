"""Token counts and reasons to stop, on Gemini's wire and in our words.

Source: https://ai.google.dev/api/generate-content#UsageMetadata, …#FinishReason.
"""

from typing import Any

from msgspec.structs import replace

from trunkline.dialects.shapes import lenient_int, lenient_list, lenient_object, lenient_text
from trunkline.events import Finish
from trunkline.usage import Usage, from_inclusive, read_tier, set_media_apart

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
    "ESCALATION": "content_filter",
    "PUP_LIMITED_DISABLED": "content_filter",
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


_TRAFFIC = {"ON_DEMAND": "standard", "ON_DEMAND_PRIORITY": "priority", "ON_DEMAND_FLEX": "flex"}

SEARCHED = "webSearchQueries"
"""Where the grounding of an answer lists its searches."""


def count_searches(grounding: Any) -> int:
    """How many searches stand behind an answer: those of the model itself, as its grounding lists them."""
    return sum(bool(query) for query in lenient_list(lenient_object(grounding).get(SEARCHED)))


def read_usage(counts: dict[str, Any], searches: int = 0) -> Usage:
    """Token counts of a reply.

    `promptTokenCount` includes what came from the cache but not what tools brought in, and `candidatesTokenCount`
    excludes thought. Missing counts are 0.
    """
    prompt = lenient_int(counts.get("promptTokenCount")) + lenient_int(counts.get("toolUsePromptTokenCount"))
    thoughts = lenient_int(counts.get("thoughtsTokenCount"))
    tier = read_tier(counts.get("serviceTier")) or _TRAFFIC.get(lenient_text(counts.get("trafficType")), "")
    usage = from_inclusive(
        prompt,
        lenient_int(counts.get("candidatesTokenCount")) + thoughts,
        cached=lenient_int(counts.get("cachedContentTokenCount")),
        reasoning=thoughts,
        tier=tier,
    )
    if searches:
        usage = replace(usage, web_searches=searches)
    return _set_media_apart(usage, counts)


def _set_media_apart(usage: Usage, counts: dict[str, Any]) -> Usage:
    came, went = _by_kind(counts, "prompt", "toolUsePrompt"), _by_kind(counts, "candidates")
    if not (came.keys() | went.keys()) - {"TEXT", "DOCUMENT"}:
        return usage
    return set_media_apart(
        usage,
        audio_input=came.get("AUDIO", 0),
        cached_audio=_by_kind(counts, "cache").get("AUDIO", 0),
        image_input=came.get("IMAGE", 0) - _by_kind(counts, "cache").get("IMAGE", 0),
        audio_output=went.get("AUDIO", 0),
        image_output=went.get("IMAGE", 0),
    )


def _by_kind(counts: dict[str, Any], *parts: str) -> dict[str, int]:
    """How many tokens are of which kind, in these parts of the counts; zeros are left out."""
    found: dict[str, int] = {}
    for part in parts:
        for entry in map(lenient_object, lenient_list(counts.get(f"{part}TokensDetails"))):
            if tokens := lenient_int(entry.get("tokenCount")):
                kind = lenient_text(entry.get("modality"))
                found[kind] = found.get(kind, 0) + tokens
    return found


def write_usage(usage: Usage) -> dict[str, Any]:
    """`usageMetadata`; counts that are 0 are left out where Google leaves them out."""
    visible = usage.total_output - usage.reasoning_tokens
    counts: dict[str, Any] = {"promptTokenCount": usage.total_input, "candidatesTokenCount": visible}
    if usage.cached:
        counts["cachedContentTokenCount"] = usage.cached
    if usage.reasoning_tokens:
        counts["thoughtsTokenCount"] = usage.reasoning_tokens
    return {**counts, "totalTokenCount": usage.total}
