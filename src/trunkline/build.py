"""The parts list: a configuration → a running gateway, every part in one stack that closes them in turn."""

import asyncio
import contextlib
import gc
import logging
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import uvloop
from msgspec import Struct

from trunkline.catalog.models import Fetch, ModelCatalog
from trunkline.catalog.prices import PriceBook
from trunkline.clock import Clock, SystemClock, mint, mint_request_id
from trunkline.config.config import AuditConfig, Config
from trunkline.dialects import anthropic, bedrock, cohere, gemini, openai_chat, openai_responses
from trunkline.dialects.dialect import UpstreamDialect
from trunkline.dialects.evidence import Evident
from trunkline.dialects.redaction import Redaction
from trunkline.dialects.seal import Sealer
from trunkline.engine.admission import Admission
from trunkline.engine.attempts import redacted
from trunkline.engine.budgets.alerts import Herald
from trunkline.engine.budgets.bounds import BudgetBounds
from trunkline.engine.budgets.funds import Funds
from trunkline.engine.budgets.office import BudgetOffice, Means, OpenOffice
from trunkline.engine.budgets.purse import Purse
from trunkline.engine.budgets.treasury import Treasury
from trunkline.engine.gateway import Gateway
from trunkline.engine.gauge import Gauge
from trunkline.engine.labelling import Labelling
from trunkline.engine.limiting import RateLimits
from trunkline.engine.parts import Parts, Setting
from trunkline.engine.router import Router
from trunkline.engine.sessions import Sessions
from trunkline.engine.witness import Witness
from trunkline.errors import ConfigError, UpstreamError
from trunkline.keyring import Keyring
from trunkline.keyring.holders import Holders
from trunkline.log.both import Both
from trunkline.log.gauges import read_gauges
from trunkline.log.lines import LogLines, write_json, write_text
from trunkline.log.metrics import Metrics
from trunkline.ports import Ledger, Listing, UpstreamRequest
from trunkline.providers.account import Account, ModelRules, make_account
from trunkline.providers.directory import load_provider
from trunkline.serve.face import Face
from trunkline.serve.limits import Limits
from trunkline.serve.proxies import TrustedProxies
from trunkline.serve.server import Address, Server
from trunkline.serve.sides import AdminSide, PublicSide
from trunkline.shared.counters import MemoryCounters
from trunkline.shared.memory import MemoryShared
from trunkline.state.counters import Counters
from trunkline.store.acts import ActKeys
from trunkline.store.ledger.sweep import Lifetimes
from trunkline.store.open import OpenStore, StoreSettings, open_store
from trunkline.upstream.credentials import GoogleTokens, find_credentials
from trunkline.upstream.embedded import MODEL, Embedded, free_port
from trunkline.upstream.fetch import Fetcher
from trunkline.upstream.http1 import HttpClient
from trunkline.upstream.post import Poster, check_url
from trunkline.upstream.proxy import Proxies, read_proxies

DIALECTS = {
    dialect.name: dialect
    for dialect in (openai_responses.DIALECT, openai_chat.DIALECT, anthropic.DIALECT, gemini.DIALECT)
}
UPSTREAMS: dict[str, UpstreamDialect] = {**DIALECTS, "bedrock": bedrock.DIALECT, "cohere": cohere.DIALECT}

# A list of models is a few hundred kilobytes with the largest of them.
_LIST_BYTES = 16 * 1024 * 1024

# Of a stream, events and all, for each byte that is kept of what it says.
_HEARD_TIMES = 8

Started = Callable[[Sequence[Address], Sequence[Address]], None]
"""Told once where the gateway listens, and where for administrators alone."""

_log = logging.getLogger("trunkline")


@contextlib.asynccontextmanager
async def open_gateway(
    config: Config, keyring: Keyring, ledger: Ledger | None = None, *, keeps: bool = True
) -> AsyncIterator[Gateway]:
    """A gateway with everything behind it, for as long as the context lasts. Without a ledger it writes log lines.

    Unless it `keeps`, nothing that callers send is there for their next request.
    """
    clock = SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settle_store(config, keyring), clock)) if keeps else None
        holders = Holders(keyring, config.keys, None if store is None else store.ports.keys, clock)
        stack.push_async_callback(holders.close)
        await holders.start()
        accounts = list(config.accounts)
        if config.local:
            accounts.append(await _open_embedded(stack))
        limits = RateLimits(config.limits, None if store is None else store.ports.limits)
        await limits.refresh()
        proxies = read_proxies(config.proxies)
        client = HttpClient(proxies=proxies)
        stack.push_async_callback(client.close)
        catalog = ModelCatalog(accounts, _fetch_list(client), PriceBook(config.prices))
        stack.push_async_callback(catalog.close)
        tokens = GoogleTokens(client, clock, find_credentials(accounts))
        stack.push_async_callback(tokens.close)
        gauge, counters = Gauge(), await _open_counters(config, clock, stack)
        budgeting = (
            None if store is None else await _open_budgets(config, store, counters, gauge, proxies, clock, stack)
        )
        bounds = [] if budgeting is None else [budgeting.bounds]
        if ledger is None:
            ledger = lines = LogLines(_choose_lines(config))
            stack.callback(lines.close)
        if store is not None:
            ledger = Both(store.ledger, ledger)
        write_metrics = None if store is None else _count_requests(store, clock)

        def make_router(listing: Listing) -> Router:
            return Router(accounts, config.aliases, listing, catalog, config.uncached, config.emulating)

        gateway = Gateway(
            Parts(
                keys=keyring if keyring.open_to_all else holders,
                key_maker=holders,
                catalog=catalog,
                upstream=client,
                ledger=ledger,
                clock=clock,
                mint=mint,
                mint_request_id=mint_request_id,
                shared=MemoryShared(clock),
                sealer=Sealer(keyring.derive("carrier"), keyring.newest),
                dialects=DIALECTS,
                upstreams=UPSTREAMS,
                make_router=make_router,
                instance=secrets.token_hex(8).encode(),
                strict=config.strict,
                credentials=tokens,
                fetch=Fetcher(proxies=proxies, hosts=config.fetch.hosts) if config.fetch.enabled else None,
                fetch_limits=config.fetch.limits,
                forwarded_prompts=config.forwarded_prompts,
                retention=config.retention,
                sessions=Sessions(
                    config.session_headers,
                    guesses=config.guesses_sessions,
                    key=keyring.derive("session")[keyring.newest],
                ),
                labelling=Labelling(config.label_headers),
                evidence_bytes=_HEARD_TIMES * config.audit.body_limit_bytes if config.audit.bodies else 0,
                store=None if store is None else store.ports,
                is_store_up=lambda: store is not None and store.up,
                settings=[Setting(shown.name, shown.value, shown.source) for shown in config.shown],
                write_metrics=write_metrics,
                gauge=gauge,
                admission=Admission(counters, [limits, *bounds]),
                limits=limits,
                purse=None if budgeting is None else budgeting.purse,
                budgets=None if budgeting is None else budgeting.open_office,
            )
        )
        stack.push_async_callback(gateway.close)
        gateway.start()
        catalog.start()
        for work, name in ((_tick(gateway), "tick"), (limits.follow(), "limits")):
            task = asyncio.create_task(work, name=name)
            stack.callback(task.cancel)
        _warn(accounts)
        yield gateway


async def _open_counters(config: Config, clock: Clock, stack: contextlib.AsyncExitStack) -> Counters:
    """What counts for limits and budgets: this process' memory, or the Redis that replicas share."""
    alone = MemoryCounters(clock)
    if not config.redis_url:
        return alone
    try:
        from trunkline.shared.redis import RedisCounters
    except ModuleNotFoundError:
        raise ConfigError("`redis_url` takes a client that is not installed: pip install 'trunkline[redis]'") from None
    counters = RedisCounters(config.redis_url, alone, is_lenient=config.counts_budgets_alone)
    stack.push_async_callback(counters.close)
    await counters.open()
    return counters


class _Budgeting(Struct, frozen=True):
    bounds: BudgetBounds
    purse: Purse
    open_office: OpenOffice


async def _open_budgets(
    config: Config,
    store: OpenStore,
    counters: Counters,
    gauge: Gauge,
    proxies: Proxies,
    clock: Clock,
    stack: contextlib.AsyncExitStack,
) -> _Budgeting:
    """Budgets whose counters know what was spent, and what looks after them for as long as the stack lasts."""
    funds, kept = Funds(), store.ports.budgets
    treasury = Treasury(funds, counters, kept, clock, config.budgets, store.ledger.settle)
    await treasury.refresh()
    counters.when_in_doubt(funds.doubt)
    herald = Herald(funds, treasury, Poster(proxies=proxies, hosts=config.fetch.hosts), clock)
    for work, name in ((treasury.watch(), "budgets"), (herald.watch(), "alerts")):
        task = asyncio.create_task(work, name=name)
        stack.callback(task.cancel)
    bounds = BudgetBounds(funds, clock, gauge, DIALECTS, config.output_limit_tokens)
    means = Means(treasury.look, treasury.refresh, check_url, secrets.token_bytes)

    def open_office(path: str, witness: Witness) -> BudgetOffice:
        return BudgetOffice(kept, config.budgets, path, clock, witness, means)

    return _Budgeting(bounds, Purse(counters, bounds), open_office)


@contextlib.asynccontextmanager
async def open_router(config: Config) -> AsyncIterator[tuple[Callable[[], Router], ModelCatalog]]:
    """What tells where names lead, without a gateway: a router for the newest listing, and the catalogue behind it."""
    accounts = list(config.accounts)
    if config.local:
        accounts.append(_make_local(free_port(), ""))
    client = HttpClient(proxies=read_proxies(config.proxies))
    catalog = ModelCatalog(accounts, _fetch_list(client), PriceBook(config.prices))
    catalog.start()
    try:
        yield (
            lambda: Router(accounts, config.aliases, catalog.listing(), catalog, config.uncached, config.emulating),
            catalog,
        )
    finally:
        await catalog.close()
        await client.close()


def make_server(config: Config, gateway: Gateway, on_started: Callable[[Sequence[Address]], None]) -> Server:
    """The HTTP server in front of a gateway; what administrators ask for is left out where it has one of its own."""
    limits = Limits(
        body_bytes=config.server.body_limit_bytes,
        upload_bytes=config.server.upload_limit_bytes,
        drain_seconds=config.server.drain_seconds,
    )
    return Server(
        Face(
            gateway if config.server.admin_port is None else PublicSide(gateway),
            limits=limits,
            base_path=config.server.base_path,
            proxies=TrustedProxies(config.server.trusted_proxies),
        ),
        host=config.server.host,
        port=config.server.port,
        certfile=str(config.server.tls_cert) if config.server.tls_cert else None,
        keyfile=str(config.server.tls_key) if config.server.tls_key else None,
        on_started=on_started,
    )


def make_admin_server(
    config: Config, gateway: Gateway, on_started: Callable[[Sequence[Address]], None]
) -> Server | None:
    """The server for administrators alone, where there is one. It has no signals and no time of its own: it ends when
    the other one has."""
    if config.server.admin_port is None:
        return None
    limits = Limits(body_bytes=config.server.body_limit_bytes, drain_seconds=0.0)
    return Server(
        Face(
            AdminSide(gateway),
            limits=limits,
            base_path=config.server.base_path,
            proxies=TrustedProxies(config.server.trusted_proxies),
        ),
        host=config.server.admin_host,
        port=config.server.admin_port,
        certfile=str(config.server.tls_cert) if config.server.tls_cert else None,
        keyfile=str(config.server.tls_key) if config.server.tls_key else None,
        on_started=on_started,
        hears_signals=False,
    )


def serve(config: Config, keyring: Keyring, on_started: Started) -> None:
    """Serve until a signal. Ends the process by that signal once everything is closed."""

    async def run() -> Server:
        async with open_gateway(config, keyring) as gateway:
            is_admin_there = asyncio.Event()
            admin = make_admin_server(config, gateway, lambda _: is_admin_there.set())
            server = make_server(
                config, gateway, lambda addresses: on_started(addresses, [] if admin is None else admin.addresses)
            )
            # What is there by now stays to the end: nobody need look through it again for what is not used any more.
            gc.collect()
            gc.freeze()
            await (server.serve() if admin is None else _serve_both(server, admin, is_admin_there))
            return server

    uvloop.run(run()).repeat_signal()


async def _serve_both(server: Server, admin: Server, is_admin_there: asyncio.Event) -> None:
    """The administrators' is there before the other one, and until that has ended. Raises what either of them does."""
    serving = asyncio.create_task(admin.serve(), name="admin server")
    waiting = asyncio.create_task(is_admin_there.wait())
    await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    try:
        if not serving.done():
            await server.serve()
    finally:
        admin.stop()
        await serving


async def _tick(gateway: Gateway) -> None:
    while True:
        await asyncio.sleep(1)
        gateway.tick()


async def _open_embedded(stack: contextlib.AsyncExitStack) -> Account:
    """The embedded model's child, and the account that reaches it."""
    embedded = Embedded(free_port())
    stack.push_async_callback(embedded.stop)
    await embedded.start()
    return _make_local(embedded.port, embedded.key)


def _make_local(port: int, key: str) -> Account:
    return make_account(
        load_provider("local"),
        base_url=f"http://127.0.0.1:{port}/v1",
        api_key=key,
        models=ModelRules(extra=frozenset({MODEL}), only=True),
    )


def _count_requests(store: OpenStore, clock: Clock) -> Callable[[int], Awaitable[bytes]]:
    """What writes the counts of everything that is recorded from now on."""
    metrics = Metrics()
    store.ledger.listen(metrics.take)

    async def write(live_streams: int) -> bytes:
        state = store.ledger.state()
        gauges = read_gauges(state, clock.now_micros(), is_store_up=store.up, live_streams=live_streams)
        return await asyncio.to_thread(metrics.write, gauges)

    return write


def settle_store(config: Config, keyring: Keyring) -> StoreSettings:
    """Where a configuration keeps what it keeps, and what opens it."""
    return StoreSettings(
        database_url=config.database_url,
        data_dir=config.data_dir,
        blobs_url=config.blobs_url,
        keys=keyring.derive("at-rest"),
        act_keys=ActKeys(keyring.derive("acts"), keyring.newest),
        newest=keyring.newest if config.encrypts else None,
        retention_days=config.retention.days,
        lifetimes=Lifetimes(config.usage.retention_days, config.audit.retention_days),
        ledger_bytes=config.usage.backlog_bytes,
        make_evidence=_make_evident(config.audit).make,
    )


def _make_evident(audit: AuditConfig) -> Evident:
    """What makes bodies fit to be kept."""
    return Evident(Redaction(audit.redact, audit.body_limit_bytes), DIALECTS, audit.headers)


def _fetch_list(client: HttpClient) -> Fetch:
    async def fetch(account: Account) -> bytes:
        try:
            reply = await client.send(UpstreamRequest(account.origin, account.head("models"), b"", account.timeouts))
            try:
                body = await reply.read(_LIST_BYTES)
            finally:
                reply.close()
        except UpstreamError as error:
            raise redacted(error, account) from None
        if reply.status != 200:
            dialect = UPSTREAMS[account.speaks[0] if account.speaks else "chat"]
            raise redacted(dialect.read_error(reply.status, reply.headers, body), account)
        return body

    return fetch


def _choose_lines(config: Config) -> Callable[..., bytes]:
    text = config.log_format == "text" or (config.log_format is None and sys.stderr.isatty())
    return write_text if text else write_json


def _warn(accounts: Sequence[Account]) -> None:
    for account in accounts:
        if not account.origin.tls_verify:
            _log.warning("the certificate of `%s` is not verified: anybody on the way can read along", account.name)
