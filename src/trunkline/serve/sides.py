"""One gateway behind two addresses: what administrators ask for on one of them, everything else on the other."""

from trunkline.call import Call, Reply
from trunkline.errors import NotFound, TrunklineError
from trunkline.serve.gateway import Gateway

_ADMIN = ("/admin", "/metrics")
_HEALTH = "/health"


class PublicSide:
    """All but what administrators ask for. Beyond the one look at the path it is the gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.draw = gateway.draw
        self.authenticate = gateway.authenticate
        self.leave = gateway.leave
        self.drain = gateway.drain

    async def handle(self, call: Call) -> Reply:
        if is_admin(call.path):
            return self._gateway.draw(_unknown(call), call)
        return await self._gateway.handle(call)


class AdminSide:
    """What administrators ask for, and health. Its end is not that of the gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.draw = gateway.draw
        self.authenticate = gateway.authenticate
        self.leave = gateway.leave

    async def handle(self, call: Call) -> Reply:
        if is_admin(call.path) or call.path.startswith(_HEALTH):
            return await self._gateway.handle(call)
        return self._gateway.draw(_unknown(call), call)

    def drain(self) -> None:
        """Does nothing: streams of models are the other side's."""


def is_admin(path: str) -> bool:
    """Whether a path is one of administrators."""
    # All but a few begin so.
    if path.startswith("/v1/"):
        return False
    return path in _ADMIN or path.startswith("/admin/")


def _unknown(call: Call) -> TrunklineError:
    return NotFound(f"Unknown request URL: {call.method} {call.path[:256]}")
