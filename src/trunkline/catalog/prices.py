"""What tokens cost: published prices by provider and model (`data/prices.json`, made by `refresh`).

`refresh_prices` says what a row looks like.
"""

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trunkline.catalog.names import plain_name, undated_name
from trunkline.money import DECLARED, NOTHING_TO_PAY, PUBLISHED, Known, Long, Tariff, fill_rates
from trunkline.providers.directory import load_provider
from trunkline.usage import TIERS

FIGURES = ("input", "output", "cached_input", "cache_write", "cache_write_1h")
"""What a row begins with."""

_NANO_PER_DOLLAR = 1_000_000_000

# As many names as are in use; a caller who invents names must not fill the memory.
_MEMO_SIZE = 4096

_NOTHING = {"input": 0, "output": 0}

_decode_row = msgspec.json.Decoder(list[Any], float_hook=Decimal).decode
_decode_fees = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


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
    return None if raw is None else make_tariff(find_fees(provider) | read_row(_decode_row(raw)), PUBLISHED)


@cache
def find_fees(provider: str) -> Known:
    """What one call of a provider's hosted tools costs, whatever the model."""
    raw = _read_prices().fees.get(provider)
    return {} if raw is None else {name: _nano(dollars) for name, dollars in _decode_fees(raw).items()}


def read_row(row: Sequence[Any]) -> Known:
    """What a row of the table says."""
    told: Known = {name: _nano(figure) for name, figure in zip(FIGURES, row[0], strict=False) if figure is not None}
    for name, value in row[1].items() if len(row) > 1 else ():
        told[name] = read_row(value) if isinstance(value, list) else _nano(value)
    return told


def _nano(dollars: Decimal | int) -> int:
    """Dollars → nano-dollars. Published prices have nine decimals at most; what is finer is cut."""
    return int(dollars * _NANO_PER_DOLLAR)


def make_tariff(known: Known, source: str) -> Tariff:
    """All that is known, as a tariff. A tier or a large input costs the usual where nothing is said of it."""
    plain = {name: value for name, value in known.items() if not isinstance(value, dict)}
    steps = sorted(((int(name[1:]), known[name]) for name in known if name[0] == ">"), reverse=True)
    return Tariff(
        fill_rates(plain),
        tuple(Long(tokens, fill_rates(plain | step)) for tokens, step in steps),
        {name: make_tariff(plain | known[name], source) for name in known if name in TIERS},
        source,
    )


Prices = Callable[[str, str, str], Tariff | None]
"""What a model costs at an account of a provider; `None` where it has no price."""


def find_published(account: str, provider: str, model: str) -> Tariff | None:
    """The `Prices` of a configuration that declares none: the published ones alone."""
    return make_tariff(_NOTHING, NOTHING_TO_PAY) if load_provider(provider).is_free else find_tariff(provider, model)


class PriceBook:
    """`Prices` as the configuration declares them, else as they are published. Each is looked up once.

    `declared`: `{pattern: prices}`, a pattern being `account/model`, with `*` where anything may stand.
    """

    def __init__(self, declared: Mapping[str, Known]) -> None:
        # An exact name first, then the longest pattern.
        self._declared = sorted(declared.items(), key=lambda pair: ("*" in pair[0], -len(pair[0])))
        self._memo: dict[tuple[str, str], Tariff | None] = {}

    def __call__(self, account: str, provider: str, model: str) -> Tariff | None:
        key = account, model
        if key in self._memo:
            return self._memo[key]
        found = self._look_up(account, provider, model)
        if len(self._memo) < _MEMO_SIZE:
            self._memo[key] = found
        return found

    def _look_up(self, account: str, provider: str, model: str) -> Tariff | None:
        for pattern, known in self._declared:
            if fnmatch.fnmatchcase(f"{account}/{model}", pattern):
                return make_tariff(find_fees(provider) | known, DECLARED)
        return find_published(account, provider, model)
