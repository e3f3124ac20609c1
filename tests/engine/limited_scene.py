"""A gateway with rate limits before it, and two callers of different teams."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from memory_store import make_store
from scripted_gateway import KEY, Scene
from trunkline.engine.bounds.admission import Admission
from trunkline.engine.bounds.limits import RateLimits
from trunkline.principal import OPERATOR, Principal
from trunkline.shared.counters import MemoryCounters
from trunkline.state.counters import Claim, Counters, Level, Outcome
from trunkline.state.limits import LimitRule
from trunkline.state.periods import read_period

ANA, BEN, LEAD, WATCHER = b"sk-of-ana", b"sk-of-ben", b"sk-of-lead", b"sk-of-watcher"


HOLDERS = {
    KEY: OPERATOR,
    ANA: Principal("ana", "/team/alpha/ana", "k1"),
    BEN: Principal("ben", "/team/alpha/ben", "k2"),
    LEAD: Principal("lead", "/team/alpha", "k3", "/team/alpha", scopes=frozenset({"limits"})),
    WATCHER: Principal("watcher", "/team/alpha", "k4", "/team/alpha", scopes=frozenset({"limits:read"})),
}


class Team:
    """The master's key, and those of team alpha: two people, who administers it, and who only looks."""

    def find(self, presented: bytes) -> Principal | None:
        return HOLDERS.get(presented)


def rule(id: str = "r", *, per: str | None = "minute", zone: str = "UTC", **members: Any) -> LimitRule:
    """`rule(requests=3)`, `rule(concurrent=2, per=None)`, …"""
    measure = next(name for name in ("requests", "tokens", "concurrent") if name in members)
    most = members.pop(measure)
    period = None if per is None or measure == "concurrent" else read_period(per, zone)
    return LimitRule(id=id, measure=measure, most=most, period=period, **members)  # type: ignore[arg-type]


class LateCounters(MemoryCounters):
    """Counters that are waited for, as those are that replicas share."""

    async def take(self, claims: Sequence[Claim]) -> Outcome:  # type: ignore[override]  # the port allows both
        await asyncio.sleep(0)
        return super().take(claims)


@dataclass
class LimitedScene(Scene):
    """A `Scene` with rules, with a store if it `keeps`, and with counters that are waited for if it `waits`."""

    rules: Sequence[LimitRule] = ()
    keys: Any = field(default_factory=Team)
    keeps: bool = False
    waits: bool = False

    def __post_init__(self) -> None:
        self.counters: Counters = LateCounters(self.clock) if self.waits else MemoryCounters(self.clock)
        if self.keeps:
            self.store = make_store(self.clock)
        self.limits: RateLimits = RateLimits(self.rules, None if self.store is None else self.store.limits)
        self.bind = lambda _: (Admission(self.counters, [self.limits]), None)
        super().__post_init__()

    def level(self, place: int = 0, principal: Principal = OPERATOR) -> Level:
        """How the counter of a rule stands."""
        rule = self.rules[place]
        claim = rule.claim(rule.counter(principal), 1, self.clock.now_micros())
        levels = self.counters.look([claim])
        assert isinstance(levels, Sequence)
        return levels[0]

    @property
    def held(self) -> list[int]:
        """What is held of each rule."""
        return [self.level(place).held for place in range(len(self.rules))]
