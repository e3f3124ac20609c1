"""What several processes on one database hold: for as long as they live, and not much longer."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from trunkline.clock import FakeClock
from trunkline.store import holds as module
from trunkline.store.engine import Database, open_database
from trunkline.store.holds import MemoryHolds, RowHolds, choose_holds
from trunkline.store.migrate import migrate

pytestmark = pytest.mark.slow

HOUR = 3600.0


@pytest.fixture
async def database(postgresql_url: str) -> AsyncIterator[Database]:
    database = open_database(postgresql_url)
    await migrate(database)
    yield database
    await database.close()


async def test_a_hold_lasts_as_long_as_its_process_says_so(database: Database, clock: FakeClock) -> None:
    """And is free half a minute after the last word of one that died."""
    living, other = RowHolds(database, clock), RowHolds(database, clock)
    assert await living.take("conv_1", "run_1", HOUR)
    for _ in range(10):
        clock.advance(20)
        await living.renew()
        assert not await other.take("conv_1", "run_2", HOUR)
    clock.advance(31)
    assert await other.take("conv_1", "run_2", HOUR)
    await living.renew()
    assert not await living.take("conv_1", "run_1", HOUR)


async def test_what_was_let_go_is_not_held_again(database: Database, clock: FakeClock) -> None:
    """Nor what was to be held for a short while alone."""
    one, other = RowHolds(database, clock), RowHolds(database, clock)
    assert await one.take("conv_1", "run_1", HOUR)
    await one.drop("conv_1", "run_1")
    assert await one.take("resp_1", "one", 10)
    await one.renew()
    assert await other.take("conv_1", "run_2", HOUR)
    clock.advance(11)
    assert await other.take("resp_1", "other", 10)


async def test_nothing_is_held_for_ever(database: Database, clock: FakeClock) -> None:
    """However often it is renewed."""
    one, other = RowHolds(database, clock), RowHolds(database, clock)
    assert await one.take("conv_1", "run_1", 60)
    for _ in range(4):
        clock.advance(20)
        await one.renew()
    assert await other.take("conv_1", "run_2", 60)


async def test_leases_are_renewed_by_one_task(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever there is to hold, and also after an outage."""
    monkeypatch.setattr(module, "_RENEW_SECONDS", 0.01)
    one = choose_holds(database, clock)
    assert not isinstance(one, MemoryHolds)
    assert await one.take("conv_1", "run_1", HOUR)
    clock.advance(29)
    running = asyncio.create_task(one.run())
    await asyncio.sleep(0.2)
    clock.advance(29)
    assert not await RowHolds(database, clock).take("conv_1", "run_2", HOUR)
    running.cancel()
    await asyncio.wait([running])
