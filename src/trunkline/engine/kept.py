"""What whoever works on kept objects asks first: where things are kept, and whether they may be."""

from collections.abc import Sequence

from trunkline.dialects.shapes import Fields
from trunkline.engine.desk import Desk
from trunkline.engine.envelope import decode_body, read_members
from trunkline.engine.exchange import Exchange
from trunkline.errors import Forbidden, ObjectNotFound, UnknownParameter, Unsupported
from trunkline.state.store import Store


def need_store(desk: Desk) -> Store:
    """The store. Raises `Unsupported` where nothing is kept."""
    if desk.parts.store is None:
        raise Unsupported("this gateway keeps nothing between requests", code="storage_off")
    return desk.parts.store


def check_storage(desk: Desk, x: Exchange, what: str) -> None:
    """Raises `Forbidden` where the caller's path may leave nothing behind."""
    path = x.principal.path
    if not desk.parts.retention.allows(path):
        raise Forbidden(
            f"{what} cannot be kept: the policy of the path '{path}' is `store: never`", code="storage_forbidden"
        )


def no_such(kind: str, id: str, param: str | None = None) -> ObjectNotFound:
    """The answer to an id that is unknown to the caller's path, whoever else may know it."""
    return ObjectNotFound(f"{kind} with id '{id[:256]}' not found.", param=param)


def read_body(body: bytes, known: Sequence[str]) -> Fields:
    """The JSON object of a request; none at all is an empty one. Raises `InvalidRequest`, also for unknown members."""
    fields = Fields(decode_body(read_members(body)) if body else {})
    for name in fields.value:
        if name not in known:
            raise UnknownParameter(f"`{name[:64]}` is not a known parameter", param=name[:64])
    return fields
