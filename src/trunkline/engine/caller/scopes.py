"""Who may administer what: a scope says of what kind, the key's own path how far."""

from trunkline.errors import Forbidden, ObjectNotFound
from trunkline.paths import ROOT, is_within
from trunkline.principal import Principal

SCOPES_OF_KINDS = {
    "acts": "audit",
    "audit": "audit",
    "budgets": "limits",
    "erase": "settings",
    "keys": "keys",
    "limits": "limits",
    "models": "settings",
    "openapi.json": "settings",
    "paths": "keys",
    "prices": "settings",
    "prompts": "prompts",
    "settings": "settings",
    "usage": "usage",
}

# The description, which whoever has any scope may read.
_FOR_ALL = "openapi.json"


def check_kind(principal: Principal, kind: str, method: str) -> None:
    """Raises `Forbidden` for a key that may not do this to objects of a kind: the first word of their admin path.

    `<scope>:read` is enough to look. A kind that has no scope here is nobody's.
    """
    if kind == _FOR_ALL and principal.scopes:
        return
    scope = SCOPES_OF_KINDS.get(kind, "")
    looks = method in ("GET", "HEAD")
    if scope in principal.scopes or (looks and f"{scope}:read" in principal.scopes):
        return
    wanted = f"`{scope}` or `{scope}:read`" if looks else f"`{scope}`"
    raise Forbidden(f"this takes the master key, or a key with the scope {wanted}", code="scope_missing")


def check_root(principal: Principal, what: str) -> None:
    """Raises `Forbidden` for a caller below the root, who is told that this is the whole gateway's."""
    if principal.path != ROOT:
        raise Forbidden(f"{what} of the whole gateway: this takes a key of the path `/`", code="path_too_low")


def reaches(principal: Principal, path: str) -> bool:
    """Whether a path is within what this caller administers: its effective path and everything below."""
    return is_within(path, principal.path)


def check_reach(principal: Principal, path: str, kind: str, id: str) -> None:
    """Raises `ObjectNotFound` for what stands elsewhere: it answers like what does not exist."""
    if not reaches(principal, path):
        raise ObjectNotFound(f"{kind} with id '{id[:256]}' not found.")
