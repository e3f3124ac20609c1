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
    """The ports and tools of one gateway; `build` puts them together.

    `make_router` makes a router for a new listing. `dialects` are those that callers speak, `upstreams` those that
    providers are spoken to in. `instance` is this gateway's name in `x-trunkline-hop`. `strict` turns whatever would be
    left out of a request into an error. `key_maker` is `None` where no keys are issued. `credentials` is there where a
    provider needs it. Files of more than `inline_file_bytes` are copied to providers that keep files. `fetch` is `None`
    where nothing that callers point to may be fetched. `store` is `None` where nothing is kept; `is_store_up` says
    whether its database answers. `gauge` learns how far estimates are off, `heads` remembers what requests begin with.
    `forwarded_prompts` are prompts kept at a provider that anybody may use, each with its model. `admission` is `None`
    where nothing bounds what may be asked, `purse` and `budgets`, by which they are administered, where there are none.
    `write_metrics` is told how many streams are under way, and writes what Prometheus reads; `None` where nothing is
    counted. `settings` are what was set, secrets left out. `evidence_bytes` is how much of a stream is heard for the
    audit, 0 where that keeps no bodies.
    """

    keys: Keys
    catalog: Catalog
    upstream: Upstream
    ledger: Ledger
    clock: Clock
    mint: Mint
    mint_request_id: Callable[[], str]
    sealer: Sealer
    shared: Shared
    dialects: Mapping[str, Dialect]
    upstreams: Mapping[str, UpstreamDialect]
    make_router: Callable[[Listing], Router]
    instance: bytes
    strict: bool = False
    key_maker: KeyMaker | None = None
    credentials: Credentials | None = None
    fetch: Fetch | None = None
    fetch_limits: FetchLimits = FetchLimits()
    inline_file_bytes: int = 4_000_000
    gauge: Gauge = field(default_factory=Gauge)
    heads: Heads = field(default_factory=Heads)
    store: Store | None = None
    is_store_up: Callable[[], bool] = lambda: True
    retention: Retention = Retention()
    forwarded_prompts: Mapping[str, str] = {}
    sessions: Sessions = field(default_factory=Sessions)
    labelling: Labelling = Labelling()
    evidence_bytes: int = 0
    admission: Admission | None = None
    limits: RateLimits | None = None
    purse: Purse | None = None
    budgets: Means | None = None
    settings: Sequence[Setting] = ()
    write_metrics: Callable[[int], Awaitable[bytes]] | None = None
