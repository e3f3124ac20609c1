"""Prompts and their versions: made, shown, changed and deleted, by those who administer them."""

from typing import Any

import msgspec
from msgspec import Raw

from trunkline.call import Reply
from trunkline.dialects.openai_responses.ids import check_id
from trunkline.dialects.openai_responses.prompt_bodies import read_prompt_body
from trunkline.dialects.pages import Listed, write_list, write_page
from trunkline.dialects.shapes import Fields, missing
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.query import Query
from trunkline.engine.resources.kept import need_store, no_such, read_body
from trunkline.errors import Forbidden, InvalidRequest, ObjectNotFound
from trunkline.keyring import OPERATOR
from trunkline.ports import Principal
from trunkline.state.prompts import KeptPrompt, KeptVersion, Prompts

_MOST_NAME = 256
_FIRST = "1"


def check_administers(principal: Principal) -> None:
    """Raises `Forbidden` for whoever may only use prompts."""
    if principal != OPERATOR:
        raise Forbidden("prompts are made and changed with the master key")


# --- prompts ----------------------------------------------------------------------------------------------------


async def create_prompt(desk: Desk, x: Exchange) -> Reply:
    """`POST /admin/v1/prompts`: its name, and the body of its first version."""
    prompts = _prompts(desk, x)
    fields = read_body(x.call.body, ("name", "body"))
    prompt = KeptPrompt(
        id=desk.parts.mint("pmpt_"),
        path=x.principal.path,
        name=_read_name(fields),
        created_at_micros=x.started_at_micros,
        default_version=_FIRST,
    )
    version = KeptVersion(
        prompt_id=prompt.id, version=_FIRST, created_at_micros=x.started_at_micros, body=_read_body(fields)
    )
    await prompts.create(prompt, version)
    return desk.say(x, write_prompt(prompt))


async def list_prompts(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/prompts`, the newest first."""
    prompts, page = _prompts(desk, x), Query(x.call.query).page()
    try:
        found = await prompts.page(x.principal.path, after=page.after, limit=page.limit)
    except KeyError:
        raise no_such("Prompt", page.after or "", "after") from None
    return desk.say(x, write_page([_list(prompt.id, write_prompt(prompt)) for prompt in found], page.limit))


async def get_prompt(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/prompts/{id}`."""
    return desk.say(x, write_prompt(await _find(_prompts(desk, x), x)))


async def update_prompt(desk: Desk, x: Exchange) -> Reply:
    """`POST /admin/v1/prompts/{id}`: another name, another default version, or both."""
    prompts, prompt = _prompts(desk, x), await _find(_prompts(desk, x), x)
    fields = read_body(x.call.body, ("name", "default_version"))
    name = None if fields.any("name") is None else _read_name(fields)
    version = fields.text("default_version")
    if version is not None and not await prompts.set_default(prompt.path, prompt.id, version):
        raise InvalidRequest(f"prompt '{prompt.id}' has no version '{version[:64]}'", param="default_version")
    if name is not None:
        await prompts.rename(prompt.path, prompt.id, name)
    return desk.say(x, write_prompt(await _find(prompts, x)))


async def delete_prompt(desk: Desk, x: Exchange) -> Reply:
    """`DELETE /admin/v1/prompts/{id}`, its versions with it."""
    prompts, id = _prompts(desk, x), _read_id(x)
    if not await prompts.delete(x.principal.path, id):
        raise _unknown(id)
    return desk.say(x, {"id": id, "object": "prompt.deleted", "deleted": True})


# --- versions ---------------------------------------------------------------------------------------------------


async def add_version(desk: Desk, x: Exchange) -> Reply:
    """`POST /admin/v1/prompts/{id}/versions`: the body of a new version, under the next number.

    It becomes the default one unless `is_default` says no.
    """
    prompts, id = _prompts(desk, x), _read_id(x)
    fields = read_body(x.call.body, ("body", "is_default"))
    body, is_default = _read_body(fields), fields.flag("is_default") is not False
    version = await prompts.add_version(x.principal.path, id, body, x.started_at_micros, is_default=is_default)
    if version is None:
        raise _unknown(id)
    return desk.say(x, write_version(version))


async def list_versions(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/prompts/{id}/versions`, the newest first, all of them."""
    prompts, id = _prompts(desk, x), _read_id(x)
    found = await prompts.versions(x.principal.path, id)
    if found is None:
        raise _unknown(id)
    return desk.say(x, write_list([_list(version.version, write_version(version)) for version in found]))


async def get_version(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/prompts/{id}/versions/{version}`."""
    prompts = _prompts(desk, x)
    prompt = await _find(prompts, x)
    version = await prompts.version(prompt.path, prompt.id, x.found.ids[1])
    if version is None:
        raise ObjectNotFound(f"prompt '{prompt.id}' has no version '{x.found.ids[1][:64]}'")
    return desk.say(x, write_version(version))


# --- reading ----------------------------------------------------------------------------------------------------


def _prompts(desk: Desk, x: Exchange) -> Prompts:
    check_administers(x.principal)
    return need_store(desk).prompts


async def _find(prompts: Prompts, x: Exchange) -> KeptPrompt:
    id = _read_id(x)
    prompt = await prompts.find(x.principal.path, id)
    if prompt is None:
        raise _unknown(id)
    return prompt


def _read_id(x: Exchange) -> str:
    return check_id(x.found.ids[0], "prompt_id")


def _unknown(id: str) -> ObjectNotFound:
    return no_such("Prompt", id)


def _read_name(fields: Fields) -> str:
    name = fields.need_text("name").strip()
    if not 1 <= len(name) <= _MOST_NAME or not name.isprintable():
        raise InvalidRequest(f"`name` must be 1 to {_MOST_NAME} visible characters", param="name")
    return name


def _read_body(fields: Fields) -> bytes:
    if fields.any("body") is None:
        raise missing("body", "an object with `model`, `instructions`, `input`, …")
    return read_prompt_body(fields.any("body"))


# --- writing ----------------------------------------------------------------------------------------------------


def write_prompt(prompt: KeptPrompt) -> dict[str, Any]:
    """A prompt as it is shown."""
    return {
        "id": prompt.id,
        "object": "prompt",
        "name": prompt.name,
        "created_at": prompt.created_at_micros // 1_000_000,
        "default_version": prompt.default_version,
    }


def write_version(version: KeptVersion) -> dict[str, Any]:
    """A version as it is shown."""
    return {
        "object": "prompt.version",
        "prompt_id": version.prompt_id,
        "version": version.version,
        "created_at": version.created_at_micros // 1_000_000,
        "body": Raw(version.body),
    }


def _list(id: str, value: dict[str, Any]) -> Listed:
    return Listed(id, Raw(msgspec.json.encode(value)))
