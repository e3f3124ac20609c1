"""Money is whole nano-dollars, and rounded in one place."""

import pytest

from trunkline.money import Rates, price, read_dollars, round_half_even, write_dollars
from trunkline.usage import Usage

RATES = Rates(input=250_000_000, output=2_000_000_000, cached_input=25_000_000, cache_write=1, cache_write_1h=3)


def test_a_price_is_the_sum_over_the_buckets() -> None:
    """Each bucket at its own rate; reasoning costs what output does."""
    usage = Usage(1000, 200, 0, 50, 10)
    assert price(usage, RATES) == 1000 * 250 + 200 * 25 + 60 * 2000


@pytest.mark.parametrize(("parts", "expected"), [(4, 0), (5, 0), (6, 1), (15, 2), (25, 2), (35, 4)])
def test_halves_are_rounded_to_the_even_one(parts: int, expected: int) -> None:
    """Once, over the whole fraction."""
    assert round_half_even(parts, 10) == expected


@pytest.mark.parametrize(("text", "nano"), [("12", 12_000_000_000), ("0.25", 250_000_000), ("0.000000001", 1)])
def test_dollars_are_read_as_they_are_written(text: str, nano: int) -> None:
    """Without a float on the way."""
    assert (read_dollars(text), write_dollars(nano)) == (nano, text)


@pytest.mark.parametrize("text", ["", "-1", "1e3", "1.", ".5", "1.0000000001", "٣", "1,5"])
def test_other_texts_are_no_dollars(text: str) -> None:
    """And say how dollars are written."""
    with pytest.raises(ValueError, match="dollars are written like"):
        read_dollars(text)
