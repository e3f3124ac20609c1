"""What a gateway is made of."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec import Struct, field

from trunkline.clock import Clock, Mint
from trunkline.dialects.dialect import Dialect, UpstreamDialect
from trunkline.dialects.seal import Sealer
from trunkline.engine.bounds.admission import Admission
from trunkline.engine.bounds.budgets.means import Means
from trunkline.engine.bounds.budgets.purse import Purse
from trunkline.engine.bounds.limits import RateLimits
from trunkline.engine.caller.labelling import Labelling
from trunkline.engine.caller.sessions import Sessions
from trunkline.engine.estimates.gauge import Gauge
from trunkline.engine.heads import Heads
from trunkline.engine.router import Router
from trunkline.ports import Catalog, Credentials, Fetch, FetchLimits, Keys, Ledger, Listing, Shared, Upstream
from trunkline.state.keys import KeyMaker
from trunkline.state.retention import Retention
from trunkline.state.store import Store


class Setting(Struct, frozen=True):
    """One setting as it may be shown: its value, and where that was said."""

    name: str
    value: str
    source: str


class Parts(Struct, frozen=True, kw_only=True):
    """The ports and tools of one gateway; `build` puts them together. What is `None` is not there."""

    # The world.
    clock: Clock
    mint: Mint
    mint_request_id: Callable[[], str]
    # This gateway's name in `x-trunkline-hop`.
    instance: bytes
    keys: Keys
    catalog: Catalog
    upstream: Upstream
    ledger: Ledger
    sealer: Sealer
    shared: Shared
    # Where a provider is opened by what does not last.
    credentials: Credentials | None = None

    # Models: a router for each new listing; the dialects of callers, and those that providers are spoken to in.
    make_router: Callable[[Listing], Router]
    dialects: Mapping[str, Dialect]
    upstreams: Mapping[str, UpstreamDialect]
    # Whatever would be left out of a request is an error.
    strict: bool = False
    # How far estimates are off, and what requests begin with: both learn.
    gauge: Gauge = field(default_factory=Gauge)
    heads: Heads = field(default_factory=Heads)

    # What callers point to. Larger files than this are copied to providers that keep files.
    fetch: Fetch | None = None
    fetch_limits: FetchLimits = FetchLimits()
    inline_file_bytes: int = 4_000_000

    # What is kept; whether its database answers.
    store: Store | None = None
    is_store_up: Callable[[], bool] = lambda: True
    retention: Retention = Retention()
    # Prompts that are kept at a provider and that anybody may use, each with its model.
    forwarded_prompts: Mapping[str, str] = {}

    # What requests are known by. How much of a stream is heard for the audit: 0 where that keeps no bodies.
    sessions: Sessions = field(default_factory=Sessions)
    labelling: Labelling = Labelling()
    evidence_bytes: int = 0

    # What bounds them: all claims at once, rules for requests, money for calls within one, budgets as they are
    # administered.
    admission: Admission | None = None
    limits: RateLimits | None = None
    purse: Purse | None = None
    budgets: Means | None = None

    # Administration: who makes keys, what was set (without secrets), and what Prometheus reads, by the number of
    # streams that are under way.
    key_maker: KeyMaker | None = None
    settings: Sequence[Setting] = ()
    write_metrics: Callable[[int], Awaitable[bytes]] | None = None
