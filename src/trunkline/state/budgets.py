"""Budgets: how much money may be spent on what in a stretch of time, and the ports that keep them."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Literal, Protocol

from msgspec import Struct

from trunkline.labels import Labels
from trunkline.money import Nano, write_dollars
from trunkline.paths import ROOT, matches, top_of
from trunkline.principal import Principal
from trunkline.state.periods import Period, Window

SHARES = (50, 80, 100)
"""Of which shares a webhook is told, in per cent, unless its budget says otherwise."""

Unpriced = Literal["refuse", "allow"]
OnLow = Literal["refuse", "cut"]


class Webhook(Struct, frozen=True):
    """Whom to tell. `is_trusted`: the configuration names it, so that it may stand in a private network."""

    url: str
    secret: str
    is_trusted: bool = False

    def __repr__(self) -> str:
        return f"Webhook(url={self.url!r})"


class Budget(Struct, frozen=True, kw_only=True):
    """What may be spent, and by whom. All of `path` (a pattern), `key` and `label` that are said must match.

    `unpriced` says what becomes of a model without a price, `on_low` of a call that what is left does not wholly cover.
    `since_micros` is when it was reset last: what was spent before is not counted.
    """

    name: str
    cap: Nano
    period: Period
    path: str | None = None
    key: str | None = None
    label: tuple[str, str] | None = None
    unpriced: Unpriced = "refuse"
    on_low: OnLow = "refuse"
    owner: str = ""
    webhook: Webhook | None = None
    shares: tuple[int, ...] = SHARES
    is_declared: bool = False
    since_micros: int = 0

    @property
    def description(self) -> str:
        """What it says: `$500 per month for path /team/**`."""
        label = None if self.label is None else "=".join(self.label)
        said = [("path", self.path), ("key", self.key), ("label", label)]
        whose = " and ".join(f"{name} {value}" for name, value in said if value is not None) or "everybody"
        return f"${write_dollars(self.cap)} per {self.period} for {whose}"

    @property
    def home(self) -> str:
        """The path at which it is administered."""
        return ROOT if self.path is None else top_of(self.path)

    def may_cover(self, principal: Principal) -> bool:
        """Whether what this caller spends counts, if it is labelled so."""
        if self.path is not None and not matches(principal.path, self.path):
            return False
        return self.key is None or self.key in (principal.key_id, principal.name)

    def takes(self, labels: Labels) -> bool:
        """Whether a call with these labels counts, of a caller whom it may cover."""
        return self.label is None or labels.get(self.label[0]) == self.label[1]

    def window(self, at_micros: int) -> Window:
        """The stretch of time in which what is spent at a moment counts."""
        window = self.period.window(at_micros)
        return window if self.since_micros <= window.start else Window(self.since_micros, window.end)

    def counter(self, window: Window) -> bytes:
        """The name of what counts it in a window. Where it covers others than before, that is counted anew."""
        covered = repr((self.path, self.key, self.label)).encode()
        return b"budget:%b:%b:%d" % (
            self.name.encode(),
            blake2b(covered, digest_size=6).hexdigest().encode(),
            window.start,
        )


class Alert(Struct, frozen=True, kw_only=True):
    """A budget has passed a share of its cap, for the first time in a window. `end_micros` is when that is over."""

    budget: str
    start_micros: int
    end_micros: int
    share: int
    spent: Nano
    cap: Nano
    at_micros: int


class KeptBudgets(Struct, frozen=True):
    """All budgets that were made at run time, and when each was reset last, a declared one as well; as of a
    revision."""

    revision: int
    budgets: Sequence[Budget]
    resets: Mapping[str, int]


class BudgetStore(Protocol):
    """Keeps budgets that were made at run time. All raise `Unavailable` when they cannot be reached."""

    async def read(self, known: int = -1) -> KeptBudgets | None:
        """All budgets; `None` while their revision is the one that is `known`."""

    async def put(self, budget: Budget) -> None:
        """Make it, or change the one of its name."""

    async def delete(self, name: str) -> bool: ...

    async def reset(self, name: str, at_micros: int) -> None:
        """What was spent before is not counted any more."""

    async def spent(self, budget: Budget, window: Window) -> Nano:
        """What was spent in a window, by what is recorded."""

    # --- who has been told of what ------------------------------------------------------------------------------

    async def note(self, alert: Alert) -> bool:
        """Write down that a share has passed, once in a window, whoever sees it. `False`: somebody did already."""

    async def due(self, at_micros: int, lease_micros: int, attempts: int) -> Sequence[Alert]:
        """Alerts that have not arrived, and that nobody else is at until the lease is over. Each is given out so often
        at most."""

    async def told(self, alert: Alert) -> None:
        """Note that a webhook has been told."""
