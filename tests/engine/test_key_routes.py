"""Keys as those who administer them issue, see, change and end them."""

import asyncio
from typing import Any

import pytest
from key_scene import KeyScene, declare

from scripted_gateway import KEY, PATHS, Client, make_call, question, stream
from trunkline.principal import Principal


@pytest.fixture
def scene() -> KeyScene:
    return KeyScene()


async def opens(scene: KeyScene, text: str) -> bool:
    """Whether a key is let in."""
    return (await scene.ask("/v1/models", method="GET", authorization=f"Bearer {text}")).status == 200


def holder(scene: KeyScene, text: str) -> Principal:
    found = scene.keys.find(text.encode())
    assert isinstance(found, Principal)
    return found


# --- issuing ----------------------------------------------------------------------------------------------------


async def test_a_key_is_issued_and_works_at_once(scene: KeyScene) -> None:
    """The answer has all that is known of it, and its text, this once."""
    end = scene.clock.now_micros() // 1_000_000 + 60
    made = (await scene.make(labels={"app": "web"}, models=["openai/*"], scopes=["usage"], expires_at=end)).json
    text, id = made.pop("key"), made["id"]
    assert text.startswith(f"sk-tl-{id}-")
    assert made == {
        "id": id,
        "object": "key",
        "name": "ana",
        "path": "/team",
        "labels": {"app": "web"},
        "models": ["openai/*"],
        "scopes": ["usage"],
        "status": "active",
        "created_at": 1_700_000_000,
        "created_by": "master",
        "expires_at": end,
        "revoked_at": None,
        "overlaps_until": None,
        "waits_for_new_hash": False,
        "declared_in": None,
    }
    assert await opens(scene, text)
    for place in (f"/{id}", "/ana"):
        assert (await scene.call("GET", place)).json == made
    assert (await scene.call("GET")).json["data"] == [made]


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"name": None}, "`name` is missing"),
        ({"path": None}, "`path` is missing: it must be where what the key makes belongs; the root is /"),
        ({"path": "team"}, "must be a path like /team/alpha"),
        ({"name": "a b"}, "`name` must be 1 to 64 letters"),
        ({"name": "master"}, "neither master nor local"),
        ({"models": "openai/*"}, "`models` must be an array of strings"),
        ({"models": ["a b"]}, "without spaces and commas"),
        ({"scopes": ["everything"]}, "holds 'everything' but may hold audit"),
        ({"labels": {"a": 1}}, "`labels.a` must be a string"),
        ({"labels": {"a": "x=y"}}, "must hold labels like team=alpha"),
        ({"expires_at": 1_600_000_000}, "is over already"),
        ({"expires_at": "soon"}, "must be an integer"),
        ({"expires_at": 1_800_000_000_000}, "must be in seconds"),
        ({"model": []}, "`model` is not a known parameter"),
    ],
)
async def test_what_cannot_be_issued(scene: KeyScene, members: dict[str, Any], says: str) -> None:
    """Each is refused with what would be right."""
    answer = await scene.call("POST", "", {"name": "ana", "path": "/team", **members})
    assert answer.status == 400
    assert says in answer.error["message"]
    assert (await scene.call("GET")).json["data"] == []


async def test_a_name_is_given_once(scene: KeyScene) -> None:
    """Among keys that are issued, also those that are revoked; a deleted one leaves it to others."""
    await scene.issue()
    assert (await scene.call("POST", "/ana/revoke")).status == 200
    answer = await scene.make(path="/other")
    assert (answer.status, answer.error["code"]) == (409, "name_taken")
    await scene.issue("ben")
    assert (await scene.call("POST", "/ben", {"name": "ana"})).status == 409
    assert (await scene.call("DELETE", "/ana")).status == 200
    assert (await scene.call("POST", "/ben", {"name": "ana"})).json["name"] == "ana"


# --- changing ---------------------------------------------------------------------------------------------------


async def test_only_what_is_sent_is_changed(scene: KeyScene) -> None:
    """Null takes a bound away; the key goes on working, as what it is now."""
    text = await scene.issue(labels={"app": "web"}, models=["openai/*"])
    assert (await scene.call("POST", "/ana", {"models": ["fast"]})).json["models"] == ["fast"]
    found = holder(scene, text)
    assert (found.models, found.labels) == (("fast",), {"app": "web"})
    assert (await scene.call("POST", "/ana", {"models": None, "name": "anna"})).json["models"] is None
    assert (holder(scene, text).name, holder(scene, text).models) == ("anna", None)
    moved = await scene.call("POST", "/anna", {"path": "/other"})
    assert (moved.status, moved.error["param"]) == (400, "path")


async def test_a_rotated_key_has_two_texts_for_a_while(scene: KeyScene) -> None:
    """For no time at all unless it is said."""
    old = await scene.issue()
    rotated = (await scene.call("POST", "/ana/rotate", {"overlap_seconds": 60})).json
    new = rotated["key"]
    assert rotated["overlaps_until"] == 1_700_000_060
    assert await opens(scene, old)
    assert await opens(scene, new)
    scene.clock.advance(60)
    assert not await opens(scene, old)
    assert await opens(scene, new)
    newest = (await scene.call("POST", "/ana/rotate")).json["key"]
    assert not await opens(scene, new)
    assert await opens(scene, newest)


async def test_only_so_many_texts_work_at_once(scene: KeyScene) -> None:
    """Each would cost more time when it is shown."""
    await scene.issue()
    answers = [await scene.call("POST", "/ana/rotate", {"overlap_seconds": 60}) for _ in range(5)]
    assert [answer.status for answer in answers] == [200] * 4 + [409]


@pytest.mark.parametrize(("method", "place"), [("POST", "/ana/revoke"), ("DELETE", "/ana")])
async def test_an_ended_key_opens_nothing(scene: KeyScene, method: str, place: str) -> None:
    """From the answer on."""
    text = await scene.issue()
    assert (await scene.call(method, place)).status == 200
    assert not await opens(scene, text)


_PIECE = b'data: {"id":"c","choices":[{"index":0,"delta":{%b},"finish_reason":null}]}\n\n'


async def test_what_is_under_way_outlives_its_key(scene: KeyScene) -> None:
    """A stream that was let in comes to its end, and is on the account of the key that it began with."""
    text = await scene.issue()
    reply = scene.upstream.answer = stream(_PIECE % b'"content":"Hi"', ending="open")
    call = make_call(PATHS["chat"], question("chat", "chat-model", stream=True), authorization=f"Bearer {text}")
    begun = await scene.gateway.handle(call)
    assert not isinstance(begun.body, bytes)
    await scene.call("POST", "/ana/revoke")
    client = Client()
    pouring = asyncio.create_task(begun.body.pour(client))
    await asyncio.sleep(0)
    reply.say(_PIECE.replace(b"null", b'"stop"') % b"", b"data: [DONE]\n\n")
    reply.end()
    await pouring
    assert client.body.endswith(b"data: [DONE]\n\n")
    assert (scene.records.kept[-1].key, scene.records.kept[-1].outcome) == ("ana", "ok")
    assert not await opens(scene, text)


async def test_a_revoked_key_stays_in_the_list(scene: KeyScene) -> None:
    """It cannot be rotated back into life; to revoke it again is no mistake."""
    await scene.issue()
    revoked = (await scene.call("POST", "/ana/revoke")).json
    assert (revoked["status"], revoked["revoked_at"]) == ("revoked", 1_700_000_000)
    assert (await scene.call("POST", "/ana/revoke")).json == revoked
    assert (await scene.call("POST", "/ana/rotate")).status == 409


async def test_an_expired_key_says_so(scene: KeyScene) -> None:
    """And lives again once its end is moved."""
    text = await scene.issue(expires_at=1_700_000_060)
    scene.clock.advance(60)
    assert (await scene.call("GET", "/ana")).json["status"] == "expired"
    assert not await opens(scene, text)
    await scene.call("POST", "/ana", {"expires_at": None})
    assert await opens(scene, text)


async def test_what_is_not_there(scene: KeyScene) -> None:
    """404 for whatever is asked of it."""
    for method, place in (("GET", ""), ("POST", ""), ("DELETE", ""), ("POST", "/rotate"), ("POST", "/revoke")):
        answer = await scene.call(method, "/nobody" + place, {} if method == "POST" else b"")
        assert (answer.status, answer.error["message"]) == (404, "Key with id 'nobody' not found.")
    assert (await scene.call("GET", "?after=nobody")).status == 404


# --- declared keys ----------------------------------------------------------------------------------------------


async def test_declared_keys_are_listed_first() -> None:
    """Page by page, and then those that were issued, the newest first."""
    scene = KeyScene(declared=[declare("one", "text one"), declare("two", "text two", "/team")])
    for name in ("ana", "ben"):
        await scene.issue(name)
    names, after = [], ""
    while True:
        page = (await scene.call("GET", f"?limit=1{after}")).json
        names += [key["name"] for key in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['last_id']}"
    assert names == ["one", "two", "ben", "ana"]
    assert [key["name"] for key in (await scene.call("GET")).json["data"]] == names
    assert await opens(scene, "text one")


@pytest.mark.parametrize(
    ("method", "place"), [("POST", "/one"), ("DELETE", "/one"), ("POST", "/one/rotate"), ("POST", "/one/revoke")]
)
async def test_a_declared_key_is_changed_where_it_is_declared(method: str, place: str) -> None:
    """The answer names the file and the line."""
    answer = await KeyScene(declared=[declare("one", "text one")]).call(method, place, {} if method == "POST" else b"")
    assert (answer.status, answer.error["code"]) == (409, "declared")
    assert "declared in trunkline.yaml, line 3" in answer.error["message"]


async def test_a_declared_name_is_taken() -> None:
    """A name lives in the file or in the store."""
    answer = await KeyScene(declared=[declare("one", "text one")]).make("one")
    assert (answer.status, answer.error["code"]) == (409, "name_taken")
    assert "trunkline.yaml, line 3" in answer.error["message"]


# --- who may ----------------------------------------------------------------------------------------------------


async def test_without_the_scope_there_is_nothing_to_see(scene: KeyScene) -> None:
    """`keys:read` sees, `keys` changes, anything else does neither."""
    texts = {
        scope: await scene.issue(scope.replace(":", "-"), scopes=[scope]) for scope in ("usage", "keys:read", "keys")
    }
    seen = {scope: (await scene.call("GET", by=text)).status for scope, text in texts.items()}
    made = {scope: (await scene.make(f"by-{text[6:16]}", by=text)).status for scope, text in texts.items()}
    assert seen == {"usage": 403, "keys:read": 200, "keys": 200}
    assert made == {"usage": 403, "keys:read": 403, "keys": 200}


async def test_a_scoped_administrator_sees_and_makes_keys_of_its_subtree(scene: KeyScene) -> None:
    """Whatever stands elsewhere is not there, by its name or its id."""
    admin = await scene.issue("admin", "/team", scopes=["keys"])
    other = (await scene.make("other", "/other")).json["id"]
    root = (await scene.make("root", "/")).json["id"]
    await scene.issue("below", "/team/x", by=admin)
    assert [key["name"] for key in (await scene.call("GET", by=admin)).json["data"]] == ["below", "admin"]
    unknown = (await scene.call("GET", "/nobody", by=admin)).body
    for name in (other, root, "other", "root"):
        assert (await scene.call("GET", f"/{name}", by=admin)).body.replace(name.encode(), b"nobody") == unknown
        assert (await scene.call("DELETE", f"/{name}", by=admin)).status == 404
        assert (await scene.call("GET", f"?after={name}", by=admin)).status == 404
    outside = await scene.make("outside", "/other", by=admin)
    assert (outside.status, outside.error["code"]) == (403, "path_out_of_scope")


async def test_a_narrowed_administrator_reaches_no_further(scene: KeyScene) -> None:
    """The path of the call counts, not the key's own."""
    await scene.issue("ana", "/team")
    await scene.issue("ben", "/team/x")
    listed = await scene.call("GET", x_trunkline_path="/team/x")
    assert [key["name"] for key in listed.json["data"]] == ["ben"]
    assert (await scene.call("GET", "/ana", x_trunkline_path="/team/x")).status == 404


@pytest.mark.parametrize(
    ("own", "given", "status"),
    [
        ({"scopes": ["keys"]}, {"scopes": ["keys:read"]}, 200),
        ({"scopes": ["keys"]}, {"scopes": ["usage"]}, 403),
        ({"scopes": ["keys", "usage:read"]}, {"scopes": ["usage:read"]}, 200),
        ({"scopes": ["keys", "usage:read"]}, {"scopes": ["usage"]}, 403),
        ({"scopes": ["keys"], "models": ["openai/*"]}, {"models": ["openai/gpt-5"]}, 200),
        ({"scopes": ["keys"], "models": ["openai/*"]}, {"models": ["anthropic/*"]}, 403),
        ({"scopes": ["keys"], "models": ["openai/*"]}, {}, 403),
        ({"scopes": ["keys"], "models": ["openai/*"]}, {"models": ["openai/cheap"]}, 403),
    ],
)
async def test_nobody_hands_on_what_it_does_not_have(own: Any, given: Any, status: int) -> None:
    """Neither in a new key nor by changing one."""
    scene = KeyScene(aliases={"openai/cheap": "chat/chat-model"})
    admin = await scene.issue("admin", **own)
    assert (await scene.make("new", by=admin, **given)).status == status
    plain = {"models": own.get("models")}
    await scene.issue("old", by=admin, **plain)
    assert (await scene.call("POST", "/old", {"models": None, **given}, by=admin)).status == status


async def test_a_stronger_key_can_be_ended_and_not_taken_over(scene: KeyScene) -> None:
    """A new text of it would make its administrator stronger; to name or revoke it does not."""
    admin = await scene.issue("admin", scopes=["keys"])
    await scene.issue("strong", scopes=["keys", "settings"])
    rotated = await scene.call("POST", "/strong/rotate", {}, by=admin)
    assert (rotated.status, rotated.error["code"]) == (403, "beyond_your_key")
    assert (await scene.call("POST", "/strong", {"labels": {"a": "b"}}, by=admin)).status == 200
    assert (await scene.call("POST", "/strong/revoke", by=admin)).json["status"] == "revoked"


async def test_no_key_outlives_the_one_that_it_is_made_with(scene: KeyScene) -> None:
    """Or an administrator for a month would be one for ever."""
    end = scene.clock.now_micros() // 1_000_000 + 60
    admin = await scene.issue("admin", scopes=["keys"], expires_at=end)
    for given, status in ((None, 403), (end + 1, 403), (end, 200)):
        assert (await scene.make(f"until-{given}", by=admin, expires_at=given)).status == status
    await scene.issue("lasting")
    assert (await scene.call("POST", "/lasting/rotate", {}, by=admin)).status == 403
    assert (await scene.call("POST", "/lasting", {"models": ["fast"]}, by=admin)).status == 200
    assert (await scene.call("POST", f"/until-{end}", {"expires_at": None}, by=admin)).status == 403


async def test_an_administrators_labels_are_handed_on(scene: KeyScene) -> None:
    """Nobody leaves a budget that goes by them by way of another key."""
    admin = await scene.issue("admin", scopes=["keys"], labels={"team": "alpha"})
    await scene.issue("new", by=admin, labels={"team": "beta", "app": "web"})
    changed = await scene.call("POST", "/new", {"labels": {}}, by=admin)
    assert changed.json["labels"] == {"team": "alpha"}


# --- what is written down ---------------------------------------------------------------------------------------


async def test_every_act_is_written_down(scene: KeyScene) -> None:
    """With what was before and after, and never the key itself."""
    old = await scene.issue()
    new = (await scene.call("POST", "/ana/rotate")).json["key"]
    await scene.call("POST", "/ana", {"labels": {"a": "b"}})
    await scene.call("POST", "/ana/revoke")
    await scene.call("DELETE", "/ana")
    acts = [kept.act for kept in scene.kept.acts.kept]  # type: ignore[attr-defined]  # the memory's own
    assert [act.kind for act in acts] == ["key.create", "key.rotate", "key.update", "key.revoke", "key.delete"]
    assert {act.path for act in acts} == {"/team"}
    written = b"".join(act.details for act in acts)
    assert old.encode() not in written
    assert new.encode() not in written


async def test_no_key_is_in_what_is_recorded(scene: KeyScene) -> None:
    """Neither the operator's nor one that was made."""
    text = await scene.issue()
    await opens(scene, text)
    recorded = repr(scene.records.kept)
    assert text not in recorded
    assert KEY.decode() not in recorded
    assert "ana" in recorded
