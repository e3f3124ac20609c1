"""What the engine asks of the world. The edges (`upstream`, `catalog`, `log`, …) answer; the engine knows only these.

Nothing here does anything: shapes of requests, and the promises that come with them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from trunkline.call import Source
from trunkline.capabilities import Capabilities
from trunkline.money import Tariff
from trunkline.principal import Principal
from trunkline.records import Record


class Origin(Struct, frozen=True, cache_hash=True):
    """One server to connect to. `tls_verify` off is for tests and private networks only, and said in the log."""

    scheme: str
    host: str
    port: int
    tls_verify: bool = True


class Timeouts(Struct, frozen=True):
    """Seconds. `first_byte` counts from the request's last byte to the reply's head, `idle` between two reads of a
    body, `total` over everything."""

    connect: float = 10.0
    first_byte: float = 300.0
    idle: float = 300.0
    total: float = 3600.0


DEFAULT_TIMEOUTS = Timeouts()


class UpstreamRequest(Struct, frozen=True):
    """One HTTP request to a provider.

    `head` is the request line and headers as bytes, each line ended by CRLF, without `content-length` and without the
    closing blank line: the client adds both, so that a target's head is encoded once and used for every request.
    """

    origin: Origin
    head: bytes
    body: bytes = b""
    timeouts: Timeouts = DEFAULT_TIMEOUTS


class UpstreamReply(Source, Protocol):
    """A provider's reply, once its head has come. Whoever holds it must end with `close`.

    Header names are lower-case; of a repeated header the last value is kept. Bodies arrive without their transfer and
    content encoding.
    """

    status: int
    headers: Mapping[bytes, bytes]

    async def read(self, limit_bytes: int) -> bytes:
        """The whole body. Raises `Failed` when it is cut short, `TimedOut` in silence, `Garbled` over the limit."""

    def pour(self, feed: Callable[[bytes], None], done: Callable[[Exception | None], None]) -> None:
        """Push the body as it comes: `feed` for bytes, `done` once, with the error that ended it or `None`.

        Bytes that have come already are fed before this returns. Both are called from the event loop and must not
        raise.
        """

    def close(self) -> None:
        """Release the connection: kept for the next request if the body is complete, else cut at once. Idempotent."""


class Upstream(Protocol):
    """The way to providers: a pooled HTTP client, or a scripted fake."""

    async def send(self, request: UpstreamRequest) -> UpstreamReply:
        """Send it and wait for the reply's head.

        Raises `Unreachable` when no byte of the request can have been executed (no connection, TLS or proxy trouble),
        `Failed` when the connection broke after that, `TimedOut`, `Garbled`. Cancelling closes the connection.
        """


class Credentials(Protocol):
    """Keys that do not last: tokens of Google or Microsoft, roles of AWS. Refreshed ahead of need."""

    async def open(self, account: str, request: UpstreamRequest) -> UpstreamRequest:
        """The request as it opens an account now. Raises `Denied`, or what `Upstream` raises."""


class FetchLimits(Struct, frozen=True):
    """What may be fetched for one request: how much of one URL, of all of them, how many, and how long one may take."""

    url_bytes: int = 20_000_000
    request_bytes: int = 50_000_000
    urls: int = 64
    seconds: float = 20.0


class Fetched(Struct, frozen=True):
    """What a URL held. `media_type` is what its server said, in lower case and without parameters; it may be empty.

    `charset` is a text's, empty for UTF-8.
    """

    media_type: str
    data: bytes
    charset: str = ""


class Fetch(Protocol):
    """Getting what a caller's URL points to, without being led into our own network."""

    async def fetch(self, url: str, size_bytes: int, seconds: float, types: Sequence[str]) -> Fetched:
        """The content, at most `size_bytes` long, of a media type that begins like one of `types` (empty: any).

        Raises `InvalidRequest` whose message says why not, as the rest of a sentence that names the URL's place:
        whatever is wrong with a URL is the caller's to mend.
        """


class Keys(Protocol):
    """Who holds which key."""

    def find(self, presented: bytes) -> Principal | None:
        """The holder of a key as it was sent, or `None`. Constant in time for the content of the key; never waits."""


class Ledger(Protocol):
    """Where records go. Never waits: what is slow happens behind it."""

    @property
    def is_short(self) -> bool:
        """Whether room is running out, so that `check` is to be asked before anything is begun that costs money."""

    def record(self, record: Record) -> None:
        """Keep a record: when this returns, no end of this process can lose it."""

    def check(self) -> float:
        """How many seconds to wait first. Raises `Unavailable` when no more can be kept: what cannot be recorded is not
        begun."""


class Shared(Protocol):
    """What requests leave for later ones, for a while. Bounded: a value may be gone before its time. Never waits."""

    def get(self, key: bytes) -> bytes | None:
        """The value, unless its time is over."""

    def put(self, key: bytes, value: bytes, seconds: float) -> None:
        """Keep a value so long, in the place of an older one."""


class Listed(Struct, frozen=True):
    """What one account is known to serve.

    `complete`: the list is known, so a name that is not in `names` is not served. `pending`: a first list may still
    come. Neither: the list cannot be had, and the account is of unknown list.
    """

    names: frozenset[str]
    complete: bool
    pending: bool = False


Listing = Mapping[str, Listed]
"""`{account name: what it lists}`, every account in it. Replaced as a whole when anything changes, never edited."""


class Catalog(Protocol):
    """What models there are, and what they can do. Answers from memory."""

    def listing(self) -> Listing:
        """The newest snapshot: the same object until something changes."""

    async def settle(self, seconds: float) -> None:
        """Wait until no first list is pending any more, at most so long."""

    def capabilities(self, provider: str, model: str, base: Capabilities) -> Capabilities:
        """What is known of a model, laid over its provider's own facts."""

    def tariff(self, account: str, provider: str, model: str) -> Tariff | None:
        """What a model costs at an account of a provider; `None` where nobody knows: unpriced is not free."""

    def owner(self, model: str) -> str | None:
        """The provider whose model this surely is (`claude-…` is `anthropic`'s), or `None`."""
