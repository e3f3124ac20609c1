"""Results as a table to read, as JSON, and as the page `bench/RESULTS.md`."""

import datetime as dt
import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench import machine
from bench.measure import OTHERS_LIMIT, Plan, Readings, Results
from bench.sections import write_first
from bench.workloads import EVENTS, Workload

START_SECONDS_TARGET = 1.0
RESIDENT_MEGABYTES_TARGET = 90.0
FIRST_CONTENT_MICROS_TARGET = 1000.0
_NUMBERS = (2, 3, 4)
"""The columns that hold numbers."""

_ABOUT = """\
Written by `python bench/run.py --write` ({plan.rounds} rounds of {plan.seconds:g} s per row, the two in turns;
medians). The proxy under test has core {plan.cores.proxy}, mock upstream and load generator share core
{plan.cores.load}. Figures of requests, streams and events are µs of processor time; "a second" is what one core can
do of them. A shared machine changes its speed, so only ratios within one run count. `bench/README.md` says how.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One measured fact beside what it may be; `None` and empty where there is nothing to say."""

    what: str
    unit: str
    reference: float | None
    gateway: float | None
    a_second: float | None = None
    """So many a second one core of the gateway can do."""
    comparison: str = ""
    target: str = ""
    met: bool | None = None
    note: str = ""


def rows(plan: Plan, results: Results) -> list[Row]:
    """Everything, in the order of the page."""
    return [
        *(_workload_row(workload, plan, results) for workload in plan.workloads),
        *_latency_rows(plan, results),
        *_process_rows(plan, results),
    ]


def table(plan: Plan, results: Results) -> str:
    """The rows in columns, for a terminal."""
    head = ("", "unit", "nginx", plan.name, "a second", "compared", "target", "", "")
    cells = [head, *(_cells(row) for row in rows(plan, results))]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(_aligned(line, widths) for line in cells)


def as_json(plan: Plan, results: Results) -> str:
    """The rows and every single reading."""
    whole: dict[str, Any] = {
        "at": _now(),
        "machine": machine.describe(),
        "versions": _versions(plan),
        "rows": [asdict(row) for row in rows(plan, results)],
        "results": asdict(results),
    }
    return json.dumps(whole, indent=1, ensure_ascii=False)


def write_page(path: Path, plan: Plan, results: Results) -> None:
    """`RESULTS.md`: the table with machine, date and versions, in the place of the old one; its sections stay."""
    about = _ABOUT.format(plan=plan)
    first = f"{_now()[:10]}. {machine.describe()}. {', '.join(_versions(plan))}."
    head = f"| | unit | nginx | {plan.name} | a second | compared | target | |"
    lines = ["# Measured", "", first, "", about, head, "|---|---|--:|--:|--:|---|---|---|"]
    for row in rows(plan, results):
        *cells, note = _cells(row)
        lines.append("| " + " | ".join(cells) + (f" ({note})" if note else "") + " |")
    write_first(path, "\n".join(lines) + "\n" + _discarded(results))


def _workload_row(workload: Workload, plan: Plan, results: Results) -> Row:
    reference = results.cpu_micros("nginx", workload.name)
    gateway = results.cpu_micros(plan.name, workload.name)
    a_second = 1e6 / gateway if gateway else None
    comparison, target, met = _compare(workload, plan, results)
    note = _note(results.readings[workload.name])
    return Row(workload.name, workload.unit, reference, gateway, a_second, comparison, target, met, note)


def _compare(workload: Workload, plan: Plan, results: Results) -> tuple[str, str, bool | None]:
    """How the gateway stands: µs an event, µs over its own tee row, or times nginx."""
    gateway = results.cpu_micros(plan.name, workload.name)
    if workload.event_target:
        each = gateway / EVENTS if gateway is not None else None
        return _judge(each, workload.event_target, "{:.1f} µs/event", "≤ {:g} µs/event")
    if workload.beside:
        beside = results.cpu_micros(plan.name, workload.beside)
        over = gateway - beside if gateway is not None and beside is not None else None
        limit = workload.beside_target
        return _judge(over, limit, "{:+.0f} µs over " + workload.beside, "≤ {:+g} µs over " + workload.beside)
    ratio = results.readings[workload.name].ratio(plan.name, "nginx")
    return _judge(ratio, workload.ratio_target, "{:.2f} × nginx", "≤ {:g} × nginx")


def _judge(value: float | None, limit: float | None, shown: str, wanted: str) -> tuple[str, str, bool | None]:
    comparison = shown.format(value) if value is not None else ""
    target = wanted.format(limit) if limit is not None else ""
    return comparison, target, value <= limit if value is not None and limit is not None else None


def _note(readings: Readings) -> str:
    said = [f"{name}: {what}" for name, what in (readings.faults | readings.remarks).items()]
    if said:
        return "; ".join(said)
    if not readings.used:
        last = readings.discarded[-1] if readings.discarded else {}
        return "; ".join(f"{name}: {sample.fault}" for name, sample in last.items() if sample.fault)
    return "" if readings.counted else "no clean round, the core was shared"


def _latency_rows(plan: Plan, results: Results) -> Iterable[Row]:
    if results.request_times:
        p50 = {name: times.p50 for name, times in results.request_times.items()}
        p99 = {name: times.p99 for name, times in results.request_times.items()}
        yield _over_direct("added latency at 100 requests/s, p50", p50, plan.name, None)
        yield _over_direct("added latency at 100 requests/s, p99", p99, plan.name, None)
    for dialect, found in results.first_content_times.items():
        p50 = {name: times.p50 for name, times in found.items()}
        yield _over_direct(f"first content of a stream, {dialect}, p50", p50, plan.name, FIRST_CONTENT_MICROS_TARGET)


def _over_direct(what: str, micros: dict[str, float], name: str, limit: float | None) -> Row:
    over = {one: value - micros["direct"] for one, value in micros.items()}
    return _limited(what, "µs of wall time over direct", over, name, limit)


def _process_rows(plan: Plan, results: Results) -> Iterable[Row]:
    starts = {name: median(values) for name, values in results.start_seconds.items()}
    idle = {name: size / 1e6 for name, size in results.idle_bytes.items()}
    loaded = {name: size / 1e6 for name, size in results.loaded_bytes.items()}
    yield _limited("start to the first answer", "s", starts, plan.name, START_SECONDS_TARGET)
    yield _limited("resident, idle", "MB", idle, plan.name, None)
    yield _limited("resident, after load", "MB", loaded, plan.name, RESIDENT_MEGABYTES_TARGET)


def _limited(what: str, unit: str, values: dict[str, float], name: str, limit: float | None) -> Row:
    target = f"≤ {limit:g} {unit.split(maxsplit=1)[0]}" if limit is not None else ""
    met = values[name] <= limit if name in values and limit is not None else None
    return Row(what, unit, values.get("nginx"), values.get(name), target=target, met=met)


def _cells(row: Row) -> tuple[str, ...]:
    verdict = {True: "met", False: "**missed**", None: ""}[row.met]
    numbers = [_number(row.reference), _number(row.gateway), _number(row.a_second)]
    return (row.what, row.unit, *numbers, row.comparison, row.target, verdict, row.note)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Numbers to the right, words to the left."""
    places = zip(cells, widths, strict=True)
    return "  ".join(
        f"{cell:>{width}}" if i in _NUMBERS else f"{cell:<{width}}" for i, (cell, width) in enumerate(places)
    ).rstrip()


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


def _discarded(results: Results) -> str:
    discarded = sum(len(one.discarded) for one in results.readings.values())
    whole = discarded + sum(len(one.counted) for one in results.readings.values())
    return f"\n{discarded} of {whole} rounds were discarded (others took over {OTHERS_LIMIT:.0%} of the core, or errors).\n"


def _versions(plan: Plan) -> Sequence[str]:
    nginx = machine.first_line("nginx", "-v").removeprefix("nginx version: ")
    wrk = machine.first_line("wrk", "-v").partition(" [")[0]
    python = Path(shlex.split(plan.command)[0]).parent / "python" if plan.command else Path()
    return [nginx, wrk, *([machine.first_line(str(python), "-V")] if python.is_file() else [])]


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
