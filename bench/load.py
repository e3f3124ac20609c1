"""Drives one workload at one subject with wrk and reads what the processes used meanwhile."""

import json
import math
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import machine, wire
from bench.client import Connection
from bench.subjects import BUILD, HERE, Cores, Subject, pinned
from bench.workloads import Workload

RAMP_SECONDS = 1.0
"""Load before the first reading: connections are made, pools filled, code warm."""
_STREAM_SECONDS = wire.EVENTS / 50


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading of one round."""

    cpu_micros: float
    """Processor time of the subject's process tree per request, stream or event."""
    per_second: float
    """Requests, streams or events a second, as the mock finished them."""
    p50_micros: int
    p99_micros: int
    others: float
    """The share of the proxy's core that went elsewhere."""
    fault: str = ""
    """Why the reading does not count; empty when it does."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One request of a workload, read whole."""

    fault: str = ""
    """Why it cannot be measured."""
    remark: str = ""
    """What the reader of its figures must know."""


def probe(workload: Workload, subject: Subject) -> Probe:
    """Asks once and looks at the whole reply: is it served, is it complete, and by which way did it come?"""
    with Connection(subject.target) as connection:
        answer = connection.ask(workload.path, workload.body())
    route = answer.headers.get("x-trunkline-route", "")
    if answer.status != 200:
        return Probe(f"status {answer.status}: {answer.body[:200].decode(errors='replace')}")
    if workload.stream and wire.END_MARKS[workload.dialect] not in answer.body:
        return Probe("the stream has no end")
    if wire.FIRST_WORD.encode() not in answer.body:
        return Probe("the reply has no content")
    if route and not route.startswith(workload.route):
        return Probe(remark=f"by another way than planned: {route}")
    return Probe()


def measure(workload: Workload, subject: Subject, upstream: Subject, cores: Cores, seconds: float) -> Sample:
    """One reading: load all the while, counters and processor time at two moments well within it."""
    ramp = RAMP_SECONDS + (_STREAM_SECONDS if workload.stream == "paced" else 0)
    whole = ramp + seconds + 0.5
    with Connection(upstream.target) as counters, driven(workload, subject, cores, whole) as process:
        before = _replies(counters)
        time.sleep(ramp)
        begun = _read(subject, counters, cores)
        time.sleep(seconds)
        ended = _read(subject, counters, cores)
        totals = _totals(process) | {"upstream": _replies(counters) - before}
    return _sample(workload, begun, ended, totals)


@dataclass(frozen=True, slots=True)
class _Reading:
    at: float
    cpu_nanos: int
    core: machine.Core
    replies: int
    groups: int


def _read(subject: Subject, counters: Connection, cores: Cores) -> _Reading:
    replies, groups = map(int, counters.ask("/counters").body.split())
    return _Reading(time.monotonic(), machine.cpu_nanos(subject.pid), machine.read_core(cores.proxy), replies, groups)


def _replies(counters: Connection) -> int:
    return int(counters.ask("/counters").body.split()[0])


def _sample(workload: Workload, begun: _Reading, ended: _Reading, totals: dict[str, Any]) -> Sample:
    replies, seconds = ended.replies - begun.replies, ended.at - begun.at
    units = ended.groups - begun.groups if workload.stream == "paced" else replies
    cpu_nanos = ended.cpu_nanos - begun.cpu_nanos
    return Sample(
        cpu_micros=cpu_nanos / 1000 / units if units else float("inf"),
        per_second=units / seconds,
        p50_micros=totals["p50"],
        p99_micros=totals["p99"],
        others=machine.taken_by_others(begun.core, ended.core, cpu_nanos),
        fault=_fault(workload, totals),
    )


def _fault(workload: Workload, totals: dict[str, Any]) -> str:
    """What makes a reading worthless: errors, cut streams, or more work upstream than what came out."""
    wrong = {name: totals[name] for name in ("connect", "read", "write", "status", "timeout") if totals[name]}
    if wrong:
        return f"errors of the load: {wrong}"
    if not totals["requests"]:
        return "no request was answered"
    if workload.stream == "paced":
        return ""
    # The bytes of the mock's reply, less its head and framing, must have come out, if nothing was translated.
    if workload.referenced and totals["bytes"] < 0.8 * totals["requests"] * _upstream_size(workload):
        return f"short replies: {totals['bytes'] / totals['requests']:.0f} bytes each"
    # What was on its way when wrk stopped is upstream's alone; a gateway that asks twice shows here.
    surplus = totals["upstream"] - totals["requests"]
    if not -1 <= surplus <= 2 * workload.connections:
        return f"upstream answered {totals['upstream']} times, the load received {totals['requests']}"
    return ""


def _upstream_size(workload: Workload) -> int:
    kind = workload.stream or (workload.kind.lstrip("-") or "json")
    return wire.reply_size(BUILD / "replies", workload.upstream_dialect, kind)


@contextmanager
def driven(workload: Workload, subject: Subject, cores: Cores, seconds: float) -> Iterator["subprocess.Popen[str]"]:
    """The load of a workload on a subject, for so many seconds at most."""
    with tempfile.NamedTemporaryFile(prefix="bench-body-") as body:
        Path(body.name).write_bytes(workload.body())
        headers = [f"{name}={value}" for name, value in subject.target.headers.items()]
        url = f"http://127.0.0.1:{subject.target.port}{workload.path}"
        size = ["-t1", f"-c{workload.connections}", f"-d{math.ceil(seconds)}s", "--timeout", "20s"]
        command = [*pinned(cores.load, ["wrk"]), *size, "-s", str(HERE / "load.lua"), url, "--", body.name]
        process = subprocess.Popen([*command, *headers], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _totals(process: "subprocess.Popen[str]") -> dict[str, Any]:
    output, _ = process.communicate(timeout=60)
    for line in output.splitlines():
        if line.startswith("TOTALS "):
            totals: dict[str, Any] = json.loads(line[7:])
            return totals
    raise SystemExit(f"bench: wrk failed:\n{output}")
