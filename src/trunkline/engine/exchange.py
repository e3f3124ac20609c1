"""All that is known of one request: slots filled once, in order, and frozen into one `Record` at the end."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct, field

from trunkline.call import Call, Header
from trunkline.clock import Clock
from trunkline.engine.bids import Hold
from trunkline.engine.envelope import Envelope
from trunkline.engine.router import Target
from trunkline.engine.routes import Route
from trunkline.engine.way import Way
from trunkline.errors import TrunklineError
from trunkline.evidence import Evidence
from trunkline.labels import NO_LABELS, Labels
from trunkline.money import FREE, Nano, charge
from trunkline.principal import NOBODY, Principal
from trunkline.records import Attempt, Bodies, Record
from trunkline.usage import NO_USAGE, Usage

# Handed on, so that a trace goes through the gateway. Source: https://www.w3.org/TR/trace-context/
TRACE = b"traceparent"

_NOWHERE = Route("", "", ())


class Exchange(Struct):
    """One request on its way. In `gateway.py` it is called `x`.

    `estimate` is how many tokens it was thought to put into the model, where that is to be learned from. `hold` is what it
    has been granted until it is over, and `levels` what the caller is told of how much is left. `evidence` gathers what is
    said where the audit keeps that. `envelope` is the request as it was sent on, and `said` about how many tokens the
    answer had come to, where its provider did not tell.

    `goes_on`: its upstream is still making what the reply has told the beginning of. `end` is what became of its record:
    nothing yet, made (`recorded`), or left to whoever sees that end (`left`).
    """

    call: Call
    request_id: str
    clock: Clock
    started_at_micros: int
    started_monotonic: float
    dialect: str = ""
    found: Route = _NOWHERE
    principal: Principal = NOBODY
    labels: Labels = NO_LABELS
    session: str = ""
    operation: str = ""
    model_asked: str = ""
    is_stream: bool = False
    route: str = ""
    target: str = ""
    attempts: list[Attempt] = field(default_factory=list)
    status: int = 0
    outcome: str = "ok"
    error: TrunklineError | None = None
    first_byte_micros: int | None = None
    told: Sequence[Header] = ()
    upstream_id: str = ""
    usage: Usage = NO_USAGE
    dropped: Sequence[str] = ()
    emulated: Sequence[str] = ()
    estimate: int = 0
    envelope: Envelope | None = None
    said: int | None = None
    hold: Hold | None = None
    levels: Sequence[Header] = ()
    evidence: Evidence | None = None
    bodies: Bodies = ""
    goes_on: bool = False
    end: Literal["", "recorded", "left"] = ""

    def take_way(self, target: Target, way: Way) -> None:
        """The target and way of the attempt that is about to be made."""
        self.target = target.name
        self.route = way.route

    # --- attempts -----------------------------------------------------------------------------------------------

    def begin_attempt(self, target: Target) -> Attempt:
        """An attempt is made now; one that is still under way has failed."""
        if self.attempts and self.attempts[-1].duration_micros is None:
            self._end(self.attempts[-1], NO_USAGE, self._so_far())
        attempt = Attempt(target.name, target.tariff, self.started_at_micros + self._so_far())
        self.attempts.append(attempt)
        return attempt

    def note_reply(self, attempt: Attempt, status: int, told: Sequence[Header], upstream_id: bytes) -> None:
        """The upstream has answered with a head, of which the caller is `told` some."""
        since = self._so_far()
        attempt.status = status
        attempt.first_byte_micros = self.started_at_micros + since - attempt.started_at_micros
        attempt.upstream_request_id = self.upstream_id = upstream_id[:128].decode("latin-1")
        self.told = told
        self.first_byte_micros = since

    def lose(self, attempt: Attempt, error: TrunklineError) -> None:
        """The attempt has come to nothing."""
        attempt.outcome, attempt.error_code = "error", error.code or error.type

    def end_attempt(self, usage: Usage) -> None:
        """The last attempt is over, and was good."""
        self._end(self.attempts[-1], usage, self._so_far())

    def _end(self, attempt: Attempt, usage: Usage, since: int) -> None:
        attempt.duration_micros = self.started_at_micros + since - attempt.started_at_micros
        if usage is not NO_USAGE:
            attempt.usage = usage
            attempt.cost, attempt.rates, attempt.cost_source = charge(usage, attempt.tariff)

    def end_go(self, spent: Usage) -> None:
        """The answer has paused, and `spent` is what it has cost so far: it is asked for again."""
        for attempt in self.attempts[:-1]:
            if not attempt.is_aside:
                spent -= attempt.usage
        self.end_attempt(spent)

    def _so_far(self) -> int:
        """Microseconds since the request was met."""
        return int((self.clock.monotonic() - self.started_monotonic) * 1e6)

    # --- the end ------------------------------------------------------------------------------------------------

    def fail(self, error: TrunklineError) -> None:
        """What went wrong; the last word counts."""
        self.error = error
        self.outcome = "error"

    def freeze(self) -> Record:
        """The record of it all. By position, in the order of `Record`: this is done for every request."""
        call, error, principal = self.call, self.error, self.principal
        since = self._so_far()
        code = "" if error is None else error.code or error.type
        cost = self._end_attempts(since, code)
        return Record(
            self.request_id,
            self.started_at_micros,
            principal.name,
            principal.key_id,
            principal.path,
            self.labels,
            self.session,
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
            code,
            error.detail if error is not None else "",
            self.is_stream,
            since,
            self.first_byte_micros,
            self.usage,
            cost,
            self.upstream_id,
            self.dropped,
            self.emulated,
            call.headers[TRACE][:64].decode("latin-1") if TRACE in call.headers else "",
            len(call.body),
            self.bodies,
        )

    def _end_attempts(self, since: int, error_code: str) -> Nano | None:
        """End the last one, if it is still under way; what they cost together, of those that have a price."""
        attempts = self.attempts
        if not attempts:
            return FREE
        last = attempts[-1]
        if last.duration_micros is None:
            last.outcome, last.error_code = self.outcome, error_code
            self._end(last, self.usage if len(attempts) == 1 else self.rest(), since)
        if len(attempts) == 1:
            return last.cost
        self.usage = sum((attempt.usage for attempt in attempts), NO_USAGE)
        costs = [attempt.cost for attempt in attempts if attempt.cost is not None]
        return Nano(sum(costs)) if costs else None

    def rest(self) -> Usage:
        """What of the whole usage is the last attempt's."""
        rest = self.usage
        for attempt in self.attempts[:-1]:
            rest -= attempt.usage
        return rest
