"""Results as a table to read, as JSON, and as the page `bench/RESULTS.md`."""

import datetime
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import machine
from bench.measure import OTHERS_LIMIT, Plan, Readings, Results
from bench.workloads import EVENTS, Workload

START_SECONDS_TARGET = 1.0
RESIDENT_MEGABYTES_TARGET = 90.0
FIRST_CONTENT_MICROS_TARGET = 1000.0


@dataclass(frozen=True, slots=True)
class Row:
    """One measured fact beside what it may be; `None` where there is nothing to say."""

    what: str
    unit: str
    reference: float | None
    gateway: float | None
    comparison: str
    target: str
    met: bool | None
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
    head = ("", "per", "nginx", plan.name, "compared", "target", "", "")
    cells = [head, *(_cells(row) for row in rows(plan, results))]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if 2 <= i <= 3 else cell.ljust(width) for i, (cell, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in cells
    )


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
    """`RESULTS.md`: the table with machine, date and versions; replaced as a whole."""
    lines = [
        "# Measured",
        "",
        f"{_now()[:10]}. {machine.describe()}. {', '.join(_versions(plan))}.",
        "",
        f"Written by `python bench/run.py --write` ({plan.rounds} rounds of {plan.seconds:g} s per row and subject, in "
        f"turns; median). The proxy has core {plan.cores.proxy} to itself, mock upstream and load generator share "
        f"core {plan.cores.load}. Figures are µs of processor time unless the row says otherwise; a shared machine "
        "changes its speed, so only ratios within one run count. `bench/README.md` says how and why.",
        "",
        f"| | per | nginx | {plan.name} | compared | target | |",
        "|---|---|--:|--:|---|---|---|",
    ]
    for row in rows(plan, results):
        *cells, note = _cells(row)
        lines.append("| " + " | ".join(cells) + (f" ({note})" if note else "") + " |")
    path.write_text("\n".join(lines) + "\n" + _discarded(results))


def _workload_row(workload: Workload, plan: Plan, results: Results) -> Row:
    reference = results.cpu_micros("nginx", workload.name)
    gateway = results.cpu_micros(plan.name, workload.name)
    comparison, target, met = _compare(workload, reference, gateway, results.cpu_micros(plan.name, workload.beside))
    found = results.readings.get(workload.name, {})
    notes = [f"{name}: {note}" for name, readings in found.items() if (note := _note(readings))]
    return Row(workload.name, workload.unit, reference, gateway, comparison, target, met, "; ".join(notes))


def _compare(
    workload: Workload, reference: float | None, gateway: float | None, beside: float | None
) -> tuple[str, str, bool | None]:
    """How the gateway stands: µs an event, µs over its own tee row, or times nginx."""
    if workload.event_target:
        each = gateway / EVENTS if gateway is not None else None
        return _judge(each, workload.event_target, "{:.1f} µs/event", "≤ {:g} µs/event")
    if workload.beside:
        over = gateway - beside if gateway is not None and beside is not None else None
        limit = workload.beside_target
        return _judge(over, limit, "{:+.0f} µs over " + workload.beside, "≤ {:+g} µs over " + workload.beside)
    ratio = gateway / reference if gateway is not None and reference else None
    return _judge(ratio, workload.ratio_target, "{:.2f} × nginx", "≤ {:g} × nginx")


def _judge(value: float | None, limit: float | None, shown: str, wanted: str) -> tuple[str, str, bool | None]:
    comparison = shown.format(value) if value is not None else ""
    target = wanted.format(limit) if limit is not None else ""
    return comparison, target, value <= limit if value is not None and limit is not None else None


def _note(readings: Readings) -> str:
    if readings.fault:
        return readings.fault
    if not readings.counted and readings.used:
        return "no clean reading, the core was shared"
    return readings.discarded[-1].fault if not readings.used and readings.discarded else ""


def _latency_rows(plan: Plan, results: Results) -> Iterable[Row]:
    if results.request_times:
        direct, times = results.request_times["direct"], results.request_times
        for name in ("p50", "p99"):
            added = {one: getattr(times[one], name) - getattr(direct, name) for one in times}
            yield Row(
                f"added latency {name} at 100 requests/s",
                "wall µs",
                added.get("nginx"),
                added.get(plan.name),
                "",
                "",
                None,
            )
    for dialect, found in results.first_content_times.items():
        over = {one: found[one].p50 - found["direct"].p50 for one in found}
        limit = FIRST_CONTENT_MICROS_TARGET
        met = over[plan.name] <= limit if plan.name in over else None
        what = f"first content over direct, {dialect}, p50"
        yield Row(what, "wall µs", over.get("nginx"), over.get(plan.name), "", f"≤ {limit:g} µs", met)


def _process_rows(plan: Plan, results: Results) -> Iterable[Row]:
    starts = {name: sorted(values)[len(values) // 2] for name, values in results.start_seconds.items()}
    if starts:
        yield _limited("start to the first answer", "s", starts, plan.name, START_SECONDS_TARGET)
    idle = {name: size / 1e6 for name, size in results.idle_bytes.items()}
    loaded = {name: size / 1e6 for name, size in results.loaded_bytes.items()}
    yield Row("resident, idle", "MB", idle.get("nginx"), idle.get(plan.name), "", "", None)
    yield _limited("resident, after load", "MB", loaded, plan.name, RESIDENT_MEGABYTES_TARGET)


def _limited(what: str, unit: str, values: dict[str, float], name: str, limit: float) -> Row:
    met = values[name] <= limit if name in values else None
    return Row(what, unit, values.get("nginx"), values.get(name), "", f"≤ {limit:g} {unit}", met)


def _cells(row: Row) -> tuple[str, ...]:
    verdict = {True: "met", False: "**missed**", None: ""}[row.met]
    numbers = [_number(row.reference), _number(row.gateway)]
    return (row.what, row.unit, *numbers, row.comparison, row.target, verdict, row.note)


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


def _discarded(results: Results) -> str:
    everything = [one for found in results.readings.values() for one in found.values()]
    count = sum(len(one.discarded) for one in everything)
    whole = count + sum(len(one.counted) for one in everything)
    return (
        f"\n{count} of {whole} readings were discarded (others took over {OTHERS_LIMIT:.0%} of the core, or errors).\n"
    )


def _versions(plan: Plan) -> Sequence[str]:
    said = [machine.first_line("nginx", "-v").removeprefix("nginx version: "), machine.python_version(plan.command)]
    return [one for one in [*said, machine.first_line("wrk", "-v").partition("[")[0].strip()] if one]


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
