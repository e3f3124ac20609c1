"""The keys of one path and of those below it, as somebody sees them who administers them.

Nobody hands on what it does not have itself, nor gets a new text of a key that may do more than its own. The admin
API's routes and the command line, where it opens the store itself, both turn the same pages.
"""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from trunkline.clock import Clock
from trunkline.dialects.pages import make_listed, write_page
from trunkline.engine.admin.key_shapes import draw_key, read_changes, read_new_key
from trunkline.engine.admin.witness import Witness
from trunkline.engine.caller.access import can_grant
from trunkline.engine.caller.scopes import check_reach, reaches
from trunkline.errors import Conflict, Forbidden, InvalidRequest, ObjectNotFound
from trunkline.principal import Principal
from trunkline.state.keys import KeptKey, KeptKeys, KeyMaker, MadeKey, NameTaken

_KIND = "Key"

# Each that still works costs a hash when it is shown first.
_MOST_AT_ONCE = 5
_MOST_OVERLAP_SECONDS = 366 * 24 * 60 * 60


class KeyBook:
    """Raises `InvalidRequest` for what may not be, `Forbidden` for what the administrator may not give, `Conflict` for
    what stands in the way, `ObjectNotFound` for what is not there or not within reach.

    A key is named by its id or its name. `is_alias` says whether a model's name is one of an alias.
    """

    def __init__(
        self,
        kept: KeptKeys,
        maker: KeyMaker,
        principal: Principal,
        is_alias: Callable[[str], bool],
        clock: Clock,
        witness: Witness,
    ) -> None:
        self._kept = kept
        self._maker = maker
        self._principal = principal
        self._is_alias = is_alias
        self._clock = clock
        self._witness = witness

    # --- looking ------------------------------------------------------------------------------------------------

    async def page(self, after: str | None = None, limit: int = 100) -> dict[str, Any]:
        """Keys of the configuration, then those that were issued, the newest first."""
        declared = [key for key in self._maker.declared if reaches(self._principal, key.path)]
        names = [key.id for key in declared]
        if after in names:
            declared, after = declared[names.index(after) + 1 :], None
        found = declared[: limit + 1] if after is None else []
        if len(found) <= limit:
            try:
                found += await self._kept.page(self._principal.path, after=after, limit=limit - len(found))
            except KeyError:
                raise ObjectNotFound(f"{_KIND} with id '{(after or '')[:256]}' not found.", param="after") from None
        return write_page([make_listed(key.id, self._draw(key)) for key in found], limit)

    async def find(self, name: str) -> dict[str, Any]:
        return self._draw(await self._find(name))

    async def _find(self, name: str) -> KeptKey:
        declared = next((key for key in self._maker.declared if key.name == name), None)
        key = declared or await self._kept.find(name)
        if key is None:
            raise ObjectNotFound(f"{_KIND} with id '{name[:256]}' not found.")
        check_reach(self._principal, key.path, _KIND, name)
        return key

    def _draw(self, key: KeptKey) -> dict[str, Any]:
        return draw_key(key, self._clock.now_micros(), self._maker.newest)

    # --- changing -----------------------------------------------------------------------------------------------

    async def create(self, members: Mapping[str, Any]) -> dict[str, Any]:
        """A new key. The answer has its text, this once."""
        made, now = self._maker.make(), self._clock.now_micros()
        author = self._principal.key_id
        new = KeptKey(id=made.id, name="", path="", hashes=(made.hash,), created_at_micros=now, created_by=author)
        key = self._inherit(read_new_key(members, new))
        if not reaches(self._principal, key.path):
            raise Forbidden(
                f"`path` is '{key.path}', but your key administers '{self._principal.path}' and what is below it",
                code="path_out_of_scope",
                param="path",
            )
        await self._check(key)
        await self._check_name(key)
        await self._witness.record("key.create", key.id, None, self._draw(key))
        try:
            await self._kept.add(key)
        except NameTaken:
            raise _taken(key.name) from None
        return await self._tell(key, made)

    async def update(self, name: str, members: Mapping[str, Any]) -> dict[str, Any]:
        """What is sent takes the place of what was."""
        known = await self._find_changeable(name)
        key = self._inherit(read_changes(members, known))
        await self._check(key, known)
        if key.name != known.name:
            await self._check_name(key)
        await self._replace("key.update", known, key)
        return await self._tell(key)

    async def rotate(self, name: str, overlap_seconds: int = 0) -> dict[str, Any]:
        """Another text for the key, which the answer has, this once. The old one works for so long."""
        if not 0 <= overlap_seconds <= _MOST_OVERLAP_SECONDS:
            raise InvalidRequest(
                f"`overlap_seconds` must be from 0 to {_MOST_OVERLAP_SECONDS}", param="overlap_seconds"
            )
        known, now = await self._find_changeable(name), self._clock.now_micros()
        if not known.is_live(now):
            raise Conflict(f"the key `{known.name}` has expired or is revoked: make another one")
        await self._check(known)
        made, until = self._maker.make(known.id), now + overlap_seconds * 1_000_000
        old = [replace(hash, until_micros=min(until, hash.until_micros or until)) for hash in known.hashes]
        hashes = (made.hash, *(hash for hash in old if now < (hash.until_micros or 0)))
        if len(hashes) > _MOST_AT_ONCE:
            raise Conflict(f"{_MOST_AT_ONCE} texts of the key `{known.name}` work already: wait for one to end")
        key = replace(known, hashes=hashes)
        await self._replace("key.rotate", known, key)
        return await self._tell(key, made)

    async def revoke(self, name: str) -> dict[str, Any]:
        """Revoke a key: it opens nothing any more, and stays in the list."""
        known = await self._find_changeable(name)
        if known.revoked_at_micros is not None:
            return self._draw(known)
        key = replace(known, revoked_at_micros=self._clock.now_micros())
        await self._replace("key.revoke", known, key)
        return await self._tell(key)

    async def delete(self, name: str) -> dict[str, Any]:
        known = await self._find_changeable(name)
        await self._witness.record("key.delete", known.id, self._draw(known), None)
        if not await self._kept.delete(known):
            raise _changed(known)
        await self._maker.refresh()
        return {"id": known.id, "object": "key.deleted", "deleted": True}

    # --- the parts ----------------------------------------------------------------------------------------------

    async def _find_changeable(self, name: str) -> KeptKey:
        key = await self._find(name)
        if key.declared_in:
            raise Conflict(f"the key `{key.name}` is declared in {key.declared_in}: change it there", code="declared")
        return key

    def _inherit(self, key: KeptKey) -> KeptKey:
        """With its maker's own labels: nobody leaves a budget that goes by them by way of another key."""
        return replace(key, labels={**key.labels, **self._principal.labels})

    async def _check(self, key: KeptKey, known: KeptKey | None = None) -> None:
        """Raises `Forbidden` for what the administrator may not give, `InvalidRequest` for an end in the past.

        What the key was `known` to have already is not given.
        """
        own = self._principal.scopes
        for scope in key.scopes if known is None or key.scopes != known.scopes else ():
            if scope not in own and scope.removesuffix(":read") not in own:
                raise _beyond(f"a key with the scope `{scope}` takes one that has it itself")
        if (known is None or key.models != known.models) and not can_grant(
            self._principal.models, key.models, self._is_alias
        ):
            raise _beyond("a key for these models takes one that may use all of them itself")
        end = key.expires_at_micros
        if known is None or end != known.expires_at_micros:
            if end is not None and end <= self._clock.now_micros():
                raise InvalidRequest("`expires_at` is over already", param="expires_at")
            own_end = await self._find_own_end()
            if own_end is not None and (end is None or end > own_end):
                raise _beyond("no key outlives the one that it is made with: set `expires_at` to no later than its end")

    async def _find_own_end(self) -> int | None:
        id = self._principal.key_id
        declared = next((key for key in self._maker.declared if key.id == id), None)
        own = declared or await self._kept.find(id)
        return None if own is None or own.id != id else own.expires_at_micros

    async def _check_name(self, key: KeptKey) -> None:
        named = [declared for declared in self._maker.declared if declared.name == key.name]
        found = await self._kept.find(key.name)
        if named or (found is not None and found.name == key.name and found.id != key.id):
            place = f" in {named[0].declared_in}" if named and reaches(self._principal, named[0].path) else ""
            raise _taken(key.name, place)

    async def _replace(self, kind: str, known: KeptKey, key: KeptKey) -> None:
        await self._witness.record(kind, key.id, self._draw(known), self._draw(key))
        try:
            is_done = await self._kept.replace(known, key)
        except NameTaken:
            raise _taken(key.name) from None
        if not is_done:
            raise _changed(known)

    async def _tell(self, key: KeptKey, made: MadeKey | None = None) -> dict[str, Any]:
        """The answer, once this process knows of the change as well."""
        await self._maker.refresh()
        return self._draw(key) if made is None else {**self._draw(key), "key": made.text}


def _taken(name: str, place: str = "") -> Conflict:
    return Conflict(
        f"there is a key called `{name}` already{place}: names are given once", code="name_taken", param="name"
    )


def _beyond(why: str) -> Forbidden:
    return Forbidden(why, code="beyond_your_key")


def _changed(key: KeptKey) -> Conflict:
    return Conflict(f"the key `{key.name}` was changed by somebody else just now: look at it, and ask again")
