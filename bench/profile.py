"""Where the gateway's time goes under one workload: py-spy when it is there (Python lines), else perf (symbols)."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import load, machine, subjects
from bench.measure import Plan
from bench.subjects import BUILD, Subject
from bench.workloads import Workload


def run(plan: Plan) -> int:
    """Profiles each chosen workload and writes one file each into `bench/build/`."""
    recorder = shutil.which("py-spy", path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin")
    if not recorder and not shutil.which("perf"):
        raise SystemExit("bench: profiling needs py-spy (pip install py-spy) or perf (apt-get install linux-perf)")
    program = subjects.build_mock()
    with ExitStack() as stack:
        upstream = stack.enter_context(subjects.mock(program, plan.cores))
        gateway = subjects.gateway(plan.name, plan.command, plan.settings, upstream, plan.cores)
        subject = stack.enter_context(gateway)
        for workload in plan.workloads:
            with _loaded(plan, workload, subject):
                print(_spy(recorder, plan, workload, subject) if recorder else _perf(plan, workload, subject))
    return 0


@contextmanager
def _loaded(plan: Plan, workload: Workload, subject: Subject) -> Iterator[None]:
    probe = load.probe(workload, subject)
    if probe.fault:
        raise SystemExit(f"bench: {workload.name}: {probe.fault}")
    with load.driven(workload, subject, plan.cores, plan.seconds + 5):
        yield


def _spy(recorder: str, plan: Plan, workload: Workload, subject: Subject) -> str:
    path = BUILD / f"{workload.name}.speedscope.json"
    length = ["--duration", str(max(1, round(plan.seconds))), "--rate", "500", "--native", "--subprocesses"]
    command = [recorder, "record", "--pid", str(subject.pid), *length, "--format", "speedscope", "--output", str(path)]
    subprocess.run(command, check=True, timeout=plan.seconds + 60)
    return f"{workload.name}: {path} (open in speedscope)"


def _perf(plan: Plan, workload: Workload, subject: Subject) -> str:
    path = BUILD / f"{workload.name}.perf"
    record = ["perf", "record", "-q", "-F", "1999", "-p", _tree(subject), "-o", str(path), "--", "sleep"]
    subprocess.run([*record, str(plan.seconds)], check=True, timeout=plan.seconds + 60)
    shown = ["perf", "report", "--stdio", "-i", str(path), "--percent-limit", "0.7"]
    # Where the time goes at all, then by function.
    totals = [
        subprocess.run([*shown, "--sort", sort], capture_output=True, text=True, check=True, timeout=60).stdout
        for sort in ("dso", "dso,symbol")
    ]
    lines = [line for text in totals for line in text.splitlines() if line and not line.startswith("#")]
    return "\n".join([workload.name, *lines])


def _tree(subject: Subject) -> str:
    return ",".join(str(pid) for pid in machine.tree(subject.pid))
