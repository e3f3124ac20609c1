"""Prices that the file declares, in the place of the published ones: `prices:`, by `account/model`."""

from collections.abc import Sequence

from trunkline.config.document import Document, Node
from trunkline.config.sources import nearest
from trunkline.errors import ConfigError
from trunkline.money import Known, Rates, read_dollars, write_dollars
from trunkline.usage import TIERS

_FIGURES = Rates.__struct_fields__
_NEEDED = ("input", "output")
_LARGE = "above_"


def read_prices(document: Document, node: Node) -> dict[str, Known]:
    """`{"openai/gpt-5-mini": {input: "0.25", output: "2.00", flex: {…}, above_200000: {…}}}`. Raises `ConfigError`."""
    prices: dict[str, Known] = {}
    for pattern, entry in document.mapping(node, "prices").items():
        if "/" not in pattern:
            place = document.place(entry)
            raise ConfigError(
                f"{place}: `prices.{pattern}` should name a model with its account, like openai/{pattern}"
            )
        known = prices[pattern] = _read(document, entry, f"prices.{pattern}", TIERS)
        for name in _NEEDED:
            if name not in known:
                raise ConfigError(f"{document.place(entry)}: `prices.{pattern}` lacks `{name}`")
    return prices


def _read(document: Document, entry: Node, path: str, tiers: Sequence[str], *, has_large: bool = True) -> Known:
    """Figures; those of some tiers, which may have some for a large input; and those for a large input."""
    known: Known = {}
    for name, node in document.mapping(entry, path).items():
        where = f"{path}.{name}"
        if name in _FIGURES:
            known[name] = _read_dollars(document, node, where)
        elif name in tiers:
            known[name] = _read(document, node, where, ())
        elif has_large and _is_large(name):
            known[f">{name[len(_LARGE) :]}"] = _read(document, node, where, (), has_large=False)
        else:
            near = nearest(name, [*_FIGURES, *tiers])
            raise ConfigError(f"{document.place(node)}: `{where}` is not a price{near}")
    return known


def _is_large(name: str) -> bool:
    return name.startswith(_LARGE) and name[len(_LARGE) :].isdecimal() and name.isascii()


def _read_dollars(document: Document, node: Node, path: str) -> int:
    try:
        return read_dollars(document.text(node, path) or "")
    except ValueError as error:
        raise ConfigError(f"{document.place(node)}: `{path}` {error}") from None


def describe_price(known: Known) -> str:
    """A declared price for a reader, as it was meant."""
    return ", ".join(f"{name} {write_dollars(known[name])}" for name in _FIGURES if name in known)
