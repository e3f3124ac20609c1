"""Sessions, as the audit shows them."""

from trunkline.call import Reply
from trunkline.engine.admin.session_book import SessionBook
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.kept import need_store
from trunkline.engine.query import Query


async def list_sessions(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/audit/sessions`: those of the newest requests first."""
    return desk.say(x, await _open_book(desk, x).page(Query(x.call.query)))


async def get_session(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/audit/sessions/{session}`: what was said in it, in order."""
    return desk.say(x, await _open_book(desk, x).find(x.found.ids[0], Query(x.call.query)))


def _open_book(desk: Desk, x: Exchange) -> SessionBook:
    store = need_store(desk)
    return SessionBook(store.usage, store.sessions, store.evidence, x.principal.path, desk.parts.clock)
