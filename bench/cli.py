"""The command line of the bench."""

import argparse
import signal
import sys

from bench import governing, measure, profile, report, storing, subjects, workloads
from bench.measure import Plan
from bench.sections import write_section
from bench.subjects import HERE, Cores

_ABOUT = """\
What trunkline costs beside an nginx reverse proxy on this machine: processor time per request, stream and event,
added latency, first content of a stream, memory, start. Takes some minutes; a quiet machine gives quieter figures.
Needs nginx, wrk, a C compiler and taskset (on Debian: nginx-light wrk gcc util-linux)."""
_EXAMPLES = """\
examples:
  python bench/run.py --quick                          one short round of everything
  python bench/run.py --only 'chat,chat-burst'         two rows
  python bench/run.py --write                          all rows, into bench/RESULTS.md
  python bench/run.py storing --write                  what it costs to store responses, likewise
  python bench/run.py governing --write                what keys, limits and a budget cost, likewise
  python bench/run.py --command 'other --port $PORT' --name other
  python bench/run.py profile --only chat-burst        where the time goes (py-spy, else perf)"""


def main() -> int:
    """Returns 0; whether the targets are met is for the reader to see, since machines differ."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    arguments = _parser().parse_args()
    if arguments.list:
        print("\n".join(one.name for one in workloads.WORKLOADS))
        return 0
    plan = _plan(arguments)
    subjects.require("wrk", "cc", "taskset", "setpriv", *(["nginx"] if plan.against == "nginx" else []))
    if arguments.action == "profile":
        return profile.run(plan)
    if arguments.action == "storing":
        stored = storing.run(plan)
        print(storing.page(plan, stored))
        if arguments.write:
            write_section(HERE / "RESULTS.md", storing.page(plan, stored))
        return 0
    if arguments.action == "governing":
        governed = governing.run(plan)
        print(governing.page(plan, governed))
        if arguments.write:
            write_section(HERE / "RESULTS.md", governing.page(plan, governed))
        return 0
    results = measure.run(plan)
    print(report.as_json(plan, results) if arguments.json else report.table(plan, results))
    if arguments.write:
        report.write_page(HERE / "RESULTS.md", plan, results)
    return 0


def _parser() -> argparse.ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("bench/run.py", description=_ABOUT, epilog=_EXAMPLES, formatter_class=shape)
    add = parser.add_argument
    add("action", nargs="?", choices=("run", "storing", "governing", "profile"), default="run")
    add("--only", default="", metavar="NAMES", help="comma list of rows, `*` at the end allowed; see --list")
    add("--list", action="store_true", help="name the rows")
    add("--rounds", type=int, default=3, help="clean readings per row and subject (3)")
    add("--seconds", type=float, default=3.0, help="length of a reading (3)")
    add("--quick", action="store_true", help="one round of one second, few starts and latencies")
    add("--against", choices=("nginx", "none"), default="nginx", help="the reference (nginx)")
    add(
        "--command",
        default=None,
        metavar="COMMAND",
        help="starts another gateway, $PORT and the like filled in; '' measures the reference alone",
    )
    add("--name", default="trunkline", help="the gateway's name in the table")
    add("--set", action="append", default=[], metavar="NAME=VALUE", help="one more variable for the gateway")
    add("--cores", default="0,1", metavar="PROXY,LOAD", help="which cores to use (0,1)")
    add("--json", action="store_true", help="print JSON, with every reading")
    add("--write", action="store_true", help="write bench/RESULTS.md")
    return parser


def _plan(arguments: argparse.Namespace) -> Plan:
    quick = arguments.quick
    proxy, load = (int(core) for core in arguments.cores.split(","))
    return Plan(
        workloads=workloads.choose(arguments.only),
        rounds=1 if quick else arguments.rounds,
        seconds=1.0 if quick else arguments.seconds,
        retries=1 if quick else arguments.rounds,
        cores=Cores(proxy, load),
        command=subjects.default_command() if arguments.command is None else arguments.command,
        name=arguments.name,
        against=arguments.against,
        settings=dict(one.split("=", 1) for one in arguments.set),
        starts=1 if quick else 3,
        latency_seconds=0.5 if quick else 5.0,
        first_contents=20 if quick else 100,
    )
