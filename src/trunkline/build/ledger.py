"""Where records go: log lines, the store's ledger, and counts for whoever watches the gateway."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from trunkline.clock import Clock
from trunkline.config.config import Config
from trunkline.log.both import Both
from trunkline.log.gauges import read_gauges
from trunkline.log.lines import LogLines, write_json, write_text
from trunkline.log.metrics import Metrics
from trunkline.ports import Ledger
from trunkline.store.open import OpenStore


def open_ledger(config: Config, store: OpenStore | None, told: Ledger | None, stack: AsyncExitStack) -> Ledger:
    """The store's ledger where there is one, and `told` behind it; without that it is log lines."""
    if told is None:
        told = lines = LogLines(_choose_lines(config))
        stack.callback(lines.close)
    return told if store is None else Both(store.ledger, told)


def count_requests(store: OpenStore, clock: Clock) -> Callable[[int], Awaitable[bytes]]:
    """What writes the counts of everything that is recorded from now on."""
    metrics = Metrics()
    store.ledger.listen(metrics.take)

    async def write(live_streams: int) -> bytes:
        state = store.ledger.state()
        gauges = read_gauges(state, clock.now_micros(), is_store_up=store.up, live_streams=live_streams)
        return await asyncio.to_thread(metrics.write, gauges)

    return write


def _choose_lines(config: Config) -> Callable[..., bytes]:
    text = config.log_format == "text" or (config.log_format is None and sys.stderr.isatty())
    return write_text if text else write_json
