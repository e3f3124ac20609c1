"""Responses that were kept: shown, deleted, called off, and what they were an answer to."""

import contextlib

from msgspec import Raw

from trunkline.call import Header, Reply
from trunkline.dialects.openai_responses.history import Standing, context
from trunkline.dialects.openai_responses.ids import check_id
from trunkline.dialects.openai_responses.include import read_include, show_item, show_response
from trunkline.dialects.openai_responses.stored import complete
from trunkline.dialects.pages import Listed, cut_page, write_page
from trunkline.engine.background.following import delete_upstream
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.kept import need_store, no_such
from trunkline.engine.query import Query
from trunkline.engine.reply.headers import EVENT_STREAM
from trunkline.errors import InvalidRequest, UpstreamError
from trunkline.state.ids import derive_item_id
from trunkline.state.responses import UNDER_WAY, KeptResponse


async def get_response(desk: Desk, x: Exchange) -> Reply:
    """`GET /v1/responses/{id}`."""
    query = Query(x.call.query)
    include = read_include(query.texts("include"))
    kept = await _find(desk, x)
    after = query.integer("starting_after")
    if query.flag("stream") or after is not None:
        return await _stream_again(desk, x, kept, -1 if after is None else after)
    return desk.say(x, Raw(show_response(kept.response, include)))


async def delete_response(desk: Desk, x: Exchange) -> Reply:
    """`DELETE /v1/responses/{id}`: ours, and the upstream's own as far as it can be reached."""
    kept = await _find(desk, x)
    if not await need_store(desk).responses.delete(x.principal.path, kept.id):
        raise no_such("Response", kept.id)
    with contextlib.suppress(UpstreamError):
        await delete_upstream(desk, kept)
    return desk.say(x, {"id": kept.id, "object": "response", "deleted": True})


async def cancel_response(desk: Desk, x: Exchange) -> Reply:
    """`POST /v1/responses/{id}/cancel`: only what runs in the background can be called off, as often as one likes."""
    kept = await _find(desk, x)
    if not kept.background:
        raise InvalidRequest("Cannot cancel a synchronous response.")
    if kept.status in UNDER_WAY:
        kept = await desk.runs.call_off(kept)
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


async def _stream_again(desk: Desk, x: Exchange, kept: KeptResponse, after: int) -> Reply:
    if not (kept.background and kept.stream):
        raise InvalidRequest(
            f"Response '{kept.id}' cannot be streamed again: only one that was created with `background: true` and"
            " `stream: true` can. Leave out `stream` and `starting_after` to get it as a whole.",
            param="stream",
        )
    body = await desk.runs.play(x, kept, after)
    x.status = 200
    desk.record(x)
    request_id: Header = (b"x-request-id", x.request_id.encode())
    return Reply(status=200, headers=[request_id, *EVENT_STREAM], body=body)
