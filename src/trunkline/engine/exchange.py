"""All that is known of one request: slots filled once, in order, and frozen into one `Record` at the end."""

from collections.abc import Sequence

from msgspec import Struct

from trunkline.call import Call, Header
from trunkline.clock import Clock
from trunkline.engine.router import Target
from trunkline.engine.routes import Route
from trunkline.engine.way import Way
from trunkline.errors import TrunklineError
from trunkline.ports import Principal, Record
from trunkline.usage import NO_USAGE, Usage

_NOBODY = Principal("", "")
_NOWHERE = Route("", "", ())


class Exchange(Struct):
    """One request on its way. In `gateway.py` it is called `x`.

    `estimate` is how many tokens it was thought to put into the model, where that is to be learned from.
    """

    call: Call
    request_id: str
    clock: Clock
    started_at_micros: int
    started_monotonic: float
    dialect: str = ""
    found: Route = _NOWHERE
    principal: Principal = _NOBODY
    operation: str = ""
    model_asked: str = ""
    is_stream: bool = False
    route: str = ""
    target: str = ""
    attempts: int = 0
    status: int = 0
    outcome: str = "ok"
    error: TrunklineError | None = None
    first_byte_micros: int | None = None
    told: Sequence[Header] = ()
    upstream_id: bytes = b""
    usage: Usage = NO_USAGE
    dropped: Sequence[str] = ()
    emulated: Sequence[str] = ()
    estimate: int = 0

    def take_way(self, target: Target, way: Way) -> None:
        """The target and way of the attempt that is about to be made."""
        self.target = target.name
        self.route = way.route

    def note_reply(self, told: Sequence[Header], upstream_id: bytes) -> None:
        """The upstream has answered with a head, of which the caller is `told` some."""
        self.told, self.upstream_id = told, upstream_id
        self.first_byte_micros = int((self.clock.monotonic() - self.started_monotonic) * 1e6)

    def fail(self, error: TrunklineError) -> None:
        """What went wrong; the last word counts."""
        self.error = error
        self.outcome = "error"

    def freeze(self) -> Record:
        """The record of it all. By position, in the order of `Record`: this is done for every request."""
        call, error = self.call, self.error
        return Record(
            self.request_id,
            self.started_at_micros,
            self.principal.name,
            call.peer,
            call.method,
            call.path,
            self.operation,
            self.dialect,
            self.model_asked,
            self.route,
            self.target,
            self.attempts,
            self.status,
            self.outcome,
            (error.code or error.type) if error is not None else "",
            error.detail if error is not None else "",
            self.is_stream,
            int((self.clock.monotonic() - self.started_monotonic) * 1e6),
            self.first_byte_micros,
            self.usage,
            self.upstream_id[:128].decode("latin-1"),
            self.dropped,
            self.emulated,
        )
