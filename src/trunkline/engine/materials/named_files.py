"""Files that a request names by id: ours are given to the target, whatever way it goes afterwards, as content or as a
copy.

An id that is not the caller's is unknown here and goes nowhere, since all callers share the upstream account; only its
owner, the master key, may name what lies there. What a wire puts in the place of an id is the dialect's.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from trunkline.capabilities import Capabilities
from trunkline.dialects.data_url import Malformed
from trunkline.dialects.estimate import estimate_file
from trunkline.dialects.forms import Forms
from trunkline.dialects.kept_files import MEMBERS, Content, FileId, find_file_ids, may_hold_file_ids
from trunkline.engine.envelope import Envelope, decode_body
from trunkline.engine.exchange import Exchange
from trunkline.engine.materials.copies import Copies, read_content
from trunkline.engine.materials.copying import find_copier
from trunkline.engine.parts import Parts
from trunkline.engine.router import Target
from trunkline.engine.way import choose_way
from trunkline.errors import InvalidRequest, ObjectNotFound, Unsupported
from trunkline.principal import Principal
from trunkline.state.files import KeptFile
from trunkline.state.store import Store

# OpenAI's own limit for all files of a request.
_MOST_BYTES = 50_000_000


class Given(Struct, frozen=True):
    """A request with its files, and the copies that it names of them."""

    envelope: Envelope
    copies: Collection[str] = ()


async def give_files(parts: Parts, x: Exchange, envelope: Envelope, target: Target) -> Envelope:
    """As `materialise`, behind its cheap look, and with contents alone: for what is not a model's answer."""
    if not may_hold_file_ids(envelope.body):
        return envelope
    return (await materialise(parts, x, envelope, target)).envelope


async def materialise(
    parts: Parts,
    x: Exchange,
    envelope: Envelope,
    target: Target,
    copies: Copies | None = None,
    lost: Collection[str] = (),
) -> Given:
    """The request with every file of ours in the place of its id, for one target: large ones as `copies`, if there are
    any to be had, and of which none is `lost`.

    Worth calling where `may_hold_file_ids(envelope.body)`. Raises `ObjectNotFound` for an id that is unknown here,
    `Unsupported` for one in a place where only the provider's own can stand, `InvalidRequest` for a file that does not
    belong there.
    """
    forms = parts.dialects[x.dialect].media
    body = decode_body({name: raw for name, raw in envelope.members.items() if _is_worth_reading(name, raw)})
    named = find_file_ids(body) if forms.inline else []
    if not named:
        return Given(envelope)
    kept = await _find_all(parts.store, x.principal, target, x.dialect, named)
    if parts.store is None or not kept:
        return Given(envelope)
    places = [place for place in named if place.id in kept]
    _check(places, kept, forms, target.capabilities)
    way = choose_way(parts.dialects[x.dialect], target, envelope)
    copier = None if copies is None else find_copier(copies, parts, target, forms, way)
    copied: dict[str, Content] = {}
    contents: dict[str, Content] = {}
    for id, file in kept.items():
        if copier is not None and file.size_bytes > parts.inline_file_bytes:
            types = {place.part["type"] for place in places if place.id == id}
            if (content := await copier.copy(file, types, lost)) is not None:
                copied[id] = contents[id] = content
                continue
        contents[id] = await read_content(parts.store.blobs, file)
    # A thread does the work: fifty megabytes take a tenth of a second, which other requests would spend waiting.
    members = await asyncio.to_thread(_put_all, body, places, contents, forms, target.capabilities)
    given = replace(envelope, members=envelope.members | members)
    if copier is not None and copied:
        beside = sum(estimate_file(kept[id].size_bytes) for id in copied)
        given = replace(given, beside_tokens=beside, needs=copier.api.needs)
    return Given(given, [content.copy for content in copied.values()])


# --- the parts ----------------------------------------------------------------------------------------------------


def _is_worth_reading(name: str, raw: Raw) -> bool:
    return name in MEMBERS and may_hold_file_ids(bytes(raw))


async def _find_all(
    store: Store | None, principal: Principal, target: Target, dialect: str, named: Sequence[FileId]
) -> Mapping[str, KeptFile]:
    """The caller's files among those named. Raises `ObjectNotFound` unless the others are the target's to know."""
    kept: dict[str, KeptFile] = {}
    for place in named:
        if place.id in kept:
            continue
        found = None if store is None else await store.files.find(principal.path, place.id)
        if found is not None:
            kept[place.id] = found
        elif not (dialect in target.account.speaks and await _owns_upstream(store, principal, place.id)):
            raise ObjectNotFound(f"No such File object: {place.id[:128]}", param=place.path)
    return kept


async def _owns_upstream(store: Store | None, principal: Principal, id: str) -> bool:
    """Whether the caller may name what lies at the upstream: the account's owner, and nothing that was ever here."""
    return principal.is_operator and (store is None or not await store.files.was_here(id))


def _check(places: Sequence[FileId], kept: Mapping[str, KeptFile], forms: Forms, capabilities: Capabilities) -> None:
    """Refuse what cannot be given, before anything is read."""
    if sum(file.size_bytes for file in kept.values()) > _MOST_BYTES:
        raise InvalidRequest(f"the files of the request hold more than {_MOST_BYTES} bytes together: name fewer")
    for place in places:
        type_ = place.part.get("type")
        if not isinstance(type_, str) or type_ not in forms.inline:
            raise Unsupported(
                f"`{place.path}` names a file of this gateway where only the provider's own can stand: put it into the"
                " conversation",
                param=place.path,
            )
        most = capabilities.max_image_bytes if "image" in type_ else capabilities.max_file_bytes
        size = kept[place.id].size_bytes
        if most and size > most:
            raise InvalidRequest(
                f"`{place.path}` has {size} bytes, but this model takes {most} at most: send a smaller one",
                param=place.path,
            )


def _put_all(
    body: dict[str, Any],
    places: Sequence[FileId],
    contents: Mapping[str, Content],
    forms: Forms,
    capabilities: Capabilities,
) -> dict[str, Raw]:
    """The members in which something stands for an id now."""
    for place in places:
        try:
            forms.inline[place.part["type"]](place.part, contents[place.id], capabilities)
        except Malformed as error:
            raise InvalidRequest(f"`{place.path}` {error}", param=place.path) from None
    changed = {place.path.partition("[")[0] for place in places}
    return {name: Raw(msgspec.json.encode(body[name])) for name in changed}
