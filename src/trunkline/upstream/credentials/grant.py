"""What a cloud grants for a while, and who can ask it for that."""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from trunkline.errors import Failed
from trunkline.ports import UpstreamRequest
from trunkline.upstream.credentials.asker import Asker

Open = Callable[[UpstreamRequest, int], UpstreamRequest]
"""A request, and the time in µs → the request that opens an account."""


class Grant(Struct, frozen=True):
    """How requests are opened, and for how many seconds that holds."""

    open: Open
    seconds: float

    def __repr__(self) -> str:
        return "Grant()"


class Source(Protocol):
    """Somewhere to get a grant from. `repr` shows no secret."""

    async def grant(self, asker: Asker) -> Grant:
        """A new one. Raises `Denied`, or what `Upstream` raises."""


def bearer(token: object, seconds: float) -> Grant:
    """A token goes into a header. Raises `Failed` for one that cannot stand there."""
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise Failed("the provider gave no token")
    line = b"authorization: Bearer " + token.encode() + b"\r\n"
    return Grant(lambda request, _: replace(request, head=request.head + line), seconds)
