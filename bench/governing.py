"""What it costs to know and to bound callers: the same requests without, with three limits, and with all of it.

*Bare* is a gateway with its operator's key alone. *Limits* has three rate limits before it that all match: requests a
minute, tokens a day, and how many at once. *Governed* has a declared key with a path, models and labels, the same limits
and a budget. Usage and costs are recorded in all three. The subjects take turns, as everywhere here.
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from bench import load, subjects, wire
from bench.client import Target
from bench.load import Sample
from bench.measure import OTHERS_LIMIT, Plan
from bench.subjects import Subject
from bench.workloads import Workload

CPU_MICROS_TARGET = 40.0
ROWS = ("chat", "chat-burst", "responses")
WAYS = ("bare", "limits", "governed")

_SECRET = "Z292ZXJuaW5n" * 4
_LIMITS = """\
limits:
  - {match: {model: "openai/*"}, requests: 100000000, per: minute}
  - {match: {path: "/**"}, tokens: 100000000000, per: day, zone: Europe/Zurich}
  - {match: {provider: openai}, concurrent: 1000}
"""
_BUDGET = """\
budgets:
  - {name: bench, match: {path: "/team/**"}, dollars: "900000000", per: month}
"""


@dataclass(slots=True)
class Results:
    """Clean readings by row: one of each way, taken one right after the other."""

    rounds: dict[str, list[dict[str, Sample]]] = field(default_factory=dict)

    def cpu_micros(self, row: str, way: str) -> float:
        return median(one[way].cpu_micros for one in self.rounds[row])

    def added(self, row: str, way: str) -> float:
        """The median of what the rounds themselves say."""
        return median(one[way].cpu_micros - one["bare"].cpu_micros for one in self.rounds[row])


def run(plan: Plan) -> Results:
    """Every row on every way in turns, as many rounds as planned."""
    results = Results()
    program = subjects.build_mock()
    with ExitStack() as stack:
        upstream = stack.enter_context(subjects.mock(program, plan.cores))
        ways = [stack.enter_context(_start(way, plan, upstream)) for way in WAYS]
        for workload in (one for one in plan.workloads if one.name in ROWS):
            for way in ways:
                if fault := load.probe(workload, way).fault:
                    raise SystemExit(f"bench: {workload.name} {way.name}: {fault}")
            results.rounds[workload.name] = _measure(plan, workload, ways, upstream)
    return results


def _measure(plan: Plan, workload: Workload, ways: list[Subject], upstream: Subject) -> list[dict[str, Sample]]:
    """The clean rounds; with none, those of a busy core."""
    clean: list[dict[str, Sample]] = []
    busy: list[dict[str, Sample]] = []
    for _ in range(plan.rounds + plan.retries):
        if len(clean) == plan.rounds:
            break
        one = {way.name: load.measure(workload, way, upstream, plan.cores, plan.seconds) for way in ways}
        if faults := [sample.fault for sample in one.values() if sample.fault]:
            raise SystemExit(f"bench: {workload.name}: {faults[0]}")
        is_clean = all(sample.others <= OTHERS_LIMIT for sample in one.values())
        (clean if is_clean else busy).append(one)
        figures = ", ".join(f"{name} {sample.cpu_micros:.1f}" for name, sample in one.items())
        print(f"bench: {workload.name}: {figures} µs" + ("" if is_clean else "; busy"), file=sys.stderr, flush=True)
    return clean or busy


# --- the three gateways -------------------------------------------------------------------------------------------


@contextmanager
def _start(way: str, plan: Plan, upstream: Subject) -> Iterator[Subject]:
    with tempfile.TemporaryDirectory(prefix="bench-governing-") as folder:
        configuration, key = Path(folder, "trunkline.yaml"), ""
        text = "" if way == "bare" else _LIMITS
        if way == "governed":
            key, entry = _declare_key(plan.command, Path(folder))
            text += _BUDGET + entry + _write_prices()
        configuration.write_text(text)
        settings = plan.settings | {"TRUNKLINE_CONFIG": str(configuration), "TRUNKLINE_SECRET": _SECRET}
        with subjects.gateway(way, plan.command, settings, upstream, plan.cores) as subject:
            yield _with_key(subject, key) if key else subject


def _declare_key(command: str, folder: Path) -> tuple[str, str]:
    """A key, and the section of the file that declares it."""
    program = shlex.split(command)[0]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TRUNKLINE_SECRET": _SECRET}
    words = [program, "keys", "hash", "bench", "--path", "/team/bench", "--json"]
    made = json.loads(subprocess.run(words, env=environment, check=True, capture_output=True, timeout=60).stdout)
    entry = {**made["entry"], "models": ["openai/*"], "labels": {"app": "bench"}}
    return made["key"], f"keys: [{json.dumps(entry)}]\n"


def _write_prices() -> str:
    names = [f"openai/{wire.MODELS['openai']}{kind}" for kind in wire.KINDS]
    return f"prices: {json.dumps({name: {'input': '0.25', 'output': '2.00'} for name in names})}\n"


def _with_key(subject: Subject, key: str) -> Subject:
    headers = subject.target.headers | {"authorization": f"Bearer {key}", "x-api-key": key}
    return replace(subject, target=Target(subject.target.port, headers))


# --- the page -----------------------------------------------------------------------------------------------------


def page(plan: Plan, results: Results) -> str:
    """The section of `RESULTS.md`."""
    lines = [
        "## Governing",
        "",
        f"Written by `python bench/run.py governing --write` ({plan.rounds} rounds of {plan.seconds:g} s, medians): µs of",
        "processor time without rules, with three rate limits that match, and with a declared key, the limits and a budget.",
        "",
        "| | " + " | ".join(WAYS) + " | limits add | all adds | target | |",
        "|---|" + "--:|" * (len(WAYS) + 2) + "---|---|",
    ]
    for row in results.rounds:
        figures = [f"{results.cpu_micros(row, way):.1f}" for way in WAYS]
        added = [results.added(row, way) for way in WAYS[1:]]
        verdict = "met" if added[-1] <= CPU_MICROS_TARGET else "**missed**"
        cells = [row, *figures, *(f"{one:+.1f}" for one in added), f"≤ +{CPU_MICROS_TARGET:.0f} µs for all", verdict]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
