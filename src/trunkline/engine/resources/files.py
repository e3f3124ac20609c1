"""Files: uploaded, listed, shown, deleted, and handed back. What they are for is the business of requests that name them."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any
from urllib.parse import quote

from trunkline.call import Header, Reply
from trunkline.dialects.multipart import read_boundary
from trunkline.dialects.openai_responses.ids import check_id
from trunkline.dialects.pages import make_listed, write_page
from trunkline.dialects.shapes import missing, wrong_value
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.kept import check_storage, need_store
from trunkline.engine.materials.copies import delete_copies
from trunkline.engine.query import Query
from trunkline.engine.reply.pieces import Pieces
from trunkline.engine.resources.uploads import Taken, take
from trunkline.errors import InvalidRequest, ObjectNotFound
from trunkline.state.files import KeptFile

_PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
_ANCHOR, _SECONDS = "expires_after[anchor]", "expires_after[seconds]"
_FIELDS = frozenset({"purpose", _ANCHOR, _SECONDS})

# OpenAI's own bounds, and its default for the one purpose that has any.
_LEAST_SECONDS, _MOST_SECONDS = 3_600, 2_592_000
_DEFAULT_SECONDS = {"batch": _MOST_SECONDS}

_MOST = 10_000


async def upload_file(desk: Desk, x: Exchange) -> Reply:
    """`POST /v1/files`, a form. The file is there, whole and on the disk, when the reply goes out."""
    check_storage(desk, x, "a file")
    store = need_store(desk)
    if x.call.upload is None:
        raise InvalidRequest("a file is uploaded over HTTP, as `multipart/form-data`")
    boundary = read_boundary(x.call.headers.get(b"content-type", b"").decode("latin-1"))
    taken = await take(x.call.upload, boundary, store.blobs, id := desk.parts.mint("file-"), _FIELDS)
    try:
        file = _describe(taken, id, x)
        await taken.blob.finish()
        await store.files.keep(file)
    except BaseException as error:
        await taken.blob.discard()
        await store.blobs.delete(id)
        if isinstance(error, asyncio.CancelledError):
            # It may have been kept before its client was seen to be gone.
            await store.files.delete(x.principal.path, id)
        raise
    return desk.say(x, _write(file))


async def list_files(desk: Desk, x: Exchange) -> Reply:
    """`GET /v1/files`, the newest first unless asked otherwise."""
    query = Query(x.call.query)
    page = query.page(most=_MOST)
    limit = page.limit if query.text("limit") else _MOST
    try:
        found = await need_store(desk).files.page(
            x.principal.path, order=page.order, after=page.after, limit=limit, purpose=query.text("purpose")
        )
    except KeyError:
        raise _unknown(page.after or "", "after") from None
    listed = [make_listed(file.id, _write(file)) for file in found]
    return desk.say(x, write_page(listed, limit))


async def get_file(desk: Desk, x: Exchange) -> Reply:
    """`GET /v1/files/{id}`."""
    return desk.say(x, _write(await _find(desk, x)))


async def delete_file(desk: Desk, x: Exchange) -> Reply:
    """`DELETE /v1/files/{id}`. It is unknown from then on, and its content is removed, here and wherever it was
    copied to, as far as that can be reached."""
    store, id = need_store(desk), _read_id(x)
    copies = await store.files.copies(id)
    if not await store.files.delete(x.principal.path, id):
        raise _unknown(id)
    await store.blobs.delete(id)
    await delete_copies(desk, copies)
    return desk.say(x, {"id": id, "object": "file", "deleted": True})


async def get_content(desk: Desk, x: Exchange) -> Reply:
    """`GET /v1/files/{id}/content`: a stream, of which the first piece is there before the head goes out."""
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


def _describe(taken: Taken, id: str, x: Exchange) -> KeptFile:
    """What is known of a file. Raises `InvalidRequest` for fields that are missing or wrong."""
    purpose = taken.fields.get("purpose")
    if not purpose:
        raise missing("purpose", f"one of {', '.join(_PURPOSES)}")
    if purpose not in _PURPOSES:
        raise wrong_value("purpose", purpose, _PURPOSES)
    seconds = _read_expiry(taken.fields) or _DEFAULT_SECONDS.get(purpose)
    created = x.started_at_micros
    return KeptFile(
        id=id,
        path=x.principal.path,
        name=taken.name,
        purpose=purpose,
        media_type=taken.media_type[:255],
        size_bytes=taken.size_bytes,
        created_at_micros=created,
        expires_at_micros=None if seconds is None else created + seconds * 1_000_000,
    )


def _read_expiry(fields: Mapping[str, str]) -> int | None:
    anchor, seconds = fields.get(_ANCHOR), fields.get(_SECONDS)
    if anchor is None and seconds is None:
        return None
    if anchor is None or seconds is None:
        name = _ANCHOR if anchor is None else _SECONDS
        raise missing(name, "there, as `expires_after` has an `anchor` and `seconds`")
    if anchor != "created_at":
        raise wrong_value(_ANCHOR, anchor, ("created_at",))
    if not (seconds.isascii() and seconds.isdigit() and _LEAST_SECONDS <= int(seconds[:18]) <= _MOST_SECONDS):
        raise InvalidRequest(
            f"`{_SECONDS}` is '{seconds[:64]}' but must be from {_LEAST_SECONDS} to {_MOST_SECONDS}", param=_SECONDS
        )
    return int(seconds)


# --- writing ----------------------------------------------------------------------------------------------------


def _write(file: KeptFile) -> dict[str, Any]:
    written: dict[str, Any] = {
        "id": file.id,
        "object": "file",
        "bytes": file.size_bytes,
        "created_at": file.created_at_micros // 1_000_000,
        "filename": file.name,
        "purpose": file.purpose,
        # Deprecated, but required by OpenAI's description.
        "status": "processed",
        "status_details": None,
    }
    if file.expires_at_micros is not None:
        written["expires_at"] = file.expires_at_micros // 1_000_000
    return written


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
