"""Prompts and their versions: made, shown, changed and deleted, by those who administer them."""

from trunkline.call import Reply
from trunkline.dialects.openai_responses.ids import check_id
from trunkline.engine.admin.acts import witness
from trunkline.engine.admin.prompt_book import PromptBook
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.kept import need_store, read_body
from trunkline.engine.query import Query

# --- prompts ----------------------------------------------------------------------------------------------------


async def create_prompt(desk: Desk, x: Exchange) -> Reply:
    """`POST /admin/v1/prompts`: its name, and the body of its first version."""
    book = _open_book(desk, x)
    return desk.say(x, await book.create(read_body(x.call.body, ("name", "body")).value))


async def list_prompts(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/prompts`, the newest first."""
    book, page = _open_book(desk, x), Query(x.call.query).page()
    return desk.say(x, await book.page(page.after, page.limit))


async def get_prompt(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/prompts/{id}`."""
    return desk.say(x, await _open_book(desk, x).find(_read_id(x)))


async def update_prompt(desk: Desk, x: Exchange) -> Reply:
    """`POST /admin/v1/prompts/{id}`: another name, another default version, or both."""
    book = _open_book(desk, x)
    members = read_body(x.call.body, ("name", "default_version")).value
    return desk.say(x, await book.update(_read_id(x), members))


async def delete_prompt(desk: Desk, x: Exchange) -> Reply:
    """`DELETE /admin/v1/prompts/{id}`."""
    return desk.say(x, await _open_book(desk, x).delete(_read_id(x)))


# --- versions ---------------------------------------------------------------------------------------------------


async def add_version(desk: Desk, x: Exchange) -> Reply:
    """`POST /admin/v1/prompts/{id}/versions`: a new one. It becomes the default one unless `is_default` says no."""
    book = _open_book(desk, x)
    fields = read_body(x.call.body, ("body", "is_default"))
    is_default = fields.flag("is_default") is not False
    return desk.say(x, await book.add_version(_read_id(x), fields.any("body"), is_default=is_default))


async def list_versions(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/prompts/{id}/versions`, the newest first, all of them."""
    return desk.say(x, await _open_book(desk, x).versions(_read_id(x)))


async def get_version(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/prompts/{id}/versions/{version}`."""
    return desk.say(x, await _open_book(desk, x).find_version(_read_id(x), x.found.ids[1]))


def _open_book(desk: Desk, x: Exchange) -> PromptBook:
    parts = desk.parts
    return PromptBook(need_store(desk).prompts, x.principal.path, parts.clock, parts.mint, witness(desk, x))


def _read_id(x: Exchange) -> str:
    return check_id(x.found.ids[0], "prompt_id")
