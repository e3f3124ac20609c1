"""The models that a caller may use, in OpenAI's shape or in Anthropic's."""

from typing import Any
from urllib.parse import parse_qs, unquote

from trunkline.call import Reply
from trunkline.engine.caller.access import Names
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.routes import model_id, speaks_anthropic
from trunkline.errors import ModelNotFound
from trunkline.providers.account import Account

# Providers' own dates are not asked for: a fixed one is honest about meaning nothing.
_CREATED = 1_700_000_000
_CREATED_TEXT = "2023-11-14T22:13:20Z"

Listed = tuple[str, Account | None]


async def answer_list(desk: Desk, x: Exchange) -> Reply:
    """`GET /v1/models`."""
    names = await desk.settled_names(x.principal)
    if x.dialect == "gemini":
        return desk.say(x, _list_google(names, parse_qs(x.call.query.decode("latin-1"))))
    query = parse_qs(x.call.query.decode("latin-1"))
    limit = next((int(value) for value in query.get("limit", ()) if value.isdecimal()), None)
    after = next(iter(query.get("after_id", ())), None)
    return desk.say(x, list_models(names, speaks_anthropic(x.call), after, limit))


async def answer_one(desk: Desk, x: Exchange) -> Reply:
    """`GET /v1/models/{id}`; clients send the id percent-encoded or as it is."""
    if speaks_anthropic(x.call):
        x.dialect = "messages"
    names = await desk.settled_names(x.principal)
    if x.found.model:
        return desk.say(x, _write_google(_find(names, x.found.model)))
    return desk.say(x, find_model(names, unquote(model_id(x.call.path)), speaks_anthropic(x.call)))


def list_models(names: Names, anthropic: bool, after: str | None, limit: int | None) -> dict[str, Any]:
    """Every name that works here. Anthropic's list is paged by `after_id` and `limit`, OpenAI's is whole."""
    listed = names.names()
    if not anthropic:
        return {"object": "list", "data": [_write_openai(model) for model in listed]}
    ids = [id for id, _ in listed]
    start = ids.index(after) + 1 if after in ids else 0
    page = listed[start : start + limit] if limit else listed[start:]
    return {
        "data": [_write_anthropic(model) for model in page],
        "has_more": start + len(page) < len(listed),
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
