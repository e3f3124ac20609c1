"""Tokens in disjoint buckets: each token is counted in exactly one, whatever the provider's convention."""

from typing import Any

from msgspec import Struct
from msgspec.structs import astuple, replace

# No model reads or writes so much at once: whoever says so has miscounted, and would use up every limit and budget
# there is.
MOST_COUNTED = 2**32


class Usage(Struct, frozen=True, omit_defaults=True):
    """What one reply used, as far as anybody is paid for it.

    `input_tokens` is what was read fresh: cached reads, cache writes, sound and pictures are beside it, not inside.
    `cache_write_tokens` are writes that are kept for the usual minutes, `cache_write_1h_tokens` those for an hour,
    which cost more. `output_tokens` is everything that is neither reasoning, sound nor a picture.

    `web_searches`, `code_sessions` and `file_searches` are calls of hosted tools. `billed_input_tokens` and
    `billed_output_tokens` are what a provider that counts more than it bills wants paid, instead of all tokens above:
    they are in no sum of tokens, and 0 where what is counted is billed. `tier` is where the provider says that it
    served the request: one of `TIERS`, or nothing. `told_cost` is what it says that the reply cost, in nano-dollars.
    """

    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_1h_tokens: int = 0
    audio_input_tokens: int = 0
    cached_audio_tokens: int = 0
    audio_output_tokens: int = 0
    image_input_tokens: int = 0
    image_output_tokens: int = 0
    web_searches: int = 0
    code_sessions: int = 0
    file_searches: int = 0
    billed_input_tokens: int = 0
    billed_output_tokens: int = 0
    tier: str = ""
    told_cost: int | None = None

    def __add__(self, other: "Usage") -> "Usage":
        """Both together, bucket by bucket; of two tiers the later one's."""
        if other is NO_USAGE:
            return self
        if self is NO_USAGE:
            return other
        told = [cost for cost in (self.told_cost, other.told_cost) if cost is not None]
        sums: list[Any] = [mine + theirs for mine, theirs in _pairs(self, other)]
        sums += [other.tier or self.tier, sum(told) if told else None]
        return Usage(*sums)

    def __sub__(self, other: "Usage") -> "Usage":
        """What is left of it, bucket by bucket; never less than nothing."""
        told = self.told_cost
        if told is not None and other.told_cost is not None:
            told = max(0, told - other.told_cost) or None
        rest: list[Any] = [max(0, mine - theirs) for mine, theirs in _pairs(self, other)]
        rest += [self.tier, told]
        return Usage(*rest)

    @property
    def cache_writes(self) -> int:
        """All that was written to a cache, for however long."""
        return self.cache_write_tokens + self.cache_write_1h_tokens

    @property
    def cached(self) -> int:
        """All that was read from a cache."""
        return self.cached_input_tokens + self.cached_audio_tokens

    @property
    def audio_input(self) -> int:
        """All the sound that went in."""
        return self.audio_input_tokens + self.cached_audio_tokens

    @property
    def total_input(self) -> int:
        """All that went in, as OpenAI counts it: fresh, cached, written to the cache, of whatever kind."""
        return (
            self.input_tokens
            + self.cached_input_tokens
            + self.cache_write_tokens
            + self.cache_write_1h_tokens
            + self.audio_input_tokens
            + self.cached_audio_tokens
            + self.image_input_tokens
        )

    @property
    def total_output(self) -> int:
        """All that came out, as OpenAI counts it: reasoning, sound and pictures included."""
        return self.output_tokens + self.reasoning_tokens + self.audio_output_tokens + self.image_output_tokens

    @property
    def total(self) -> int:
        return self.total_input + self.total_output


_COUNTS = len(Usage.__struct_fields__) - 2


def _pairs(one: Usage, other: Usage) -> "zip[tuple[int, int]]":
    return zip(astuple(one)[:_COUNTS], astuple(other)[:_COUNTS], strict=True)


NO_USAGE = Usage()

TIERS = ("default", "standard", "priority", "flex", "batch", "fast")
"""Where a request may be served, in our words; `default` and `standard` are the usual place, and cost the usual
price."""

_WORDS = {tier: tier for tier in TIERS} | {"on_demand": "default", "performance": "priority"}


def read_tier(word: Any) -> str:
    """Where a provider says that it served a request, in our words; nothing for a place that is unknown."""
    if type(word) is not str:
        return ""
    return _WORDS.get(word) or _WORDS.get(word.lower(), "")


def from_inclusive(
    total_input: int,
    total_output: int,
    *,
    cached: int = 0,
    cache_write: int = 0,
    reasoning: int = 0,
    tier: str = "",
    told_cost: int | None = None,
) -> Usage:
    """Usage from a wire that counts cached and written tokens inside the input, and reasoning inside the output.

    A part larger than its whole is cut to it, so that no bucket is negative. More than can be counts as nothing told.
    """
    if total_input > MOST_COUNTED or total_output > MOST_COUNTED:
        total_input = total_output = 0
    fresh, visible = total_input - cached - cache_write, total_output - reasoning
    if fresh < 0 or visible < 0 or cached < 0 or cache_write < 0 or reasoning < 0:
        cached = max(0, min(cached, total_input))
        cache_write = max(0, min(cache_write, total_input - cached))
        reasoning = max(0, min(reasoning, total_output))
        fresh, visible = max(0, total_input - cached - cache_write), max(0, total_output - reasoning)
    return Usage(fresh, cached, cache_write, visible, reasoning, tier=tier, told_cost=told_cost)


def set_media_apart(
    usage: Usage,
    *,
    audio_input: int = 0,
    cached_audio: int | None = None,
    image_input: int = 0,
    audio_output: int = 0,
    image_output: int = 0,
) -> Usage:
    """The same usage with sound and pictures, which were counted among the rest, in buckets of their own.

    `audio_input` is all the sound that went in. How much of it came from a cache is `None` where that is not told: then
    what does not fit into the fresh input did.
    """
    fresh, visible = usage.input_tokens, usage.output_tokens
    from_cache = max(0, audio_input - fresh) if cached_audio is None else cached_audio
    from_cache = min(from_cache, usage.cached_input_tokens)
    sound, spoken = min(max(0, audio_input - from_cache), fresh), min(audio_output, visible)
    seen, drawn = min(image_input, fresh - sound), min(image_output, visible - spoken)
    return replace(
        usage,
        input_tokens=fresh - sound - seen,
        cached_input_tokens=usage.cached_input_tokens - from_cache,
        output_tokens=visible - spoken - drawn,
        audio_input_tokens=sound,
        cached_audio_tokens=from_cache,
        audio_output_tokens=spoken,
        image_input_tokens=seen,
        image_output_tokens=drawn,
    )
