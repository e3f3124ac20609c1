"""Rate limits: how much of what callers may ask for in a stretch of time, or at once, and the port that keeps them."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Literal, Protocol

from msgspec import Struct

from trunkline.paths import ROOT, matches, top_of
from trunkline.principal import Principal
from trunkline.state.counters import Claim
from trunkline.state.periods import Period

Measure = Literal["requests", "tokens", "concurrent"]
MEASURES: tuple[Measure, ...] = ("requests", "tokens", "concurrent")

Each = Literal["key", "path"]

_NO_END = 1 << 62


class LimitRule(Struct, frozen=True, kw_only=True):
    """`most` of a measure within a `period`, which what is `concurrent` has none of.

    All of `path` (a pattern), `key`, `model` (a glob of targets, `account/model`) and `provider` (an account's name)
    that are said must match. What matches shares one counter, unless `each` key or path has its own.
    """

    id: str
    measure: Measure
    most: int
    period: Period | None = None
    path: str | None = None
    key: str | None = None
    model: str | None = None
    provider: str | None = None
    each: Each | None = None
    is_declared: bool = False
    created_at_micros: int = 0

    @property
    def home(self) -> str:
        """The path at which it is administered."""
        return ROOT if self.path is None else top_of(self.path)

    def covers(self, principal: Principal, account: str, target: str) -> bool:
        """Whether what this caller asks of a target of an account counts."""
        return (
            (self.path is None or matches(principal.path, self.path))
            and (self.key is None or self.key in (principal.key_id, principal.name))
            and (self.provider is None or self.provider == account)
            and (self.model is None or fnmatchcase(target, self.model))
        )

    def counter(self, principal: Principal) -> str:
        """The name of what counts it for a caller, whatever the time."""
        if self.each is None:
            return f"limit:{self.id}"
        return f"limit:{self.id}:{principal.key_id if self.each == 'key' else principal.path}"

    def claim(self, counter: str, amount: int, at_micros: int) -> Claim:
        """A claim of this amount on the rule, at a moment."""
        period = self.period
        if period is None:
            return Claim(counter.encode(), "slots", amount, self.most)
        held = self.measure == "tokens"
        if period.is_smooth:
            # What flows is counted in measures of its own: another rate is another counter.
            key = f"{counter}:{self.most}/{period}".encode()
            return Claim(key, "rate", amount, self.most, period.seconds * 1_000, 0, held)
        window = period.window(at_micros)
        return Claim(f"{counter}:{window.start}".encode(), "window", amount, self.most, 0, window.end, held)

    def until(self, at_micros: int) -> int:
        """Until when a claim that is made at a moment is good."""
        period = self.period
        return _NO_END if period is None or period.is_smooth else period.window(at_micros).end

    @property
    def description(self) -> str:
        """What it says, for its error: `100 requests per minute for path /team/** and model openai/*`."""
        per = "at once" if self.period is None else f"per {self.period}"
        what = "requests" if self.measure == "concurrent" else self.measure
        said = [(name, getattr(self, name)) for name in ("path", "key", "model", "provider")]
        whose = " and ".join(f"{name} {value}" for name, value in said if value is not None) or "everybody"
        return f"{self.most} {what} {per} for {whose}" + (f", each {self.each} by itself" if self.each else "")


class KeptRules(Struct, frozen=True):
    """All rules that were made at run time, in the order in which they were made, as of a revision."""

    revision: int
    rules: Sequence[LimitRule]


class KeptLimits(Protocol):
    """Keeps rules that were made at run time. All raise `Unavailable` when they cannot be reached."""

    async def read(self, known: int = -1) -> KeptRules | None:
        """All rules; `None` while their revision is the one that is `known`."""

    async def put(self, rule: LimitRule) -> None:
        """Make it, or change the one of its id."""

    async def delete(self, id: str) -> bool: ...
