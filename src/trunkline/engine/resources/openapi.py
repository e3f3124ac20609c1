"""The description of the admin API."""

from trunkline.call import Reply
from trunkline.engine.admin.openapi.document import write_document
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange


async def describe(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/openapi.json`, for whoever administers anything."""
    return desk.say(x, write_document())
