"""Tokens in disjoint buckets: each token is counted in exactly one, whatever the provider's convention."""

from msgspec import Struct
from msgspec.structs import astuple


class Usage(Struct, frozen=True):
    """Counts of one reply.

    `input_tokens` is what was read fresh: cached reads and cache writes are beside it, not inside.
    `cache_write_tokens` are writes that are kept for the usual minutes, `cache_write_1h_tokens` those for an hour, which
    cost more; only Anthropic's wire tells them apart. `output_tokens` is everything that is not reasoning. The sums are what OpenAI's wire calls input and output.
    """

    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_1h_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        """Both together, bucket by bucket."""
        return Usage(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: "Usage") -> "Usage":
        """What is left of it, bucket by bucket; never less than nothing."""
        return Usage(*(max(0, mine - theirs) for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    @property
    def cache_writes(self) -> int:
        """All that was written to a cache, for however long."""
        return self.cache_write_tokens + self.cache_write_1h_tokens

    @property
    def total_input(self) -> int:
        """All that went in, as OpenAI counts it: fresh, cached and written to the cache."""
        return self.input_tokens + self.cached_input_tokens + self.cache_writes

    @property
    def total_output(self) -> int:
        """All that came out, as OpenAI counts it: reasoning included."""
        return self.output_tokens + self.reasoning_tokens

    @property
    def total(self) -> int:
        return self.total_input + self.total_output


NO_USAGE = Usage()


def from_inclusive(
    total_input: int, total_output: int, *, cached: int = 0, cache_write: int = 0, reasoning: int = 0
) -> Usage:
    """Usage from a wire that counts cached and written tokens inside the input, and reasoning inside the output.

    A part larger than its whole is cut to it, so that no bucket is negative.
    """
    fresh, visible = total_input - cached - cache_write, total_output - reasoning
    if fresh >= 0 and visible >= 0 and cached >= 0 and cache_write >= 0 and reasoning >= 0:
        return Usage(fresh, cached, cache_write, visible, reasoning)
    cached = max(0, min(cached, total_input))
    cache_write = max(0, min(cache_write, total_input - cached))
    reasoning = max(0, min(reasoning, total_output))
    return Usage(
        input_tokens=max(0, total_input - cached - cache_write),
        cached_input_tokens=cached,
        cache_write_tokens=cache_write,
        output_tokens=max(0, total_output - reasoning),
        reasoning_tokens=reasoning,
    )
