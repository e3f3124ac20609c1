"""Counts of requests for Prometheus, made of records in batches, off the requests' way, and written when asked for.

Labels are bounded: what a caller can make up (a model's name, an error's code) is counted under `other` once there are
many of it. Source of the format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from trunkline.money import write_dollars
from trunkline.records import Attempt, Record
from trunkline.usage import Usage

Labels = tuple[str, ...]

_OTHER = "other"
_MOST_MODELS = 500
_MOST_CODES = 100

# In seconds: from an error of our own to the longest answer.
_DURATIONS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_FIRST_BYTES = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

_COUNTS = tuple(name for name, kind in Usage.__annotations__.items() if kind is int)


class Family(Struct, frozen=True):
    """A metric's name, kind and meaning, and the names of its labels."""

    name: str
    kind: str
    help: str
    labels: Labels = ()


class Known:
    """So many different values, and `other` for all that come later."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[Labels] = set()

    def bound(self, value: Labels) -> Labels:
        if value in self._known:
            return value
        if len(self._known) >= self._most:
            return (_OTHER,) * len(value)
        self._known.add(value)
        return value


class Counter:
    """Sums by labels."""

    def __init__(self, name: str, help: str, *labels: str) -> None:
        self.family = Family(name, "counter", help, labels)
        self.values: dict[Labels, int] = defaultdict(int)

    def lines(self) -> Iterator[str]:
        for labels, value in self.values.items():
            yield write_line(self.family.name, self.family.labels, labels, str(value))


class Dollars(Counter):
    """Sums of nano-dollars, told in dollars."""

    def lines(self) -> Iterator[str]:
        for labels, value in self.values.items():
            yield write_line(self.family.name, self.family.labels, labels, write_dollars(value))


class Histogram:
    """Durations by labels: how many were no longer than each bound."""

    def __init__(self, name: str, help: str, bounds: Sequence[float], *labels: str) -> None:
        self.family = Family(name, "histogram", help, labels)
        self._bounds = bounds
        self._counts: dict[Labels, list[int]] = defaultdict(lambda: [0] * (len(bounds) + 1))
        self._micros: dict[Labels, int] = defaultdict(int)

    def add(self, labels: Labels, micros: int) -> None:
        self._counts[labels][bisect_left(self._bounds, micros / 1e6)] += 1
        self._micros[labels] += micros

    def lines(self) -> Iterator[str]:
        name, names = self.family.name, self.family.labels
        for labels, counts in self._counts.items():
            below = 0
            for bound, count in zip([*map(str, self._bounds), "+Inf"], counts, strict=True):
                below += count
                yield write_line(f"{name}_bucket", (*names, "le"), (*labels, bound), str(below))
            yield write_line(f"{name}_sum", names, labels, str(self._micros[labels] / 1e6))
            yield write_line(f"{name}_count", names, labels, str(below))


class Metrics:
    """Everything that is counted of requests. `take` is called in one thread, `write` in any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models = Known(_MOST_MODELS)
        self._codes = Known(_MOST_CODES)
        served = ("operation", "provider", "model")
        self._requests = Counter("trunkline_requests_total", "Requests that have ended.", *served, "status", "outcome")
        self._errors = Counter("trunkline_errors_total", "Requests that ended with an error.", "code")
        self._attempts = Counter("trunkline_attempts_total", "Calls of upstreams.", "provider", "model", "status")
        self._tokens = Counter(
            "trunkline_usage_total", "What upstreams say was used, by bucket.", "provider", "model", "bucket"
        )
        self._cost = Dollars("trunkline_cost_dollars_total", "What it cost.", "provider", "model")
        self._unpriced = Counter(
            "trunkline_unpriced_attempts_total", "Calls of models without a price.", "provider", "model"
        )
        self._durations = Histogram(
            "trunkline_request_duration_seconds", "From a request to its end.", _DURATIONS, "operation", "provider"
        )
        self._first_bytes = Histogram(
            "trunkline_first_byte_seconds",
            "From a request to the upstream's first byte.",
            _FIRST_BYTES,
            "operation",
            "provider",
        )

    def take(self, records: Sequence[Record]) -> None:
        """Count these."""
        with self._lock:
            for record in records:
                self._count(record)
                for attempt in record.attempts:
                    self._count_attempt(attempt)

    def write(self, gauges: Mapping[Family, float]) -> bytes:
        """Everything as text, with what else there is to tell at this moment."""
        lines: list[str] = []
        with self._lock:
            for metric in (
                self._requests,
                self._errors,
                self._attempts,
                self._tokens,
                self._cost,
                self._unpriced,
                self._durations,
                self._first_bytes,
            ):
                lines += [*_head(metric.family), *metric.lines()]
        for family, value in gauges.items():
            lines += [*_head(family), write_line(family.name, (), (), f"{value:g}" if value % 1 else str(int(value)))]
        return "\n".join([*lines, ""]).encode()

    def _count(self, record: Record) -> None:
        model = self._model(record.target)
        self._requests.values[(record.operation, *model, str(record.status), record.outcome)] += 1
        if record.error_code:
            self._errors.values[self._codes.bound((record.error_code,))] += 1
        served = (record.operation, model[0])
        self._durations.add(served, record.duration_micros)
        if record.first_byte_micros is not None:
            self._first_bytes.add(served, record.first_byte_micros)

    def _count_attempt(self, attempt: Attempt) -> None:
        model = self._model(attempt.target)
        self._attempts.values[(*model, str(attempt.status))] += 1
        for name in _COUNTS:
            count = getattr(attempt.usage, name)
            if count:
                self._tokens.values[(*model, name)] += count
        if attempt.cost is None:
            self._unpriced.values[model] += 1
        elif attempt.cost:
            self._cost.values[model] += attempt.cost

    def _model(self, target: str) -> Labels:
        provider, _, model = target.partition("/")
        return self._models.bound((provider, model))


def _head(family: Family) -> tuple[str, str]:
    return f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}"


def write_line(name: str, names: Sequence[str], values: Sequence[str], number: str) -> str:
    """One sample."""
    if not names:
        return f"{name} {number}"
    pairs = ",".join(f'{label}="{_escape(value)}"' for label, value in zip(names, values, strict=True))
    return f"{name}{{{pairs}}} {number}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
