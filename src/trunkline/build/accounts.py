"""Accounts at providers: how their models are listed, and the embedded model's own."""

import contextlib

from trunkline.build.dialects import UPSTREAMS
from trunkline.catalog.models import Fetch
from trunkline.engine.attempts import redacted
from trunkline.errors import UpstreamError
from trunkline.ports import UpstreamRequest
from trunkline.providers.account import Account, ModelRules, make_account
from trunkline.providers.directory import load_provider
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


def fetch_list(client: HttpClient) -> Fetch:
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
