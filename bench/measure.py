"""Rounds of readings, the subjects taking turns, and what they come to."""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median

from bench import latency, load, machine, subjects
from bench.latency import Times
from bench.load import Sample
from bench.subjects import Cores, Subject
from bench.workloads import Workload

OTHERS_LIMIT = 0.10
_SETTLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, as the command line says it."""

    workloads: Sequence[Workload]
    rounds: int
    seconds: float
    retries: int
    """So many readings more per workload and subject, for those that were discarded."""
    cores: Cores
    command: str
    """Starts the gateway; empty: the reference alone."""
    name: str
    against: str
    """`nginx` or `none`."""
    settings: dict[str, str]
    starts: int
    latency_seconds: float
    """0: no latencies and no first content."""
    first_contents: int


@dataclass(slots=True)
class Readings:
    """All readings of one workload at one subject."""

    counted: list[Sample] = field(default_factory=list)
    discarded: list[Sample] = field(default_factory=list)
    fault: str = ""
    route: str = ""

    @property
    def used(self) -> list[Sample]:
        """The counted ones; with none, those of a busy core, which is better than nothing and is said."""
        return self.counted or [sample for sample in self.discarded if not sample.fault]

    @property
    def cpu_micros(self) -> float | None:
        used = self.used
        return median(sample.cpu_micros for sample in used) if used else None


@dataclass(slots=True)
class Results:
    """Everything one run found out; subjects by name, workloads by name."""

    readings: dict[str, dict[str, Readings]] = field(default_factory=dict)
    start_seconds: dict[str, list[float]] = field(default_factory=dict)
    idle_bytes: dict[str, int] = field(default_factory=dict)
    loaded_bytes: dict[str, int] = field(default_factory=dict)
    request_times: dict[str, Times] = field(default_factory=dict)
    first_content_times: dict[str, dict[str, Times]] = field(default_factory=dict)

    def cpu_micros(self, subject: str, workload: str) -> float | None:
        """The median, or `None` when there is no usable reading."""
        readings = self.readings.get(workload, {}).get(subject)
        return readings.cpu_micros if readings else None


def run(plan: Plan) -> Results:
    """The whole bench. The subjects stay up side by side, but only one of them is under load at any time."""
    results = Results()
    program = subjects.build_mock()
    with ExitStack() as stack:
        upstream = stack.enter_context(subjects.mock(program, plan.cores))
        _time_starts(plan, upstream, results)
        running = [stack.enter_context(start()) for start in _starters(plan, upstream)]
        time.sleep(_SETTLE_SECONDS)
        results.idle_bytes = {one.name: machine.resident_bytes(one.pid) for one in running}
        _time_requests(plan, [upstream, *running], results)
        _measure_rounds(plan, running, upstream, results)
        results.loaded_bytes = {one.name: machine.resident_bytes(one.pid) for one in running}
    return results


def _starters(plan: Plan, upstream: Subject) -> list[Callable[[], "subjects.Running"]]:
    starters: list[Callable[[], subjects.Running]] = []
    if plan.against == "nginx":
        starters.append(lambda: subjects.nginx(upstream, plan.cores))
    if plan.command:
        starters.append(lambda: subjects.gateway(plan.name, plan.command, plan.settings, upstream, plan.cores))
    return starters


def _time_starts(plan: Plan, upstream: Subject, results: Results) -> None:
    """Each start is a new process with a new data folder; the first is not counted, it may compile Python's files."""
    for start in _starters(plan, upstream) if plan.starts else []:
        for turn in range(plan.starts + 1):
            with start() as subject:
                if turn:
                    results.start_seconds.setdefault(subject.name, []).append(subject.start_seconds)


def _time_requests(plan: Plan, running: Sequence[Subject], results: Results) -> None:
    if not plan.latency_seconds:
        return
    _say("latency at 100 requests a second")
    results.request_times = latency.request_times(running, plan.latency_seconds)
    for dialect, provider in (("chat", "openai"), ("responses", "openai"), ("messages", "anthropic")):
        _say(f"first content, {dialect}")
        times = latency.first_content_times(running, dialect, provider, plan.first_contents)
        results.first_content_times[dialect] = times


def _measure_rounds(plan: Plan, running: Sequence[Subject], upstream: Subject, results: Results) -> None:
    for workload in plan.workloads:
        able = [one for one in running if workload.referenced or one.name != "nginx"]
        found = {one.name: Readings() for one in able}
        results.readings[workload.name] = found
        for one in able:
            probe = load.probe(workload, one)
            found[one.name].fault, found[one.name].route = probe.fault, probe.route
        served = [one for one in able if not found[one.name].fault]
        _alternate(plan, workload, served, upstream, found)


def _alternate(
    plan: Plan, workload: Workload, served: Sequence[Subject], upstream: Subject, found: dict[str, Readings]
) -> None:
    """nginx, gateway, nginx, gateway, … until each has its rounds or the retries are used up."""
    for _ in range(plan.rounds + plan.retries):
        waiting = [one for one in served if len(found[one.name].counted) < plan.rounds]
        for one in waiting:
            sample = load.measure(workload, one, upstream, plan.cores, plan.seconds)
            clean = not sample.fault and sample.others <= OTHERS_LIMIT
            (found[one.name].counted if clean else found[one.name].discarded).append(sample)
            _say(f"{workload.name} {one.name}: {sample.cpu_micros:.1f} µs a {workload.unit}{_why(sample)}")


def _why(sample: Sample) -> str:
    if sample.fault:
        return f"; discarded: {sample.fault}"
    if sample.others > OTHERS_LIMIT:
        return f"; discarded: others took {sample.others:.0%} of the core"
    return ""


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)
