"""Events of background responses, and who is at work on them, on each kind of database."""

import pytest
from kept import DAY_SECONDS, response

from trunkline.clock import FakeClock
from trunkline.state.runs import KeptEvent, Runs
from trunkline.store.open import OpenStore


@pytest.fixture
def runs(store: OpenStore) -> Runs:
    return store.ports.runs


def events(*numbers: int) -> list[KeptEvent]:
    return [KeptEvent(number, b"data: %d\n\n" % number) for number in numbers]


async def test_events_come_back_in_order(runs: Runs) -> None:
    """Those behind the one that the client has seen."""
    await runs.append("resp_1", events(0, 1))
    await runs.append("resp_1", [])
    await runs.append("resp_1", events(3, 2))
    await runs.append("resp_2", events(9))
    assert await runs.events("resp_1", -1) == events(0, 1, 2, 3)
    assert await runs.events("resp_1", 1) == events(2, 3)
    assert await runs.events("resp_1", 3) == []


async def test_an_event_is_kept_once(runs: Runs) -> None:
    """When it is appended again, the first one stays."""
    await runs.append("resp_1", events(1))
    await runs.append("resp_1", [KeptEvent(1, b"other"), *events(2)])
    assert await runs.events("resp_1", 0) == events(1, 2)


async def test_what_a_run_began_with_is_kept_once(store: OpenStore, runs: Runs) -> None:
    """For as long as the response is there."""
    await store.ports.responses.keep(response("resp_1", status="queued", background=True))
    await runs.begin("resp_1", b'{"key":"ana"}')
    await runs.begin("resp_1", b"{}")
    assert await runs.begun("resp_1") == b'{"key":"ana"}'
    await store.ports.responses.delete("/", "resp_1")
    assert await runs.begun("resp_1") is None


async def test_one_at_work_at_a_time(runs: Runs, clock: FakeClock) -> None:
    """Until its lease has run out."""
    assert await runs.lease("resp_1", "a", 30)
    assert not await runs.lease("resp_1", "b", 30)
    clock.advance(20)
    assert await runs.lease("resp_1", "a", 30)
    clock.advance(20)
    assert not await runs.lease("resp_1", "b", 30)
    clock.advance(11)
    assert await runs.lease("resp_1", "b", 30)


async def test_orphans(store: OpenStore, runs: Runs, clock: FakeClock) -> None:
    """Under way, and nobody at work on it."""
    for id, status in (("resp_1", "queued"), ("resp_2", "in_progress"), ("resp_3", "in_progress")):
        store.ports.responses.keep(response(id, status=status, path="/team", background=True))  # type: ignore[arg-type]
    store.ports.responses.keep(response("resp_4", status="in_progress"))
    store.ports.responses.keep(response("resp_4", status="completed"))
    await runs.lease("resp_2", "a", 30)
    assert sorted(await runs.orphans()) == [("/team", "resp_1"), ("/team", "resp_3")]
    await store.ports.responses.delete("/team", "resp_3")
    clock.advance(31)
    assert sorted(await runs.orphans()) == [("/team", "resp_1"), ("/team", "resp_2")]


async def test_events_go_with_their_response(store: OpenStore, runs: Runs, clock: FakeClock) -> None:
    """When it is deleted, and when it expires."""
    for id in ("resp_1", "resp_2", "resp_3"):
        store.ports.responses.keep(response(id))
        await runs.append(id, events(1))
    assert await store.ports.responses.delete("/", "resp_1")
    assert await runs.events("resp_1", 0) == []
    clock.advance(31 * DAY_SECONDS)
    await store.sweep()
    assert await runs.events("resp_2", 0) == []
