"""Published prices: how rows are made of what others publish, and what is read of them."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from trunkline.catalog import prices
from trunkline.catalog.prices import PriceBook, find_tariff, make_tariff, read_row
from trunkline.catalog.refresh_prices import read_prices, write_json, write_row
from trunkline.money import Rates, Tariff
from trunkline.usage import TIERS

ENTRY: dict[str, Any] = {
    "litellm_provider": "gemini",
    "mode": "chat",
    "input_cost_per_token": Decimal("1.25e-06"),
    "output_cost_per_token": Decimal("1e-05"),
    "output_cost_per_reasoning_token": Decimal("1e-05"),
    "cache_read_input_token_cost": Decimal("1.25e-07"),
    "input_cost_per_audio_token": Decimal("2e-06"),
    "input_cost_per_token_above_200k_tokens": Decimal("2.5e-06"),
    "output_cost_per_token_above_200k_tokens": Decimal("1.5e-05"),
    "input_cost_per_token_batches": Decimal("6.25e-07"),
    "output_cost_per_token_above_200k_tokens_batches": Decimal("7.5e-06"),
    "input_cost_per_token_ultrafast": 1,
    "output_cost_per_image": 1,
    "search_context_cost_per_query": {"search_context_size_medium": Decimal("0.035")},
}


def tariff_of(entry: dict[str, Any], seller: str = "gemini") -> Tariff:
    """What is read of the row that an entry makes, over the file's own text."""
    text = write_json(write_row(read_prices(entry, seller)))
    return make_tariff(read_row(msgspec.json.Decoder(list[Any], float_hook=Decimal).decode(text)), "published")


def test_the_usual_rates() -> None:
    """In nano-dollars for a million tokens, and for a request that searches."""
    rates = tariff_of(ENTRY).rates
    assert (rates.input, rates.output, rates.cached_input) == (1_250_000_000, 10_000_000_000, 125_000_000)
    assert (rates.reasoning, rates.audio_input, rates.cache_write) == (10_000_000_000, 2_000_000_000, 1_250_000_000)
    assert (rates.searched_request, rates.web_search) == (35_000_000, 0)


def test_a_large_input_and_a_tier() -> None:
    """What is not said of them is as usual; reasoning follows the output."""
    tariff = tariff_of(ENTRY)
    (step,) = tariff.long
    assert (step.above_tokens, step.rates.input, step.rates.reasoning) == (200_000, 2_500_000_000, 15_000_000_000)
    batch = tariff.tiers["batch"]
    assert (batch.rates.input, batch.rates.output, batch.rates.cached_input) == (
        625_000_000,
        10_000_000_000,
        125_000_000,
    )
    assert (batch.long[0].rates.input, batch.long[0].rates.output) == (625_000_000, 7_500_000_000)
    assert batch.rates.searched_request == 35_000_000


def test_a_search_is_paid_by_the_query_where_it_says_so() -> None:
    """Google's newer models, and everybody else's."""
    by_query = {**ENTRY, "web_search_billing_unit": "per_query"}
    assert tariff_of(by_query).rates.web_search == 35_000_000
    assert tariff_of({**ENTRY, "litellm_provider": "openai"}, "openai").rates.web_search == 35_000_000
    assert tariff_of({**ENTRY, "litellm_provider": "groq"}, "groq").rates.web_search == 0


def test_without_the_main_prices_there_is_no_row() -> None:
    """Half a price is none."""
    assert read_prices({"input_cost_per_token": 1}, "openai") == {}


def test_rows_have_their_own_digits() -> None:
    """As few as they need, and no exponent."""
    assert write_json([[Decimal("1E-7"), Decimal("20.00"), None]]) == "[[0.0000001,20,null]]"


@pytest.mark.parametrize(
    ("provider", "model", "bucket", "nano"),
    [
        ("openai", "gpt-5-mini", "input", 250_000_000),
        ("openai", "gpt-5-mini", "code_session", 30_000_000),
        ("openai", "gpt-5-mini", "web_search", 10_000_000),
        ("openai", "gpt-audio", "audio_output", 64_000_000_000),
        ("openai", "text-embedding-3-small", "output", 0),
        ("anthropic", "claude-sonnet-4-5-20250929", "cache_write_1h", 6_000_000_000),
        ("vertex", "claude-sonnet-4-5@20250929", "web_search", 10_000_000),
    ],
)
def test_shipped_prices(provider: str, model: str, bucket: str, nano: int) -> None:
    """Some that are known by heart."""
    tariff = find_tariff(provider, model)
    assert tariff is not None
    assert getattr(tariff.rates, bucket) == nano


def test_shipped_rows_are_tariffs() -> None:
    """Every one of them is read, with no price below nothing, and no tier that nobody can be served at."""
    for provider, rows in prices._read_prices().providers.items():
        for name in rows:
            tariff = find_tariff(provider, name)
            assert tariff is not None
            assert tariff.tiers.keys() <= set(TIERS)
            assert all(getattr(tariff.rates, bucket) >= 0 for bucket in Rates.__struct_fields__)


def test_declared_prices_come_first() -> None:
    """An exact name before a pattern, the longest pattern before others; fees are the provider's where none is said."""
    book = PriceBook(
        {
            "*/*": {"input": 1, "output": 1},
            "eu/gpt-5*": {"input": 2, "output": 2, "web_search": 9},
            "eu/gpt-5-mini": {"input": 3, "output": 4, "flex": {"input": 1}, ">1000": {"output": 8}},
        }
    )
    mini, large, other = (book("eu", "openai", model) for model in ("gpt-5-mini", "gpt-5.1", "gpt-4o"))
    assert mini is not None
    assert (mini.source, mini.rates.input, mini.rates.output, mini.rates.web_search) == ("declared", 3, 4, 10_000_000)
    assert (mini.tiers["flex"].rates.input, mini.tiers["flex"].rates.output) == (1, 4)
    assert (mini.long[0].above_tokens, mini.long[0].rates.output) == (1000, 8)
    assert large is not None
    assert (large.rates.input, large.rates.web_search) == (2, 9)
    assert other is not None
    assert other.rates.input == 1
    assert book("eu", "openai", "gpt-5-mini") is mini


def test_without_a_declared_price_the_published_one_counts() -> None:
    """What nobody priced has none, and the embedded model is free."""
    book = PriceBook({"azure/*": {"input": 1, "output": 1}})
    published = book("openai", "openai", "gpt-5-mini")
    assert published is not None
    assert (published.source, published.rates.input) == ("published", 250_000_000)
    assert book("ollama", "ollama", "llama") is None
    free = book("local", "local", "smollm2-135m")
    assert free is not None
    assert (free.source, max(getattr(free.rates, name) for name in Rates.__struct_fields__)) == ("free", 0)
