"""What Prometheus asks for."""

from trunkline.call import Header, Reply
from trunkline.engine.caller.scopes import check_root
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.errors import NotFound

_TEXT: Header = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


async def show_metrics(desk: Desk, x: Exchange) -> Reply:
    """Counts of the whole gateway, so for those alone whose key is. Raises `Forbidden`, and `NotFound` without a
    store."""
    check_root(x.principal, "metrics are those")
    if desk.parts.write_metrics is None:
        raise NotFound("this gateway keeps no metrics")
    body = await desk.parts.write_metrics(len(desk.live))
    x.status = 200
    desk.record(x)
    return Reply(status=200, headers=[(b"x-request-id", x.request_id.encode()), _TEXT], body=body)
