"""Blocking work that belongs together, done by threads one thing after the other."""

import asyncio
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Worker:
    """What it has begun it ends, even when nobody waits for it any more. `explain` makes another error of some."""

    def __init__(self, explain: Callable[[Exception], Exception | None]) -> None:
        self._explain = explain
        self._work: asyncio.Future[Any] | None = None

    async def do(self, act: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        self._work = work = asyncio.ensure_future(asyncio.to_thread(act, *args, **kwargs))
        try:
            return await asyncio.shield(work)
        except Exception as error:
            explained = self._explain(error)
            if explained is None:
                raise
            raise explained from error

    async def settle(self) -> None:
        """Wait for what was begun, however it ends."""
        if self._work is not None:
            await asyncio.wait({self._work})
