"""Money is whole nano-dollars, and rounded in one place."""

import pytest

from trunkline.money import (
    Long,
    Rates,
    Tariff,
    charge,
    choose_rates,
    dearest_fee,
    dearest_input,
    dearest_output,
    dearest_rates,
    fill_rates,
    price,
    read_dollars,
    round_half_even,
    write_dollars,
)
from trunkline.usage import NO_USAGE, Usage

RATES = fill_rates(
    {"input": 250_000_000, "output": 2_000_000_000, "cached_input": 25_000_000, "cache_write": 1, "cache_write_1h": 3}
)
HALF = fill_rates({"input": 125_000_000, "output": 1_000_000_000})
DOUBLE = fill_rates({"input": 500_000_000, "output": 4_000_000_000, "web_search": 14_000_000})
TARIFF = Tariff(RATES, (Long(200_000, DOUBLE),), {"flex": Tariff(HALF)})


def test_a_price_is_the_sum_over_the_buckets() -> None:
    """Each bucket at its own rate; reasoning costs what output does."""
    usage = Usage(1000, 200, 0, 50, 10)
    assert price(usage, RATES) == 1000 * 250 + 200 * 25 + 60 * 2000


def test_every_bucket_has_a_rate_of_its_own() -> None:
    """No two of them are mixed up, and a fee is for one call."""
    rates = Rates(*(10 ** (6 + place) for place in range(11)), 7, 5, 3, 90_000)
    usage = Usage(1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 10, 100, 1000)
    assert price(usage, rates) == 21_987_563_241 + 10 * 7 + 100 * 5 + 1000 * 3 + 90_000


def test_what_is_not_said_costs_what_is_likest() -> None:
    """A cache read costs what plain input does, sound what words do."""
    rates = fill_rates({"input": 5, "output": 9, "audio_input": 7})
    assert (rates.cached_input, rates.cache_write_1h, rates.reasoning) == (5, 5, 9)
    assert (rates.cached_audio, rates.audio_output, rates.web_search) == (7, 9, 0)


@pytest.mark.parametrize(
    ("usage", "rates"),
    [
        (Usage(200_000), RATES),
        (Usage(100_000, 100_001), DOUBLE),
        (Usage(300_000, tier="flex"), HALF),
        (Usage(5, tier="priority"), RATES),
        (Usage(5, tier="default"), RATES),
    ],
)
def test_size_and_tier_choose_the_rates(usage: Usage, rates: Rates) -> None:
    """All that went in counts for the size, and an unknown tier costs the usual."""
    assert choose_rates(usage, TARIFF) is rates


def test_a_told_cost_wins() -> None:
    """It has no rates; without a tariff there is neither."""
    assert charge(Usage(5, told_cost=7), TARIFF) == (7, None, "told")
    assert charge(Usage(4), TARIFF) == (1000, RATES, "published")
    assert charge(Usage(4), None) == (None, None, "")


def test_the_dearest_that_a_request_may_meet() -> None:
    """Over its tier and the usual one, as large as it may be."""
    assert dearest_rates(TARIFF, 200_000).input == 250_000_000
    assert dearest_rates(TARIFF, 200_001).input == 500_000_000
    assert dearest_rates(TARIFF, 10, "flex").cached_input == 125_000_000
    rates = Rates(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14)
    assert (dearest_input(rates), dearest_input(rates, hour=True), dearest_input(rates, has_audio=True)) == (4, 5, 8)
    assert (dearest_output(rates), dearest_output(rates, has_images=True), dearest_fee(rates)) == (6, 11, 14)


def test_usages_are_added_and_taken_away() -> None:
    """Bucket by bucket, what was told included; what comes later says the tier."""
    one, other = Usage(5, tier="default", told_cost=3), Usage(2, 1, web_searches=1, tier="flex", told_cost=2)
    assert one + other == Usage(7, 1, web_searches=1, tier="flex", told_cost=5)
    assert (one + other) - one == Usage(2, 1, web_searches=1, tier="flex", told_cost=2)
    assert one + NO_USAGE == one
    assert one - NO_USAGE == one


def test_sums_hold_sound_and_pictures() -> None:
    """They are what OpenAI's wire calls input and output."""
    usage = Usage(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 100)
    assert (usage.total_input, usage.total_output, usage.total) == (37, 29, 66)


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
