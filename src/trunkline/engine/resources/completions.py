"""Chat completions that were kept: listed, shown, labelled and deleted."""

import contextlib

import msgspec
from msgspec import Raw

from trunkline.call import Reply
from trunkline.dialects.openai_chat.kept import label, list_messages
from trunkline.dialects.openai_responses.metadata import check_metadata
from trunkline.dialects.pages import Listed, cut_page, write_page
from trunkline.dialects.shapes import missing
from trunkline.engine.background.following import delete_upstream_completion
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.kept import need_store, no_such, read_body
from trunkline.engine.query import Query
from trunkline.errors import ObjectNotFound, UpstreamError
from trunkline.state.completions import KeptCompletion


async def list_completions(desk: Desk, x: Exchange) -> Reply:
    """`GET /v1/chat/completions`, the oldest first unless asked otherwise; by model and labels if they are given."""
    query = Query(x.call.query)
    page = query.page("asc")
    try:
        found = await need_store(desk).completions.page(
            x.principal.path,
            order=page.order,
            after=page.after,
            limit=page.limit,
            model=query.text("model"),
            metadata=query.members("metadata"),
        )
    except KeyError:
        raise _unknown(page.after or "", "after") from None
    return desk.say(x, write_page([Listed(kept.id, Raw(kept.completion)) for kept in found], page.limit))


async def get_completion(desk: Desk, x: Exchange) -> Reply:
    """`GET /v1/chat/completions/{id}`."""
    return desk.say(x, Raw((await _find(desk, x)).completion))


async def update_completion(desk: Desk, x: Exchange) -> Reply:
    """`POST /v1/chat/completions/{id}`: the metadata sent takes the place of all that was there."""
    kept = await _find(desk, x)
    body = read_body(x.call.body, ("metadata",))
    if "metadata" not in body.value:
        raise missing("metadata", "an object")
    metadata = msgspec.json.encode(check_metadata(body.any("metadata")) or {})
    completion = label(kept.completion, metadata)
    if not await need_store(desk).completions.set_metadata(x.principal.path, kept.id, metadata, completion):
        raise _unknown(kept.id)
    return desk.say(x, Raw(completion))


async def delete_completion(desk: Desk, x: Exchange) -> Reply:
    """`DELETE /v1/chat/completions/{id}`: ours, and the upstream's own as far as it can be reached."""
    kept = await _find(desk, x)
    if not await need_store(desk).completions.delete(x.principal.path, kept.id):
        raise _unknown(kept.id)
    with contextlib.suppress(UpstreamError):
        await delete_upstream_completion(desk, kept)
    return desk.say(x, {"object": "chat.completion.deleted", "id": kept.id, "deleted": True})


async def list_completion_messages(desk: Desk, x: Exchange) -> Reply:
    """`GET /v1/chat/completions/{id}/messages`: what the completion answers."""
    page = Query(x.call.query).page("asc")
    kept = await _find(desk, x)
    try:
        found = cut_page(list_messages(kept.id, kept.messages), page)
    except KeyError as error:
        place = "before" if error.args[0] == page.before else "after"
        raise no_such("Message", error.args[0], place) from None
    return desk.say(x, write_page(found, page.limit))


async def _find(desk: Desk, x: Exchange) -> KeptCompletion:
    id = x.found.ids[0]
    kept = await need_store(desk).completions.find(x.principal.path, id)
    if kept is None:
        raise _unknown(id)
    return kept


def _unknown(id: str, param: str | None = None) -> ObjectNotFound:
    return no_such("Chat completion", id, param)
