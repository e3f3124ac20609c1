"""The time, and chance: the only module that reads either, so that everything else can be repeated."""

import itertools
import secrets
import time
from typing import Protocol


class Clock(Protocol):
    """Wall time in whole microseconds since the epoch (UTC), and a monotonic time in seconds for durations."""

    def now_micros(self) -> int: ...

    def monotonic(self) -> float: ...


class SystemClock:
    """The machine's own clock."""

    def now_micros(self) -> int:
        return time.time_ns() // 1000

    # The function itself: it is asked several times a request.
    monotonic = staticmethod(time.monotonic)


class FakeClock:
    """A clock that moves only when told to."""

    def __init__(self, start_micros: int = 1_700_000_000_000_000) -> None:
        self.micros = start_micros

    def now_micros(self) -> int:
        return self.micros

    def monotonic(self) -> float:
        return self.micros / 1e6

    def advance(self, seconds: float) -> None:
        self.micros += round(seconds * 1e6)


class Mint(Protocol):
    """Makes an unguessable id with the given prefix: `mint("msg_")` is `msg_` and 48 hex digits."""

    def __call__(self, prefix: str) -> str: ...


def mint(prefix: str) -> str:
    """An id in OpenAI's shape: the prefix and 48 hex digits from the system's random source."""
    return prefix + secrets.token_hex(24)


_RUN = secrets.token_hex(8)
_REQUESTS = itertools.count(1)


def mint_request_id() -> str:
    """`req_` and 32 hex digits: a random half for this process, and a count. Told apart, not kept secret."""
    return f"req_{_RUN}{next(_REQUESTS):016x}"


class CountingMint:
    """Ids that count up, for tests and golden files: `msg_…0001`, `msg_…0002`."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count:048x}"
