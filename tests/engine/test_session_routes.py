"""Sessions, and what was said in them, as administrators ask for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from usage_scene import ANA, LOOKER, TEAM, UsageScene, open_scene

from recorded_rows import HOUR, START, make_attempt
from trunkline.clock import FakeClock
from trunkline.evidence import Evidence

SESSIONS = "/admin/v1/audit/sessions"


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[UsageScene]:
    async with open_scene(tmp_path, FakeClock(START + 2 * HOUR)) as scene:
        await scene.put("req_1", session="s-1", path="/team/ana")
        await scene.put("req_2", session="s-2", path="/team/bob")
        await scene.put("req_3", make_attempt(cost=None), session="s-1", path="/team/ana", outcome="error")
        await scene.put("req_4", session="s-1", path="/other")
        await scene.put("req_5", session="", path="/team/ana")
        yield scene


async def say(scene: UsageScene, id: str, asked: bytes, told: bytes) -> None:
    assert scene.store is not None
    sent = [("openai/gpt-5-mini", asked.replace(b"alias", b"model"))]
    evidence = Evidence(id, START, "/team/ana", "chat", {}, asked, 100, sent, [told], len(told))
    assert scene.store.evidence.keep(evidence)
    await scene.store.evidence.settle()


async def test_sessions_are_listed(scene: UsageScene) -> None:
    """Those of the newest requests first, each path's apart; what named none is in none."""
    listed = (await scene.get(SESSIONS)).json["data"]
    assert [(each["id"], each["path"], each["requests"], each["failed"], each["cost_nanos"]) for each in listed] == [
        ("s-1", "/other", 1, 0, 100),
        ("s-1", "/team/ana", 2, 1, 100),
        ("s-2", "/team/bob", 1, 0, 100),
    ]


async def test_sessions_come_by_page(scene: UsageScene) -> None:
    """Behind the last request of the last one."""
    first = (await scene.get(f"{SESSIONS}?limit=2")).json
    assert first["has_more"]
    rest = (await scene.get(f"{SESSIONS}?limit=2&after={first['last_id']}")).json
    assert [each["id"] for each in rest["data"]] == ["s-2"]
    assert not rest["has_more"]


async def test_sessions_of_another_time_are_left_out(scene: UsageScene) -> None:
    """The last thirty days, unless it is said."""
    assert (await scene.get(f"{SESSIONS}?end=2020-01-01")).json["data"] == []


async def test_a_session_is_read_in_order(scene: UsageScene) -> None:
    """With what was asked, sent and told, where that was kept."""
    await say(scene, "req_1", b'{"model":"alias"}', b"yes")
    entries = (await scene.get(f"{SESSIONS}/s-1?path=/team")).json["data"]
    assert [entry["id"] for entry in entries] == ["req_1", "req_3"]
    said = entries[0]["said"]
    assert said["request"]["text"] == '{"model":"alias"}'
    assert [(sent["target"], sent["body"]["text"]) for sent in said["sent"]] == [
        ("openai/gpt-5-mini", '{"model":"model"}')
    ]
    assert said["reply"] == {"text": "yes", "bytes": 3, "cut": False, "folded": False}
    assert entries[1]["said"] is None
    assert entries[1]["trail"]["method"] == "POST"


async def test_a_session_comes_by_page(scene: UsageScene) -> None:
    """Every request once."""
    first = (await scene.get(f"{SESSIONS}/s-1?limit=2")).json
    rest = (await scene.get(f"{SESSIONS}/s-1?limit=2&after={first['last_id']}")).json
    assert [entry["id"] for page in (first, rest) for entry in page["data"]] == ["req_1", "req_3", "req_4"]
    assert (first["has_more"], rest["has_more"]) == (True, False)


async def test_an_entry_shows_what_was_said(scene: UsageScene) -> None:
    """Where somebody asks for one request alone."""
    await say(scene, "req_1", b"{}", b"yes")
    assert (await scene.get("/admin/v1/audit/req_1")).json["said"]["reply"]["text"] == "yes"
    assert (await scene.get("/admin/v1/audit/req_2")).json["said"] is None


async def test_an_administrator_sees_its_own_subtree(scene: UsageScene) -> None:
    """And nothing of a session of the same name elsewhere."""
    await say(scene, "req_4", b"{}", b"secret")
    assert [each["path"] for each in (await scene.get(SESSIONS, TEAM)).json["data"]] == ["/team/ana", "/team/bob"]
    assert await scene.ids(f"{SESSIONS}/s-1", TEAM) == ["req_1", "req_3"]
    assert (await scene.get("/admin/v1/audit/req_4", TEAM)).status == 404
    assert (await scene.get(f"{SESSIONS}?path=/other", TEAM)).status == 403


@pytest.mark.parametrize("key", [ANA, LOOKER])
@pytest.mark.parametrize("path", [SESSIONS, f"{SESSIONS}/s-1"])
async def test_it_takes_the_scope_of_the_audit(scene: UsageScene, key: bytes, path: str) -> None:
    """Whoever may see what was used may not see what was said."""
    assert (await scene.get(path, key)).status in (403, 404)


async def test_an_unknown_session_is_not_found(scene: UsageScene) -> None:
    """A 404 that names it."""
    answer = await scene.get(f"{SESSIONS}/nobody%2Fs")
    assert answer.status == 404
    assert "nobody/s" in answer.error["message"]
