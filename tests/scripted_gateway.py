"""A whole gateway in process, between a client and an upstream that say exactly what a test wants.

The upstream is the engine's port answered by hand: a test sees each request and decides on every byte of the reply,
before it is asked for or while it is being poured.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec.structs import replace

from trunkline.call import Call, Source
from trunkline.capabilities import Capabilities
from trunkline.clock import CountingMint, FakeClock
from trunkline.dialects import anthropic, bedrock, cohere, gemini, openai_chat, openai_responses
from trunkline.dialects.seal import Sealer
from trunkline.engine.bounds.admission import Admission
from trunkline.engine.bounds.budgets.means import Means
from trunkline.engine.bounds.budgets.purse import Purse
from trunkline.engine.bounds.limits import RateLimits
from trunkline.engine.caller.labelling import Labelling
from trunkline.engine.estimates.gauge import Gauge
from trunkline.engine.gateway import Gateway
from trunkline.engine.parts import Parts
from trunkline.engine.router import Router
from trunkline.errors import Failed, Unavailable
from trunkline.money import Tariff
from trunkline.ports import Keys, Listed, Listing, UpstreamRequest
from trunkline.principal import OPERATOR, Principal
from trunkline.providers.account import Account, make_account
from trunkline.providers.directory import load_provider
from trunkline.records import Record
from trunkline.shared.memory import MemoryShared
from trunkline.state.keys import KeyMaker
from trunkline.state.retention import Retention
from trunkline.state.store import Store

DIALECTS = {
    dialect.name: dialect
    for dialect in (openai_responses.DIALECT, openai_chat.DIALECT, anthropic.DIALECT, gemini.DIALECT)
}
UPSTREAMS = {**DIALECTS, "bedrock": bedrock.DIALECT, "cohere": cohere.DIALECT}

KEY = b"sk-the-gateways-own-key"
UPSTREAM_KEY = "sk-up-secret-key-1234567890"

PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
"""Where a caller of each dialect knocks."""

# One account for each upstream dialect; the bare model names lead to them, as nobody else lists them.
_ACCOUNTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "chat": ("compatible", ("chat",)),
    "native_chat": ("openai", ("chat",)),
    "responses": ("openai", ("responses",)),
    "messages": ("anthropic", ("messages",)),
    "gemini": ("gemini", ("gemini",)),
    "bedrock": ("bedrock", ("bedrock",)),
    "cohere": ("cohere", ("cohere",)),
}

STREAM = {b"content-type": b"text/event-stream"}
JSON = {b"content-type": b"application/json"}


class ScriptedReply:
    """A provider's reply under a test's control: `pieces` have come already, the rest comes by `say`, `end`, `fail`.

    With `ending` it ends behind its pieces: `end` as a sound reply does, `cut` in the middle of its body.
    """

    def __init__(
        self,
        status: int = 200,
        headers: Mapping[bytes, bytes] = STREAM,
        pieces: Sequence[bytes] = (),
        ending: str = "end",
    ) -> None:
        self.status = status
        self.headers = headers
        self.paused = False
        self.closed = False
        self._pieces = list(pieces)
        self._is_over = ending != "open"
        self._error: Exception | None = Failed("the connection was cut") if ending == "cut" else None
        self._feed: Callable[[bytes], None] | None = None
        self._done: Callable[[Exception | None], None] | None = None

    # --- the port ---

    async def read(self, limit_bytes: int) -> bytes:
        if self._error is not None:
            raise self._error
        return b"".join(self._pieces)[:limit_bytes]

    def pour(self, feed: Callable[[bytes], None], done: Callable[[Exception | None], None]) -> None:
        self._feed, self._done = feed, done
        for piece in self._pieces:
            if not self.closed:
                feed(piece)
        if self._is_over:
            self._tell_end()

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def close(self) -> None:
        self.closed = True
        self._feed = self._done = None

    # --- the test ---

    @property
    def is_heard(self) -> bool:
        """Whether somebody takes what is said."""
        return self._feed is not None

    def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            if self._feed is not None:
                self._feed(piece)

    def end(self, error: Exception | None = None) -> None:
        self._error = error
        self._tell_end()

    def _tell_end(self) -> None:
        done, self._feed, self._done = self._done, None, None
        if done is not None:
            done(self._error)


def stream(*pieces: bytes, ending: str = "end", **headers: str) -> ScriptedReply:
    """A streamed reply that has come in these pieces."""
    return ScriptedReply(200, STREAM | _bytes(headers), pieces, ending)


def json_reply(value: Any, status: int = 200, **headers: str) -> ScriptedReply:
    """A whole JSON reply; bytes stand for themselves."""
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return ScriptedReply(status, JSON | _bytes(headers), [body])


def _bytes(headers: Mapping[str, str]) -> dict[bytes, bytes]:
    return {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}


class ScriptedUpstream:
    """The port: keeps what it was sent, and answers with what `answer` says, an error raised or a reply."""

    def __init__(self) -> None:
        self.requests: list[UpstreamRequest] = []
        self.answer: Callable[[UpstreamRequest], ScriptedReply] | ScriptedReply | Exception = Failed("not scripted")

    async def send(self, request: UpstreamRequest) -> ScriptedReply:
        self.requests.append(request)
        answer = self.answer
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, ScriptedReply) else answer(request)

    @property
    def body(self) -> bytes:
        """The body of the last request."""
        return self.requests[-1].body

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the last request."""
        lines = self.requests[-1].head.decode().split("\r\n")[1:]
        return dict(line.split(": ", 1) for line in lines if line)


class Client:
    """The face's side of a stream: keeps each write, and whether anything was written after it had left."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.source: Source | None = None

    def attach(self, source: Source) -> None:
        self.source = source

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    @property
    def body(self) -> bytes:
        return b"".join(self.writes)


@dataclass
class Answer:
    """What a client got."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error object of either envelope."""
        error: dict[str, Any] = self.json["error"]
        return error


class FixedCatalog:
    """Lists what a test says; `settle` calls `arrive`, where a list may come in."""

    def __init__(self, listing: Listing, tariff: Tariff | None = None, facts: Mapping[str, Any] | None = None) -> None:
        self.now = listing
        self._tariff = tariff
        self._facts = facts or {}
        self.arrive: Callable[[], None] = lambda: None
        self.settled = 0

    def listing(self) -> Listing:
        return self.now

    async def settle(self, seconds: float) -> None:
        self.settled += 1
        self.arrive()

    def capabilities(self, provider: str, model: str, base: Capabilities) -> Capabilities:
        return replace(base, **self._facts)

    def tariff(self, account: str, provider: str, model: str) -> Tariff | None:
        return self._tariff

    def owner(self, model: str) -> str | None:
        return None


class OneKey:
    """The gateway's only key."""

    def find(self, presented: bytes) -> Principal | None:
        return OPERATOR if presented == KEY else None


class Records:
    """A ledger that can be looked at."""

    def __init__(self) -> None:
        self.kept: list[Record] = []
        self.is_short = False
        self.wait_seconds = 0.0
        self.refusal: Unavailable | None = None

    def record(self, record: Record) -> None:
        self.kept.append(record)

    def check(self) -> float:
        """There is room, unless a test says otherwise."""
        if self.refusal is not None:
            raise self.refusal
        return self.wait_seconds

    @property
    def only(self) -> Record:
        """The record of the only request."""
        assert len(self.kept) == 1
        return self.kept[0]


def make_accounts() -> list[Account]:
    return [
        make_account(
            load_provider(provider), name=name, base_url=f"https://{name}.test/v1", api_key=UPSTREAM_KEY, speaks=speaks
        )
        for name, (provider, speaks) in _ACCOUNTS.items()
    ]


@dataclass
class Scene:
    """The gateway, what is behind it, and what it recorded. The models are called `<account>-model`; all of them have
    these `facts`, and cost what the `tariff` says. `bind` puts rules before the requests."""

    accounts: list[Account] = field(default_factory=make_accounts)
    aliases: dict[str, str] = field(default_factory=dict)
    uncached: frozenset[str] = frozenset()
    emulating: Mapping[str, frozenset[str]] = field(default_factory=dict)
    strict: bool = False
    upstream: ScriptedUpstream = field(default_factory=ScriptedUpstream)
    records: Records = field(default_factory=Records)
    clock: FakeClock = field(default_factory=FakeClock)
    mint: CountingMint = field(default_factory=CountingMint)
    mint_request_id: Callable[[], str] = lambda: "req_1"
    keys: Keys = field(default_factory=OneKey)
    key_maker: KeyMaker | None = None
    store: Store | None = None
    retention: Retention = field(default_factory=Retention)
    forwarded_prompts: Mapping[str, str] = field(default_factory=dict)
    write_metrics: Callable[[int], Awaitable[bytes]] | None = None
    tariff: Tariff | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    gauge: Gauge = field(default_factory=Gauge)
    labelling: Labelling = field(default_factory=Labelling)
    evidence_bytes: int = 0
    limits: RateLimits | None = None
    bind: Callable[["Scene"], tuple[Admission | None, Purse | None]] = lambda _: (None, None)
    find_means: Callable[[], Means | None] = lambda: None

    def __post_init__(self) -> None:
        listing = {
            account.name: Listed(frozenset({f"{account.name}-model"}), complete=True) for account in self.accounts
        }
        self.catalog = FixedCatalog(listing, self.tariff, self.facts)
        self.shared = MemoryShared(self.clock)
        admission, purse = self.bind(self)
        self.gateway = Gateway(
            Parts(
                keys=self.keys,
                key_maker=self.key_maker,
                catalog=self.catalog,
                upstream=self.upstream,
                ledger=self.records,
                clock=self.clock,
                mint=self.mint,
                mint_request_id=self.mint_request_id,
                shared=self.shared,
                sealer=Sealer({"k1": bytes(32)}, "k1"),
                dialects=DIALECTS,
                upstreams=UPSTREAMS,
                make_router=lambda listing: Router(
                    self.accounts, self.aliases, listing, self.catalog, self.uncached, self.emulating
                ),
                instance=b"this-instance",
                strict=self.strict,
                store=self.store,
                retention=self.retention,
                forwarded_prompts=self.forwarded_prompts,
                write_metrics=self.write_metrics,
                gauge=self.gauge,
                labelling=self.labelling,
                evidence_bytes=self.evidence_bytes,
                admission=admission,
                limits=self.limits,
                purse=purse,
                budgets=self.find_means(),
            )
        )

    async def ask(self, path: str, body: Any = b"", *, method: str = "POST", **headers: str) -> Answer:
        """One request with the right key; a stream is poured to its end."""
        call = make_call(path, body, method=method, **headers)
        reply = await self.gateway.handle(call)
        if isinstance(reply.body, bytes):
            whole = reply.body
        else:
            client = Client()
            await reply.body.pour(client)
            whole = client.body
        names = [name for name, _ in reply.headers]
        assert len(set(names)) == len(names), "a header is sent once"
        return Answer(reply.status, {name.decode(): value.decode() for name, value in reply.headers}, whole)

    async def generate(self, caller: str, upstream: str, reply: ScriptedReply, **members: Any) -> Answer:
        """A plain question from a caller of one dialect, answered by an upstream of another."""
        self.upstream.answer = reply
        if caller == "gemini":
            action = "streamGenerateContent?alt=sse" if members.pop("stream", False) else "generateContent"
            path = f"/v1beta/models/{upstream}-model:{action}"
        else:
            path = PATHS[caller]
        return await self.ask(path, question(caller, f"{upstream}-model", **members))


def make_call(path: str, body: Any = b"", *, method: str = "POST", **headers: str) -> Call:
    given = {b"authorization": b"Bearer " + KEY} | _bytes(headers)
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    path, _, query = path.partition("?")
    return Call(method=method, path=path, query=query.encode(), headers=given, body=data, peer="127.0.0.1:5")


def question(caller: str, model: str, **members: Any) -> dict[str, Any]:
    """A plain question in a caller's dialect."""
    if caller == "responses":
        return {"model": model, "input": "Hi?", **members}
    if caller == "gemini":
        return {"contents": [{"role": "user", "parts": [{"text": "Hi?"}]}], **members}
    messages = [{"role": "user", "content": "Hi?"}]
    limit = {"max_tokens": 100} if caller == "messages" else {}
    return {"model": model, "messages": messages, **limit, **members}
