"""Who may administer what: a scope says of what kind, the key's own path how far."""

from trunkline.errors import Forbidden, ObjectNotFound
from trunkline.paths import is_within
from trunkline.principal import Principal


def check_scope(principal: Principal, scope: str, *, writes: bool) -> None:
    """Raises `Forbidden` for a key without this scope; `<scope>:read` is enough to look."""
    if scope in principal.scopes or (not writes and f"{scope}:read" in principal.scopes):
        return
    wanted = f"`{scope}`" if writes else f"`{scope}` or `{scope}:read`"
    raise Forbidden(f"this takes the master key, or a key with the scope {wanted}", code="scope_missing")


def reaches(principal: Principal, path: str) -> bool:
    """Whether a path is within what this caller administers: its effective path and everything below."""
    return is_within(path, principal.path)


def check_reach(principal: Principal, path: str, kind: str, id: str) -> None:
    """Raises `ObjectNotFound` for what stands elsewhere: it answers like what does not exist."""
    if not reaches(principal, path):
        raise ObjectNotFound(f"{kind} with id '{id[:256]}' not found.")
