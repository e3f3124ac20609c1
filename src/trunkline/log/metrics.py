"""Counts of requests for Prometheus, made of records in batches, off the requests' way, and written when asked for.

Labels are bounded: what a caller can make up (a model's name, an error's code) is counted under `other` once there are
many of it. Source of the format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import threading
from bisect import bisect_left
from collections import Counter as Counts
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import astuple

from trunkline.money import write_dollars
from trunkline.records import Attempt, Record
from trunkline.usage import Usage

Labels = tuple[str, ...]
Alike = TypeVar("Alike")

_OTHER = "other"
_MOST_MODELS = 500
_MOST_CODES = 100

# In seconds: from an error of our own to the longest answer.
_DURATIONS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_FIRST_BYTES = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

# The buckets of usage, which come first in it.
_COUNTS = tuple(name for name, kind in Usage.__annotations__.items() if kind is int)

_ending: Callable[[Record], tuple[str, str, int, str]] = attrgetter("operation", "target", "status", "outcome")
_error_code: Callable[[Record], str] = attrgetter("error_code")
_bodies: Callable[[Record], str] = attrgetter("bodies")
_served: Callable[[Record], Labels] = attrgetter("operation", "target")


def _target(attempt: Attempt) -> Labels:
    return (attempt.target,)


def _group(key: Callable[[Alike], Labels], values: Sequence[Alike]) -> Iterable[tuple[Labels, list[Alike]]]:
    """Group values by a key that they share."""
    groups: dict[Labels, list[Alike]] = defaultdict(list)
    for value in values:
        groups[key(value)].append(value)
    return groups.items()


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
        self._bounds_micros = [int(bound * 1e6) for bound in bounds]
        self._counts: dict[Labels, list[int]] = defaultdict(lambda: [0] * (len(bounds) + 1))
        self._micros: dict[Labels, int] = defaultdict(int)

    def add(self, labels: Labels, micros: Sequence[int]) -> None:
        counts, bounds = self._counts[labels], self._bounds_micros
        for each in micros:
            counts[bisect_left(bounds, each)] += 1
        self._micros[labels] += sum(micros)

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
        self._bodies = Counter("trunkline_audit_bodies_total", "Requests whose bodies the audit was to keep.", "state")
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
        """Count these. What is alike is counted together: this is done for every request."""
        with self._lock:
            for (operation, target, status, outcome), count in Counts(map(_ending, records)).items():
                self._requests.values[(operation, *self._model(target), str(status), outcome)] += count
            for code, count in Counts(filter(None, map(_error_code, records))).items():
                self._errors.values[self._codes.bound((code,))] += count
            for state, count in Counts(filter(None, map(_bodies, records))).items():
                self._bodies.values[(state,)] += count
            for (operation, target), alike in _group(_served, records):
                self._count_durations((operation, self._model(target)[0]), alike)
            attempts = [attempt for record in records for attempt in record.attempts]
            for (target,), tried in _group(_target, attempts):
                self._count_attempts(self._model(target), tried)

    def write(self, gauges: Mapping[Family, float]) -> bytes:
        """Everything as text, with what else there is to tell at this moment."""
        lines: list[str] = []
        with self._lock:
            for metric in (
                self._requests,
                self._errors,
                self._bodies,
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

    def _count_durations(self, labels: Labels, records: Sequence[Record]) -> None:
        self._durations.add(labels, [record.duration_micros for record in records])
        first_bytes = [record.first_byte_micros for record in records if record.first_byte_micros is not None]
        if first_bytes:
            self._first_bytes.add(labels, first_bytes)

    def _count_attempts(self, model: Labels, attempts: Sequence[Attempt]) -> None:
        for status, count in Counts([attempt.status for attempt in attempts]).items():
            self._attempts.values[(*model, str(status))] += count
        columns = zip(*[astuple(attempt.usage)[: len(_COUNTS)] for attempt in attempts], strict=True)
        for name, column in zip(_COUNTS, columns, strict=True):
            if total := sum(column):
                self._tokens.values[(*model, name)] += total
        costs = [attempt.cost for attempt in attempts if attempt.cost is not None]
        if any(costs):
            self._cost.values[model] += sum(costs)
        if len(costs) < len(attempts):
            self._unpriced.values[model] += len(attempts) - len(costs)

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
