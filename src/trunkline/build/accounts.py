"""Accounts at providers: how their models are listed, and the embedded model's own."""

import contextlib
from collections.abc import Sequence

from trunkline.build.dialects import UPSTREAMS
from trunkline.catalog.models import Fetch
from trunkline.clock import Clock
from trunkline.engine.attempts import redacted
from trunkline.errors import UpstreamError
from trunkline.ports import Credentials, UpstreamRequest
from trunkline.providers.account import Account, list_requests, make_account
from trunkline.providers.directory import load_provider
from trunkline.providers.model_rules import ModelRules
from trunkline.upstream.credentials.asker import Asker
from trunkline.upstream.credentials.find import find_sources
from trunkline.upstream.credentials.tokens import Tokens
from trunkline.upstream.embedded import MODEL, Embedded, free_port
from trunkline.upstream.http1 import HttpClient

# A list of models is a few hundred kilobytes with the largest of them.
_LIST_BYTES = 16 * 1024 * 1024


async def open_embedded(stack: contextlib.AsyncExitStack) -> Account:
    """The embedded model's child, and the account that reaches it."""
    embedded = Embedded(free_port())
    stack.push_async_callback(embedded.stop)
    await embedded.start()
    return make_local(embedded.port, embedded.key)


def make_local(port: int, key: str) -> Account:
    return make_account(
        load_provider("local"),
        base_url=f"http://127.0.0.1:{port}/v1",
        api_key=key,
        models=ModelRules(extra=frozenset({MODEL}), only=True),
    )


def open_credentials(
    accounts: Sequence[Account], client: HttpClient, clock: Clock, stack: contextlib.AsyncExitStack
) -> Tokens:
    """What opens the accounts that no lasting key does. What a machine says of itself is asked past every proxy."""
    nearby = HttpClient()
    stack.push_async_callback(nearby.close)
    tokens = Tokens(Asker(client, nearby, clock), find_sources(accounts))
    stack.push_async_callback(tokens.close)
    return tokens


def fetch_list(client: HttpClient, credentials: Credentials, clock: Clock) -> Fetch:
    async def ask(account: Account, request: UpstreamRequest) -> bytes:
        try:
            if account.provider.token:
                request = await credentials.open(account.name, request)
            reply = await client.send(request)
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

    async def fetch(account: Account) -> list[bytes]:
        return [await ask(account, request) for request in list_requests(account, clock.now_micros())]

    return fetch
