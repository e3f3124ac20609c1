"""Budgets are made, shown, changed, reset and deleted by those who administer them."""

from typing import Any

import pytest
from budget_scene import LIMIT, BudgetScene, make_budget
from budget_scene import question as ask_this
from limited_scene import ANA, LEAD, WATCHER, Team

from memory_store import MemoryActs, make_store
from scripted_gateway import Answer
from trunkline.clock import FakeClock
from trunkline.money import write_dollars

ADMIN = "/admin/v1/budgets"

DECLARED = make_budget("1", name="declared", path="/team/alpha/**")


@pytest.fixture
def scene() -> BudgetScene:
    clock = FakeClock()
    made = BudgetScene(DECLARED, keys=Team(), clock=clock, store=make_store(clock))
    made.tokens = LIMIT
    return made


async def admin(scene: BudgetScene, method: str, path: str = "", body: Any = b"", key: bytes | None = None) -> Answer:
    headers = {} if key is None else {"authorization": f"Bearer {key.decode()}"}
    return await scene.scene.ask(ADMIN + path, body, method=method, **headers)


async def make(scene: BudgetScene, key: bytes | None = None, **members: Any) -> Answer:
    return await admin(scene, "POST", "", {"name": "new", "dollars": "2", "per": "day", **members}, key)


async def generate(scene: BudgetScene) -> int:
    body = ask_this(max_tokens=LIMIT)
    answer = await scene.scene.ask("/v1/chat/completions", body, authorization=f"Bearer {ANA.decode()}")
    return answer.status


async def test_made(scene: BudgetScene) -> None:
    """A budget is in force with the next request."""
    made = (await make(scene, match={"path": "/team/**", "label": "app=web"}, zone="Europe/Zurich", owner="Ana")).json
    assert made == {
        "name": "new",
        "match": {"path": "/team/**", "label": "app=web"},
        "dollars": "2",
        "per": "day",
        "zone": "Europe/Zurich",
        "unpriced": "refuse",
        "on_low": "refuse",
        "owner": "Ana",
        "webhook": None,
        "shares": [50, 80, 100],
        "object": "budget",
        "declared": False,
        "reset_at": None,
        "status": {
            "spent": "0",
            "reserved": "0",
            "left": "2",
            "window": {"start": "2023-11-13T23:00:00Z", "end": "2023-11-14T23:00:00Z"},
        },
    }
    await make(scene, name="none", dollars="0")
    assert await generate(scene) == 429


async def test_how_it_stands_is_shown(scene: BudgetScene) -> None:
    """What was spent, and what is left."""
    await make(scene)
    assert await generate(scene) == 200
    status = (await admin(scene, "GET", "/new")).json["status"]
    assert status["spent"] == write_dollars(max(scene.costs))
    assert status["left"] == write_dollars(2_000_000_000 - max(scene.costs))


async def test_listed(scene: BudgetScene) -> None:
    """Those of the configuration come first."""
    await make(scene)
    listed = (await admin(scene, "GET")).json
    assert [(each["name"], each["declared"]) for each in listed["data"]] == [("declared", True), ("new", False)]


async def test_changed(scene: BudgetScene) -> None:
    """What is said takes the place of what was; the rest stays, and so does what was spent."""
    await make(scene, owner="Ana")
    await generate(scene)
    changed = (await admin(scene, "POST", "/new", {"dollars": "3", "on_low": "cut", "shares": [100, 10]})).json
    assert (changed["dollars"], changed["owner"], changed["on_low"], changed["shares"]) == (
        "3",
        "Ana",
        "cut",
        [10, 100],
    )
    assert changed["status"]["spent"] == write_dollars(max(scene.costs))


async def test_what_was_spent_before_it_was_made_counts(scene: BudgetScene) -> None:
    """A budget begins with what the records of its window say."""
    scene.store.recorded["new"] = 1_500_000_000
    assert (await make(scene)).json["status"]["spent"] == "1.5"


async def test_reset(scene: BudgetScene) -> None:
    """What was spent before counts no more, of a declared one as well."""
    await make(scene)
    await generate(scene)
    scene.scene.clock.advance(1)
    for name in ("new", "declared"):
        await admin(scene, "POST", f"/{name}/reset")
        shown = (await admin(scene, "GET", f"/{name}")).json
        assert shown["status"]["spent"] == "0"
        assert shown["reset_at"] == "2023-11-14T22:13:21Z"


async def test_deleted(scene: BudgetScene) -> None:
    """It is gone, and pays and refuses no more."""
    await make(scene, dollars="0")
    assert await generate(scene) == 429
    assert (await admin(scene, "DELETE", "/new")).json == {"name": "new", "object": "budget.deleted", "deleted": True}
    assert await generate(scene) == 200
    assert (await admin(scene, "DELETE", "/new")).status == 404


async def test_what_is_declared_is_changed_in_the_configuration(scene: BudgetScene) -> None:
    """And it says so."""
    for method, body in (("POST", {"dollars": "5"}), ("DELETE", b"")):
        refused = await admin(scene, method, "/declared", body)
        assert (refused.status, refused.error["code"]) == (403, "declared")
    assert (await make(scene, name="declared")).status == 409


async def test_a_name_is_given_once(scene: BudgetScene) -> None:
    """Also to somebody who cannot see whose it is."""
    await make(scene)
    assert (await make(scene)).status == 409
    assert (await make(scene, LEAD)).status == 409


async def test_who_administers_a_team_sees_its_budgets_alone(scene: BudgetScene) -> None:
    """What stands elsewhere answers like what does not exist."""
    await make(scene, name="beta", match={"path": "/team/beta/**"})
    await make(scene, name="all")
    assert [each["name"] for each in (await admin(scene, "GET", key=LEAD)).json["data"]] == ["declared"]
    for method, path in (("GET", "/beta"), ("POST", "/beta"), ("DELETE", "/all"), ("POST", "/all/reset")):
        body = {"dollars": "1"} if method == "POST" and path == "/beta" else b""
        assert (await admin(scene, method, path, body, LEAD)).status == 404


async def test_who_administers_a_team_bounds_it_alone(scene: BudgetScene) -> None:
    """A budget is for the team unless it says less, and never for more."""
    assert (await make(scene, LEAD)).json["match"] == {"path": "/team/alpha/**"}
    assert (await make(scene, LEAD, name="ana", match={"path": "/team/alpha/ana"})).status == 200
    for path in ("/team/beta", "/team/**", "/**"):
        refused = await make(scene, LEAD, name="more", match={"path": path})
        assert (refused.status, refused.error["param"]) == (400, "match.path")


async def test_scopes(scene: BudgetScene) -> None:
    """Looking takes less than changing, and most keys may do neither."""
    assert (await admin(scene, "GET", key=WATCHER)).status == 200
    assert (await make(scene, WATCHER)).status == 403
    assert (await admin(scene, "GET", key=ANA)).status == 403


async def test_acts_are_written_down(scene: BudgetScene) -> None:
    """Who made, changed, reset or deleted what; a webhook's secret is in none of it."""
    webhook = {"url": "https://hooks.example/x", "secret": "a secret of the tests"}
    await make(scene, webhook=webhook)
    await admin(scene, "POST", "/new", {"dollars": "3"})
    await admin(scene, "POST", "/new/reset")
    await admin(scene, "DELETE", "/new")
    assert scene.scene.store is not None
    acts = scene.scene.store.acts
    assert isinstance(acts, MemoryActs)
    kinds = [kept.act.kind for kept in acts.kept]
    assert kinds == ["budget.create", "budget.update", "budget.reset", "budget.delete"]
    assert not any(b"a secret of the tests" in kept.act.details for kept in acts.kept)


async def test_a_webhooks_secret_is_shown_where_it_was_made(scene: BudgetScene) -> None:
    """Once, and never where its maker brought one."""
    made = (await make(scene, webhook={"url": "https://hooks.example/x"})).json["webhook"]
    assert made["secret"].startswith("whsec_")
    assert (await admin(scene, "GET", "/new")).json["webhook"] == {"url": "https://hooks.example/x"}
    own = {"url": "https://hooks.example/x", "secret": "a secret of the tests"}
    assert (await make(scene, name="own", webhook=own)).json["webhook"] == {"url": "https://hooks.example/x"}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"name": "a b"}, "name"),
        ({"name": None}, "name"),
        ({"dollars": "a lot"}, "dollars"),
        ({"dollars": 5}, "dollars"),
        ({"dollars": None}, "dollars"),
        ({"per": None}, "per"),
        ({"per": "minute"}, "per"),
        ({"per": "fortnight"}, "per"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"unpriced": "maybe"}, "unpriced"),
        ({"on_low": "shrug"}, "on_low"),
        ({"owner": "x" * 257}, "owner"),
        ({"shares": []}, "shares"),
        ({"shares": [0]}, "shares"),
        ({"shares": ["50"]}, "shares"),
        ({"match": {"path": "team"}}, "match.path"),
        ({"match": {"label": "=x"}}, "match.label"),
        ({"match": {"model": "gpt-5"}}, "match.model"),
        ({"webhook": {"url": "ftp://hooks.example"}}, "webhook.url"),
        ({"webhook": {"url": "https://hooks.example", "secret": "short"}}, "webhook.secret"),
        ({"webhook": {"url": "https://hooks.example", "secret": "whsec_no base64"}}, "webhook.secret"),
        ({"webhook": {}}, "webhook.url"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_what_is_wrong_is_named(scene: BudgetScene, members: dict[str, Any], param: str) -> None:
    """By the member that is at fault."""
    refused = await make(scene, **members)
    assert (refused.status, refused.error["param"]) == (400, param)


async def test_a_name_stays(scene: BudgetScene) -> None:
    """What was spent is known by it."""
    await make(scene)
    refused = await admin(scene, "POST", "/new", {"name": "other"})
    assert (refused.status, refused.error["param"]) == (400, "name")
