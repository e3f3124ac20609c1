"""Money, in integers: one nano-dollar is the smallest amount, and each price is rounded once.

A `Tariff` is all that a model may cost; `Rates` are what of it applies to one reply, by where it was served and how
much went in. `charge` is what a reply costs, `dearest_rates` the most that one to come may.
"""

from collections.abc import Mapping
from typing import Any, NewType

from msgspec import Struct

from trunkline.usage import Usage

Nano = NewType("Nano", int)
"""A thousand-millionth of a dollar."""

FREE = Nano(0)

TOLD, PUBLISHED, DECLARED, NOTHING_TO_PAY = "told", "published", "declared", "free"
"""Where a cost is from: the provider's own word, the tables of published prices, the configuration, or nothing is paid
for the model."""

_PER = 1_000_000


class Rates(Struct, frozen=True, array_like=True):
    """Nano-dollars for a million tokens, and for one call of a hosted tool: integers, so that no price is rounded
    before it is added up. `searched_request` is for a request that searched, however often."""

    input: int
    output: int
    cached_input: int
    cache_write: int
    cache_write_1h: int
    reasoning: int
    audio_input: int
    cached_audio: int
    audio_output: int
    image_input: int
    image_output: int
    web_search: int = 0
    code_session: int = 0
    file_search: int = 0
    searched_request: int = 0


Known = dict[str, Any]
"""What is known of a model's rates, by the names of `Rates`; another one of these under a tier of service, and under
`>200000` for a large input."""


def fill_rates(known: Mapping[str, int]) -> Rates:
    """Rates of which not all are known, but `input` and `output` are: what is not said costs what is likest to it."""
    plain, output = known["input"], known["output"]
    write, sound = known.get("cache_write", plain), known.get("audio_input", plain)
    return Rates(
        input=plain,
        output=output,
        cached_input=known.get("cached_input", plain),
        cache_write=write,
        cache_write_1h=known.get("cache_write_1h", write),
        reasoning=known.get("reasoning", output),
        audio_input=sound,
        cached_audio=known.get("cached_audio", sound if "audio_input" in known else known.get("cached_input", plain)),
        audio_output=known.get("audio_output", output),
        image_input=known.get("image_input", plain),
        image_output=known.get("image_output", output),
        web_search=known.get("web_search", 0),
        code_session=known.get("code_session", 0),
        file_search=known.get("file_search", 0),
        searched_request=known.get("searched_request", 0),
    )


class Long(Struct, frozen=True):
    """What a reply costs, all of it, when more than so many tokens went in."""

    above_tokens: int
    rates: Rates


_NO_TIERS: Mapping[str, "Tariff"] = {}


class Tariff(Struct, frozen=True):
    """What a model costs: usually, for a large input (the largest first), and at other tiers of service.

    `source` is who says so.
    """

    rates: Rates
    long: tuple[Long, ...] = ()
    tiers: Mapping[str, "Tariff"] = _NO_TIERS
    source: str = PUBLISHED


def choose_rates(usage: Usage, tariff: Tariff) -> Rates:
    """What of a tariff applies: a tier that it does not know costs the usual."""
    if usage.tier:
        tariff = tariff.tiers.get(usage.tier, tariff)
    if tariff.long:
        size = usage.total_input
        for step in tariff.long:
            if size > step.above_tokens:
                return step.rates
    return tariff.rates


def price(usage: Usage, rates: Rates) -> Nano:
    """What this usage costs: an exact fraction over its buckets, rounded once, half to even."""
    # Done for every request, and most buckets are empty.
    if usage.billed_input_tokens or usage.billed_output_tokens:
        usage = _as_billed(usage)
    parts = usage.input_tokens * rates.input + usage.output_tokens * rates.output
    if cached := usage.cached_input_tokens:
        parts += cached * rates.cached_input
    if thought := usage.reasoning_tokens:
        parts += thought * rates.reasoning
    if usage.cache_write_tokens or usage.cache_write_1h_tokens:
        parts += usage.cache_write_tokens * rates.cache_write + usage.cache_write_1h_tokens * rates.cache_write_1h
    if usage.audio_input_tokens or usage.cached_audio_tokens or usage.audio_output_tokens:
        parts += _price_sound(usage, rates)
    if usage.image_input_tokens or usage.image_output_tokens:
        parts += usage.image_input_tokens * rates.image_input + usage.image_output_tokens * rates.image_output
    if usage.web_searches or usage.code_sessions or usage.file_searches:
        parts += _PER * _price_calls(usage, rates)
    whole, rest = divmod(parts, _PER)
    return Nano(whole if not rest else round_half_even(parts, _PER))


def _as_billed(usage: Usage) -> Usage:
    return Usage(
        input_tokens=usage.billed_input_tokens,
        output_tokens=usage.billed_output_tokens,
        web_searches=usage.web_searches,
        code_sessions=usage.code_sessions,
        file_searches=usage.file_searches,
    )


def _price_sound(usage: Usage, rates: Rates) -> int:
    return (
        usage.audio_input_tokens * rates.audio_input
        + usage.cached_audio_tokens * rates.cached_audio
        + usage.audio_output_tokens * rates.audio_output
    )


def _price_calls(usage: Usage, rates: Rates) -> int:
    return (
        usage.web_searches * rates.web_search
        + usage.code_sessions * rates.code_session
        + usage.file_searches * rates.file_search
        + (rates.searched_request if usage.web_searches else 0)
    )


def charge(usage: Usage, tariff: Tariff | None) -> tuple[Nano | None, Rates | None, str]:
    """What a reply cost, by which rates, and who says so: `told` by the provider itself, else the tariff's source.

    Without a price the cost is `None`, and nobody says so.
    """
    if usage.told_cost is not None:
        return Nano(usage.told_cost), None, TOLD
    if tariff is None:
        return None, None, ""
    rates = choose_rates(usage, tariff)
    return price(usage, rates), rates, tariff.source


# --- the most that something may cost -----------------------------------------------------------------------------


def dearest_rates(tariff: Tariff, input_tokens: int, tier: str = "") -> Rates:
    """The dearest rates, each for itself, that a request of at most so many tokens may meet at a tier (`""`: the
    usual).

    A provider may serve at the usual tier what asked for another one.
    """
    found = [tariff, tariff.tiers.get(tier, tariff)]
    rates = [each.rates for each in found]
    rates += [step.rates for each in found for step in each.long if input_tokens > step.above_tokens]
    return Rates(*(max(getattr(each, name) for each in rates) for name in Rates.__struct_fields__))


def dearest_input(rates: Rates, *, has_audio: bool = False, has_images: bool = False, hour: bool = False) -> int:
    """The most that one million tokens of input may cost: `hour`: it may be written to a cache for an hour."""
    return max(
        rates.input,
        rates.cached_input,
        rates.cache_write,
        rates.cache_write_1h if hour else 0,
        max(rates.audio_input, rates.cached_audio) if has_audio else 0,
        rates.image_input if has_images else 0,
    )


def dearest_output(rates: Rates, *, has_audio: bool = False, has_images: bool = False) -> int:
    """The most that one million tokens of output may cost."""
    return max(
        rates.output,
        rates.reasoning,
        rates.audio_output if has_audio else 0,
        rates.image_output if has_images else 0,
    )


def dearest_fee(rates: Rates) -> int:
    """The most that one call of a hosted tool may cost, in nano-dollars."""
    return max(rates.web_search, rates.code_session, rates.file_search, rates.searched_request)


# --- numbers and their texts --------------------------------------------------------------------------------------


def round_half_even(numerator: int, denominator: int) -> int:
    """The nearest integer to a fraction, of two equally near ones the even one."""
    whole, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and whole % 2):
        return whole + 1
    return whole


def read_dollars(text: str) -> Nano:
    """Dollars as a plain decimal (`12`, `0.25`) → nano-dollars. Raises `ValueError` for anything else, and for more
    than nine decimals."""
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
    if 0 < nano < 1_000_000_000:
        # Nearly every request costs that little, and says so.
        return ("0.%09d" % nano).rstrip("0")  # noqa: UP031  # the fastest
    if nano < 0:
        return "-" + write_dollars(-nano)
    whole, rest = divmod(nano, 1_000_000_000)
    return f"{whole}.{rest:09d}".rstrip("0") if rest else str(whole)
