"""Who is calling: what the key says, and the path that the call has chosen below the key's own."""

from collections.abc import Mapping

from msgspec import Struct

from trunkline.paths import ROOT

SCOPES = ("keys", "limits", "usage", "audit", "prompts", "settings")
"""What may be administered, each alone; `keys:read` and its like may only look."""

_NO_LABELS: Mapping[str, str] = {}


class Principal(Struct, frozen=True):
    """`path` is the effective one: everything that the call makes belongs to it, and nothing else is seen.

    `key_id` is the public part of an issued key, a declared key's name, or `master`; empty is nobody. `home` is the
    key's own path, below which its `scopes` reach. `models` are globs of what it may use, `None` for everything.
    """

    name: str
    path: str
    key_id: str = ""
    home: str = ROOT
    labels: Mapping[str, str] = _NO_LABELS
    models: tuple[str, ...] | None = None
    scopes: frozenset[str] = frozenset()

    @property
    def is_operator(self) -> bool:
        """Whether this is the operator's key at its own path: its holder owns the accounts at the providers."""
        return self.key_id == "master" and self.path == ROOT


OPERATOR = Principal("master", ROOT, "master", scopes=frozenset(SCOPES))
"""Who holds the operator's key, and with it the accounts at the providers."""

NOBODY = Principal("", "")
