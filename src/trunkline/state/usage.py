"""What requests used and cost, as it is asked for; and the port that answers."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from msgspec import Raw, Struct

from trunkline.money import Nano, Rates
from trunkline.records import Bodies
from trunkline.state.conversations import Order
from trunkline.usage import Usage

By = Literal["hour", "model", "provider", "path", "key", "key_id", "label", "session", "operation", "outcome"]
"""What is summed apart. An `hour` is the number of those since the epoch, a `label` is `name=value`: a request with two
of them is in both. `model` and `provider` are those of each attempt, everything else is the request's."""

BY_ATTEMPT: frozenset[By] = frozenset({"model", "provider"})


class WantedUsage(Struct, frozen=True, kw_only=True):
    """Which requests are asked for: those of `path` and below, and of these what the rest says."""

    path: str
    # Leaves out those that asked for no model: looking at a list, say.
    of_models: bool = False
    request_id: str | None = None
    # Times of a request's beginning; `end_micros` is the first that is too late.
    start_micros: int | None = None
    end_micros: int | None = None
    key_id: str | None = None
    # A key's name, which several may have.
    key: str | None = None
    # A name and a value.
    label: tuple[str, str] | None = None
    session: str | None = None
    # With an attempt there.
    provider: str | None = None
    model: str | None = None
    operation: str | None = None
    status: int | None = None
    outcome: str | None = None


class UsedRequest(Struct, frozen=True, kw_only=True):
    """One request. `number` is its place: whoever has read up to one misses nothing that comes later.

    `provider` and `model` are those of the last attempt, empty where there was none; `labels` is a JSON object. The
    rest is as in `Record`.
    """

    number: int
    id: str
    started_at_micros: int
    path: str
    key_id: str
    key: str
    session: str
    labels: Raw
    operation: str
    dialect: str
    is_stream: bool
    model_asked: str
    provider: str
    model: str
    status: int
    outcome: str
    error_code: str
    attempts: int
    duration_micros: int
    first_byte_micros: int | None
    usage: Usage
    cost: Nano | None
    is_estimated: bool


class UsedAttempt(Struct, frozen=True, kw_only=True):
    """One call of an upstream for a request; as in `records.Attempt`. `rates` is JSON, `null` where there are none."""

    request_id: str
    position: int
    started_at_micros: int
    provider: str
    model: str
    is_aside: bool
    status: int
    outcome: str
    error_code: str
    duration_micros: int
    first_byte_micros: int | None
    usage: Usage
    cost: Nano | None
    cost_source: str
    rates: Raw
    is_estimated: bool
    upstream_request_id: str


class Trail(Struct, frozen=True, kw_only=True):
    """What the audit knows of a request besides, as in `Record`. `dropped` and `emulated` are JSON lists."""

    request_id: str
    peer: str
    method: str
    url: str
    route: str
    error_detail: str
    dropped: Raw
    emulated: Raw
    upstream_request_id: str
    trace: str
    request_bytes: int
    bodies: Bodies


class Sums(Struct, frozen=True):
    """What several requests come to, or several attempts where it is they that are summed.

    `unpriced` is how many had no price: what they cost is not in `cost`. `usage` has neither tier nor told cost.
    """

    requests: int = 0
    attempts: int = 0
    failed: int = 0
    cancelled: int = 0
    unpriced: int = 0
    estimated: int = 0
    usage: Usage = Usage()
    cost: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.requests + other.requests,
            self.attempts + other.attempts,
            self.failed + other.failed,
            self.cancelled + other.cancelled,
            self.unpriced + other.unpriced,
            self.estimated + other.estimated,
            self.usage + other.usage,
            self.cost + other.cost,
        )


class Recost(Struct, frozen=True):
    """What one attempt costs by other prices than those of its day."""

    request_id: str
    position: int
    cost: Nano | None
    cost_source: str
    rates: Rates | None


class Group(Struct, frozen=True):
    """Sums, and what they are of: one value for each `By`, in the order in which it was asked."""

    values: tuple[str | int, ...]
    sums: Sums


class Bounds(NamedTuple):
    """The numbers of the first and the last request of a time; the last is before the first where there is none."""

    first: int
    last: int


class UsageRows(Protocol):
    """Reads what was recorded. All of these raise `Unavailable`."""

    async def hurry(self) -> None:
        """Wait a moment, no longer, for what this process has recorded by now to be found."""

    async def bounds(self, wanted: WantedUsage) -> Bounds:
        """The first and the last number within the wanted time, whatever else is wanted."""

    async def page(
        self,
        wanted: WantedUsage,
        *,
        after: int | None,
        limit: int,
        order: Order = "desc",
        audited: bool = False,
        bounds: Bounds | None = None,
    ) -> Sequence[UsedRequest]:
        """Up to `limit` requests behind the one with this number, and one more if there is one.

        `audited`: only those of which there is a `Trail`. `bounds`: only those within, where they are known already.
        """

    async def newest(self) -> int:
        """The number of the newest request, 0 where there is none."""

    async def attempts(self, ids: Sequence[str]) -> Mapping[str, Sequence[UsedAttempt]]:
        """The attempts of these requests, in order; without those that had none."""

    async def trails(self, ids: Sequence[str]) -> Mapping[str, Trail]:
        """What the audit knows of these requests; without those of which it knows nothing any more."""

    async def recost(self, attempts: Sequence[Recost], requests: Mapping[str, Nano | None]) -> None:
        """Write what these cost instead, attempts and the requests that they belong to, all of it or nothing."""

    async def sums(self, wanted: WantedUsage, by: Sequence[By], limit: int) -> Sequence[Group]:
        """Sums in no order, `limit` groups at most and one more if there are more. Without any `By` there is one."""
