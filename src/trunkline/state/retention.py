"""How long objects are kept, and where nothing may be."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from trunkline.paths import matches

_DAY_MICROS = 24 * 60 * 60 * 1_000_000


class Retention(Struct, frozen=True, cache_hash=True):
    """`rules` are patterns of paths and whether anything is kept there, the last that matches wins. `**` at the end of
    a pattern stands for the path itself and everything below it.
    """

    days: int = 30
    rules: tuple[tuple[str, Literal["always", "never"]], ...] = ()

    def allows(self, path: str) -> bool:
        """Whether objects of this path may be kept."""
        return not self.rules or _allows(self.rules, path)

    def expires_at(self, created_at_micros: int) -> int:
        """When an object made at this time is let go."""
        return created_at_micros + self.days * _DAY_MICROS


def read_rules(paths: Mapping[str, Literal["always", "never"]]) -> tuple[tuple[str, Literal["always", "never"]], ...]:
    """Rules in the order in which they are asked: the longer a pattern, the later, so that the nearest one wins."""
    return tuple(sorted(paths.items(), key=lambda rule: len(rule[0])))


@lru_cache(maxsize=1024)
def _allows(rules: tuple[tuple[str, str], ...], path: str) -> bool:
    kept = "always"
    for pattern, rule in rules:
        if matches(path, pattern):
            kept = rule
    return kept == "always"
