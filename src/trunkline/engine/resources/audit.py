"""The audit: who called what, what administrators have done, and that nobody has been at it."""

from trunkline.call import Reply
from trunkline.engine.admin.act_book import ActBook
from trunkline.engine.admin.audit_book import AuditBook
from trunkline.engine.caller.door import present_key
from trunkline.engine.caller.scopes import check_root
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.kept import need_store
from trunkline.engine.query import Query
from trunkline.engine.resources.usage import pour_out
from trunkline.errors import Unavailable
from trunkline.paths import ROOT

# Each asks the database once a second.
MOST_FOLLOWERS = 32

_LAST_EVENT = b"last-event-id"

# --- requests -------------------------------------------------------------------------------------------------------


async def list_audit(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/audit`: all requests, the newest first."""
    return desk.say(x, await _open_book(desk, x).page(Query(x.call.query)))


async def get_audit(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/audit/{request}`: all that is known of it."""
    return desk.say(x, await _open_book(desk, x).find(x.found.ids[0]))


async def export_audit(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/audit/export`, as JSON lines or CSV."""
    query = Query(x.call.query)
    media_type, lines = await _open_book(desk, x).export(query)
    return await pour_out(desk, x, media_type, lines, "audit." + (query.text("format") or "jsonl"))


async def follow_audit(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/audit/live`: as server-sent events, behind `Last-Event-ID` (or `after`)."""
    if desk.followers >= MOST_FOLLOWERS:
        raise Unavailable(f"{MOST_FOLLOWERS} follow the audit already", retry_after_seconds=60)
    keys, key = desk.parts.keys, present_key(x.call.headers) or b""
    holder = keys.find(key)

    def is_over() -> bool:
        # A stream that has no end of its own must not outlive its key, nor what that may see.
        return desk.is_leaving or keys.find(key) != holder

    last_event = x.call.headers.get(_LAST_EVENT, b"").decode("latin-1")
    media_type, events = await _open_book(desk, x).follow(Query(x.call.query), last_event, is_over)

    def let_go() -> None:
        desk.followers -= 1

    reply = await pour_out(desk, x, media_type, events, let_go=let_go)
    desk.followers += 1
    return reply


# --- acts -----------------------------------------------------------------------------------------------------------


async def list_acts(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/acts`: what administrators have done, the newest first."""
    book = ActBook(need_store(desk).acts, x.principal.path)
    return desk.say(x, await book.page(Query(x.call.query)))


async def check_acts(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/acts/check`: reads the whole chain, which is everybody's: only at the root."""
    check_root(x.principal, "the chain of acts is that")
    book = ActBook(need_store(desk).acts, ROOT)
    return desk.say(x, await book.check(Query(x.call.query)))


def _open_book(desk: Desk, x: Exchange) -> AuditBook:
    store = need_store(desk)
    return AuditBook(store.usage, store.evidence, x.principal.path, desk.parts.clock)
