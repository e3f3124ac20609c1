"""What was used and what it cost: for a caller its own, for administrators all of their path."""

from collections.abc import AsyncGenerator, Callable

from trunkline.call import Reply
from trunkline.engine.admin.acts import record_act
from trunkline.engine.admin.usage.book import UsageBook
from trunkline.engine.admin.usage.recalculation import read_recalculation, recalculate
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.kept import need_store
from trunkline.engine.query import Query
from trunkline.engine.reply.pieces import Pieces
from trunkline.money import Tariff


async def show_own_usage(desk: Desk, x: Exchange) -> Reply:
    """`GET /v1/usage`: what this key has used, on its effective path; with `group_by` as sums."""
    rows = need_store(desk).usage
    book = UsageBook(rows, x.principal.path, desk.parts.clock, x.principal.key_id)
    query = Query(x.call.query)
    return desk.say(x, await (book.summary(query) if query.texts("group_by") else book.page(query)))


async def list_usage(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/usage`: requests, the newest first."""
    return desk.say(x, await _open_book(desk, x).page(Query(x.call.query)))


async def get_usage(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/usage/{request}`: with its attempts."""
    return desk.say(x, await _open_book(desk, x).find(x.found.ids[0]))


async def sum_usage(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/usage/summary`, apart by `group_by`."""
    return desk.say(x, await _open_book(desk, x).summary(Query(x.call.query)))


async def export_usage(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/usage/export`, as JSON lines or CSV."""
    query = Query(x.call.query)
    media_type, lines = await _open_book(desk, x).export(query)
    return await pour_out(desk, x, media_type, lines, "usage." + (query.text("format") or "jsonl"))


async def recalculate_usage(desk: Desk, x: Exchange) -> Reply:
    """`POST /admin/v1/usage/recalculate`: what requests cost by today's prices, with the filters of the list."""
    top, rows = x.principal.path, need_store(desk).usage
    asked = read_recalculation(Query(x.call.query), top)

    def find_tariff(account: str, model: str) -> Tariff | None:
        known = desk.router().account(account)
        if known is None:
            raise LookupError(account)
        return desk.parts.catalog.tariff(account, known.provider.name, model)

    if not asked.is_dry:
        await record_act(desk, x, "usage.recalculate", asked.wanted.path, None, asked.describe())
    return desk.say(x, await recalculate(rows, asked, top, find_tariff))


async def pour_out(
    desk: Desk,
    x: Exchange,
    media_type: str,
    lines: AsyncGenerator[bytes, None],
    name: str = "",
    let_go: Callable[[], None] = lambda: None,
) -> Reply:
    """A reply that is read while it is sent, to be saved under a `name`. At its end it will `let_go`.

    What goes wrong before its first piece is an error as any other.
    """
    first = await anext(lines, b"")

    def ended(outcome: str) -> None:
        let_go()
        x.outcome = outcome
        desk.record(x)

    x.status = 200
    headers = [
        (b"x-request-id", x.request_id.encode()),
        (b"content-type", media_type.encode()),
        (b"cache-control", b"no-store"),
    ]
    if name:
        headers.append((b"content-disposition", b'attachment; filename="%b"' % name.encode()))
    return Reply(status=200, headers=headers, body=Pieces(first, lines, ended))


def _open_book(desk: Desk, x: Exchange) -> UsageBook:
    return UsageBook(need_store(desk).usage, x.principal.path, desk.parts.clock)
