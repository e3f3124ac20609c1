"""What one attempt says to its target: the request, and what is said to go on where the answer paused."""

from collections.abc import Callable

from trunkline.dialects.dialect import JsonReply
from trunkline.engine.attempts import attempt, read_whole
from trunkline.engine.crossing import Crossing
from trunkline.engine.desk import Desk, join_needs
from trunkline.engine.envelope import Envelope
from trunkline.engine.exchange import Exchange
from trunkline.engine.router import Target
from trunkline.engine.way import Way
from trunkline.ports import UpstreamReply


class Sending:
    """Sends what a crossing has made ready of an envelope."""

    __slots__ = ("_desk", "_exchange", "_needs", "_way", "crossing", "target")

    def __init__(
        self, desk: Desk, x: Exchange, target: Target, way: Way, crossing: Crossing, envelope: Envelope
    ) -> None:
        self._desk = desk
        self._exchange = x
        self.target = target
        self._way = way
        self.crossing = crossing
        self._needs = join_needs(crossing.headers, envelope.needs) if envelope.needs else crossing.headers

    async def send(self, body: bytes) -> UpstreamReply:
        """The reply to a body, its head read. Raises the upstream's error."""
        desk, x, target, upstream = self._desk, self._exchange, self.target, self._way.upstream
        request = desk.address(x, target, upstream, body, self._needs)
        if target.account.provider.token:
            request = await desk.authorize(request, target)
        return await attempt(x, desk.parts.upstream, request, desk.parts.upstreams[upstream], target)

    async def go_on(self, body: bytes) -> UpstreamReply:
        """The same for one that goes on, which is paid for anew."""
        self._exchange.end_go(self.crossing.spent)
        purse = self._desk.parts.purse
        if purse is not None:
            await purse.go_on(self._exchange, self.target, self._way.upstream, body)
        return await self.send(body)

    async def read(self, reply: UpstreamReply, read: Callable[[bytes], JsonReply]) -> JsonReply:
        """The whole answer, in as many replies as it takes; each is read alike."""
        whole = read(await read_whole(reply))
        while (body := self.crossing.more()) is not None:
            whole = read(await read_whole(await self.go_on(body)))
        note_losses(self._exchange, self.crossing)
        return whole


def note_losses(x: Exchange, crossing: Crossing) -> None:
    """What the crossing has left out by now, of the request and of the reply."""
    if crossing.dropped:
        x.dropped = list(dict.fromkeys([*x.dropped, *crossing.dropped]))
