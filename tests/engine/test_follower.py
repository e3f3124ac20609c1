"""Responses that an upstream makes by itself are recorded once, when their end is seen, by whoever sees it."""

import asyncio
from typing import Any

import msgspec
import pytest
from limited_scene import rule
from msgspec.structs import replace
from stored_scene import NEIGHBOUR, StoredScene, bearer
from test_background import begin, ended, until
from test_background import no_waiting as no_waiting
from test_context import native

from memory_store import MemoryRuns
from scripted_gateway import Client, ScriptedReply, json_reply, make_call, stream
from trunkline.clock import FakeClock
from trunkline.engine.bounds.admission import Admission
from trunkline.engine.bounds.limits import RateLimits
from trunkline.money import Nano, Tariff, fill_rates
from trunkline.ports import UpstreamRequest
from trunkline.principal import OPERATOR
from trunkline.records import Record
from trunkline.shared.counters import MemoryCounters

USAGE = {"input_tokens": 1000, "output_tokens": 200, "total_tokens": 1200}
CREATED = {"type": "response.created", "sequence_number": 0}
DELTA = {"type": "response.output_text.delta", "sequence_number": 1, "item_id": "msg_1", "delta": "Hel"}
COMPLETED = {"type": "response.completed", "sequence_number": 2}


class Answers:
    """An upstream whose run is as far as the test says."""

    def __init__(self, first: Any = None) -> None:
        self.first = first or json_reply(run("queued"))
        self.now = run("in_progress")

    def __call__(self, request: UpstreamRequest) -> ScriptedReply:
        if request.head.startswith(b"POST /v1/responses HTTP"):
            reply: ScriptedReply = self.first
            return reply
        return json_reply(self.now)


def run(status: str, **members: Any) -> dict[str, Any]:
    usage = USAGE if status in ("completed", "incomplete") else None
    return native("resp_up", "Hello", status=status, background=True, usage=usage, **members)


def event(said: dict[str, Any], response: dict[str, Any] | None = None) -> bytes:
    whole = said if response is None else {**said, "response": response}
    return b"event: %b\ndata: %b\n\n" % (said["type"].encode(), msgspec.json.encode(whole))


def priced(scene: StoredScene) -> StoredScene:
    tariff = Tariff(fill_rates({"input": 1_000_000_000, "output": 10_000_000_000}))
    scene.catalog.tariff = lambda account, provider, model: tariff  # type: ignore[method-assign]
    return scene


async def recorded(scene: StoredScene) -> Record:
    """The only record of the run, once it is there and no second one comes."""

    async def look() -> list[Record]:
        return [record for record in scene.records.kept if record.operation == "generate"]

    await until(look)
    await asyncio.sleep(0.05)
    (record,) = await look()
    await scene.gateway.close()
    return record


async def test_a_run_is_recorded_when_it_ends() -> None:
    """With its whole usage and cost, as the request of its caller."""
    scene, answers = priced(StoredScene()), Answers()
    asked = {"model": "responses-model", "input": "Hi?", "background": True}
    scene.upstream.answer = answers
    first = await scene.ask("/v1/responses", asked, authorization=bearer(NEIGHBOUR))
    await asyncio.sleep(0.05)
    assert scene.records.kept == []
    scene.clock.advance(3600)
    answers.now = run("completed")
    record = await recorded(scene)
    assert (record.key, record.path, record.request_id) == ("ana", "/team/ana", first.headers["x-request-id"])
    assert (record.outcome, record.status, record.target) == ("ok", 200, "responses/responses-model")
    assert (record.usage.input_tokens, record.usage.output_tokens) == (1000, 200)
    assert record.cost == record.attempts[0].cost == Nano(1_000_000 + 2_000_000)
    assert record.duration_micros == 3_600_000_000


@pytest.mark.parametrize(
    ("end", "outcome", "code"),
    [
        (run("incomplete"), "incomplete", ""),
        (run("failed", error={"code": "rate_limit_exceeded", "message": "Slow down."}), "error", "rate_limit_exceeded"),
        (run("cancelled"), "cancelled", ""),
    ],
)
async def test_what_became_of_it_is_recorded(end: dict[str, Any], outcome: str, code: str) -> None:
    """In the words of every other record."""
    scene, answers = StoredScene(), Answers()
    await begin(scene, "responses-model", answers)
    answers.now = end
    record = await recorded(scene)
    assert (record.outcome, record.error_code) == (outcome, code)


async def test_a_later_process_records_what_an_earlier_one_began() -> None:
    """It finds in the store who had asked for it."""
    scene, answers = priced(StoredScene()), Answers()
    await begin(scene, "responses-model", answers)
    await asyncio.sleep(0.02)
    await scene.gateway.close()
    later = priced(StoredScene(store=scene.store))
    answers.now = run("completed")
    later.upstream.answer = answers
    later.kept.runs.abandoned = [("/", "resp_up")]  # type: ignore[attr-defined]  # the test's own
    later.gateway.start()
    record = await recorded(later)
    assert (record.key, record.usage.input_tokens, record.cost) == ("master", 1000, Nano(3_000_000))
    assert scene.records.kept == []


async def test_a_stream_that_is_seen_to_its_end_is_recorded_by_it() -> None:
    """Whoever follows it meanwhile leaves that to it."""
    reply = stream(event(CREATED, run("in_progress")), event(DELTA), ending="open")
    scene, answers = StoredScene(), Answers(reply)
    answers.now = run("completed")
    asking = asyncio.create_task(begin(scene, "responses-model", answers, stream=True))
    await asyncio.sleep(0.05)
    assert scene.records.kept == []
    reply.say(event(COMPLETED, run("completed")))
    reply.end()
    assert (await asking).status == 200
    record = await recorded(scene)
    assert (record.outcome, record.usage.input_tokens) == ("ok", 1000)


async def test_a_stream_that_is_left_is_recorded_when_the_run_ends() -> None:
    """It goes on without its client, and is paid for."""
    reply = stream(event(CREATED, run("in_progress")), event(DELTA), ending="open")
    scene, answers = StoredScene(), Answers(reply)
    scene.upstream.answer = answers
    asked = {"model": "responses-model", "input": "Hi?", "background": True, "stream": True}
    first = await scene.gateway.handle(make_call("/v1/responses", asked))
    assert not isinstance(first.body, bytes)
    pouring = asyncio.create_task(first.body.pour(Client()))
    await asyncio.sleep(0.02)
    pouring.cancel()
    await asyncio.wait([pouring])
    await asyncio.sleep(0.05)
    assert scene.records.kept == []
    answers.now = run("completed")
    record = await recorded(scene)
    assert (record.outcome, record.usage.output_tokens) == ("ok", 200)


async def test_a_run_that_is_called_off_is_recorded_once() -> None:
    """By whoever called it off."""
    scene, answers = StoredScene(), Answers()
    await begin(scene, "responses-model", answers)
    answers.now = run("cancelled")
    await scene.ask("/v1/responses/resp_up/cancel")
    assert (await ended(scene, "resp_up"))["status"] == "cancelled"
    assert (await recorded(scene)).outcome == "cancelled"


async def test_a_run_that_is_deleted_on_its_way_is_recorded() -> None:
    """Though nobody says any more what it has cost."""
    scene, answers = StoredScene(), Answers()
    await begin(scene, "responses-model", answers)
    await asyncio.sleep(0.02)
    await scene.delete("/v1/responses/resp_up")
    assert (await recorded(scene)).outcome == "cancelled"


async def test_a_run_belongs_to_its_conversation_to_its_end() -> None:
    """Its upstream knows of none, and says so whenever it is asked how far it is."""
    scene, answers = StoredScene(), Answers()
    conversation = (await scene.ask("/v1/conversations", {})).json["id"]
    asked = {"model": "responses-model", "input": "Hi?", "background": True, "conversation": conversation}
    scene.upstream.answer = answers
    await scene.ask("/v1/responses", asked)
    answers.now = run("completed", conversation=None)
    ended_run = await ended(scene, "resp_up")
    assert ended_run["status"] == "completed"
    assert ended_run["conversation"] == {"id": conversation}
    await scene.gateway.close()


@pytest.mark.parametrize("is_deleted", [False, True])
async def test_what_is_held_for_a_run_is_settled_though_another_process_ends_it(is_deleted: bool) -> None:
    """That one records it, and knows nothing of what was reserved here."""
    counters = MemoryCounters(FakeClock())
    rules = [rule("tokens", tokens=10_000, per="day"), rule("runs", concurrent=1)]
    scene = StoredScene(bind=lambda _: (Admission(counters, [RateLimits(rules)]), None))
    await begin(scene, "responses-model", Answers())
    claims = [each.claim(each.counter(OPERATOR), 1, scene.clock.now_micros()) for each in rules]
    assert [level.held > 0 for level in counters.look(claims)] == [True, True]
    runs, responses = scene.kept.runs, scene.kept.responses
    assert isinstance(runs, MemoryRuns)
    runs.hand_over("resp_up", "another-instance")
    await asyncio.sleep(0.05)
    assert [level.held > 0 for level in counters.look(claims)] == [True, True]
    kept = await responses.find("/", "resp_up")
    assert kept is not None
    if is_deleted:
        await responses.delete("/", "resp_up")
    else:
        await responses.keep(replace(kept, status="completed", response=msgspec.json.encode(run("completed"))))

    async def settled() -> bool:
        return [level.held for level in counters.look(claims)] == [0, 0]

    await until(settled)
    assert counters.look(claims)[0].spent == (0 if is_deleted else 1200)
    assert [record for record in scene.records.kept if record.operation == "generate"] == []
    await scene.gateway.close()
