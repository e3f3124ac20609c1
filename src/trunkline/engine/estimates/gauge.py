"""How far estimates are off, learned for each target from what its provider says it has counted.

An estimate is made of a few requests and compared with their usage; the ratio is what later estimates are multiplied
by. Bounded in memory, and asked of every request: so it does next to nothing for most of them.
"""

from trunkline.dialects.dialect import Dialect
from trunkline.dialects.estimate import estimate_input
from trunkline.engine.envelope import Envelope, decode_body
from trunkline.errors import CallerError
from trunkline.items import Audio, File, Image, Message, ToolOutput
from trunkline.request import ModelRequest

# The first answers of a target teach most; from then on one in so many keeps up with it.
_FIRST = 4
_ONE_IN = 128

# Reading a body to estimate it takes some 10 µs a kilobyte.
_MOST_BYTES = 256 * 1024

# How much of what was learned is forgotten with each new answer.
_KEPT = 0.8

# A provider that counts beyond these counts something else: hosted tools, a history of its own.
_LEAST_RATIO, _MOST_RATIO = 0.25, 4.0

_MOST_TARGETS = 4096

# What these stand for is known upstream alone.
_ELSEWHERE = frozenset({"previous_response_id", "conversation", "prompt"})


class _Measure:
    """What is known of one target: how often it was asked, and how many tokens were estimated and counted lately."""

    __slots__ = ("actual", "asked", "estimated")

    def __init__(self) -> None:
        self.asked = 0
        self.estimated = 0.0
        self.actual = 0.0


class Gauge:
    """The measures of all targets, by name."""

    def __init__(self) -> None:
        self._measures: dict[str, _Measure] = {}

    def estimate(self, target: str, request: ModelRequest) -> int:
        """Tokens that the request puts into the target's model, at least 1."""
        return max(1, round(estimate_input(request) * self.ratio(target)))

    def ratio(self, target: str) -> float:
        """The factor that corrects an estimate for this target."""
        measure = self._measures.get(target)
        if measure is None or not measure.estimated:
            return 1.0
        return min(_MOST_RATIO, max(_LEAST_RATIO, measure.actual / measure.estimated))

    def is_due(self, target: str) -> bool:
        """Count a request to this target; whether it is one to learn from."""
        measure = self._measures.get(target)
        if measure is None:
            measure = self._begin(target)
        measure.asked += 1
        return measure.asked <= _FIRST or not measure.asked % _ONE_IN

    def learn(self, target: str, estimated: int, actual: int) -> None:
        """What was estimated has been counted; 0 says that nobody did."""
        measure = self._measures.get(target) or self._begin(target)
        if actual and _LEAST_RATIO <= actual / estimated <= _MOST_RATIO:
            measure.estimated = measure.estimated * _KEPT + estimated
            measure.actual = measure.actual * _KEPT + actual

    def _begin(self, target: str) -> _Measure:
        if len(self._measures) >= _MOST_TARGETS:
            del self._measures[next(iter(self._measures))]
        measure = self._measures[target] = _Measure()
        return measure


def measure(dialect: Dialect, envelope: Envelope) -> int:
    """The plain estimate of a request that can be learned from; 0 for one that cannot, or is not worth the time."""
    if len(envelope.body) > _MOST_BYTES or not _ELSEWHERE.isdisjoint(envelope.members):
        return 0
    try:
        body = {"model": envelope.model, **decode_body(envelope.members)}
        request = dialect.read_request(body, lambda _: None)
    except CallerError:
        return 0  # whoever is asked will say what is wrong with it
    return 0 if any(_holds_media(item) for item in request.items) else estimate_input(request)


def _holds_media(item: object) -> bool:
    """Whether an item holds what is not text, of which an estimate can only be rough."""
    parts = item.parts if isinstance(item, Message) else item.output if isinstance(item, ToolOutput) else ()
    return any(isinstance(part, Image | File | Audio) for part in parts)
