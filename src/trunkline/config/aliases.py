"""Aliases: one name for one target, from the environment or the file."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from trunkline.config.document import Document, Node
from trunkline.config.sources import Value, nearest
from trunkline.config.values import read_auto_or_off, read_emulated
from trunkline.errors import ConfigError

_MEMBERS = ("target", "cache_points", "emulate")

Wish = TypeVar("Wish")


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
    """`{name: target}`, or `{name: {target: …, cache_points: …, emulate: …}}`."""
    aliases: dict[str, str] = {}
    for name, entry in document.mapping(node, "aliases").items():
        target = _read_target(document, entry, f"aliases.{name}")
        aliases[name] = _checked(name, target, document.place(entry))
    return aliases


def read_uncached(document: Document, node: Node) -> frozenset[str]:
    """The aliases with `cache_points: off`."""
    return frozenset(
        name for name, wanted in _read_each(document, node, "cache_points", read_auto_or_off) if not wanted
    )


def read_emulating(document: Document, node: Node) -> dict[str, frozenset[str]]:
    """The aliases with `emulate`, and what."""
    return dict(_read_each(document, node, "emulate", read_emulated))


def _read_each(document: Document, node: Node, member: str, read: Callable[[str], Wish]) -> Iterator[tuple[str, Wish]]:
    """Read one member of every alias in the file that has it."""
    for name, entry in document.mapping(node, "aliases").items():
        value = entry.content.get(member) if isinstance(entry.content, dict) else None
        if value is None:
            continue
        path = f"aliases.{name}.{member}"
        try:
            yield name, read(document.text(value, path) or "")
        except ValueError as error:
            raise ConfigError(f"{document.place(value)}: `{path}` {error}") from None


def _read_target(document: Document, entry: Node, path: str) -> str:
    if not isinstance(entry.content, dict):
        if not isinstance(entry.content, str):
            raise ConfigError(f"{document.place(entry)}: `{path}` should be the name of its target")
        return entry.content
    for member, node in entry.content.items():
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
