"""All that is known of one request: slots filled once, in order, and frozen into one `Record` at the end."""

from collections.abc import Sequence

from msgspec import Struct, field

from trunkline.call import Call, Header
from trunkline.clock import Clock
from trunkline.engine.router import Target
from trunkline.engine.routes import Route
from trunkline.engine.way import Way
from trunkline.errors import TrunklineError
from trunkline.money import FREE, Nano, Rates, price
from trunkline.principal import NOBODY, Principal
from trunkline.records import Attempt, Record
from trunkline.usage import NO_USAGE, Usage

_NOWHERE = Route("", "", ())


class Trial(Struct):
    """An attempt under way. `duration_micros` is `None` until it is over.

    `is_aside`: a question of the gateway's own, whose answer is no part of the caller's.
    """

    target: str
    rates: Rates | None
    began_monotonic: float
    is_aside: bool = False
    status: int = 0
    first_byte_micros: int | None = None
    duration_micros: int | None = None
    outcome: str = "ok"
    error_code: str = ""
    usage: Usage = NO_USAGE
    upstream_id: bytes = b""


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
    principal: Principal = NOBODY
    operation: str = ""
    model_asked: str = ""
    is_stream: bool = False
    route: str = ""
    target: str = ""
    trials: list[Trial] = field(default_factory=list)
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

    # --- attempts -----------------------------------------------------------------------------------------------

    def begin_trial(self, target: Target, *, is_aside: bool = False) -> Trial:
        """An attempt is made now."""
        trial = Trial(target.name, target.rates, self.clock.monotonic(), is_aside)
        self.trials.append(trial)
        return trial

    def note_reply(self, trial: Trial, status: int, told: Sequence[Header], upstream_id: bytes) -> None:
        """The upstream has answered with a head, of which the caller is `told` some."""
        now = self.clock.monotonic()
        trial.status, trial.upstream_id = status, upstream_id
        trial.first_byte_micros = int((now - trial.began_monotonic) * 1e6)
        self.told, self.upstream_id = told, upstream_id
        self.first_byte_micros = int((now - self.started_monotonic) * 1e6)

    def end_trial(self, usage: Usage, outcome: str = "ok", error: TrunklineError | None = None) -> None:
        """The attempt under way is over, and another one may follow."""
        trial = self.trials[-1]
        trial.usage, trial.outcome = usage, outcome
        trial.error_code = _code(error)
        trial.duration_micros = int((self.clock.monotonic() - trial.began_monotonic) * 1e6)

    def end_go(self, spent: Usage) -> None:
        """The answer has paused, and `spent` is what it has cost so far: it is asked for again."""
        for trial in self.trials[:-1]:
            if not trial.is_aside:
                spent -= trial.usage
        self.end_trial(spent)

    # --- the end ------------------------------------------------------------------------------------------------

    def fail(self, error: TrunklineError) -> None:
        """What went wrong; the last word counts."""
        self.error = error
        self.outcome = "error"

    def freeze(self) -> Record:
        """The record of it all. By position, in the order of `Record`: this is done for every request."""
        call, error, principal = self.call, self.error, self.principal
        attempts = self._freeze_trials()
        return Record(
            self.request_id,
            self.started_at_micros,
            principal.name,
            principal.key_id,
            principal.path,
            principal.labels,
            "",
            call.peer,
            call.method,
            call.path,
            self.operation,
            self.dialect,
            self.model_asked,
            self.route,
            self.target,
            attempts,
            self.status,
            self.outcome,
            _code(error),
            error.detail if error is not None else "",
            self.is_stream,
            int((self.clock.monotonic() - self.started_monotonic) * 1e6),
            self.first_byte_micros,
            self.usage,
            _sum(attempts),
            self.upstream_id[:128].decode("latin-1"),
            self.dropped,
            self.emulated,
        )

    def _freeze_trials(self) -> tuple[Attempt, ...]:
        if not self.trials:
            return ()
        if self.trials[-1].duration_micros is None:
            self.end_trial(self._rest(), self.outcome, self.error)
        if len(self.trials) > 1:
            self.usage = sum((trial.usage for trial in self.trials), NO_USAGE)
        return tuple([self._freeze_trial(trial) for trial in self.trials])

    def _rest(self) -> Usage:
        """What of the whole usage is the last attempt's."""
        rest = self.usage
        for trial in self.trials[:-1]:
            rest -= trial.usage
        return rest

    def _freeze_trial(self, trial: Trial) -> Attempt:
        usage, rates = trial.usage, trial.rates
        return Attempt(
            trial.target,
            self.started_at_micros + int((trial.began_monotonic - self.started_monotonic) * 1e6),
            trial.duration_micros or 0,
            trial.first_byte_micros,
            trial.status,
            trial.outcome,
            trial.error_code,
            usage,
            FREE if usage is NO_USAGE else None if rates is None else price(usage, rates),
            rates,
            False,
            trial.upstream_id[:128].decode("latin-1"),
        )


def _code(error: TrunklineError | None) -> str:
    return (error.code or error.type) if error is not None else ""


def _sum(attempts: Sequence[Attempt]) -> Nano | None:
    """What they cost together, of those that have a price."""
    if len(attempts) == 1:
        return attempts[0].cost
    costs = [attempt.cost for attempt in attempts if attempt.cost is not None]
    return Nano(sum(costs)) if costs or not attempts else None
