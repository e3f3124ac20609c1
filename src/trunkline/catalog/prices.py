"""What tokens cost: published prices by provider and model (`data/prices.json`, made by `refresh`).

`refresh_prices` says what a row looks like.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trunkline.catalog.names import plain_name, undated_name
from trunkline.money import Long, Nano, Tariff, fill_rates
from trunkline.usage import TIERS

FIGURES = ("input", "output", "cached_input", "cache_write", "cache_write_1h")
"""What a row begins with."""

_NANO_PER_DOLLAR = 1_000_000_000

_decode_row = msgspec.json.Decoder(list[Any], float_hook=Decimal).decode

Known = dict[str, int]
"""Nano-dollars by the names of `Rates`."""


class _Prices(Struct, frozen=True):
    sources: list[dict[str, str]]
    fees: dict[str, Raw]
    providers: dict[str, dict[str, Raw]]


@cache
def _read_prices() -> _Prices:
    return msgspec.json.decode(files(__package__).joinpath("data/prices.json").read_bytes(), type=_Prices)


def find_tariff(provider: str, model: str) -> Tariff | None:
    """What a model costs at a provider; `None` where nothing is published: unpriced is not free."""
    rows = _read_prices().providers.get(provider, {})
    name = plain_name(model)
    raw = rows.get(name) or rows.get(undated_name(name))
    return read_tariff(_decode_row(raw), find_fees(provider)) if raw is not None else None


@cache
def find_fees(provider: str) -> Known:
    """What one call of a provider's hosted tools costs, whatever the model."""
    raw = _read_prices().fees.get(provider)
    found: Mapping[str, Any] = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode(raw) if raw else {}
    return {name: read_nano(dollars) for name, dollars in found.items()}


def read_nano(dollars: Decimal | int) -> Nano:
    """Dollars → nano-dollars. Published prices have nine decimals at most; what is finer is cut."""
    return Nano(int(dollars * _NANO_PER_DOLLAR))


def read_tariff(row: Sequence[Any], fees: Known, source: str = "published") -> Tariff:
    """A row of the table → all that it says. A tier or a large input costs the usual where nothing is said of it."""
    return _read_tariff(row, fees, source)


def _read_tariff(row: Sequence[Any], above: Known, source: str) -> Tariff:
    others = row[1] if len(row) > 1 else {}
    known = above | _read_known(row[0], others)
    steps = [(int(name[1:]), step) for name, step in others.items() if name.startswith(">")]
    return Tariff(
        fill_rates(known),
        tuple(Long(tokens, _read_tariff(step, known, source).rates) for tokens, step in sorted(steps, reverse=True)),
        {name: _read_tariff(tier, known, source) for name, tier in others.items() if name in TIERS},
        source,
    )


def _read_known(figures: Sequence[Any], others: Mapping[str, Any]) -> Known:
    told = {name: figure for name, figure in zip(FIGURES, figures, strict=False) if figure is not None}
    told |= {name: value for name, value in others.items() if not isinstance(value, list)}
    return {name: read_nano(dollars) for name, dollars in told.items()}
