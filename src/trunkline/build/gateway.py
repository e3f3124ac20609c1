"""The gateway with everything behind it: a part each line, in the order in which they need each other."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Sequence

from trunkline.build.accounts import fetch_list, make_local, open_credentials, open_embedded
from trunkline.build.bounds import open_bounds
from trunkline.build.dialects import DIALECTS, UPSTREAMS
from trunkline.build.ledger import count_requests, open_ledger
from trunkline.build.storage import HEARD_TIMES, settle_store
from trunkline.catalog.models import ModelCatalog
from trunkline.catalog.prices import PriceBook
from trunkline.clock import SystemClock, mint, mint_request_id
from trunkline.config.config import Config
from trunkline.dialects.seal import Sealer
from trunkline.engine.caller.labelling import Labelling
from trunkline.engine.caller.sessions import Sessions
from trunkline.engine.estimates.gauge import Gauge
from trunkline.engine.gateway import Gateway
from trunkline.engine.parts import Parts, Setting
from trunkline.engine.router import Router
from trunkline.keyring import Keyring
from trunkline.keyring.holders import Holders
from trunkline.ports import Ledger, Listing
from trunkline.providers.account import Account
from trunkline.shared.memory import MemoryShared
from trunkline.store.open import open_store
from trunkline.upstream.embedded import free_port
from trunkline.upstream.fetch import Fetcher
from trunkline.upstream.http1 import HttpClient
from trunkline.upstream.proxy import read_proxies

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
            accounts.append(await open_embedded(stack))
        proxies = read_proxies(config.proxies)
        client = HttpClient(proxies=proxies)
        stack.push_async_callback(client.close)
        tokens = open_credentials(accounts, client, clock, stack)
        catalog = ModelCatalog(accounts, fetch_list(client, tokens, clock), PriceBook(config.prices))
        stack.push_async_callback(catalog.close)
        gauge = Gauge()
        bounds = await open_bounds(config, store, gauge, proxies, clock, stack)

        def make_router(listing: Listing) -> Router:
            return Router(accounts, config.aliases, listing, catalog, config.uncached, config.emulating)

        gateway = Gateway(
            Parts(
                keys=keyring if keyring.open_to_all else holders,
                key_maker=holders,
                catalog=catalog,
                upstream=client,
                ledger=open_ledger(config, store, ledger, stack),
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
                inline_file_bytes=config.inline_file_bytes,
                forwarded_prompts=config.forwarded_prompts,
                retention=config.retention,
                sessions=_make_sessions(config, keyring),
                labelling=Labelling(config.label_headers),
                evidence_bytes=HEARD_TIMES * config.audit.body_limit_bytes if config.audit.bodies else 0,
                store=None if store is None else store.ports,
                is_store_up=lambda: store is not None and store.up,
                settings=[Setting(shown.name, shown.value, shown.source) for shown in config.shown],
                write_metrics=None if store is None else count_requests(store, clock),
                gauge=gauge,
                admission=bounds.admission,
                limits=bounds.limits,
                purse=bounds.purse,
                budgets=bounds.budgets,
            )
        )
        stack.push_async_callback(gateway.close)
        gateway.start()
        catalog.start()
        ticking = asyncio.create_task(_tick(gateway), name="tick")
        stack.callback(ticking.cancel)
        _warn(accounts)
        yield gateway


@contextlib.asynccontextmanager
async def open_router(config: Config) -> AsyncIterator[tuple[Callable[[], Router], ModelCatalog]]:
    """What tells where names lead, without a gateway: a router for the newest listing, and the catalogue behind it."""
    accounts = list(config.accounts)
    if config.local:
        accounts.append(make_local(free_port(), ""))
    async with contextlib.AsyncExitStack() as stack:
        client, clock = HttpClient(proxies=read_proxies(config.proxies)), SystemClock()
        stack.push_async_callback(client.close)
        tokens = open_credentials(accounts, client, clock, stack)
        catalog = ModelCatalog(accounts, fetch_list(client, tokens, clock), PriceBook(config.prices))
        stack.push_async_callback(catalog.close)
        catalog.start()
        yield (
            lambda: Router(accounts, config.aliases, catalog.listing(), catalog, config.uncached, config.emulating),
            catalog,
        )


def _make_sessions(config: Config, keyring: Keyring) -> Sessions:
    key = keyring.derive("session")[keyring.newest]
    return Sessions(config.session_headers, guesses=config.guesses_sessions, key=key)


async def _tick(gateway: Gateway) -> None:
    while True:
        await asyncio.sleep(1)
        gateway.tick()


def _warn(accounts: Sequence[Account]) -> None:
    for account in accounts:
        if not account.origin.tls_verify:
            _log.warning("the certificate of `%s` is not verified: anybody on the way can read along", account.name)
