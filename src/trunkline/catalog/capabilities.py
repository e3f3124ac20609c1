"""What is known of models by their names: rows of `data/models.json`, the only place with patterns of model names."""

import fnmatch
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from trunkline.capabilities import Capabilities


class Row(Struct, frozen=True, forbid_unknown_fields=True):
    """Facts of the models whose names match; a later row wins over an earlier one."""

    models: tuple[str, ...]
    facts: dict[str, Any]
    source: str


class Owner(Struct, frozen=True, forbid_unknown_fields=True):
    """A provider, and the names that are surely its own models'."""

    owner: str
    models: tuple[str, ...]


class Facts(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    capabilities: tuple[Row, ...]
    owners: tuple[Owner, ...]


@cache
def read_facts() -> Facts:
    """The rows that are shipped."""
    return msgspec.json.decode(files(__package__).joinpath("data/models.json").read_bytes(), type=Facts)


def find_capabilities(model: str, base: Capabilities) -> Capabilities:
    """The facts of a model laid over those of its provider."""
    name = plain_name(model)
    found: dict[str, Any] = {}
    for row in read_facts().capabilities:
        if _matches(name, row.models):
            found.update(row.facts)
    return replace(base, **found) if found else base


def find_owner(model: str) -> str | None:
    """The provider whose model a bare name surely is, or `None`."""
    if "/" in model:
        return None
    name = plain_name(model)
    return next((row.owner for row in read_facts().owners if _matches(name, row.models)), None)


def plain_name(model: str) -> str:
    """A name as rows spell it: lower case, without the maker before a slash, dots as hyphens."""
    return model.rpartition("/")[2].lower().replace(".", "-")


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
