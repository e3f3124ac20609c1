"""What bounds requests: counters, and budgets that know what was spent."""

import asyncio
import secrets
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from msgspec import Struct

from trunkline.build.dialects import DIALECTS
from trunkline.clock import Clock
from trunkline.config.config import Config
from trunkline.engine.bounds.admission import Admission
from trunkline.engine.bounds.budgets.alerts import Herald
from trunkline.engine.bounds.budgets.bounds import BudgetBounds
from trunkline.engine.bounds.budgets.funds import Funds
from trunkline.engine.bounds.budgets.means import Means
from trunkline.engine.bounds.budgets.purse import Purse
from trunkline.engine.bounds.budgets.treasury import Treasury
from trunkline.engine.bounds.limits import RateLimits
from trunkline.engine.estimates.gauge import Gauge
from trunkline.errors import ConfigError
from trunkline.shared.counters import MemoryCounters
from trunkline.state.counters import Counters
from trunkline.store.open import OpenStore
from trunkline.upstream.post import Poster, check_url
from trunkline.upstream.proxy import Proxies


class Bounding(Struct, frozen=True):
    """What admits requests, and what administrators are shown of it. There are no budgets where nothing is kept."""

    admission: Admission
    limits: RateLimits
    purse: Purse | None = None
    budgets: Means | None = None


async def open_bounds(
    config: Config, store: OpenStore | None, gauge: Gauge, proxies: Proxies, clock: Clock, stack: AsyncExitStack
) -> Bounding:
    """Limits and budgets as they are in force, and what looks after them for as long as the stack lasts."""
    counters = await _open_counters(config, clock, stack)
    limits = RateLimits(config.limits, None if store is None else store.ports.limits)
    await limits.refresh()
    _watch(stack, limits=limits.follow())
    if store is None:
        return Bounding(Admission(counters, [limits]), limits)
    funds, kept = Funds(), store.ports.budgets
    treasury = Treasury(funds, counters, kept, clock, config.budgets, store.ledger.settle)
    await treasury.refresh()
    counters.when_in_doubt(funds.doubt)
    herald = Herald(funds, treasury, Poster(proxies=proxies, hosts=config.fetch.hosts), clock)
    _watch(stack, budgets=treasury.watch(), alerts=herald.watch())
    bounds = BudgetBounds(funds, clock, gauge, DIALECTS, config.output_limit_tokens)
    check = partial(check_url, hosts=config.fetch.hosts)
    means = Means(kept, config.budgets, treasury.look, treasury.refresh, check, secrets.token_bytes)
    return Bounding(Admission(counters, [limits, bounds]), limits, Purse(counters, bounds), means)


def _watch(stack: AsyncExitStack, **works: Coroutine[Any, Any, None]) -> None:
    for name, work in works.items():
        stack.callback(asyncio.create_task(work, name=name).cancel)


async def _open_counters(config: Config, clock: Clock, stack: AsyncExitStack) -> Counters:
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
