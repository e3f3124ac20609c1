"""All that is known of one request: slots filled once, in order, and frozen into one `Record` at the end."""

from collections.abc import Mapping

from trunkline.call import Call
from trunkline.clock import Clock
from trunkline.engine.router import Target
from trunkline.engine.way import Way
from trunkline.errors import TrunklineError
from trunkline.ports import Principal, Record
from trunkline.usage import NO_USAGE, Usage

_NOBODY = Principal("", "")


class Exchange:
    """One request on its way. In `gateway.py` it is called `x`."""

    __slots__ = (
        "attempts",
        "call",
        "clock",
        "dialect",
        "dropped",
        "emulated",
        "error",
        "first_byte_micros",
        "is_stream",
        "model_asked",
        "operation",
        "outcome",
        "principal",
        "request_id",
        "route",
        "started_at_micros",
        "started_monotonic",
        "status",
        "target",
        "upstream_headers",
        "usage",
    )

    def __init__(self, call: Call, request_id: str, clock: Clock) -> None:
        self.call = call
        self.request_id = request_id
        self.clock = clock
        self.started_at_micros = clock.now_micros()
        self.started_monotonic = clock.monotonic()
        self.principal = _NOBODY
        self.operation = ""
        self.dialect = ""
        self.model_asked = ""
        self.is_stream = False
        self.route = ""
        self.target = ""
        self.attempts = 0
        self.status = 0
        self.outcome = "ok"
        self.error: TrunklineError | None = None
        self.first_byte_micros: int | None = None
        self.upstream_headers: Mapping[bytes, bytes] = {}
        self.usage: Usage = NO_USAGE
        self.dropped: list[str] = []
        self.emulated: list[str] = []

    def take_way(self, target: Target, way: Way) -> None:
        """The target and way of the attempt that is about to be made."""
        self.target = target.name
        self.route = way.route
        self.attempts += 1

    def note_reply(self, headers: Mapping[bytes, bytes]) -> None:
        """The upstream has answered with a head."""
        self.upstream_headers = headers
        if self.first_byte_micros is None:
            self.first_byte_micros = self._elapsed_micros()

    def fail(self, error: TrunklineError) -> None:
        """What went wrong; the last word counts."""
        self.error = error
        self.outcome = "error"

    def _elapsed_micros(self) -> int:
        return int((self.clock.monotonic() - self.started_monotonic) * 1e6)

    def freeze(self) -> Record:
        """The record of it all."""
        usage, error = self.usage, self.error
        return Record(
            request_id=self.request_id,
            started_at_micros=self.started_at_micros,
            key=self.principal.name,
            peer=self.call.peer,
            method=self.call.method,
            path=self.call.path,
            operation=self.operation,
            caller_dialect=self.dialect,
            model_asked=self.model_asked,
            route=self.route,
            target=self.target,
            attempts=self.attempts,
            status=self.status,
            outcome=self.outcome,
            error_code=error.code or error.type if error else "",
            error_detail=error.detail if error else "",
            is_stream=self.is_stream,
            duration_micros=self._elapsed_micros(),
            first_byte_micros=self.first_byte_micros,
            input_tokens=usage.input_tokens,
            cached_input_tokens=usage.cached_input_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            output_tokens=usage.output_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            upstream_request_id=_read_request_id(self.upstream_headers),
            dropped=",".join(self.dropped),
            emulated=",".join(self.emulated),
        )


def _read_request_id(headers: Mapping[bytes, bytes]) -> str:
    """The upstream's own name for the request, or an empty string."""
    value = headers.get(b"x-request-id") or headers.get(b"request-id") or b""
    return value[:128].decode("latin-1")
