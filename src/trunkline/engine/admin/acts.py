"""Who writes down what the caller of a request does as an administrator."""

from trunkline.engine.admin.witness import Before, Witness
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.kept import need_store
from trunkline.state.acts import Author


def witness(desk: Desk, x: Exchange) -> Witness:
    """The witness for the caller of a request."""
    principal = x.principal
    author = Author(principal.key_id, principal.name, principal.path, x.call.peer)
    return Witness(need_store(desk).acts, author, desk.parts.clock)


async def record_act(desk: Desk, x: Exchange, kind: str, id: str, before: Before, after: Before) -> None:
    """Write down what the caller of a request is about to do; see `Witness.record`."""
    await witness(desk, x).record(kind, id, before, after)
