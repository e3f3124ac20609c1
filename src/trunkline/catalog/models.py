"""Which models each account serves, asked of the providers in the background and kept as one snapshot.

A provider that is down is asked again, less and less often; what it listed before stays. Knows providers as accounts
and a way to fetch; not what carries the request.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from trunkline.capabilities import Capabilities
from trunkline.catalog.capabilities import find_capabilities, find_owner
from trunkline.catalog.prices import Prices, find_published
from trunkline.errors import Denied, Refused, TimedOut, UpstreamError
from trunkline.money import Tariff
from trunkline.ports import Listed, Listing
from trunkline.providers.account import Account

Fetch = Callable[[Account], Awaitable[Sequence[bytes]]]
"""The bodies of an account's list calls. Raises `UpstreamError`: `Denied` and `Refused` where asking again is vain."""

REFRESH_SECONDS = 3600.0
RETRY_SECONDS = (2.0, 5.0, 15.0, 60.0, 300.0)
_FETCH_WITHIN_SECONDS = 30.0

# As many names as are in use; a caller who invents names must not fill the memory.
_MEMO_SIZE = 4096

_log = logging.getLogger("trunkline.catalog")


class ModelCatalog:
    """The catalogue that the engine asks. `start` begins to fetch and returns at once; `close` ends it."""

    def __init__(
        self,
        accounts: Sequence[Account],
        fetch: Fetch,
        prices: Prices = find_published,
        *,
        refresh_seconds: float = REFRESH_SECONDS,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
    ) -> None:
        self._accounts = accounts
        self._fetch = fetch
        self._prices = prices
        self._refresh_seconds = refresh_seconds
        self._retry_seconds = retry_seconds
        self._listing: Listing = {account.name: _at_first(account) for account in accounts}
        # Not yet asked once; whoever waits for lists waits for these, not for a provider that is known to be down.
        self._unasked = {account.name: asyncio.Event() for account in accounts if account.models.needs_list}
        self._tasks: list[asyncio.Task[None]] = []
        self._memo: dict[tuple[str, str], Capabilities] = {}

    # --- what the engine asks -----------------------------------------------------------------------------------

    def listing(self) -> Listing:
        return self._listing

    async def settle(self, seconds: float) -> None:
        """Wait until every account has been asked once, whatever it said; at most so long."""
        waiting = list(self._unasked.values())
        if not waiting:
            return
        try:
            async with asyncio.timeout(seconds):
                for asked in waiting:
                    await asked.wait()
        except TimeoutError:
            pass

    def capabilities(self, provider: str, model: str, base: Capabilities) -> Capabilities:
        known = self._memo.get((provider, model))
        if known is None:
            known = find_capabilities(provider, model, base)
            if len(self._memo) < _MEMO_SIZE:
                self._memo[provider, model] = known
        return known

    def tariff(self, account: str, provider: str, model: str) -> Tariff | None:
        return self._prices(account, provider, model)

    def owner(self, model: str) -> str | None:
        return find_owner(model)

    # --- asking the providers -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to ask, all accounts at once."""
        self._tasks = [
            asyncio.create_task(self._keep(account), name=f"models of {account.name}")
            for account in self._accounts
            if account.models.needs_list
        ]

    async def close(self) -> None:
        """Stop asking."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _keep(self, account: Account) -> None:
        failures = 0
        while True:
            error = await self._ask(account)
            failures = failures + 1 if error is not None else 0
            if asked := self._unasked.pop(account.name, None):
                asked.set()
            if error is None or _is_final(error):
                await asyncio.sleep(self._refresh_seconds)
            else:
                await asyncio.sleep(self._retry_seconds[min(failures, len(self._retry_seconds)) - 1])

    async def _ask(self, account: Account) -> UpstreamError | None:
        """Fetch one list and take it in; says what went wrong instead of raising it."""
        try:
            async with asyncio.timeout(_FETCH_WITHIN_SECONDS):
                bodies = await self._fetch(account)
            listed = [name for body in bodies for name in account.provider.read_models(body)]
            names = account.models.apply(listed)
        except TimeoutError:
            error: UpstreamError = TimedOut(f"{account.name} did not answer in {_FETCH_WITHIN_SECONDS:.0f} s")
        except UpstreamError as caught:
            error = caught
        else:
            self._replace(account, Listed(names, complete=True))
            return None
        self._note_failure(account, error)
        return error

    def _note_failure(self, account: Account, error: UpstreamError) -> None:
        _log.warning("the models of %s cannot be had: %s", account.name, account.redact(error.message))
        before = self._listing[account.name]
        if before.complete and not before.pending:
            return  # a list was had before: it stays
        rules = account.models
        self._replace(account, Listed(rules.apply(()), complete=rules.names_models, pending=not _is_final(error)))

    def _replace(self, account: Account, listed: Listed) -> None:
        """A new snapshot, but only if something changed: whoever holds the old one would otherwise start anew."""
        if listed != self._listing[account.name]:
            self._listing = {**self._listing, account.name: listed}


def _at_first(account: Account) -> Listed:
    rules = account.models
    known = rules.names_models if not rules.has_list else not rules.needs_list
    return Listed(rules.extra, complete=known, pending=rules.needs_list)


def _is_final(error: UpstreamError) -> bool:
    """Whether the list will not come by asking again soon: forbidden to this key, or no such call there."""
    return isinstance(error, Denied | Refused)
