"""Keys that were wrong, by address: each one more is answered later. Asked only for those that are wrong."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable

from trunkline.clock import Clock
from trunkline.errors import RateLimited, TrunklineError

# A client that was set up wrongly tries a few times, and should hear of it at once.
_FREE = 5
_FIRST_SECONDS, _MOST_SECONDS = 0.1, 5.0
_FORGOTTEN_AFTER_SECONDS = 600.0

_MOST_ADDRESSES = 4096
# How many may be kept waiting: of one address, and together.
_MOST_WAITING, _MOST_WAITING_TOGETHER = 8, 256

Sleep = Callable[[float], Awaitable[object]]


class _Address:
    """What is known of one address."""

    __slots__ = ("count", "last", "waiting")

    def __init__(self) -> None:
        self.count = 0
        self.last = 0.0
        self.waiting = 0


class Failures:
    """All addresses that have lately sent wrong keys, those that did so last at the end."""

    def __init__(self, clock: Clock, sleep: Sleep = asyncio.sleep) -> None:
        self._clock = clock
        self._sleep = sleep
        self._addresses: dict[str, _Address] = {}
        self._waiting = 0

    async def slow_down(self, peer: str, error: TrunklineError) -> TrunklineError:
        """The answer to a wrong key, when its time has come; another one where too many wait already."""
        address, seconds = self._note(peer)
        if not seconds:
            return error
        if address.waiting >= _MOST_WAITING or self._waiting >= _MOST_WAITING_TOGETHER:
            return _too_many(seconds)
        address.waiting += 1
        self._waiting += 1
        try:
            await self._sleep(seconds)
        finally:
            address.waiting -= 1
            self._waiting -= 1
        return error

    def answer_now(self, peer: str, error: TrunklineError) -> TrunklineError:
        """The same where nobody can be kept waiting."""
        _, seconds = self._note(peer)
        return _too_many(seconds) if seconds else error

    def _note(self, peer: str) -> tuple[_Address, float]:
        """One more failure of an address, and how long its answer should take."""
        name, now = _network(peer), self._clock.monotonic()
        address = self._addresses.pop(name, None)
        if address is None or now - address.last > _FORGOTTEN_AFTER_SECONDS:
            address = _Address()
        if len(self._addresses) >= _MOST_ADDRESSES:
            del self._addresses[next(iter(self._addresses))]
        self._addresses[name] = address
        address.count += 1
        address.last = now
        beyond = address.count - _FREE
        # Bounded before it is raised: a count may become large.
        return address, min(_FIRST_SECONDS * 2 ** min(beyond - 1, 16), _MOST_SECONDS) if beyond > 0 else 0.0


def _too_many(seconds: float) -> RateLimited:
    return RateLimited(
        "too many calls with keys that are not known here have come from this address: check the key",
        code="too_many_wrong_keys",
        retry_after_seconds=seconds,
    )


def _network(peer: str) -> str:
    """Who is one caller: an address, or the network of IPv6 that one host is given."""
    if ":" not in peer:
        return peer
    try:
        return str(ipaddress.IPv6Network((peer.partition("%")[0], 64), strict=False))
    except ValueError:
        return peer
