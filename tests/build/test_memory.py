"""What a process keeps of memory that nobody uses."""

import asyncio
import gc
import subprocess
import sys
import weakref
from collections.abc import Callable

import pytest

from trunkline.build.memory import giving_back


class Knot:
    """What only the collector finds."""

    def __init__(self) -> None:
        self.itself = self


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.01)


async def test_what_refers_to_itself_is_found() -> None:
    """Though nothing else happens, and the collector's own time is far away."""
    gc.disable()
    try:
        async with giving_back(every_seconds=0.01):
            knot = weakref.ref(Knot())
            assert knot() is not None
            await until(lambda: knot() is None)
            assert knot() is None
    finally:
        gc.enable()


PROGRAM = """
import asyncio
from pathlib import Path
from trunkline.build.memory import giving_back

def resident():
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])

async def main():
    before = resident()
    bodies = [(bytes(100_000), bytes(600)) for _ in range(1_000)]
    stays = [small for _, small in bodies]
    del bodies
    held = resident() - before
    async with giving_back(every_seconds=0.01), asyncio.timeout(10):
        while resident() - before > held // 5:
            await asyncio.sleep(0.01)
    print(held, len(stays))

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the C library of Linux")
def test_holes_are_given_back() -> None:
    """Of what large bodies leave between small things that stay: a process of its own has no holes from before."""
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    held_kilobytes, stays = map(int, ran.stdout.split())
    assert held_kilobytes > 50_000
    assert stays == 1_000
