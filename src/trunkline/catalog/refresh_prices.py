"""Published prices → rows of `data/prices.json`: the half of `refresh` that is about money.

A row is `[figures, conditions]`: dollars for a million tokens in the order of `FIGURES`, without the ones at its end
that nobody told, and what else is known: other figures by their names, dollars for one call by the name of the tool,
and rows of the same kind for a tier of service (`flex`) or a large input (`>200000`), which say what differs there.
"""

import datetime as dt
import importlib
import importlib.metadata
import json
import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from trunkline.catalog.names import plain_name, undated_name
from trunkline.catalog.prices import FIGURES

Known = dict[str, Any]
"""Decimals by the names of `Rates`; under a tier or `>200000` another one of these."""

Table = dict[str, Any]

_MILLION = 1_000_000

_NAMES = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached_input",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_audio_token": "audio_input",
    "cache_read_input_audio_token_cost": "cached_audio",
    "output_cost_per_audio_token": "audio_output",
    "input_cost_per_image_token": "image_input",
    "output_cost_per_image_token": "image_output",
}
"""LiteLLM's members → ours."""

_MEMBER = re.compile(rf"({'|'.join(sorted(_NAMES, key=len, reverse=True))})(?:_above_(\d+)k_tokens)?(?:_(\w+))?")
_TIERS = {"batches": "batch", "flex": "flex", "priority": "priority"}

_SEARCHING = frozenset({"openai", "azure", "anthropic", "gemini", "vertex"})
"""Providers whose searches are counted in what a reply used."""

_GOOGLE = frozenset({"gemini", "vertex_ai-language-models"})
"""LiteLLM's words for who serves Google's own models."""

_PRICE_NAMES = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cached_input",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_reasoning_mtok": "reasoning",
    "input_audio_mtok": "audio_input",
    "cache_audio_read_mtok": "cached_audio",
    "output_audio_mtok": "audio_output",
    "input_image_mtok": "image_input",
    "output_image_mtok": "image_output",
}
"""genai-prices' members → ours."""

_PRICE_FEES = {"web_searches_kcount": "web_search", "storage_searches_kcount": "file_search"}

_PRICE_SELLERS = {
    "anthropic": "anthropic",
    "openai": "openai",
    "google": "gemini",
    "deepseek": "deepseek",
    "x-ai": "xai",
    "mistral": "mistral",
    "moonshotai": "moonshot",
    "zai": "zai",
    "minimax": "minimax",
    "cohere": "cohere",
    "groq": "groq",
    "cerebras": "cerebras",
    "together": "together",
    "fireworks": "fireworks",
    "perplexity": "perplexity",
    "azure": "azure",
    "aws": "bedrock",
}
"""genai-prices' word for who serves a model → our provider's name."""

# A provider's tools cost the same with all of its models. Sources: https://platform.openai.com/docs/pricing,
# https://docs.anthropic.com/en/docs/about-claude/pricing, https://azure.microsoft.com/pricing/details/azure-openai.
FEES: Mapping[str, Mapping[str, str]] = {
    "openai": {"web_search": "0.01", "file_search": "0.0025", "code_session": "0.03"},
    "azure": {"web_search": "0.014", "file_search": "0.0025", "code_session": "0.033"},
    "anthropic": {"web_search": "0.01"},
}


# --- LiteLLM ------------------------------------------------------------------------------------------------------


def read_prices(entry: Mapping[str, Any], seller: str) -> Known:
    """What one published entry says of prices; nothing where it lacks the main ones."""
    known: Known = {}
    for member, value in entry.items():
        found = _MEMBER.fullmatch(member)
        if found is None or not _is_number(value) or value < 0:
            continue
        name, thousands, tier = found.groups()
        if tier is not None and tier not in _TIERS:
            continue
        place = known.setdefault(_TIERS[tier], {}) if tier else known
        if thousands:
            place = place.setdefault(f">{thousands}000", {})
        place[_NAMES[name]] = Decimal(str(value)) * _MILLION
    _drop_plain_reasoning(known)
    if "input" not in known or "output" not in known:
        return {}
    return known | _read_search(entry, seller)


def _drop_plain_reasoning(known: Known) -> None:
    """Where it costs what other output does it goes without saying, whatever that is at another tier."""
    if known.get("reasoning") == known.get("output"):
        known.pop("reasoning", None)
    for inner in known.values():
        if isinstance(inner, dict):
            _drop_plain_reasoning(inner)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _read_search(entry: Mapping[str, Any], seller: str) -> Known:
    """What a search costs, or a request that searches however often, which older models of Google are billed by."""
    costs = entry.get("search_context_cost_per_query")
    cost = costs.get("search_context_size_medium") if isinstance(costs, dict) else None
    if seller not in _SEARCHING or not _is_number(cost):
        return {}
    by_request = entry.get("litellm_provider") in _GOOGLE and entry.get("web_search_billing_unit") != "per_query"
    return {"searched_request" if by_request else "web_search": Decimal(str(cost))}


# --- genai-prices -------------------------------------------------------------------------------------------------


def overlay_prices(made: Table, prices: Table, makers: Collection[str], now_micros: int) -> str | None:
    """Lay `genai-prices`' prices and context windows over; says its version, or `None` where it is not installed."""
    try:
        data = importlib.import_module("genai_prices.data")
        version = importlib.metadata.version("genai-prices")
    except ImportError:
        return None
    now = dt.datetime.fromtimestamp(now_micros / 1_000_000, dt.UTC)
    for provider in data.providers:
        seller = _PRICE_SELLERS.get(provider.id)
        for model in provider.models if seller is not None else ():
            name = plain_name(model.id)
            if known := _read_model(model, now, seller):
                rows = prices.setdefault(seller or "", {})
                rows[name] = _lay_over(rows.get(name, {}), known)
            if model.context_window and seller in makers and name in made:
                made[name].setdefault("context_tokens", model.context_window)
    return version


def _lay_over(under: Known, over: Known) -> Known:
    """The newer figures; what the older ones say beyond them counts if they agree on the main ones."""
    agrees = all(under.get(name) == over[name] for name in ("input", "output"))
    merged = {**under, **over} if agrees else over
    # Two ways to bill searches would be added up.
    if "searched_request" in under and "web_search" in merged:
        merged = {name: value for name, value in merged.items() if name != "web_search"}
        merged["searched_request"] = under["searched_request"]
    return merged


def _read_model(model: Any, now: dt.datetime, seller: str | None) -> Known:
    known = _read_figures(model.get_prices(now), seller)
    if "input" not in known or "output" not in known:
        return {}
    for variant in model.price_variants or ():
        tier = _tier_of(variant.when)
        if tier and (variant.constraint is None or variant.constraint.active(now)):
            known.setdefault(tier, _read_figures(variant.prices, seller))
    return {name: value for name, value in known.items() if value != {}}


def _tier_of(when: Mapping[str, str]) -> str:
    if when == {"processing": "batch"}:
        return "batch"
    if when == {"speed": "fast"}:
        return "fast"
    tier = when.get("service_tier", "") if len(when) == 1 else ""
    return tier if tier in ("flex", "priority", "fast") else ""


def _read_figures(prices: Any, seller: str | None) -> Known:
    known: Known = {}
    for member, name in _PRICE_NAMES.items():
        price = getattr(prices, member, None)
        if price is None:
            continue
        known[name] = Decimal(getattr(price, "base", price))
        for tier in getattr(price, "tiers", ()):
            known.setdefault(f">{tier.start}", {})[name] = Decimal(tier.price)
    for member, name in _PRICE_FEES.items():
        fee = getattr(prices, member, None)
        if fee is not None and seller in _SEARCHING:
            known[name] = Decimal(getattr(fee, "base", fee)) / 1000
    return known


# --- rows ---------------------------------------------------------------------------------------------------------


def write_rows(prices: dict[str, Known]) -> Table:
    """The rows of one provider: a dated version of a model that costs the same has none of its own."""
    return {name: write_row(known) for name, known in prices.items() if not _is_known(name, known, prices)}


def _is_known(name: str, known: Known, prices: dict[str, Known]) -> bool:
    undated = prices.get(undated_name(name))
    if undated is None or undated is known:
        return False
    return all(undated.get(each, value) == value for each, value in known.items() if not isinstance(value, dict))


def write_row(known: Known) -> list[Any]:
    """What is known of a model's prices, as it stands in the file."""
    figures = [known.get(name) for name in FIGURES]
    while figures and figures[-1] is None:
        figures.pop()
    others = {
        name: write_row(value) if isinstance(value, dict) else value
        for name, value in sorted(known.items())
        if name not in FIGURES
    }
    row: list[Any] = [figures]
    return [*row, others] if others else row


def write_fees() -> dict[str, dict[str, Decimal]]:
    """Dollars for one call of a hosted tool, by provider."""
    return {seller: {name: Decimal(fee) for name, fee in fees.items()} for seller, fees in FEES.items()}


def write_json(value: Any) -> str:
    """Compact JSON, numbers with their own digits."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{write_json(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
