"""Whatever belongs to another path is not there: every route, every way to name an object, every kind of key.

An id that is another path's must be answered as one that nobody ever had, to the byte, and go nowhere.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from tenants import MASTER, NATIVE, OWNER, TRANSLATED, Tenants, make_objects, message, open_tenants

from trunkline.engine.objects import ADMIN_SHAPES, SHAPES
from trunkline.engine.routes import ROUTES
from trunkline.paths import is_within
from trunkline.principal import SCOPES

pytestmark = pytest.mark.slow


NOBODYS = "msg_nobodys"


class Caller(Struct, frozen=True):
    """A key and the path that it is used on. `key` is the master's, or the path of one that is issued."""

    key: str
    path: str
    scopes: tuple[str, ...] = ()


CALLERS = {
    "master": Caller(MASTER, "/"),
    "master narrowed to another team": Caller(MASTER, "/team/beta"),
    "master narrowed to the team": Caller(MASTER, "/team/alpha"),
    "root": Caller("/", "/"),
    "team": Caller("/team/alpha", "/team/alpha"),
    "sibling": Caller("/team/alpha/ben", "/team/alpha/ben"),
    "sibling of a name that begins alike": Caller("/team/alpha/an", "/team/alpha/an"),
    "child": Caller("/team/alpha/ana/tests", "/team/alpha/ana/tests"),
    "owner narrowed": Caller("owner", "/team/alpha/ana/tests"),
    "administrator of the team": Caller("/team/alpha", "/team/alpha", SCOPES),
    "administrator of another team": Caller("/team/beta", "/team/beta", SCOPES),
}

# What stands at each place of an id in a path, by the words around it.
NAMED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "/responses/{}": (("response",), ("native",), ("background",)),
    "/chat/completions/{}": (("completion",),),
    "/conversations/{}/items/{}": (("conversation", "item"), ("own conversation", "item")),
    "/conversations/{}": (("conversation",),),
    "/files/{}": (("file",),),
    "/prompts/{}/versions/{}": (("prompt", "1"),),
    "/prompts/{}": (("prompt",),),
    "/keys/{}": (("key",),),
    "/limits/{}": (("limit",),),
    "/budgets/{}": (("budget",),),
    "/usage/{}": (("request",),),
    "/audit/{}": (("request",),),
    "/audit/sessions/{}": (("session",),),
}

# What those may see, and change, who administer the paths above.
ADMINISTERED = {"/keys/{}", "/limits/{}", "/budgets/{}", "/usage/{}", "/audit/{}", "/audit/sessions/{}"}

# Bodies that a method would take.
BODIES: Mapping[str, Any] = {
    "completion_update": {"metadata": {}},
    "conversation_update": {"metadata": {}},
    "conversation_items_creation": {"items": [message("c")]},
    "prompt_update": {"name": "other"},
    "prompt_version_creation": {"body": {"model": TRANSLATED, "input": "Hi"}},
    "key_update": {"labels": {}},
    "limit_update": {"requests": 1},
    "budget_update": {"dollars": "1"},
}


class Asked(Struct, frozen=True):
    """A request that names something of the owner's. `ids` are what it names."""

    method: str
    target: str
    ids: tuple[str, ...]
    body: Any = b""


def swap(id: str) -> str:
    """An id of the same kind that nobody has."""
    return id if id == "1" else id[:-1] + ("a" if id[-1] != "a" else "b")


def by_path(named: Mapping[str, str]) -> Iterator[tuple[str, Asked]]:
    """Every method of every path with an id in it."""
    for prefix, shapes in (("/v1", SHAPES), ("/admin/v1", ADMIN_SHAPES)):
        for shape, methods in shapes.items():
            if "{}" not in shape:
                continue
            kind = next(kind for kind in NAMED if shape == kind or shape.startswith(kind + "/"))
            for names in NAMED[kind]:
                ids = tuple(named.get(name, name) for name in names)
                foreign = tuple(id for name, id in zip(names, ids, strict=True) if not name.startswith(("own ", "1")))
                for method, route in methods.items():
                    body = BODIES.get(route.operation, {}) if method == "POST" else b""
                    yield kind, Asked(method, (prefix + shape).format(*ids), foreign, body)


def by_cursor(named: Mapping[str, str]) -> Iterator[Asked]:
    """Every list that goes on behind an object."""
    for target, id in (
        ("/v1/chat/completions", named["completion"]),
        ("/v1/files", named["file"]),
        (f"/v1/conversations/{named['own conversation']}/items", named["item"]),
        (f"/v1/responses/{named['own response']}/input_items", named["item"]),
        ("/admin/v1/prompts", named["prompt"]),
    ):
        yield Asked("GET", f"{target}?after={id}", (id,))


def by_body(named: Mapping[str, str], model: str) -> Iterator[Asked]:
    """Every member of a request that names an object."""
    file = named["file"]
    for route in ("/v1/responses", "/v1/responses/input_tokens", "/v1/responses/compact"):
        for kind, members in responses_members(named):
            yield Asked("POST", route, (named[kind],), {"model": model, "input": "Hi?", **members})
    for extra in ({"background": True}, {"stream": True}, {"store": False}):
        body = {"model": model, "input": "Hi?", "previous_response_id": named["response"], **extra}
        yield Asked("POST", "/v1/responses", (named["response"],), body)
    parts = [{"type": "file", "file": {"file_id": file}}]
    yield Asked("POST", "/v1/chat/completions", (file,), {"model": model, "messages": [said(parts)]})
    parts = [{"type": "document", "source": {"type": "file", "file_id": file}}]
    for route in ("/v1/messages", "/v1/messages/count_tokens"):
        yield Asked("POST", route, (file,), {"model": model, "max_tokens": 9, "messages": [said(parts)]})
    for item in (named["item"], named["output"]):
        items = {"items": [{"type": "item_reference", "id": item}]}
        yield Asked("POST", "/v1/conversations", (item,), items)
        yield Asked("POST", f"/v1/conversations/{named['own conversation']}/items", (item,), items)


def responses_members(named: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in ("response", "native", "background"):
        yield kind, {"previous_response_id": named[kind]}
    yield "conversation", {"conversation": named["conversation"]}
    yield "conversation", {"conversation": {"id": named["conversation"]}}
    for kind in ("item", "output"):
        yield kind, {"input": [{"type": "item_reference", "id": named[kind]}]}
        yield kind, {"input": [message("a"), {"id": named[kind]}]}
        yield kind, {"input": [{"type": "item_reference", "id": id} for id in (NOBODYS, named[kind])]}
        yield kind, {"input": [{"type": "reasoning", "id": named[kind], "summary": []}]}
    yield "prompt", {"prompt": {"id": named["prompt"]}}
    yield "prompt", {"prompt": {"id": named["prompt"], "version": "1"}}
    for type_ in ("input_file", "input_image"):
        yield "file", {"input": [said([{"type": type_, "file_id": named["file"]}])]}


def said(parts: list[Any]) -> dict[str, Any]:
    return {"role": "user", "content": parts}


def renamed(asked: Asked) -> Asked:
    """The same for what nobody has."""
    target, body = asked.target, asked.body
    for id in asked.ids:
        target, body = target.replace(id, swap(id)), replaced(body, id)
    return Asked(asked.method, target, tuple(map(swap, asked.ids)), body)


def replaced(value: Any, id: str) -> Any:
    if isinstance(value, dict):
        return {name: replaced(member, id) for name, member in value.items()}
    if isinstance(value, list):
        return [replaced(member, id) for member in value]
    return swap(id) if value == id else value


@pytest.fixture
async def tenants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tenants]:
    async with open_tenants(tmp_path, monkeypatch) as opened:
        yield opened


Ask = Callable[[Asked], Any]


@pytest.mark.parametrize("name", CALLERS)
async def test_what_is_anothers_is_not_there(tenants: Tenants, name: str) -> None:
    """Asked for by path, behind a cursor or in a body, it is unknown; its owner has it unchanged."""
    caller = CALLERS[name]
    key = tenants.keys.get(caller.key) or (MASTER if caller.key == MASTER else "")
    if not key:
        key = await tenants.issue("caller", caller.path, caller.scopes)
    own = {
        "own conversation": (await tenants.make(key, "/v1/conversations", {"items": [message("x")]}, path=caller.path))[
            "id"
        ],
        "own response": (
            await tenants.make(key, "/v1/responses", {"model": TRANSLATED, "input": "Hi?"}, path=caller.path)
        )["id"],
    }
    named = {**tenants.owned, **own}
    before = await look(tenants)
    received = len(tenants.stage.received)

    async def ask(asked: Asked) -> Any:
        answer = await tenants.ask(key, asked.method, asked.target, asked.body, path=caller.path)
        return answer.without(*asked.ids)

    is_operator = caller.key == MASTER and caller.path == "/"
    is_above = is_within(OWNER, caller.path) and (caller.key == MASTER or bool(caller.scopes))
    asked = [each for kind, each in by_path(named) if not (is_above and kind in ADMINISTERED)]
    asked += [*by_cursor(named), *by_body(named, TRANSLATED), *by_body(named, NATIVE)]
    leaks = []
    for each in asked:
        answer = await ask(each)
        # The owner of the account may name what is not known here: that goes to the provider.
        may_forward = is_operator and (NATIVE in repr(each.body) or each.target == "/v1/chat/completions")
        if answer[0] < 400 or (not may_forward and answer != await ask(renamed(each))):
            leaks.append((each.method, each.target, each.body, answer))
    assert leaks == []
    through = [request for request in list(tenants.stage.received)[received:] if names_any(request, tenants.owned)]
    assert through == []
    assert await look(tenants) == before


def names_any(request: Any, owned: Mapping[str, str]) -> bool:
    """Whether an upstream was told of anything that is the owner's."""
    told = f"{request.path} {request.headers} ".encode() + request.body
    return any(id.encode() in told for kind, id in owned.items() if kind != "request")


async def look(tenants: Tenants) -> list[bytes]:
    """All that the owner sees of its own."""
    owned, key = tenants.owned, tenants.keys["owner"]
    targets = [
        *(f"/v1/responses/{owned[kind]}" for kind in ("response", "native", "background")),
        f"/v1/conversations/{owned['conversation']}",
        f"/v1/conversations/{owned['conversation']}/items",
        f"/v1/chat/completions/{owned['completion']}",
        f"/v1/files/{owned['file']}",
        f"/v1/files/{owned['file']}/content",
        f"/admin/v1/prompts/{owned['prompt']}/versions",
        f"/admin/v1/keys/{owned['key']}",
        f"/admin/v1/limits/{owned['limit']}",
        f"/admin/v1/budgets/{owned['budget']}",
    ]
    answers = [await tenants.ask(key, "GET", target) for target in targets]
    assert [answer.status for answer in answers] == [200] * len(targets)
    return [answer.body for answer in answers[:-2]]


@pytest.mark.parametrize("name", ["root", "team", "sibling", "child", "administrator of another team"])
async def test_lists_hold_what_is_ones_own(tenants: Tenants, name: str) -> None:
    """Of what another path has made, nothing shows in any list."""
    caller = CALLERS[name]
    key = await tenants.issue("caller", caller.path, caller.scopes or SCOPES)
    mine = await make_objects(tenants, key)
    for target, kind in (
        ("/v1/chat/completions", "completion"),
        ("/v1/files", "file"),
        ("/admin/v1/prompts", "prompt"),
    ):
        listed = [each["id"] for each in (await tenants.ask(key, "GET", target)).json["data"]]
        assert listed == [mine[kind]]
    if is_within(OWNER, caller.path):
        return
    for target in ("keys", "limits", "budgets", "usage", "audit", "acts"):
        body = (await tenants.ask(key, "GET", f"/admin/v1/{target}?limit=100")).body
        assert OWNER.encode() + b'"' not in body
        assert tenants.owned["key"].encode() not in body


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", "/admin/v1/erase", {"path": OWNER}),
        ("POST", "/admin/v1/keys", {"name": "new", "path": OWNER}),
        ("POST", "/admin/v1/limits", {"match": {"path": OWNER}, "requests": 1, "per": "minute"}),
        ("POST", "/admin/v1/limits", {"match": {"path": f"{OWNER}/**"}, "requests": 1, "per": "minute"}),
        ("POST", "/admin/v1/budgets", {"name": "b", "match": {"path": OWNER}, "dollars": "1", "per": "month"}),
        ("POST", f"/admin/v1/usage/recalculate?path={OWNER}", b""),
        *(
            ("GET", f"/admin/v1/{kind}?path={OWNER}", b"")
            for kind in ("usage", "usage/summary", "usage/export", "audit", "audit/export", "audit/sessions", "acts")
        ),
    ],
)
async def test_an_administrator_of_another_team_reaches_no_further(
    tenants: Tenants, method: str, target: str, body: Any
) -> None:
    """By no path that a request names: it is refused, or there is nothing."""
    key = await tenants.issue("caller", "/team/beta", SCOPES)
    before = await look(tenants)
    told = await tenants.ask(key, method, target, body)
    if told.status < 400:
        assert method == "GET"
        assert OWNER.encode() not in told.body
        assert b"req_" not in told.body
    assert await look(tenants) == before


async def test_a_prompt_grants_no_model(tenants: Tenants) -> None:
    """One that owns a model which a key may not use is of no use to that key, now or in the background."""
    key = await tenants.issue("caller", OWNER, models=[TRANSLATED])
    body = {"name": "strong", "body": {"model": NATIVE, "instructions": "Be brief."}}
    prompt = (await tenants.make(tenants.keys["owner"], "/admin/v1/prompts", body))["id"]
    received = len(tenants.stage.received)
    for extra in ({}, {"background": True}, {"stream": True}):
        said = await tenants.ask(key, "POST", "/v1/responses", {"prompt": {"id": prompt}, "input": "Hi?", **extra})
        assert (said.status, said.json["error"]["code"]) == (404, "model_not_found")
    assert len(tenants.stage.received) == received
    other = {"prompt": {"id": tenants.owned["prompt"]}, "input": "Hi?"}
    assert (await tenants.ask(key, "POST", "/v1/responses", other)).status == 200


async def test_the_owner_reaches_all_that_was_asked_for(tenants: Tenants) -> None:
    """Or the others would be refused for another reason than that it is not theirs."""
    key = tenants.keys["owner"]
    own = {"own conversation": tenants.owned["conversation"], "own response": tenants.owned["response"]}
    refused = []
    for each in by_body({**tenants.owned, **own}, TRANSLATED):
        answer = await tenants.ask(key, each.method, each.target, each.body)
        if NOBODYS not in repr(each.body) and (answer.status == 404 or b"not found" in answer.body):
            refused.append((each.target, each.body, answer.body))
    assert refused == []


def test_every_route_is_asked() -> None:
    """A new path with an id in it, or a new plain route, must be thought of here."""
    for shape in (*SHAPES, *ADMIN_SHAPES):
        if "{}" in shape:
            assert any(shape == kind or shape.startswith(kind + "/") for kind in NAMED), shape
    asked = {each.target for each in by_body({kind: kind for kind in _KINDS}, TRANSLATED)}
    thought_of = {path for path in ROUTES if path.startswith("/v1/")} - {"/v1/embeddings", "/v1/models"}
    assert thought_of <= asked


_KINDS = [*"response native background output conversation item file prompt".split(), "own conversation"]
