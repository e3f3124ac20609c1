"""What is kept of memory that nobody uses: little, of a process that lives long and has large bodies now and then."""

import asyncio
import ctypes
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_EVERY_SECONDS = 5.0

# Of glibc alone. Bodies that come and go leave holes between what stays; it keeps them until it is asked for them.
# Source: https://man7.org/linux/man-pages/man3/malloc_trim.3.html
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)


def settle() -> None:
    """All that is there by now stays to the end: nobody need look through it again for what is not used any more."""
    gc.collect()
    gc.freeze()
    # Records wait in thousands for their database, and are no garbage: looking through them for it again and again took
    # a tenth of a request's time. Hardly anything here refers to itself, so little waits to be found.
    gc.set_threshold(50_000, 20, 50)


@asynccontextmanager
async def giving_back(every_seconds: float = _EVERY_SECONDS) -> AsyncIterator[None]:
    """Find what refers to itself and give the system what is free, now and then."""
    task = asyncio.create_task(_give_back(every_seconds), name="memory")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def _give_back(every_seconds: float) -> None:
    while True:
        await asyncio.sleep(every_seconds)
        # What came since the last time: to look through all that is open would hold everything up.
        gc.collect(1)
        if _trim is not None:
            await asyncio.to_thread(_trim, 0)
