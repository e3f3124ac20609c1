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


Round = dict[str, Sample]
"""One reading of each subject that serves a workload, taken one right after the other."""


@dataclass(slots=True)
class Readings:
    """All readings of one workload. A round counts as a whole or not at all, so that ratios are of neighbours."""

    counted: list[Round] = field(default_factory=list)
    discarded: list[Round] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)
    """By subject: why it was not measured."""
    remarks: dict[str, str] = field(default_factory=dict)
    """By subject: what the reader of its figures must know."""

    @property
    def used(self) -> list[Round]:
        """The counted ones; with none, those of a busy core, which is better than nothing and is said."""
        return self.counted or [one for one in self.discarded if not any(sample.fault for sample in one.values())]

    def cpu_micros(self, subject: str) -> float | None:
        """The median; `None` without a usable reading."""
        values = [one[subject].cpu_micros for one in self.used if subject in one]
        return median(values) if values else None

    def ratio(self, subject: str, reference: str) -> float | None:
        """The median of the rounds' own ratios."""
        pairs = [(one[subject], one[reference]) for one in self.used if subject in one and reference in one]
        return median(over.cpu_micros / under.cpu_micros for over, under in pairs) if pairs else None


@dataclass(slots=True)
class Results:
    """Everything one run found out; subjects by name, workloads by name."""

    readings: dict[str, Readings] = field(default_factory=dict)
    start_seconds: dict[str, list[float]] = field(default_factory=dict)
    idle_bytes: dict[str, int] = field(default_factory=dict)
    loaded_bytes: dict[str, int] = field(default_factory=dict)
    request_times: dict[str, Times] = field(default_factory=dict)
    first_content_times: dict[str, dict[str, Times]] = field(default_factory=dict)

    def cpu_micros(self, subject: str, workload: str) -> float | None:
        """The median, or `None` when there is no usable reading."""
        readings = self.readings.get(workload)
        return readings.cpu_micros(subject) if readings else None


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
        found = results.readings[workload.name] = Readings()
        served = []
        for one in running:
            if one.name == "nginx" and not workload.referenced:
                continue
            probe = load.probe(workload, one)
            if probe.remark:
                found.remarks[one.name] = probe.remark
            if probe.fault:
                found.faults[one.name] = probe.fault
                _say(f"{workload.name} {one.name}: {probe.fault}")
            else:
                served.append(one)
        _alternate(plan, workload, served, upstream, found)


def _alternate(plan: Plan, workload: Workload, served: Sequence[Subject], upstream: Subject, found: Readings) -> None:
    """nginx, gateway, nginx, gateway, … until the rounds are there or the retries used up."""
    for _ in range(plan.rounds + plan.retries if served else 0):
        if len(found.counted) == plan.rounds:
            return
        one = {subject.name: load.measure(workload, subject, upstream, plan.cores, plan.seconds) for subject in served}
        why = [f"{name}: {reason}" for name, sample in one.items() if (reason := _unfit(sample))]
        (found.discarded if why else found.counted).append(one)
        figures = ", ".join(f"{name} {sample.cpu_micros:.1f}" for name, sample in one.items())
        _say(f"{workload.name}: {figures} µs/{workload.unit}" + (f"; discarded ({', '.join(why)})" if why else ""))


def _unfit(sample: Sample) -> str:
    return sample.fault or (f"others took {sample.others:.0%} of the core" if sample.others > OTHERS_LIMIT else "")


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)
