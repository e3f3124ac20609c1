"""An event loop in a thread of its own, for what must not take the gateway's time."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class Apart:
    """Does one work until it is stopped, and others beside it when it is asked to."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._task: asyncio.Task[None] | None = None

    async def start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._thread.start()

        async def begin() -> None:
            self._task = asyncio.create_task(work())

        await self.do(begin)

    async def do(self, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """Have something done there. What it raises is raised here."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), self._loop))

    async def stop(self, last: Callable[[], Coroutine[Any, Any, None]], seconds: float) -> None:
        """Cancel the work, wait for it and for something last, and end the thread; at most so long."""

        async def end() -> None:
            if self._task is not None:
                self._task.cancel()
                await asyncio.wait([self._task])
            await last()

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.do(end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join, seconds)
        if not self._thread.is_alive():
            self._loop.close()
