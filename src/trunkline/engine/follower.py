"""Keeping up with responses that an upstream makes by itself, until each has ended."""

import asyncio
from itertools import chain, repeat

from trunkline.engine.desk import Desk
from trunkline.engine.following import fetch_response
from trunkline.engine.outcomes import turn_into
from trunkline.engine.resources.kept import need_store
from trunkline.errors import Failed, Unavailable, UpstreamError
from trunkline.state.responses import UNDER_WAY, KeptResponse

_POLL_SECONDS = (1.0, 2.0, 3.0, 5.0, 10.0)

# A process that polls keeps others from doing so as well; when it dies they take over after this long.
LEASE_SECONDS = 30.0


class Follower:
    """A task a response. It is the store that knows how far each is: a process that comes later goes on."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._holder = desk.parts.instance.decode()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def follow(self, kept: KeptResponse) -> None:
        """Keep up with a response, if that is not done already."""
        if kept.id in self._tasks:
            return
        task = self._tasks[kept.id] = asyncio.create_task(self._follow(kept), name="follow")
        task.add_done_callback(lambda _: self._tasks.pop(kept.id, None))

    def tasks(self) -> list[asyncio.Task[None]]:
        """What is going on, for whoever ends it."""
        return list(self._tasks.values())

    async def _follow(self, kept: KeptResponse) -> None:
        for seconds in chain(_POLL_SECONDS, repeat(_POLL_SECONDS[-1])):
            await asyncio.sleep(seconds)
            try:
                if await self._is_at_its_end(kept):
                    return
            except (UpstreamError, Unavailable):
                continue  # asked again, as long as it may still come to an end

    async def _is_at_its_end(self, kept: KeptResponse) -> bool:
        """Ask the upstream how far it is, and keep what it says; also when there is nothing more to do here."""
        store = need_store(self._desk)
        if not await store.runs.lease(kept.id, self._holder, LEASE_SECONDS):
            return True  # another process does it
        known = await store.responses.find(kept.path, kept.id)
        if known is None or known.status not in UNDER_WAY:
            return True
        fresh = await fetch_response(self._desk, known)
        if fresh is None:
            fresh = turn_into(known, "failed", error=Failed("the upstream does not know this response any more"))
        if fresh.status != known.status:
            await store.responses.keep(fresh)
        return fresh.status not in UNDER_WAY
