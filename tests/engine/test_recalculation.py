"""Costs of past requests, computed anew."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from usage_scene import LOOKER, UsageScene, open_scene

from recorded_rows import HOUR, START, make_attempt
from scripted_gateway import KEY
from trunkline.clock import FakeClock
from trunkline.engine.admin.usage import recalculation
from trunkline.money import DECLARED, Long, Tariff, fill_rates

PATH = "/admin/v1/usage/recalculate"
TARIFF = Tariff(
    fill_rates({"input": 1000 * 10**6, "output": 10**6}),
    (Long(100, fill_rates({"input": 7 * 10**6, "output": 10**6})),),
    {"flex": Tariff(fill_rates({"input": 10**6, "output": 10**6}), source=DECLARED)},
    DECLARED,
)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[UsageScene]:
    async with open_scene(tmp_path, FakeClock(START + 2 * HOUR)) as scene:
        scene.catalog.tariff = lambda account, provider, model: TARIFF if model == "m" else None
        yield scene


async def recalculate(scene: UsageScene, query: str = "", key: bytes = KEY) -> Any:
    return await scene.ask(PATH + query, authorization="Bearer " + key.decode())


async def cost_of(scene: UsageScene, id: str) -> list[Any]:
    """What a request costs, and then each of its attempts."""
    request = (await scene.get(f"/admin/v1/usage/{id}")).json
    return [request["cost_nanos"], *((each["cost_nanos"], each["cost_source"]) for each in request["attempts"])]


async def test_costs_are_computed_of_the_buckets(scene: UsageScene) -> None:
    """By size and tier, attempt for attempt; the request costs what they do together."""
    small = make_attempt("chat/m", 5, input_tokens=10)
    large = make_attempt("chat/m", None, input_tokens=90, cached_input_tokens=11)
    flexible = make_attempt("chat/m", 5, input_tokens=10, tier="flex")
    await scene.put("req_1", small, large, flexible)
    answer = (await recalculate(scene)).json
    assert await cost_of(scene, "req_1") == [10_717, (10_000, "declared"), (707, "declared"), (10, "declared")]
    assert (answer["requests"], answer["attempts"], answer["changed_attempts"]) == (1, 3, 3)
    assert (answer["cost_before_nanos"], answer["cost_after_nanos"], answer["cost_after"]) == (
        10,
        10_717,
        "0.000010717",
    )
    rates = (await scene.get("/admin/v1/usage/req_1")).json["attempts"][1]["rates"]
    assert rates[0] == 7 * 10**6


async def test_what_is_not_ours_to_say_stays(scene: UsageScene) -> None:
    """What the provider told, what ran at an account that is gone, what was never executed."""
    await scene.put("req_1", make_attempt("chat/m", 5, input_tokens=10, cost_source="told"))
    await scene.put("req_2", make_attempt("gone/m", 6, input_tokens=10))
    await scene.put("req_3", make_attempt("chat/m", 0, cost_source="", status=429, outcome="error"))
    assert (await recalculate(scene)).json["changed_attempts"] == 0
    assert [(await cost_of(scene, f"req_{number}"))[0] for number in (1, 2, 3)] == [5, 6, 0]


async def test_a_model_that_lost_its_price_costs_nobody_knows_what(scene: UsageScene) -> None:
    """And not nothing."""
    await scene.put("req_1", make_attempt("chat/other", 5, input_tokens=10))
    await recalculate(scene)
    assert await cost_of(scene, "req_1") == [None, (None, "")]


async def test_only_what_is_asked_for(scene: UsageScene) -> None:
    """By time, path and the rest; a dry run writes nothing at all."""
    await scene.put("req_1", make_attempt("chat/m", 5, input_tokens=1))
    await scene.put("req_2", make_attempt("chat/m", 5, input_tokens=1), started_at_micros=START + HOUR)
    dry = (await recalculate(scene, "?dry_run=true")).json
    assert (dry["dry_run"], dry["changed_attempts"], dry["cost_after_nanos"]) == (True, 2, 2000)
    assert [(await cost_of(scene, id))[0] for id in ("req_1", "req_2")] == [5, 5]
    assert (await recalculate(scene, f"?start={(START + HOUR) // 10**6}")).json["requests"] == 1
    assert [(await cost_of(scene, id))[0] for id in ("req_1", "req_2")] == [5, 1000]
    assert (await recalculate(scene, "?strat=1")).status == 400


async def test_some_at_once(scene: UsageScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """And from where that ended the rest."""
    monkeypatch.setattr(recalculation, "_AT_ONCE", 2)
    monkeypatch.setattr(recalculation, "_MOST", 3)
    for number in range(1, 7):
        await scene.put(f"req_{number}", make_attempt("chat/m", 5, input_tokens=1))
    first = (await recalculate(scene)).json
    assert (first["requests"], first["last_id"], first["has_more"]) == (4, "req_4", True)
    second = (await recalculate(scene, "?after=req_4")).json
    assert (second["requests"], second["last_id"], second["has_more"]) == (2, "req_6", False)
    assert (await recalculate(scene)).json["changed_attempts"] == 0


async def test_it_takes_more_than_reading(scene: UsageScene) -> None:
    """And is written down."""
    assert (await recalculate(scene, key=LOOKER)).status == 403
    assert (await recalculate(scene, "?model=m")).status == 200
    (act,) = (await scene.get("/admin/v1/acts")).json["data"]
    assert (act["kind"], act["details"]["after"]) == ("usage.recalculate", {"path": "/", "model": "m"})
