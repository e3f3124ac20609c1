"""Budgets know what was spent: when a gateway starts, when one is made, and when the counters have lost their memory."""

import asyncio

import pytest
from budget_scene import LIMIT, BudgetScene, make_budget, question

from scripted_gateway import Answer
from trunkline.errors import Unavailable
from trunkline.shared.counters import MemoryCounters
from trunkline.state.budgets import Budget, KeptBudgets

ALPHA = make_budget("1")


async def ask(scene: BudgetScene) -> Answer:
    return await scene.scene.ask("/v1/chat/completions", question(max_tokens=LIMIT))


async def started(*budgets: Budget, recorded: int = 0) -> BudgetScene:
    """A gateway that has just started, by whose records so much was spent of each."""
    scene = BudgetScene(*budgets)
    scene.store.recorded = {budget.name: recorded for budget in budgets}
    await scene.treasury.refresh()
    return scene


def forget(scene: BudgetScene) -> None:
    """What a Redis does that is restarted."""
    scene.counters._counters.clear()


async def test_what_was_spent_is_known_at_the_start() -> None:
    """A gateway that is restarted does not begin anew."""
    scene = await started(ALPHA, recorded=1_000_000_000)
    assert scene.levels() == (1_000_000_000, 0)
    assert (await ask(scene)).status == 429


async def test_no_less_is_known_than_before() -> None:
    """What another replica has counted by now is more than what the records say."""
    scene = await started(ALPHA)
    await ask(scene)
    spent = scene.spent()
    await scene.treasury._restore(list(scene.funds))
    assert scene.spent() == spent


async def test_a_counter_that_has_lost_its_memory_pays_nothing() -> None:
    """Until what was spent is known again: then it goes on as before."""
    scene = await started(ALPHA)
    await ask(scene)
    spent = scene.spent()
    scene.store.recorded["alpha"] = spent
    await ask(scene)
    forget(scene)
    await ask(scene)
    refused = await ask(scene)
    assert (refused.status, refused.headers["x-should-retry"]) == (503, "true")
    assert scene.funds.lost.is_set()
    await scene.treasury.look_after()
    assert scene.spent() >= spent
    assert (await ask(scene)).status == 200


async def test_a_change_by_another_replica_is_in_force_within_a_second() -> None:
    """It is asked for, and no request waits for it."""
    scene = await started()
    await scene.store.put(make_budget("0", name="beta"))
    assert (await ask(scene)).status == 200
    await scene.treasury.look_after()
    assert (await ask(scene)).status == 429


async def test_what_is_declared_wins() -> None:
    """A name lives in one place."""
    scene = await started(ALPHA)
    await scene.store.put(make_budget("0"))
    await scene.treasury.refresh()
    fund = scene.funds.find("alpha")
    assert fund is not None
    assert (fund.budget.cap, fund.budget.is_declared) == (1_000_000_000, True)


async def test_a_budget_that_cannot_be_summed_is_not_in_force_yet() -> None:
    """What is in force goes on, and it is tried again."""
    scene = await started(ALPHA)
    await scene.store.put(make_budget("0", name="beta"))

    async def away(*_: object) -> int:
        raise Unavailable("the database is away")

    scene.store.spent = away  # type: ignore[assignment, method-assign]
    with pytest.raises(Unavailable):
        await scene.treasury.refresh()
    assert scene.funds.find("beta") is None
    assert (await ask(scene)).status == 200
    del scene.store.spent
    await scene.treasury.refresh()
    assert scene.funds.find("beta") is not None


async def test_the_counters_are_compared_with_the_records() -> None:
    """A process may have died between a record and its settlement."""
    scene = await started(ALPHA)
    await ask(scene)
    spent = scene.spent()
    scene.store.recorded["alpha"] = spent + 7
    await scene.treasury.look_after()
    assert scene.spent() == spent
    scene.scene.clock.advance(3601)
    await scene.treasury.look_after()
    assert scene.spent() == spent + 7


async def test_what_goes_wrong_does_not_end_the_watch(caplog: pytest.LogCaptureFixture) -> None:
    """A bug is said, and the next second is another chance."""
    scene = await started(ALPHA)
    fund = next(iter(scene.funds))
    asked = asyncio.Event()

    async def broken(known: int = -1) -> KeptBudgets | None:
        asked.set()
        raise ZeroDivisionError

    scene.store.read = broken  # type: ignore[method-assign]
    watching = asyncio.create_task(scene.treasury.watch())
    fund.seen, fund.is_lost = 10, True
    scene.funds.lost.set()
    await asyncio.wait_for(asked.wait(), 5)
    await asyncio.sleep(0)
    assert not watching.done()
    watching.cancel()
    assert "budgets could not be looked after: ZeroDivisionError" in caplog.text


async def test_two_gateways_count_together() -> None:
    """Replicas that share their counters share what is left."""
    one, other = await started(ALPHA), await started(ALPHA)
    assert isinstance(other.counters, MemoryCounters)
    other.counters._counters = one.counters._counters
    await ask(one)
    assert other.spent() == one.spent() > 0
