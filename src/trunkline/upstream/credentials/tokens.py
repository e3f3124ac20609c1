"""What accounts are opened with now: asked for once however many wait, and anew before it runs out."""

import asyncio
from collections.abc import Mapping

from trunkline.errors import TimedOut
from trunkline.ports import UpstreamRequest
from trunkline.upstream.credentials.asker import DEADLINE_SECONDS, Asker
from trunkline.upstream.credentials.grant import Grant, Source

# The clouds' own libraries change tokens as early; requests in flight keep theirs.
_REFRESH_AHEAD_SECONDS = 225.0
# After a failure, while the old grant still holds.
_RETRY_AFTER_SECONDS = 10.0


class _Kept:
    """One account's grant, when it runs out, and the one call that fetches another."""

    __slots__ = ("expires_at", "fetching", "grant", "refresh_at", "retry_at")

    def __init__(self) -> None:
        self.grant: Grant | None = None
        self.expires_at = 0.0
        self.refresh_at = 0.0
        self.retry_at = 0.0
        self.fetching: asyncio.Task[None] | None = None


class Tokens:
    """The port `Credentials`. However many ask, one call fetches a grant; an old one serves while it lasts."""

    def __init__(self, asker: Asker, sources: Mapping[str, Source]) -> None:
        self._asker = asker
        self._clock = asker.clock
        self._sources = sources
        self._kept = {account: _Kept() for account in sources}

    async def open(self, account: str, request: UpstreamRequest) -> UpstreamRequest:
        """The request as the account opens now."""
        kept = self._kept[account]
        now = self._clock.monotonic()
        if kept.grant is None or now >= kept.refresh_at:
            task = self._refresh(account, kept)
            if kept.grant is None or now >= kept.expires_at:
                # One caller's leaving must not break the others' wait.
                await asyncio.shield(task)
        assert kept.grant is not None
        return kept.grant.open(request, self._clock.now_micros())

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = [kept.fetching for kept in self._kept.values() if kept.fetching is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _refresh(self, account: str, kept: _Kept) -> "asyncio.Task[None]":
        now = self._clock.monotonic()
        if kept.fetching is None or (kept.fetching.done() and (now >= kept.retry_at or now >= kept.expires_at)):
            kept.fetching = asyncio.create_task(self._fetch(account, kept), name=f"token of {account}")
            kept.fetching.add_done_callback(_look)
        return kept.fetching

    async def _fetch(self, account: str, kept: _Kept) -> None:
        kept.retry_at = self._clock.monotonic() + _RETRY_AFTER_SECONDS
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                grant = await self._sources[account].grant(self._asker)
        except TimeoutError:
            raise TimedOut("no token for the provider came in time") from None
        kept.grant = grant
        kept.expires_at = self._clock.monotonic() + grant.seconds
        # One that lasts no longer than that would be asked for with every request.
        kept.refresh_at = kept.expires_at - min(_REFRESH_AHEAD_SECONDS, grant.seconds / 2)
        kept.retry_at = 0.0


def _look(task: "asyncio.Task[None]") -> None:
    """Whoever waits sees the error; where nobody does, the old grant still holds and another try follows."""
    if not task.cancelled():
        task.exception()
