"""Everything of a path removed, on a gateway that runs."""

from trunkline.call import Reply
from trunkline.engine.admin.acts import record_act
from trunkline.engine.caller.scopes import reaches
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.kept import need_store, read_body
from trunkline.engine.materials.copies import delete_copies
from trunkline.errors import Forbidden
from trunkline.paths import read_path


async def erase_path(desk: Desk, x: Exchange) -> Reply:
    """`POST /admin/v1/erase`: every object of a `path` and of the paths below it, for good, and the
    copies of files that upstreams have, as far as they can be reached. Says how many objects there were."""
    store = need_store(desk)
    path = read_path(read_body(x.call.body, ("path",)).need_text("path"), "path")
    if not reaches(x.principal, path):
        raise Forbidden(f"`path` must be {x.principal.path} or below", code="path_forbidden")
    await record_act(desk, x, "store.erase", path, None, {"path": path})
    copies = await store.files.copies_below(path)
    erased = dict(await store.erase(path))
    await delete_copies(desk, copies)
    return desk.say(x, {"object": "erasure", "path": path, "erased": erased})
