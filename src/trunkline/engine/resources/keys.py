"""Keys, for those who administer them."""

from trunkline.call import Reply
from trunkline.engine.admin.acts import witness
from trunkline.engine.admin.key_book import KeyBook
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.kept import need_store, read_body
from trunkline.engine.query import Query
from trunkline.engine.resources.books import BookRoutes
from trunkline.errors import Unsupported


async def list_keys(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/keys`: those of the configuration, then the others, the newest first."""
    page = Query(x.call.query).page()
    return desk.say(x, await _open_book(desk, x).page(page.after, page.limit))


async def rotate_key(desk: Desk, x: Exchange) -> Reply:
    """`POST /admin/v1/keys/{id or name}/rotate`. The answer has the new key itself, this once."""
    book = _open_book(desk, x)
    overlap = read_body(x.call.body, ("overlap_seconds",)).integer("overlap_seconds") or 0
    return desk.say(x, await book.rotate(x.found.ids[0], overlap))


async def revoke_key(desk: Desk, x: Exchange) -> Reply:
    """`POST /admin/v1/keys/{id or name}/revoke`."""
    return desk.say(x, await _open_book(desk, x).revoke(x.found.ids[0]))


def _open_book(desk: Desk, x: Exchange) -> KeyBook:
    parts = desk.parts
    if parts.key_maker is None:
        raise Unsupported("this gateway issues no keys", code="storage_off")
    kept = need_store(desk).keys
    return KeyBook(kept, parts.key_maker, x.principal, desk.router().is_alias, parts.clock, witness(desk, x))


KEYS = BookRoutes(_open_book)
