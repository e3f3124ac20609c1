"""Money, in integers: one nano-dollar is the smallest amount, and the only rounding is `price`'s."""

from typing import NewType

from msgspec import Struct

from trunkline.usage import Usage

Nano = NewType("Nano", int)
"""A thousand-millionth of a dollar."""

FREE = Nano(0)

_PER = 1_000_000


class Rates(Struct, frozen=True, array_like=True):
    """Nano-dollars for a million tokens: integers, so that no price is rounded before it is added up."""

    input: int
    output: int
    cached_input: int
    cache_write: int
    cache_write_1h: int


def price(usage: Usage, rates: Rates) -> Nano:
    """What this usage costs: an exact fraction over its buckets, rounded once, half to even."""
    parts = (
        usage.input_tokens * rates.input
        + usage.cached_input_tokens * rates.cached_input
        + usage.cache_write_tokens * rates.cache_write
        + usage.cache_write_1h_tokens * rates.cache_write_1h
        + usage.total_output * rates.output
    )
    return Nano(round_half_even(parts, _PER))


def round_half_even(numerator: int, denominator: int) -> int:
    """The nearest integer to a fraction, of two equally near ones the even one."""
    whole, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and whole % 2):
        return whole + 1
    return whole


def read_dollars(text: str) -> Nano:
    """Dollars as a plain decimal (`12`, `0.25`) → nano-dollars. Raises `ValueError` for anything else, and for more than
    nine decimals."""
    whole, point, decimals = text.strip().partition(".")
    digits = whole + decimals
    if (
        not whole
        or bool(point) != bool(decimals)
        or not digits.isascii()
        or not digits.isdigit()
        or len(decimals) > 9
        or len(whole) > 9
    ):
        raise ValueError("dollars are written like 12 or 0.25, with nine decimals at most")
    return Nano(int(whole) * 1_000_000_000 + int(decimals.ljust(9, "0")))


def write_dollars(nano: int) -> str:
    """Nano-dollars → dollars as a plain decimal, without zeros at its end."""
    sign, nano = ("-", -nano) if nano < 0 else ("", nano)
    whole, rest = divmod(nano, 1_000_000_000)
    return f"{sign}{whole}.{rest:09d}".rstrip("0").rstrip(".")
