"""Rate limits in the database."""

import pytest
from msgspec.structs import replace

from trunkline.state.limits import KeptLimits, LimitRule
from trunkline.state.periods import read_period
from trunkline.store.open import OpenStore

FIRST = LimitRule(
    id="limit_1",
    measure="tokens",
    most=200_000,
    period=read_period("day", "Europe/Zurich"),
    path="/team/**",
    key="ana",
    model="openai/*",
    provider="openai",
    each="path",
    created_at_micros=5,
)
SECOND = LimitRule(id="limit_2", measure="concurrent", most=3)


@pytest.fixture
def limits(store: OpenStore) -> KeptLimits:
    return store.ports.limits


async def rules(limits: KeptLimits) -> list[LimitRule]:
    kept = await limits.read()
    assert kept is not None
    return list(kept.rules)


async def test_kept(limits: KeptLimits) -> None:
    """Rules come back as they were made, in the order in which they were."""
    assert await rules(limits) == []
    for rule in (FIRST, SECOND):
        await limits.put(rule)
    assert await rules(limits) == [FIRST, SECOND]


async def test_changed(limits: KeptLimits) -> None:
    """A rule is changed in its place."""
    for rule in (FIRST, SECOND, replace(FIRST, most=7)):
        await limits.put(rule)
    assert await rules(limits) == [replace(FIRST, most=7), SECOND]


async def test_deleted(limits: KeptLimits) -> None:
    """A rule can be deleted once."""
    await limits.put(FIRST)
    assert [await limits.delete("limit_1") for _ in range(2)] == [True, False]
    assert await rules(limits) == []


async def test_revisions(limits: KeptLimits) -> None:
    """Whoever knows the newest revision is told nothing, until something is changed."""
    await limits.put(FIRST)
    kept = await limits.read()
    assert kept is not None
    assert await limits.read(kept.revision) is None
    await limits.delete("limit_1")
    again = await limits.read(kept.revision)
    assert again is not None
    assert again.revision > kept.revision
