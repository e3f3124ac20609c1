"""A Valkey that has forgotten everything, as one does that is restarted without a disk."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis

from trunkline.clock import FakeClock
from trunkline.errors import Unavailable
from trunkline.shared.counters import MemoryCounters
from trunkline.shared.redis import RedisCounters
from trunkline.state.counters import Claim, Taken

pytestmark = pytest.mark.slow


@contextlib.asynccontextmanager
async def doubtful(url: str, clock: FakeClock) -> AsyncIterator[tuple[RedisCounters, list[str]]]:
    """Counters, and how often they have been in doubt."""
    doubts: list[str] = []
    counters = RedisCounters(url, MemoryCounters(clock), clock=clock)
    counters.when_in_doubt(lambda: doubts.append("?"))
    await counters.open()
    yield counters, doubts
    await counters.close()


async def take(counters: RedisCounters, claim: Claim) -> Any:
    taking = counters.take([claim])
    return taking if isinstance(taking, Taken) else await taking  # type: ignore[misc]


async def test_a_strict_claim_is_not_granted_by_one_that_has_forgotten(redis_url: str, clock: FakeClock) -> None:
    """Whoever knows what was spent is asked first; then it goes on."""
    strict = Claim(b"k", "window", 1, 10, end_micros=clock.now_micros() + 10**12, strict=True)
    async with doubtful(redis_url, clock) as (counters, doubts):
        assert doubts == ["?"]
        assert isinstance(await take(counters, strict), Taken)
        with redis.from_url(redis_url) as client:
            client.flushall()
        with pytest.raises(Unavailable, match="summed up anew"):
            await take(counters, strict)
        assert doubts == ["?", "?"]
        assert isinstance(await take(counters, strict), Taken)


async def test_another_claim_goes_on(redis_url: str, clock: FakeClock) -> None:
    """A limit that begins anew does no harm."""
    async with doubtful(redis_url, clock) as (counters, _):
        claim = Claim(b"w", "window", 1, 10, end_micros=2 * 10**15)
        await take(counters, claim)
        with redis.from_url(redis_url) as client:
            client.flushall()
        assert isinstance(await take(counters, claim), Taken)
