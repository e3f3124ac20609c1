"""What the kernel says: processor time and memory of a process tree, how busy a core was, and on what machine."""

import os
import platform
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """The process and all its descendants that are still there."""
    found, pending = [], [pid]
    while pending:
        one = pending.pop()
        found.append(one)
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            pending += [int(child) for child in _read(children).split()]
    return found


def cpu_nanos(pid: int) -> int:
    """Processor time, user and system, of every thread of the tree since it started, in nanoseconds.

    `schedstat` counts nanoseconds; where the kernel lacks it, `stat` counts hundredths of a second. Threads and
    children that have ended are not in it: what is measured here starts neither per request.
    """
    threads = [thread for one in tree(pid) for thread in Path(f"/proc/{one}/task").glob("*")]
    if Path("/proc/self/schedstat").exists():
        return sum(int((_read(thread / "schedstat") or "0").split()[0]) for thread in threads)
    fields = [_read(thread / "stat").rpartition(")")[2].split() for thread in threads]
    ticks = sum(int(field[11]) + int(field[12]) for field in fields if field)
    return ticks * 1_000_000_000 // _TICKS_A_SECOND


def resident_bytes(pid: int) -> int:
    """Resident memory of the tree, shared pages counted once a process."""
    lines = [line for one in tree(pid) for line in _read(Path(f"/proc/{one}/status")).splitlines()]
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


@dataclass(frozen=True, slots=True)
class Core:
    """A core's seconds so far: spent on processes or interrupts, and withheld by the hypervisor."""

    busy_seconds: float
    at_seconds: float


def read_core(core: int) -> Core:
    """Reads `/proc/stat`; what the hypervisor took counts as busy, since nobody here could use it."""
    for line in _read(Path("/proc/stat")).splitlines():
        if line.startswith(f"cpu{core} "):
            user, nice, system, _idle, _waiting, hard, soft, stolen = map(int, line.split()[1:9])
            busy = (user + nice + system + hard + soft + stolen) / _TICKS_A_SECOND
            return Core(busy, time.monotonic())
    raise SystemExit(f"bench: this machine has no core {core}; choose with --cores PROXY,LOAD")


def taken_by_others(before: Core, after: Core, own_nanos: int) -> float:
    """The share of a core's time that went to neither the measured process nor idling."""
    seconds = after.at_seconds - before.at_seconds
    return max(0.0, after.busy_seconds - before.busy_seconds - own_nanos / 1e9) / seconds


def describe() -> str:
    """Processor, cores, memory, system and Python, in one line."""
    processor = next((line for line in _read(Path("/proc/cpuinfo")).splitlines() if line.startswith("model name")), "")
    memory = next(line for line in _read(Path("/proc/meminfo")).splitlines() if line.startswith("MemTotal"))
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return (
        f"{processor.partition(':')[2].strip() or platform.machine()}, {os.cpu_count()} cores, "
        f"{int(memory.split()[1]) / 1024 / 1024:.0f} GiB, {system}, Linux {platform.release()}"
    )


def first_line(*command: str) -> str:
    """What a command says of its version, or that it is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return f"{command[0]} is not installed"
    return ((done.stdout or done.stderr).strip().splitlines() or [""])[0].strip()


def _read(path: Path) -> str:
    """A file of the kernel's, empty when its process has just ended."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
