"""Copies of kept files at upstream accounts, so that a large one is sent once and not with every request that names it.

A copy is made for the first request that needs it, remembered, and made anew when its provider has it no more. Where
none can be made the content goes with the request, as that of small files does.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence

from msgspec.structs import replace

from trunkline.dialects.data_url import HEAD_BYTES
from trunkline.dialects.file_api import FILES, UPLOAD, Copy, FileApi, Form
from trunkline.dialects.kept_files import Content, make_content
from trunkline.engine.attempts import check_reply, read_whole
from trunkline.engine.desk import Desk
from trunkline.errors import ObjectNotFound, Unavailable, UpstreamError
from trunkline.ports import UpstreamRequest
from trunkline.providers.account import Account
from trunkline.state.files import Blobs, FileCopy, KeptFile
from trunkline.state.store import Store

_log = logging.getLogger("trunkline")

# The largest takes a minute on a slow line; a film has to be read by its provider before it can be named.
_WITHIN_SECONDS = 120.0
_DELETED_WITHIN_SECONDS = 10.0
_DELETED_AT_ONCE = 4
_POLLED_EVERY_SECONDS = 1.0
# A copy is not used that may end before the answer does.
_MARGIN_SECONDS = 3_600
# Who would not take one is left alone for so long.
_REFUSED_SECONDS = 60.0

_NO_FORM = Form({}, b"")


class Copies:
    """Makes copies, each once however many requests wait for it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._making: dict[tuple[str, str], asyncio.Task[str | None]] = {}
        self._refused: dict[str, float] = {}

    async def find(
        self, store: Store, account: Account, api: FileApi, file: KeptFile, lost: Collection[str]
    ) -> str | None:
        """What the account calls its copy of a file; `None` where it takes none. Those `lost` are there no more.

        Raises `ObjectNotFound` when the file has gone.
        """
        clock = self._desk.parts.clock
        since = clock.now_micros() - (api.keeps_seconds - _MARGIN_SECONDS) * 1_000_000
        found = await store.files.copy_at(file.id, account.name, since)
        if found is not None and found not in lost:
            return found
        if clock.monotonic() < self._refused.get(account.name, 0.0):
            return None
        name = file.id, account.name
        making = self._making.get(name)
        if making is None:
            making = self._making[name] = asyncio.ensure_future(self._make(store, account, api, file))
            making.add_done_callback(lambda _: self._making.pop(name))
        # Whoever leaves must not take it from the others.
        return await asyncio.shield(making)

    async def _make(self, store: Store, account: Account, api: FileApi, file: KeptFile) -> str | None:
        clock = self._desk.parts.clock
        ends_at, seconds = file.expires_at_micros, api.keeps_seconds
        if ends_at is not None:
            seconds = min(seconds, (ends_at - clock.now_micros()) // 1_000_000)
        try:
            content = await read_content(store.blobs, file)
            form = await asyncio.to_thread(api.write, content, self._desk.parts.mint(""), seconds)
            async with asyncio.timeout(_WITHIN_SECONDS):
                copy = await self._upload(account, api, form)
            if await store.files.find(file.path, file.id) is None:
                # Deleted in the meantime, by somebody who could not know of this copy.
                await delete_copies(self._desk, [FileCopy(account.name, copy.id)])
                return None
            await store.files.remember_copy(file.id, account.name, copy.id)
        except (UpstreamError, TimeoutError, Unavailable, ObjectNotFound) as error:
            _log.warning("`%s` took no copy of a file: %s", account.name, type(error).__name__)
            self._refused[account.name] = clock.monotonic() + _REFUSED_SECONDS
            return None
        return copy.id

    async def _upload(self, account: Account, api: FileApi, form: Form) -> Copy:
        copy = await self._ask(account, api, account.head(UPLOAD), form)
        while not copy.is_ready:
            await asyncio.sleep(_POLLED_EVERY_SECONDS)
            copy = await self._ask(account, api, account.head_below("GET", FILES, _last(copy.id)))
        return copy

    async def _ask(self, account: Account, api: FileApi, head: bytes, form: Form = _NO_FORM) -> Copy:
        request = _request(account, head, {**api.needs, **form.headers}, form.body)
        request = await self._desk.authorize_account(request, account)
        reply = await self._desk.parts.upstream.send(request)
        dialect, clock = self._desk.parts.upstreams[account.speaks[0]], self._desk.parts.clock
        return api.read(await read_whole(await check_reply(reply, dialect, account, clock)))


async def delete_copies(desk: Desk, copies: Sequence[FileCopy]) -> None:
    """Have copies deleted where they are, as far as their accounts can be reached."""
    slots = asyncio.Semaphore(_DELETED_AT_ONCE)

    async def delete(copy: FileCopy) -> None:
        async with slots:
            await _delete(desk, copy)

    await asyncio.gather(*map(delete, copies))


async def _delete(desk: Desk, copy: FileCopy) -> None:
    account = desk.router().account(copy.account)
    if account is None or UPLOAD not in account.provider.operations:
        return
    api = desk.parts.upstreams[account.speaks[0]].file_api
    if api is None:
        return
    request = _request(account, account.head_below("DELETE", FILES, _last(copy.upstream_id)), api.needs)
    try:
        async with asyncio.timeout(_DELETED_WITHIN_SECONDS):
            reply = await desk.parts.upstream.send(await desk.authorize_account(request, account))
            reply.close()
    except (UpstreamError, TimeoutError) as error:
        _log.warning("`%s` was not reached to delete a copy of a file: %s", account.name, type(error).__name__)


def is_lost(error: UpstreamError, copies: Collection[str]) -> bool:
    """Whether an upstream says of one of these copies that it has it no more: it tells its name."""
    is_refusal = 400 <= (error.upstream_status or 0) < 500
    return is_refusal and any(_last(copy) in error.message for copy in copies)


# --- contents -----------------------------------------------------------------------------------------------------


async def read_content(blobs: Blobs, file: KeptFile) -> Content:
    """A file's content. Raises `ObjectNotFound` when it has gone."""
    return make_content(file.name, file.media_type, b"".join(await _read(blobs.read(file.id), file)))


async def read_type(blobs: Blobs, file: KeptFile) -> Content:
    """A file's type, as its beginning tells it: a content without its data."""
    head = await _read(blobs.read(file.id), file, HEAD_BYTES)
    return replace(make_content(file.name, file.media_type, b"".join(head)), data=b"")


async def _read(pieces: AsyncGenerator[bytes, None], file: KeptFile, enough: int | None = None) -> list[bytes]:
    read: list[bytes] = []
    try:
        async for piece in pieces:
            read.append(piece)
            if enough is not None and sum(map(len, read)) >= enough:
                break
    except KeyError:
        raise ObjectNotFound(f"No such File object: {file.id}") from None
    finally:
        await pieces.aclose()
    return read


# --- the parts ----------------------------------------------------------------------------------------------------


def _request(account: Account, head: bytes, headers: Mapping[bytes, bytes], body: bytes = b"") -> UpstreamRequest:
    lines = b"".join(b"%b: %b\r\n" % header for header in headers.items())
    return UpstreamRequest(account.origin, head + lines, body, account.timeouts)


def _last(id: str) -> str:
    """What is a copy's own in its id: one of them puts a folder before it."""
    return id.rpartition("/")[2]
