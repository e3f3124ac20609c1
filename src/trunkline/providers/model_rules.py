"""Which models an account serves: the setting `models`."""

import fnmatch
from collections.abc import Iterable

from msgspec import Struct


class ModelRules(Struct, frozen=True):
    """The setting `models`, read: `extra` names, globs that the provider's list is filtered by, whether `only` these
    are served, and whether the provider has a list at all."""

    extra: frozenset[str] = frozenset()
    globs: tuple[str, ...] = ()
    only: bool = False
    has_list: bool = True

    @property
    def needs_list(self) -> bool:
        """Whether the provider's own list plays any part."""
        return self.has_list and (not self.only or bool(self.globs))

    @property
    def names_models(self) -> bool:
        """Whether anything was set: then the account is of known list even when its provider does not tell."""
        return self.only or bool(self.extra) or bool(self.globs)

    def apply(self, listed: Iterable[str]) -> frozenset[str]:
        """What is served, of what the provider lists."""
        if not self.needs_list:
            return self.extra
        kept = (name for name in listed if not self.globs or any(fnmatch.fnmatchcase(name, g) for g in self.globs))
        return self.extra.union(kept)


def read_model_rules(text: str) -> ModelRules:
    """`a,b` adds names, `only:a,b` serves no others, and a name with `*` filters what the provider lists."""
    only = text.strip().startswith("only:")
    names = [name.strip() for name in text.strip().removeprefix("only:").split(",") if name.strip()]
    return ModelRules(
        extra=frozenset(name for name in names if "*" not in name),
        globs=tuple(name for name in names if "*" in name),
        only=only,
    )
