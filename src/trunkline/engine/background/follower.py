"""Keeping up with responses that an upstream makes by itself, until each has ended."""

import asyncio
import logging
from itertools import chain, repeat

from msgspec import Struct

from trunkline.engine.background.following import fetch_response
from trunkline.engine.background.outcomes import turn_into
from trunkline.engine.background.records import begin_record, end_record, read_record, write_record
from trunkline.engine.bids import Hold
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.kept import need_store
from trunkline.errors import Failed, Unavailable, UpstreamError
from trunkline.records import Record
from trunkline.state.responses import UNDER_WAY, KeptResponse

_log = logging.getLogger("trunkline")

_POLL_SECONDS = (1.0, 2.0, 3.0, 5.0, 10.0)

# A process that polls keeps others from doing so as well; when it dies they take over after this long.
LEASE_SECONDS = 30.0


class _Followed(Struct, eq=False):
    """One response. `x` is how it was asked for, `None` after a restart; `begun` what is known of that."""

    x: Exchange | None
    begun: Record | None = None
    was_recorded: bool = False
    task: "asyncio.Task[None] | None" = None

    @property
    def is_watched(self) -> bool:
        """Whether whoever asked is still being told of it, and so will see its end first."""
        return self.x is not None and not self.x.end

    @property
    def is_recorded(self) -> bool:
        return self.was_recorded or (self.x is not None and self.x.end == "recorded")

    @property
    def hold(self) -> Hold | None:
        """What is held for it in this process until its end is seen."""
        return None if self.x is None else self.x.hold


class Follower:
    """A task a response. It is the store that knows how far each is: a process that comes later goes on."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._holder = desk.parts.instance.decode()
        self._followed: dict[str, _Followed] = {}

    def follow(self, kept: KeptResponse, x: Exchange | None) -> None:
        """Keep up with a response, if that is not done already."""
        if kept.id in self._followed:
            return
        followed = self._followed[kept.id] = _Followed(x, None if x is None else begin_record(x))
        followed.task = asyncio.create_task(self._follow(kept, followed), name="follow")
        followed.task.add_done_callback(lambda _: self._followed.pop(kept.id, None))

    def tasks(self) -> list["asyncio.Task[None]"]:
        """The tasks under way, for whoever ends them."""
        return [followed.task for followed in self._followed.values() if followed.task is not None]

    async def see(self, ended: KeptResponse) -> None:
        """A response has come to its end: keep that, and have it recorded."""
        await self._end(ended, self._followed.get(ended.id) or _Followed(None))

    async def _follow(self, kept: KeptResponse, followed: _Followed) -> None:
        await self._begin(kept, followed)
        for seconds in chain(_POLL_SECONDS, repeat(_POLL_SECONDS[-1])):
            await asyncio.sleep(seconds)
            try:
                if await self._is_at_its_end(kept, followed):
                    return
            except (UpstreamError, Unavailable):
                continue  # asked again, as long as it may still come to an end

    async def _begin(self, kept: KeptResponse, followed: _Followed) -> None:
        if followed.begun is None:
            return
        try:
            await need_store(self._desk).runs.begin(kept.id, write_record(followed.begun))
        except Unavailable:
            _log.warning("a run that goes on upstream is known to this process alone")

    async def _is_at_its_end(self, kept: KeptResponse, followed: _Followed) -> bool:
        """Ask the upstream how far it is, and keep what it says; also when there is nothing more to do here."""
        store = need_store(self._desk)
        is_ours = await store.runs.lease(kept.id, self._holder, LEASE_SECONDS)
        if not is_ours and followed.hold is None:
            return True  # another process does it
        if followed.is_watched:
            return False
        known = await store.responses.find(kept.path, kept.id)
        if known is None and is_ours:
            # Deleted on its way, so that nobody will say what it has cost.
            await self._record(turn_into(kept, "cancelled"), followed)
            return True
        if known is None or known.status not in UNDER_WAY:
            self._let_go(known or turn_into(kept, "cancelled"), followed)
            return True
        if not is_ours:
            return False
        fresh = await fetch_response(self._desk, known)
        if fresh is None:
            fresh = turn_into(known, "failed", error=Failed("the upstream does not know this response any more"))
        if fresh.status in UNDER_WAY:
            if fresh.status != known.status:
                await store.responses.keep(fresh)
            return False
        await self._end(fresh, followed)
        return True

    async def _end(self, ended: KeptResponse, followed: _Followed) -> None:
        # Recorded first: should this process die in between, the same record is made once more, and known by its id.
        await self._record(ended, followed)
        await need_store(self._desk).responses.keep(ended)

    async def _record(self, ended: KeptResponse, followed: _Followed) -> None:
        begun = followed.begun or await self._find_record(ended.id)
        if begun is None:
            _log.warning("nobody knows who asked for a run that has ended upstream: it is not recorded")
        elif not followed.is_recorded:
            followed.was_recorded = True
            self._desk.settle(self._end_record(begun, ended), followed.hold)

    def _let_go(self, ended: KeptResponse, followed: _Followed) -> None:
        """Whoever saw its end has had it recorded; only this process knows what is held for it."""
        if followed.begun is not None and followed.hold is not None:
            followed.hold.settle(self._end_record(followed.begun, ended))

    def _end_record(self, begun: Record, ended: KeptResponse) -> Record:
        return end_record(begun, ended, self._desk.parts.clock.now_micros())

    async def _find_record(self, id: str) -> Record | None:
        data = await need_store(self._desk).runs.begun(id)
        return None if data is None else read_record(data)
