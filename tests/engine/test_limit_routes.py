"""Rate limits are made, shown, changed, reset and deleted by those who administer them."""

from typing import Any

import pytest
from limited_scene import ANA, LEAD, WATCHER, LimitedScene, rule
from test_context import completion

from memory_store import MemoryActs
from scripted_gateway import PATHS, Answer, json_reply, question
from trunkline.errors import Unavailable

ADMIN = "/admin/v1/limits"

DECLARED = rule("declared-1", requests=100, per="day", zone="Europe/Zurich", path="/team/alpha/**", is_declared=True)


@pytest.fixture
def scene() -> LimitedScene:
    return LimitedScene(rules=[DECLARED], keeps=True)


async def admin(scene: LimitedScene, method: str, path: str = "", body: Any = b"", key: bytes | None = None) -> Answer:
    headers = {} if key is None else {"authorization": f"Bearer {key.decode()}"}
    return await scene.ask(ADMIN + path, body, method=method, **headers)


async def make(scene: LimitedScene, key: bytes | None = None, **members: Any) -> Answer:
    return await admin(scene, "POST", "", members, key)


async def generate(scene: LimitedScene, key: bytes) -> int:
    scene.upstream.answer = json_reply(completion("Hello"))
    answer = await scene.ask(PATHS["chat"], question("chat", "chat-model"), authorization=f"Bearer {key.decode()}")
    return answer.status


async def test_made(scene: LimitedScene) -> None:
    """A rule is in force with the next request."""
    made = (await make(scene, match={"key": "ana", "model": "chat/*"}, requests=1, per="hour")).json
    assert made == {
        "id": made["id"],
        "object": "limit",
        "match": {"key": "ana", "model": "chat/*"},
        "requests": 1,
        "per": "hour",
        "zone": "UTC",
        "declared": False,
        "created_at": 1_700_000_000,
        "use": {"used": 0, "reserved": 0, "remaining": 1, "resets_in_seconds": 2800.0},
    }
    assert [await generate(scene, ANA) for _ in range(2)] == [200, 429]
    found = (await admin(scene, "GET", f"/{made['id']}")).json
    assert found["use"] == {"used": 1, "reserved": 0, "remaining": 0, "resets_in_seconds": 2800.0}


async def test_listed(scene: LimitedScene) -> None:
    """Those of the configuration come first."""
    made = (await make(scene, concurrent=5, each="key")).json
    listed = (await admin(scene, "GET")).json
    assert [each["id"] for each in listed["data"]] == ["declared-1", made["id"]]
    assert [each["declared"] for each in listed["data"]] == [True, False]
    assert listed["data"][1]["use"] is None


async def test_changed(scene: LimitedScene) -> None:
    """What is said takes the place of what was; the rest stays, and so does the count of a window."""
    id = (await make(scene, match={"key": "ana"}, requests=1, per="hour")).json["id"]
    await generate(scene, ANA)
    changed = (await admin(scene, "POST", f"/{id}", {"requests": 2})).json
    assert (changed["requests"], changed["per"], changed["match"]) == (2, "hour", {"key": "ana"})
    assert [await generate(scene, ANA) for _ in range(2)] == [200, 429]
    slots = (await admin(scene, "POST", f"/{id}", {"concurrent": 3, "match": {}})).json
    assert (slots["concurrent"], slots["match"]) == (3, {})
    assert "requests" not in slots
    assert "per" not in slots


async def test_reset(scene: LimitedScene) -> None:
    """All of it is there again."""
    id = (await make(scene, requests=1, per="month")).json["id"]
    assert [await generate(scene, ANA) for _ in range(2)] == [200, 429]
    assert (await admin(scene, "POST", f"/{id}/reset")).json["use"]["used"] == 0
    assert await generate(scene, ANA) == 200
    assert (await admin(scene, "POST", "/declared-1/reset")).status == 200


async def test_reset_of_many(scene: LimitedScene) -> None:
    """A rule with a count for each key has none to reset for all."""
    id = (await make(scene, requests=1, per="month", each="key")).json["id"]
    assert (await admin(scene, "POST", f"/{id}/reset")).status == 409


async def test_deleted(scene: LimitedScene) -> None:
    """A rule that is deleted limits nothing any more, and is unknown."""
    id = (await make(scene, requests=1, per="month")).json["id"]
    assert await generate(scene, ANA) == 200
    deleted = await admin(scene, "DELETE", f"/{id}")
    assert deleted.json == {"id": id, "object": "limit.deleted", "deleted": True}
    assert await generate(scene, ANA) == 200
    for method in ("GET", "DELETE"):
        assert (await admin(scene, method, f"/{id}")).status == 404


@pytest.mark.parametrize(("method", "body"), [("POST", {"requests": 1}), ("DELETE", b"")])
async def test_declared(scene: LimitedScene, method: str, body: Any) -> None:
    """What the configuration declares is changed there, and the answer says so."""
    answer = await admin(scene, method, "/declared-1", body)
    assert (answer.status, answer.error["code"]) == (403, "declared")
    assert "configuration" in answer.error["message"]


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({}, "requests"),
        ({"requests": 1}, "per"),
        ({"requests": 1, "tokens": 1, "per": "day"}, "requests"),
        ({"requests": 0, "per": "day"}, "requests"),
        ({"requests": "many", "per": "day"}, "requests"),
        ({"tokens": 10**13, "per": "day"}, "tokens"),
        ({"requests": 1, "per": "fortnight"}, "per"),
        ({"requests": 1, "per": "day", "zone": "Nowhere"}, "zone"),
        ({"concurrent": 1, "per": "day"}, "per"),
        ({"concurrent": 1, "zone": "UTC"}, "zone"),
        ({"concurrent": 1, "each": "model"}, "each"),
        ({"concurrent": 1, "match": {"team": "x"}}, "match.team"),
        ({"concurrent": 1, "match": {"path": "team"}}, "match.path"),
        ({"concurrent": 1, "match": {"path": "/a/**/b"}}, "match.path"),
        ({"concurrent": 1, "match": {"key": ""}}, "match.key"),
        ({"concurrent": 1, "match": "everybody"}, "match"),
        ({"concurrent": 1, "label": "x"}, "label"),
    ],
)
async def test_wrong(scene: LimitedScene, members: dict[str, Any], param: str) -> None:
    """What is wrong is named, and nothing is kept."""
    answer = await make(scene, **members)
    assert (answer.status, answer.error["param"]) == (400, param)
    assert len((await admin(scene, "GET")).json["data"]) == 1


# --- who may -------------------------------------------------------------------------------------------------------


async def test_scopes(scene: LimitedScene) -> None:
    """It takes the scope; to look at it, the one for looking."""
    assert [(await admin(scene, "GET", key=key)).status for key in (ANA, WATCHER, LEAD)] == [403, 200, 200]
    made = [(await make(scene, key, concurrent=1)).status for key in (ANA, WATCHER, LEAD)]
    assert made == [403, 403, 200]


async def test_subtree(scene: LimitedScene) -> None:
    """Who administers a path makes and sees rules for it and below, and no others."""
    mine = (await make(scene, LEAD, requests=5, per="day")).json
    assert mine["match"] == {"path": "/team/alpha/**"}
    below = await make(scene, LEAD, match={"path": "/team/alpha/ana"}, requests=5, per="day")
    assert below.status == 200
    outside = await make(scene, LEAD, match={"path": "/team/**"}, requests=5, per="day")
    assert (outside.status, outside.error["param"]) == (400, "match.path")
    foreign = (await make(scene, requests=9, per="day")).json["id"]
    for method, path in (("GET", ""), ("POST", ""), ("DELETE", ""), ("POST", "/reset")):
        assert (await admin(scene, method, f"/{foreign}{path}", b"{}", LEAD)).status == 404
    seen = [each["id"] for each in (await admin(scene, "GET", key=LEAD)).json["data"]]
    assert seen == ["declared-1", mine["id"], below.json["id"]]
    moved = await admin(scene, "POST", f"/{mine['id']}", {"match": {"path": "/**"}}, LEAD)
    assert moved.status == 400


async def test_acts(scene: LimitedScene) -> None:
    """Whatever is done is written down first, with what was before and after it."""
    id = (await make(scene, LEAD, requests=5, per="day")).json["id"]
    await admin(scene, "POST", f"/{id}", {"requests": 6}, LEAD)
    await admin(scene, "POST", f"/{id}/reset", key=LEAD)
    await admin(scene, "DELETE", f"/{id}", key=LEAD)
    assert scene.store is not None
    acts = scene.store.acts
    assert isinstance(acts, MemoryActs)
    kinds = [(kept.act.kind, kept.act.object_id, kept.act.path, kept.act.author.name) for kept in acts.kept]
    verbs = ("create", "update", "reset", "delete")
    assert kinds == [(f"limit.{verb}", id, "/team/alpha", "lead") for verb in verbs]


async def test_not_while_the_store_is_away(scene: LimitedScene) -> None:
    """While rules cannot be read, those that are known stay in force."""
    await make(scene, requests=1, per="month")

    async def read(known: int = -1) -> None:
        raise Unavailable("away")

    assert scene.store is not None
    scene.store.limits.read = read  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        await scene.limits.refresh()
    assert [await generate(scene, ANA) for _ in range(2)] == [200, 429]
