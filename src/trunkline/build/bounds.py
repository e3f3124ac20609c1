"""What bounds requests: counters, and budgets that know what was spent."""

import asyncio
import contextlib
import secrets

from msgspec import Struct

from trunkline.build.dialects import DIALECTS
from trunkline.clock import Clock
from trunkline.config.config import Config
from trunkline.engine.bounds.budgets.alerts import Herald
from trunkline.engine.bounds.budgets.bounds import BudgetBounds
from trunkline.engine.bounds.budgets.funds import Funds
from trunkline.engine.bounds.budgets.office import BudgetOffice, Means, OpenOffice
from trunkline.engine.bounds.budgets.purse import Purse
from trunkline.engine.bounds.budgets.treasury import Treasury
from trunkline.engine.gauge import Gauge
from trunkline.engine.witness import Witness
from trunkline.errors import ConfigError
from trunkline.shared.counters import MemoryCounters
from trunkline.state.counters import Counters
from trunkline.store.open import OpenStore
from trunkline.upstream.post import Poster, check_url
from trunkline.upstream.proxy import Proxies


async def open_counters(config: Config, clock: Clock, stack: contextlib.AsyncExitStack) -> Counters:
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


class Budgeting(Struct, frozen=True):
    bounds: BudgetBounds
    purse: Purse
    open_office: OpenOffice


async def open_budgets(
    config: Config,
    store: OpenStore,
    counters: Counters,
    gauge: Gauge,
    proxies: Proxies,
    clock: Clock,
    stack: contextlib.AsyncExitStack,
) -> Budgeting:
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

    return Budgeting(bounds, Purse(counters, bounds), open_office)
