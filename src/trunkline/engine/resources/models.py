"""The models that a caller may use, in OpenAI's shape or in Anthropic's."""

from typing import Any
from urllib.parse import parse_qs, unquote

from trunkline.call import Reply
from trunkline.engine.caller.access import Names
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.query import Query
from trunkline.engine.routes import model_id, speaks_anthropic
from trunkline.errors import ModelNotFound
from trunkline.providers.account import Account

# Providers' own dates are not asked for: a fixed one is honest about meaning nothing.
_CREATED = 1_700_000_000
_CREATED_TEXT = "2023-11-14T22:13:20Z"

# As many as Anthropic's pages hold at most.
_MOST = 1_000

Listed = tuple[str, Account | None]


async def answer_list(desk: Desk, x: Exchange) -> Reply:
    """`GET /v1/models`."""
    names = await desk.settled_names(x.principal)
    if x.dialect == "gemini":
        return desk.say(x, _list_google(names, parse_qs(x.call.query.decode("latin-1"))))
    if not speaks_anthropic(x.call):
        return desk.say(x, {"object": "list", "data": [_write_openai(model) for model in names.names()]})
    x.dialect = "messages"
    return desk.say(x, _list_anthropic(names, Query(x.call.query)))


async def answer_one(desk: Desk, x: Exchange) -> Reply:
    """`GET /v1/models/{id}`; clients send the id percent-encoded or as it is."""
    if speaks_anthropic(x.call):
        x.dialect = "messages"
    names = await desk.settled_names(x.principal)
    if x.found.model:
        return desk.say(x, _write_google(_find(names, x.found.model)))
    return desk.say(x, find_model(names, unquote(model_id(x.call.path)), speaks_anthropic(x.call)))


def _list_anthropic(names: Names, query: Query) -> dict[str, Any]:
    """Anthropic's list, in pages of `limit` behind `after_id` or before `before_id`; whole where none is asked for.

    Source: https://docs.anthropic.com/en/api/models-list
    """
    listed = names.names()
    limit = query.page(most=_MOST, usual=_MOST).limit
    ids = [id for id, _ in listed]
    after, before = query.text("after_id"), query.text("before_id")
    start = ids.index(after) + 1 if after in ids else 0
    end = ids.index(before) if before in ids else len(ids)
    # All are active: none is where others alone are asked for.
    stages = query.texts("lifecycle")
    found = listed[start:end] if not stages or "active" in stages else []
    page = found[-limit:] if before else found[:limit]
    return {
        "data": [_write_anthropic(model) for model in page],
        "has_more": len(page) < len(found),
        "first_id": page[0][0] if page else None,
        "last_id": page[-1][0] if page else None,
    }


def find_model(names: Names, name: str, anthropic: bool) -> dict[str, Any]:
    """One model by a name that is listed, or that `provider/model` reaches. Raises `ModelNotFound`."""
    model = _find(names, name)
    return _write_anthropic(model) if anthropic else _write_openai(model)


def _find(names: Names, name: str) -> Listed:
    for listed in names.names():
        if listed[0] == name:
            return listed
    plan = names.resolve(name)
    if not plan.targets:
        raise ModelNotFound(f"The model `{name}` does not exist here", param="model")
    return name, plan.targets[0].account


def _list_google(names: Names, query: dict[str, list[str]]) -> dict[str, Any]:
    """Google's list, in pages of `pageSize`; a page's token is the place where the next one begins."""
    listed = names.names()
    size = next((int(value) for value in query.get("pageSize", ()) if value.isdecimal()), 0) or len(listed)
    start = next((int(value) for value in query.get("pageToken", ()) if value.isdecimal()), 0)
    page: dict[str, Any] = {"models": [_write_google(model) for model in listed[start : start + size]]}
    if start + size < len(listed):
        page["nextPageToken"] = str(start + size)
    return page


def _write_google(listed: Listed) -> dict[str, Any]:
    name, _ = listed
    methods = ["generateContent", "streamGenerateContent", "countTokens"]
    return {"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": methods}


def _write_openai(listed: Listed) -> dict[str, Any]:
    name, account = listed
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": account.name if account else "trunkline"}


def _write_anthropic(listed: Listed) -> dict[str, Any]:
    name, _ = listed
    return {"type": "model", "id": name, "display_name": name, "created_at": _CREATED_TEXT, "lifecycle": "active"}
