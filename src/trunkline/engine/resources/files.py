"""Files: uploaded, listed, shown, deleted, and handed back. What they are for is the business of requests that name
them."""

import asyncio
from collections.abc import AsyncGenerator
from urllib.parse import quote

from trunkline.call import Header, Reply
from trunkline.dialects.multipart import read_boundary
from trunkline.dialects.openai_responses.ids import check_id
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.kept import check_storage, need_store
from trunkline.engine.materials.copies import delete_copies
from trunkline.engine.query import Query
from trunkline.engine.reply.pieces import Pieces
from trunkline.engine.resources.file_shapes import AnthropicFiles, FileShapes, OpenAIFiles, Stated
from trunkline.engine.resources.uploads import Taken, take
from trunkline.engine.routes import speaks_anthropic
from trunkline.errors import InvalidRequest, ObjectNotFound
from trunkline.state.conversations import Order
from trunkline.state.files import KeptFile

_OPENAI, _ANTHROPIC = OpenAIFiles(), AnthropicFiles()


async def upload_file(desk: Desk, x: Exchange) -> Reply:
    """`POST /v1/files`, a form. The file is there, whole and on the disk, when the reply goes out."""
    check_storage(desk, x, "a file")
    store = need_store(desk)
    if x.call.upload is None:
        raise InvalidRequest("a file is uploaded over HTTP, as `multipart/form-data`")
    shapes = _choose_shapes(x)
    boundary = read_boundary(x.call.headers.get(b"content-type", b"").decode("latin-1"))
    taken = await take(x.call.upload, boundary, store.blobs, id := desk.parts.mint("file-"), shapes.fields)
    try:
        file = _describe(taken, shapes.read_fields(taken.fields), id, x)
        await taken.blob.finish()
        await store.files.keep(file)
    except BaseException as error:
        await taken.blob.discard()
        await store.blobs.delete(id)
        if isinstance(error, asyncio.CancelledError):
            # It may have been kept before its client was seen to be gone.
            await store.files.delete(x.principal.path, id)
        raise
    return desk.say(x, shapes.write(file))


async def list_files(desk: Desk, x: Exchange) -> Reply:
    """`GET /v1/files`, the newest first unless asked otherwise."""
    shapes, query, files = _choose_shapes(x), Query(x.call.query), need_store(desk).files
    if ids := shapes.read_ids(query):
        named = [await files.find(x.principal.path, id) for id in ids]
        return desk.say(x, shapes.write_list([file for file in named if file is not None], has_more=False))
    page = shapes.read_page(query)
    # What stands before a file is what comes behind it in the other order.
    order: Order = page.order if page.before is None else "asc" if page.order == "desc" else "desc"
    place = page.before or page.after
    try:
        found = await files.page(
            x.principal.path, order=order, after=place, limit=page.limit, purpose=query.text("purpose")
        )
    except KeyError:
        raise _unknown(place or "", "after" if page.before is None else "before") from None
    shown = found[: page.limit] if page.before is None else found[: page.limit][::-1]
    return desk.say(x, shapes.write_list(shown, has_more=len(found) > page.limit))


async def get_file(desk: Desk, x: Exchange) -> Reply:
    """`GET /v1/files/{id}`."""
    shapes = _choose_shapes(x)
    return desk.say(x, shapes.write(await _find(desk, x)))


async def delete_file(desk: Desk, x: Exchange) -> Reply:
    """`DELETE /v1/files/{id}`. It is unknown from then on, and its content is removed, here and wherever it was
    copied to, as far as that can be reached."""
    shapes, store, id = _choose_shapes(x), need_store(desk), _read_id(x)
    copies = await store.files.copies(id)
    if not await store.files.delete(x.principal.path, id):
        raise _unknown(id)
    await store.blobs.delete(id)
    await delete_copies(desk, copies)
    return desk.say(x, shapes.write_deleted(id))


async def get_content(desk: Desk, x: Exchange) -> Reply:
    """`GET /v1/files/{id}/content`: a stream, of which the first piece is there before the head goes out."""
    _choose_shapes(x)
    file = await _find(desk, x)
    pieces = need_store(desk).blobs.read(file.id)
    try:
        first = await anext(pieces, b"")
    except KeyError:
        raise _unknown(file.id) from None
    x.status = 200
    return Reply(status=200, headers=_write_content_head(x, file), body=_stream(desk, x, first, pieces))


def _stream(desk: Desk, x: Exchange, first: bytes, pieces: AsyncGenerator[bytes, None]) -> Pieces:
    def ended(outcome: str) -> None:
        x.outcome = outcome
        desk.record(x)

    return Pieces(first, pieces, ended)


# --- reading ----------------------------------------------------------------------------------------------------


def _read_id(x: Exchange) -> str:
    return check_id(x.found.ids[0], "file_id")


async def _find(desk: Desk, x: Exchange) -> KeptFile:
    id = _read_id(x)
    file = await need_store(desk).files.find(x.principal.path, id)
    if file is None:
        raise _unknown(id)
    return file


def _unknown(id: str, param: str = "id") -> ObjectNotFound:
    # OpenAI's own words.
    return ObjectNotFound(f"No such File object: {id[:256]}", param=param)


def _choose_shapes(x: Exchange) -> FileShapes:
    """How the caller speaks of files; errors are told in the same words."""
    if not speaks_anthropic(x.call):
        return _OPENAI
    x.dialect = "messages"
    return _ANTHROPIC


def _describe(taken: Taken, stated: Stated, id: str, x: Exchange) -> KeptFile:
    created = x.started_at_micros
    return KeptFile(
        id=id,
        path=x.principal.path,
        name=taken.name,
        purpose=stated.purpose,
        media_type=taken.media_type[:255],
        size_bytes=taken.size_bytes,
        created_at_micros=created,
        expires_at_micros=None if stated.seconds is None else created + stated.seconds * 1_000_000,
    )


# --- writing ----------------------------------------------------------------------------------------------------


def _write_content_head(x: Exchange, file: KeptFile) -> list[Header]:
    """A browser that is led here must neither show what somebody has uploaded nor guess what it is."""
    plain = "".join(letter if letter.isascii() and letter not in '"\\%' else "_" for letter in file.name)
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file.name, safe='')}"
    return [
        (b"x-request-id", x.request_id.encode()),
        (b"content-type", b"application/octet-stream"),
        (b"content-disposition", disposition.encode("ascii")),
        (b"x-content-type-options", b"nosniff"),
    ]
