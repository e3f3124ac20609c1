"""Aliases: one name for one target, from the environment or the file."""

from collections.abc import Mapping

from trunkline.config.document import Document, Node
from trunkline.config.settings import NOT_YET_IN_ENTRIES
from trunkline.config.sources import Value, nearest
from trunkline.config.values import read_auto_or_off
from trunkline.errors import ConfigError

_MEMBERS = ("target", "cache_points")


def read_alias_list(value: Value) -> dict[str, str]:
    """`name=target,…`."""
    aliases: dict[str, str] = {}
    for part in value.text.split(","):
        if not part.strip():
            continue
        name, equals, target = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise ConfigError(
                f"`{value.name}` ({value.source}) should be a list like fast=openai/gpt-5-mini,gpt-*=anthropic/claude-sonnet-5"
            )
        if name in aliases:
            raise ConfigError(f"`{value.name}` ({value.source}) gives `{name}` two targets: an alias has one")
        aliases[name] = _checked(name, target, f"`{value.name}` ({value.source})")
    return aliases


def read_alias_mapping(document: Document, node: Node) -> dict[str, str]:
    """`{name: target}`, or `{name: {target: …, cache_points: …}}`."""
    aliases: dict[str, str] = {}
    for name, entry in document.mapping(node, "aliases").items():
        target = _read_target(document, entry, f"aliases.{name}")
        aliases[name] = _checked(name, target, document.place(entry))
    return aliases


def read_uncached(document: Document, node: Node) -> frozenset[str]:
    """The aliases with `cache_points: off`."""
    return frozenset(
        name
        for name, entry in document.mapping(node, "aliases").items()
        if isinstance(entry.content, dict)
        and (value := entry.content.get("cache_points")) is not None
        and not _read_cache_points(document, value, f"aliases.{name}.cache_points")
    )


def _read_cache_points(document: Document, node: Node, path: str) -> bool:
    try:
        return read_auto_or_off(document.text(node, path) or "")
    except ValueError as error:
        raise ConfigError(f"{document.place(node)}: `{path}` {error}") from None


def _read_target(document: Document, entry: Node, path: str) -> str:
    if not isinstance(entry.content, dict):
        if not isinstance(entry.content, str):
            raise ConfigError(f"{document.place(entry)}: `{path}` should be the name of its target")
        return entry.content
    for member, node in entry.content.items():
        if member in NOT_YET_IN_ENTRIES:
            raise ConfigError(f"{document.place(node)}: `{path}.{member}` is not served by this version yet: remove it")
        if member not in _MEMBERS:
            near = nearest(member, _MEMBERS)
            raise ConfigError(f"{document.place(node)}: `{path}.{member}` is not a setting{near}")
    target = entry.content.get("target")
    if target is None or not isinstance(target.content, str):
        raise ConfigError(f"{document.place(entry)}: `{path}` needs a `target`")
    return target.content


def _checked(name: str, target: str, place: str) -> str:
    if not name or any(char.isspace() for char in name) or "*" in name[:-1]:
        raise ConfigError(f"{place}: the alias `{name}` should be a name, with a `*` at its end alone if at all")
    if not target or any(char.isspace() for char in target) or "*" in target:
        raise ConfigError(f"{place}: the alias `{name}` should have one model as its target, like provider/model")
    return target


def check_aliases(aliases: Mapping[str, str]) -> None:
    """Raises `ConfigError` for an alias of an alias: one step, so that nobody has to follow a chain."""
    for name, target in aliases.items():
        if target in aliases and target != name:
            raise ConfigError(f"the alias `{name}` points to the alias `{target}`: name that one's target instead")
