"""What every implementation of counters is asked: the same questions of this process' memory and of a real Valkey."""

from collections.abc import Awaitable, Sequence
from typing import TypeVar

from trunkline.state.counters import Claim, Counters, Level, Outcome, Refused, Taken

Value = TypeVar("Value")

MINUTE_MS = 60_000


async def settled(value: Value | Awaitable[Value]) -> Value:
    """What is to be awaited, awaited."""
    return await value if isinstance(value, Awaitable) else value


async def take(counters: Counters, *claims: Claim) -> Outcome:
    return await settled(counters.take(claims))


async def must_take(counters: Counters, *claims: Claim) -> Taken:
    outcome = await take(counters, *claims)
    assert isinstance(outcome, Taken), outcome
    return outcome


async def must_refuse(counters: Counters, *claims: Claim) -> Refused:
    outcome = await take(counters, *claims)
    assert isinstance(outcome, Refused), outcome
    return outcome


async def look(counters: Counters, *claims: Claim) -> Sequence[Level]:
    return await settled(counters.look(claims))


def rate(
    key: bytes = b"rate", amount: int = 1, most: int = 3, period_ms: int = MINUTE_MS, *, held: bool = False
) -> Claim:
    return Claim(key, "rate", amount, most, period_ms, 0, held)


def window(key: bytes = b"window", amount: int = 1, most: int = 3, end_micros: int = 0, *, held: bool = True) -> Claim:
    return Claim(key, "window", amount, most, 0, end_micros, held)


def slot(key: bytes = b"slots", most: int = 2) -> Claim:
    return Claim(key, "slots", 1, most)
