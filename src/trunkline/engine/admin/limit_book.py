"""The rate limits of one path, as those who administer them see them: what they send is checked, what they get is
shown.

The admin API's routes and the command line, where it opens the store itself, both turn the same pages.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trunkline.clock import Clock, Mint
from trunkline.dialects.pages import Listed, write_list
from trunkline.engine.admin.limit_shapes import draw_rule, read_rule
from trunkline.engine.admin.witness import Witness
from trunkline.errors import Conflict, Forbidden, InvalidRequest, ObjectNotFound
from trunkline.paths import ROOT, is_within
from trunkline.principal import NOBODY
from trunkline.state.counters import Counters, Level
from trunkline.state.limits import KeptLimits, LimitRule

# Each is looked at for every key and path once.
_MOST_RULES = 10_000

_NEW = LimitRule(id="", measure="requests", most=0)


class InForce(Struct, frozen=True):
    """What a running gateway knows of limits besides: their counters, and how to learn at once of what was changed."""

    counters: Counters
    refresh: Callable[[], Awaitable[None]]


class LimitBook:
    """Raises `InvalidRequest` for what may not be kept, `ObjectNotFound` for what is not there or not within `path`.

    `declared` are the rules of the configuration. `in_force` is `None` beside a store.
    """

    def __init__(
        self,
        limits: KeptLimits,
        declared: Sequence[LimitRule],
        path: str,
        clock: Clock,
        mint: Mint,
        witness: Witness,
        in_force: InForce | None = None,
    ) -> None:
        self._limits = limits
        self._declared = declared
        self._path = path
        self._clock = clock
        self._mint = mint
        self._witness = witness
        self._in_force = in_force

    # --- looking ------------------------------------------------------------------------------------------------

    async def all(self) -> dict[str, Any]:
        """All rules: those of the configuration, then the others in the order in which they were made."""
        rules = await self._read()
        levels = await self._look(rules)
        drawn = [draw_rule(rule, levels.get(rule.id)) for rule in rules]
        return write_list([Listed(each["id"], Raw(msgspec.json.encode(each))) for each in drawn])

    async def find(self, id: str) -> dict[str, Any]:
        rule = await self._find(id)
        return draw_rule(rule, (await self._look([rule])).get(id))

    async def _find(self, id: str) -> LimitRule:
        for rule in await self._read():
            if rule.id == id:
                return rule
        raise ObjectNotFound(f"Limit with id '{id[:256]}' not found.")

    async def _read(self) -> list[LimitRule]:
        kept = await self._limits.read()
        rules = [*self._declared, *(() if kept is None else kept.rules)]
        return [rule for rule in rules if is_within(rule.home, self._path)]

    async def _look(self, rules: Sequence[LimitRule]) -> Mapping[str, Level]:
        """How the counters stand of those that have one for all."""
        if self._in_force is None:
            return {}
        shared = [rule for rule in rules if rule.each is None]
        now = self._clock.now_micros()
        looking = self._in_force.counters.look([rule.claim(rule.counter(NOBODY), 1, now) for rule in shared])
        levels = await looking if isinstance(looking, Awaitable) else looking
        return {rule.id: level for rule, level in zip(shared, levels, strict=True)}

    # --- changing -----------------------------------------------------------------------------------------------

    async def create(self, members: Mapping[str, Any]) -> dict[str, Any]:
        """A new rule. Below the root it is for its maker's path and all below it, unless it says less."""
        if len(await self._read()) >= _MOST_RULES:
            raise Conflict(f"there are {_MOST_RULES} limits already: delete some")
        new = msgspec.structs.replace(_NEW, id=self._mint("limit_"), created_at_micros=self._clock.now_micros())
        rule = self._bound(read_rule(members, new))
        await self._record("limit.create", None, rule)
        await self._limits.put(rule)
        await self._refresh()
        return await self.find(rule.id)

    async def update(self, id: str, members: Mapping[str, Any]) -> dict[str, Any]:
        """What is said takes the place of what was; `match` as a whole."""
        before = await self._find_changeable(id)
        rule = self._bound(read_rule(members, before))
        await self._record("limit.update", before, rule)
        await self._limits.put(rule)
        await self._refresh()
        return await self.find(id)

    async def delete(self, id: str) -> dict[str, Any]:
        await self._record("limit.delete", await self._find_changeable(id), None)
        if not await self._limits.delete(id):
            raise ObjectNotFound(f"Limit with id '{id[:256]}' not found.")
        await self._refresh()
        return {"id": id, "object": "limit.deleted", "deleted": True}

    async def reset(self, id: str) -> dict[str, Any]:
        """Forget what was used of it, so that all of it is there again. What is under way goes on to count."""
        rule = await self._find(id)
        if self._in_force is None:
            raise Conflict("what was used is known to the running gateway: ask it, by --url")
        if rule.each is not None:
            raise Conflict(f"each {rule.each} has a count of its own of this limit: there is none to reset for all")
        await self._record("limit.reset", rule, rule)
        claim = rule.claim(rule.counter(NOBODY), 1, self._clock.now_micros())
        resetting = self._in_force.counters.reset([claim.key])
        if resetting is not None:
            await resetting
        return await self.find(id)

    async def _find_changeable(self, id: str) -> LimitRule:
        rule = await self._find(id)
        if rule.is_declared:
            raise Forbidden("this limit is declared in the configuration: change it there", code="declared")
        return rule

    def _bound(self, rule: LimitRule) -> LimitRule:
        """A rule within what may be administered here."""
        if self._path == ROOT:
            return rule
        if rule.path is None:
            return msgspec.structs.replace(rule, path=f"{self._path}/**")
        if not is_within(rule.home, self._path):
            raise InvalidRequest(f"`match.path` must be within {self._path}", param="match.path")
        return rule

    async def _record(self, kind: str, before: LimitRule | None, after: LimitRule | None) -> None:
        about = after or before or _NEW
        shown = [None if rule is None else {**draw_rule(rule), "path": rule.home} for rule in (before, after)]
        await self._witness.record(kind, about.id, *shown)

    async def _refresh(self) -> None:
        if self._in_force is not None:
            await self._in_force.refresh()
