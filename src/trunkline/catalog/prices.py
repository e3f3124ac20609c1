"""What tokens cost: published prices by provider and model (`data/prices.json`, made by `refresh`)."""

from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Raw, Struct

from trunkline.catalog.names import plain_name, undated_name
from trunkline.money import Rates


class _Prices(Struct, frozen=True):
    sources: list[dict[str, str]]
    providers: dict[str, dict[str, Raw]]


@cache
def _read_prices() -> _Prices:
    return msgspec.json.decode(files(__package__).joinpath("data/prices.json").read_bytes(), type=_Prices)


def find_rates(provider: str, model: str) -> Rates | None:
    """The rates of a model at a provider; `None` where none are published: unpriced is not free."""
    rows = _read_prices().providers.get(provider, {})
    name = plain_name(model)
    raw = rows.get(name) or rows.get(undated_name(name))
    return msgspec.json.decode(raw, type=Rates) if raw is not None else None
