"""What tokens cost: published prices by provider and model (`data/prices.json`, made by `refresh`)."""

from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Raw, Struct

from trunkline.catalog.names import plain_name, undated_name
from trunkline.money import Tariff, fill_rates

_BUCKETS = ("input", "output", "cached_input", "cache_write", "cache_write_1h")


class _Prices(Struct, frozen=True):
    sources: list[dict[str, str]]
    providers: dict[str, dict[str, Raw]]


@cache
def _read_prices() -> _Prices:
    return msgspec.json.decode(files(__package__).joinpath("data/prices.json").read_bytes(), type=_Prices)


def find_tariff(provider: str, model: str) -> Tariff | None:
    """What a model costs at a provider; `None` where nothing is published: unpriced is not free."""
    rows = _read_prices().providers.get(provider, {})
    name = plain_name(model)
    raw = rows.get(name) or rows.get(undated_name(name))
    return Tariff(fill_rates(dict(zip(_BUCKETS, msgspec.json.decode(raw), strict=False)))) if raw is not None else None
