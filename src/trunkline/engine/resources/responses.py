"""Responses that were kept: shown, deleted, called off, and what they were an answer to."""

import asyncio
import contextlib

from msgspec import Raw
from msgspec.structs import replace

from trunkline.call import Reply
from trunkline.dialects.openai_responses.history import Standing, context
from trunkline.dialects.openai_responses.ids import check_id
from trunkline.dialects.openai_responses.include import read_include, show_item, show_response
from trunkline.dialects.openai_responses.stated import state_reply
from trunkline.dialects.openai_responses.stored import complete
from trunkline.dialects.pages import Listed, cut_page, write_page
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.query import Query
from trunkline.engine.resources.kept import need_store, no_such
from trunkline.errors import InvalidRequest, UpstreamError
from trunkline.ports import UpstreamRequest
from trunkline.providers.account import Account
from trunkline.state.ids import derive_item_id
from trunkline.state.responses import UNDER_WAY, KeptResponse

# The caller waits for it, and its copy is gone already: a slow upstream is left to its own expiry.
_UPSTREAM_WITHIN_SECONDS = 10.0

_REPLY_BYTES = 1_000_000

_CANCELLED = {"status": Raw(b'"cancelled"')}


async def get_response(desk: Desk, x: Exchange) -> Reply:
    """`GET /v1/responses/{id}`."""
    query = Query(x.call.query)
    include = read_include(query.texts("include"))
    kept = await _find(desk, x)
    if query.flag("stream") or query.integer("starting_after") is not None:
        raise InvalidRequest(
            f"Response '{kept.id}' cannot be streamed again: only one that was created with `background: true` and"
            " `stream: true` can. Leave out `stream` and `starting_after` to get it as a whole.",
            param="stream",
        )
    return desk.say(x, Raw(show_response(kept.response, include)))


async def delete_response(desk: Desk, x: Exchange) -> Reply:
    """`DELETE /v1/responses/{id}`: ours, and the upstream's own as far as it can be reached."""
    kept = await _find(desk, x)
    if not await need_store(desk).responses.delete(x.principal.path, kept.id):
        raise no_such("Response", kept.id)
    if kept.native:
        await _delete_upstream(desk, kept)
    return desk.say(x, {"id": kept.id, "object": "response", "deleted": True})


async def cancel_response(desk: Desk, x: Exchange) -> Reply:
    """`POST /v1/responses/{id}/cancel`: only what runs in the background can be called off, as often as one likes."""
    kept = await _find(desk, x)
    if not kept.background:
        raise InvalidRequest("Cannot cancel a synchronous response.")
    if kept.status in UNDER_WAY:
        kept = replace(kept, status="cancelled", response=state_reply(kept.response, _CANCELLED))
        await need_store(desk).responses.keep(kept)
    elif kept.status != "cancelled":
        raise InvalidRequest("Cannot cancel a completed response.")
    return desk.say(x, Raw(kept.response))


async def list_input_items(desk: Desk, x: Exchange) -> Reply:
    """`GET /v1/responses/{id}/input_items`: what the response was an answer to, inherited items included."""
    query = Query(x.call.query)
    page, include = query.page(), read_include(query.texts("include"))
    kept = await _find(desk, x)
    # What it went on from may be gone: then its own input is all there is to tell.
    chain = await need_store(desk).responses.chain(x.principal.path, kept.id) or [kept]
    try:
        found = cut_page([_list_item(standing) for standing in context(chain)], page)
    except KeyError as error:
        raise no_such("Item", error.args[0], "before" if error.args[0] == page.before else "after") from None
    shown = [Listed(each.id, show_item(each.value, include)) for each in found]
    return desk.say(x, write_page(shown, page.limit))


# --- the parts --------------------------------------------------------------------------------------------------


async def _find(desk: Desk, x: Exchange) -> KeptResponse:
    id = check_id(x.found.ids[0], "response_id")
    kept = await need_store(desk).responses.find(x.principal.path, id)
    if kept is None:
        raise no_such("Response", id)
    return kept


def _list_item(standing: Standing) -> Listed:
    item = standing.item
    id, whole = complete(item, lambda _: derive_item_id(standing.response_id, standing.position, item))
    return Listed(id, whole)


async def _delete_upstream(desk: Desk, kept: KeptResponse) -> None:
    """Delete the upstream's own, if its account is still there and can be reached."""
    account = desk.router().account(kept.account)
    if account is None or "responses" not in account.speaks:
        return
    with contextlib.suppress(UpstreamError, TimeoutError):
        async with asyncio.timeout(_UPSTREAM_WITHIN_SECONDS):
            await _send(desk, account, account.head_below("DELETE", "responses", kept.id))


async def _send(desk: Desk, account: Account, head: bytes) -> None:
    if account.provider.token and desk.parts.credentials is not None:
        head += await desk.parts.credentials.lines(account.name)
    reply = await desk.parts.upstream.send(UpstreamRequest(account.origin, head, b"", account.timeouts))
    try:
        await reply.read(_REPLY_BYTES)
    finally:
        reply.close()
