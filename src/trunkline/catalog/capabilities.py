"""What is known of models by their names: the only place with patterns of model names.

Three layers, each over the one before: hand-kept rows of families (`data/models.json`), which also speak for versions
that are newer than this table; published facts of single models (`data/published.json`, made by `refresh`); and
hand-kept corrections of these. A name that is in none has its provider's facts, which permit.
"""

import fnmatch
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trunkline.capabilities import Capabilities
from trunkline.catalog.names import plain_name, undated_name

Facts = dict[str, Any]

SAMPLING = frozenset({"temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty"})
"""The wire fields that a model without sampling answers with an error."""


class Row(Struct, frozen=True, forbid_unknown_fields=True):
    """Facts of the models whose names match; a later row wins over an earlier one. Some hold at some providers
    alone."""

    models: tuple[str, ...]
    facts: Facts
    source: str
    providers: tuple[str, ...] = ()


class Owner(Struct, frozen=True, forbid_unknown_fields=True):
    """A provider, and the names that are surely its own models'."""

    owner: str
    models: tuple[str, ...]


class Kept(Struct, frozen=True, forbid_unknown_fields=True):
    """The file of facts that is kept by hand, decoded."""

    capabilities: tuple[Row, ...]
    corrections: tuple[Row, ...]
    owners: tuple[Owner, ...]


class Published(Struct, frozen=True):
    """Published facts: as the makers have their models, and how it differs where others serve them."""

    sources: list[dict[str, str]]
    models: dict[str, Raw]
    providers: dict[str, dict[str, Raw]]


@cache
def read_facts() -> Kept:
    """Read the rows that are kept by hand."""
    return msgspec.json.decode(_read("models.json"), type=Kept)


@cache
def read_published() -> Published:
    """The published rows, each still to be decoded: a gateway needs a few of a thousand."""
    return msgspec.json.decode(_read("published.json"), type=Published)


def _read(name: str) -> bytes:
    return files(__package__).joinpath("data", name).read_bytes()


def find_capabilities(provider: str, model: str, base: Capabilities) -> Capabilities:
    """The facts of a model laid over those of the provider that serves it."""
    name = plain_name(model)
    kept, published = read_facts(), read_published()
    found = _find_kept(kept.capabilities, provider, name)
    found |= _find_published(published.models, name) | _find_published(published.providers.get(provider, {}), name)
    found |= _find_kept(kept.corrections, provider, name)
    if not found:
        return base
    # What a provider as a whole does not take, none of its models does.
    denied = [fact for fact in ("images", "files") if not getattr(base, fact)]
    found = {fact: value for fact, value in found.items() if fact not in denied}
    if found.get("sampling") is False:
        found["refuses"] = base.refuses | SAMPLING
    return msgspec.convert({**_members(base), **found}, Capabilities)


def _find_kept(rows: tuple[Row, ...], provider: str, name: str) -> Facts:
    found: Facts = {}
    for row in rows:
        holds = not row.providers or provider in row.providers
        if holds and any(fnmatch.fnmatchcase(name, pattern) for pattern in row.models):
            found |= row.facts
    return found


def _find_published(rows: dict[str, Raw], name: str) -> Facts:
    """The row of this very version, or else of the model without its date."""
    raw = rows.get(name) or rows.get(undated_name(name))
    facts: Facts = msgspec.json.decode(raw) if raw is not None else {}
    return facts


def _members(base: Capabilities) -> Facts:
    return {name: getattr(base, name) for name in base.__struct_fields__}


def find_owner(model: str) -> str | None:
    """The provider whose model a bare name surely is, or `None`.

    The name is known as it stands too: some providers put the maker's name before their models'.
    """
    if "/" in model:
        return None
    names = (model.lower(), plain_name(model))
    return next((row.owner for row in read_facts().owners if _owns(row, names)), None)


def _owns(row: Owner, names: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in row.models for name in names)
