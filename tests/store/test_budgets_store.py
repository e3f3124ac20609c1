"""Budgets in the database, on both kinds."""

import asyncio

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, insert

from trunkline.clock import FakeClock
from trunkline.money import Nano, read_dollars
from trunkline.state.budgets import Alert, Budget, Webhook
from trunkline.state.periods import Window, read_period
from trunkline.store.budgets import SqlBudgets
from trunkline.store.ledger.hours import change
from trunkline.store.ledger.sums import HOUR_MICROS as HOUR
from trunkline.store.ledger.tables import COUNTS, REQUESTS
from trunkline.store.open import OpenStore

BUDGET = Budget(
    name="alpha",
    cap=read_dollars("500"),
    period=read_period("month", "Europe/Zurich"),
    path="/team/alpha/**",
    label=("app", "web"),
    owner="Ana",
    webhook=Webhook("https://hooks.example/x", "a secret of the tests"),
    shares=(50, 100),
)
ALERT = Alert(budget="alpha", start_micros=10, end_micros=20, share=50, spent=Nano(5), cap=Nano(10), at_micros=15)
MINUTE = 60_000_000


@pytest.fixture
def budgets(store: OpenStore) -> SqlBudgets:
    """The port alone, on the store's own database."""
    return SqlBudgets(store._database, store._cipher)


# --- kept -------------------------------------------------------------------------------------------------------


async def test_a_budget_comes_back_as_it_was_made(budgets: SqlBudgets) -> None:
    """Cap, period, zone, webhook and all."""
    await budgets.put(BUDGET)
    kept = await budgets.read()
    assert kept is not None
    assert kept.budgets == [BUDGET]


async def test_a_change_is_told_by_its_revision(budgets: SqlBudgets) -> None:
    """Whoever knows the newest revision reads nothing."""
    await budgets.put(BUDGET)
    kept = await budgets.read()
    assert kept is not None
    assert await budgets.read(kept.revision) is None
    await budgets.put(replace(BUDGET, cap=Nano(1)))
    changed = await budgets.read(kept.revision)
    assert changed is not None
    assert [budget.cap for budget in changed.budgets] == [1]


async def test_what_is_deleted_is_gone_once(budgets: SqlBudgets) -> None:
    """A second time there is nothing to delete."""
    await budgets.put(BUDGET)
    assert await budgets.delete("alpha")
    assert not await budgets.delete("alpha")
    kept = await budgets.read()
    assert kept is not None
    assert kept.budgets == []


async def test_a_reset_is_remembered_for_budgets_that_are_declared(budgets: SqlBudgets) -> None:
    """They are in no table, and can be reset all the same."""
    await budgets.reset("declared", 7)
    await budgets.reset("declared", 8)
    kept = await budgets.read()
    assert kept is not None
    assert kept.resets == {"declared": 8}


# --- what was spent ---------------------------------------------------------------------------------------------


async def record(store: OpenStore, id: str, at: int, path: str, cost: int | None, **said: str) -> None:
    """One request as the ledger folds it."""
    row = {
        **{
            column.name: ""
            for column in REQUESTS.columns
            if column.name not in ("number", "first_byte_micros", "tried_at_micros")
        },
        **dict.fromkeys((*COUNTS, "status", "attempts", "duration_micros"), 0),
        "id": id,
        "started_at_micros": at,
        "path": path,
        "cost": cost,
        "labels": "{}",
        **said,
        "is_stream": False,
        "is_estimated": False,
    }

    def work(connection: Connection) -> None:
        connection.execute(insert(REQUESTS).values(row))
        change(connection, [id], 1)

    await store._database.write(work)


async def test_what_was_spent_is_summed_in_its_window(store: OpenStore, budgets: SqlBudgets) -> None:
    """What began before or after does not count, nor what had no price."""
    for number, (at, cost) in enumerate([(9, 1), (10, 10), (19, 100), (20, 1000), (15, None)]):
        await record(store, f"r{number}", at, "/team", cost)
    budget = replace(BUDGET, path=None, label=None)
    assert await budgets.spent(budget, Window(10, 20)) == 110
    assert await budgets.spent(budget, Window(100, 200)) == 0


async def test_what_was_spent_is_summed_by_whole_hours(store: OpenStore, budgets: SqlBudgets) -> None:
    """And of what is less of one at both ends."""
    times = [HOUR // 2 - 1, HOUR // 2, HOUR, 2 * HOUR - 1, 3 * HOUR, 3 * HOUR + 9, 3 * HOUR + 10]
    for number, at in enumerate(times):
        await record(store, f"r{number}", at, "/team", 10**number)
    budget = replace(BUDGET, path=None, label=None)
    for window, spent in ((Window(HOUR // 2, 3 * HOUR + 10), 111110), (Window(HOUR, 2 * HOUR), 1100)):
        assert await budgets.spent(budget, window) == spent
    assert await budgets.spent(budget, Window(HOUR // 2, HOUR - 1)) == 10


async def test_what_was_spent_is_summed_of_those_that_a_budget_covers(store: OpenStore, budgets: SqlBudgets) -> None:
    """By path and below, by key, and by label."""
    web = {"labels": '{"app":"web"}'}
    await record(store, "a", 1, "/team/alpha", 1, key="ana", key_id="k1", **web)
    await record(store, "b", 1, "/team/alpha/ana", 10, key="bob", key_id="k2", **web)
    await record(store, "c", 1, "/team/alphabet", 100, key="ana", key_id="k3", **web)
    await record(store, "d", 1, "/team/alpha", 1000, key="ana", key_id="k1", labels='{"app":"mail"}')
    window = Window(0, 10)

    async def spent(**said: object) -> int:
        return await budgets.spent(replace(BUDGET, **{"path": None, "label": None, **said}), window)

    assert await spent(path="/team/alpha/**") == 1011
    assert await spent(path="/team/alpha") == 1001
    assert await spent(path="/**") == 1111
    assert await spent(key="ana") == 1101
    assert await spent(key="k2") == 10
    assert await spent(label=("app", "web")) == 111
    assert await spent(label=("app", "mail"), path="/team/alpha/**", key="k1") == 1000


# --- who has been told of what ----------------------------------------------------------------------------------


async def test_a_share_is_noted_once_in_a_window(budgets: SqlBudgets) -> None:
    """However many see it pass at the same time."""
    noted = await asyncio.gather(*(budgets.note(ALERT) for _ in range(5)))
    assert sorted(noted) == [False] * 4 + [True]
    assert await budgets.note(replace(ALERT, share=80))
    assert await budgets.note(replace(ALERT, start_micros=11))


async def test_an_alert_is_given_to_one_who_tells_it(budgets: SqlBudgets, clock: FakeClock) -> None:
    """And to another one only when the first has not told it in its time."""
    await budgets.note(ALERT)
    given = await asyncio.gather(*(budgets.due(100, MINUTE, 3) for _ in range(5)))
    assert [alert for alerts in given for alert in alerts] == [ALERT]
    assert await budgets.due(100 + MINUTE, MINUTE, 3) == [ALERT]
    await budgets.told(ALERT)
    assert await budgets.due(100 + 9 * MINUTE, MINUTE, 3) == []


async def test_an_alert_is_not_given_out_for_ever(budgets: SqlBudgets) -> None:
    """Somebody who never answers is let be."""
    await budgets.note(ALERT)
    given = [await budgets.due(number * MINUTE, MINUTE, 3) for number in range(10)]
    assert sum(map(len, given)) == 3
