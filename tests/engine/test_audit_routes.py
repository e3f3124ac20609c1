"""The audit, as administrators ask for it; and what they have done themselves."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from usage_scene import ANA, TEAM, UsageScene, open_scene

from recorded_rows import HOUR, START, make_attempt
from scripted_gateway import Client, make_call
from trunkline.clock import FakeClock
from trunkline.state.acts import Act, Author

ADMIN = "/admin/v1/audit"
ACTS = "/admin/v1/acts"
IN_TIME = 5.0


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[UsageScene]:
    async with open_scene(tmp_path, FakeClock(START + 2 * HOUR)) as scene:
        yield scene


async def fill(scene: UsageScene) -> None:
    await scene.put("req_1", path="/team/ana", key_id="k-ana", key="ana")
    await scene.put("req_2", model_asked="", operation="models")
    await scene.put("req_3", is_audited=False, path="/team")
    await scene.put("req_4", make_attempt(cost=3), make_attempt("groq/llama", 4), path="/team", status=502)


# --- requests -------------------------------------------------------------------------------------------------------


async def test_every_request_is_in_the_log(scene: UsageScene) -> None:
    """With what the audit knows, as long as it is kept."""
    await fill(scene)
    assert await scene.ids(ADMIN) == ["req_4", "req_2", "req_1"]
    assert await scene.ids(ADMIN, TEAM) == ["req_4", "req_1"]
    assert await scene.ids(f"{ADMIN}?operation=models") == ["req_2"]
    assert await scene.ids(f"{ADMIN}?limit=1&after=req_4") == ["req_2"]
    assert await scene.ids(f"{ADMIN}?status=502", TEAM) == ["req_4"]
    entry = (await scene.get(f"{ADMIN}?limit=1")).json["data"][0]
    assert (entry["object"], entry["url"], entry["dropped"]) == ("audit.entry", "/v1/responses", ["seed"])


async def test_one_entry_is_shown_whole(scene: UsageScene) -> None:
    """Its attempts with it; what is not kept any more is nothing."""
    await fill(scene)
    entry = (await scene.get(f"{ADMIN}/req_4")).json
    assert entry["trail"]["peer"] == "127.0.0.1:5"
    assert [each["position"] for each in entry["attempts"]] == [0, 1]
    assert (await scene.get(f"{ADMIN}/req_3")).json["trail"] is None
    assert (await scene.get(f"{ADMIN}/req_2", TEAM)).status == 404


async def test_the_log_is_exported(scene: UsageScene) -> None:
    """As it is listed."""
    await fill(scene)
    lines = [json.loads(line) for line in (await scene.get(f"{ADMIN}/export")).body.splitlines()]
    assert lines == (await scene.get(f"{ADMIN}?order=asc")).json["data"]
    table = (await scene.get(f"{ADMIN}/export?format=csv")).body.decode().splitlines()
    assert len(table) == 4
    assert '"[""seed""]"' in table[1]


# --- live -----------------------------------------------------------------------------------------------------------


class Follower:
    """A client of the live stream."""

    def __init__(self, scene: UsageScene) -> None:
        self._scene = scene
        self.client = Client()

    @contextlib.asynccontextmanager
    async def follow(self, query: str = "", **headers: str) -> AsyncIterator["Follower"]:
        reply = await self._scene.gateway.handle(make_call(f"{ADMIN}/live{query}", method="GET", **headers))
        assert reply.status == 200
        assert not isinstance(reply.body, bytes)
        task = asyncio.create_task(reply.body.pour(self.client))
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def hear(self, count: int) -> list[tuple[str, int, dict[str, object]]]:
        """The first events, once so many have come."""
        for _ in range(500):
            events = [event for event in self.client.body.decode().split("\n\n") if event.startswith("event")]
            if len(events) >= count:
                break
            await asyncio.sleep(0.01)
        read = []
        for event in events:
            kind, id, data = (line.partition(": ")[2] for line in event.splitlines())
            read.append((kind, int(id), json.loads(data)))
        return read


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkline.engine.admin.audit_book._LOOK_SECONDS", 0.01)


async def test_entries_come_live(scene: UsageScene) -> None:
    """From now on; what was before is not told again."""
    await fill(scene)
    async with Follower(scene).follow() as follower:
        await scene.put("req_5")
        events = await follower.hear(1)
    assert [(kind, place, entry["id"]) for kind, place, entry in events] == [("entry", 5, "req_5")]
    assert follower.client.body.startswith(b": ")
    assert scene.records.only.outcome == "cancelled"


async def test_a_stream_is_taken_up_again(scene: UsageScene) -> None:
    """By the id of the last event, as a header or in the query; each event comes once."""
    await fill(scene)
    async with Follower(scene).follow(last_event_id="1") as follower:
        assert [entry["id"] for _, _, entry in await follower.hear(2)] == ["req_2", "req_4"]
        await scene.put("req_5")
        assert [entry["id"] for _, _, entry in await follower.hear(3)] == ["req_2", "req_4", "req_5"]
    async with Follower(scene).follow("?after=4&path=/") as follower:
        assert [entry["id"] for _, _, entry in await follower.hear(1)] == ["req_5"]


async def test_what_is_too_far_back_is_skipped(scene: UsageScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """And said to be."""
    monkeypatch.setattr("trunkline.engine.admin.audit_book.MOST_REPLAYED", 2)
    await fill(scene)
    await scene.put("req_5")
    async with Follower(scene).follow(last_event_id="0") as follower:
        events = await follower.hear(3)
    assert events[0] == ("skipped", 3, {"object": "audit.skipped", "numbers": 3})
    assert [entry["id"] for _, _, entry in events[1:]] == ["req_4", "req_5"]


async def test_a_silent_stream_shows_that_it_lives(scene: UsageScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """For those who would take silence for an end."""
    monkeypatch.setattr("trunkline.engine.admin.audit_book._HEARTBEAT_SECONDS", -1.0)
    async with asyncio.timeout(IN_TIME), Follower(scene).follow() as follower:
        while follower.client.body.count(b": still here") < 3:  # noqa: ASYNC110 - it is bytes that are waited for
            await asyncio.sleep(0.01)


async def test_only_what_one_may_see_comes(scene: UsageScene) -> None:
    """And of that only what was asked for."""
    await fill(scene)
    async with Follower(scene).follow("?path=/team/ana&after=0") as follower:
        assert [entry["id"] for _, _, entry in await follower.hear(1)] == ["req_1"]
    assert (await scene.get(f"{ADMIN}/live", ANA)).status == 403
    assert (await scene.get(f"{ADMIN}/live?after=x")).error["param"] == "after"


async def test_a_live_stream_ends_with_its_key(scene: UsageScene) -> None:
    """Within a second; everybody else's goes on."""
    async with Follower(scene).follow() as other, Follower(scene).follow(authorization=f"Bearer {TEAM.decode()}"):
        scene.keys.gone.add(TEAM)
        while not scene.records.kept:  # noqa: ASYNC110 - it is a record that is waited for
            await asyncio.sleep(0.01)
        await scene.put("req_5")
        assert await other.hear(1)
    assert [record.outcome for record in scene.records.kept] == ["ok", "cancelled"]


async def test_not_everybody_follows_at_once(scene: UsageScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """And who has gone makes room."""
    monkeypatch.setattr("trunkline.engine.resources.audit.MOST_FOLLOWERS", 1)
    for _ in range(2):
        async with Follower(scene).follow():
            await asyncio.sleep(0)
            refused = await scene.get(f"{ADMIN}/live")
            assert (refused.status, refused.headers["retry-after"]) == (503, "60")


# --- acts -----------------------------------------------------------------------------------------------------------


async def act(scene: UsageScene, kind: str, path: str) -> None:
    assert scene.store is not None
    author = Author("master", "master", "/", "127.0.0.1:5")
    details = msgspec.json.encode({"before": None, "after": {"path": path}})
    await scene.store.acts.append(
        Act(at_micros=START, author=author, kind=kind, object_id="k1", path=path, details=details)
    )


async def test_acts_are_listed(scene: UsageScene) -> None:
    """Those on objects of the administrator's path."""
    await act(scene, "key.create", "/team")
    await act(scene, "key.create", "/other")
    assert await scene.ids(ACTS) == ["act_2", "act_1"]
    assert await scene.ids(ACTS, TEAM) == ["act_1"]
    assert await scene.ids(f"{ACTS}?after=act_2") == ["act_1"]
    shown = (await scene.get(ACTS, TEAM)).json["data"][0]
    assert (shown["kind"], shown["author"]["key"], shown["details"]["after"]) == (
        "key.create",
        "master",
        {"path": "/team"},
    )
    assert (await scene.get(f"{ACTS}?after=x")).error["param"] == "after"


async def test_the_chain_is_checked_at_the_root(scene: UsageScene) -> None:
    """It is everybody's."""
    await act(scene, "key.create", "/team")
    assert (await scene.get(f"{ACTS}/check")).json["sound"] is True
    assert (await scene.get(f"{ACTS}/check", TEAM)).status == 403
    assert (await scene.get(f"{ACTS}/check?head=7")).error["param"] == "head"
