"""A stream whose end waits until the response is kept."""

import asyncio
from typing import Any

from trunkline.engine.keeping.keeper import Held, Keeper
from trunkline.engine.reply.relay import Relay


class KeepingRelay(Relay):
    """A `Relay` over a `Held` passage. What ends the stream is written once `Keeper.keep` is done with it."""

    __slots__ = ("_has_ended", "_is_begun", "_is_committed", "_is_kept", "_keeper", "_promise", "_stated")

    def __init__(self, *arguments: Any, held: Held, keeper: Keeper) -> None:
        super().__init__(*arguments)
        self._stated = held
        self._keeper = keeper
        self._promise: asyncio.Future[None] | None = None
        self._has_ended = False
        self._is_begun = False
        self._is_committed = False
        self._is_kept = False

    async def commit(self) -> None:
        await super().commit()
        self._is_committed = True

    def _feed(self, data: bytes) -> None:
        super()._feed(data)
        if self._stated.begun is not None and self._keeper.is_background and not self._is_begun:
            self._is_begun = True
            # Whether that works is told by the end: a beginning is kept for whoever comes in between.
            self._keeper.keep(self._stated.begun).add_done_callback(asyncio.Future.exception)
        if self._promise is None and self._stated.response is not None:
            self._keep(self._stated.response)

    def _finish(self) -> None:
        """The upstream is at its end. Ours comes when the response is kept, if one has ended."""
        response = self._stated.response
        if response is None or self._is_kept or not self._is_worth_keeping:
            super()._finish()
            return
        self._has_ended = True
        if self._promise is None:
            self._keep(response)

    @property
    def _is_worth_keeping(self) -> bool:
        """What failed before there was content was no response, unless its beginning has been told after a long wait."""
        return self.passage.error is None or self.passage.has_content or self._is_committed

    @property
    def _may_tell(self) -> bool:
        return self._is_kept or self._stated.response is None or not self._is_worth_keeping

    def _keep(self, response: bytes) -> None:
        if not self._is_worth_keeping:
            return
        self._promise = self._keeper.keep(response)
        self._promise.add_done_callback(self._on_kept)

    def _on_kept(self, promise: "asyncio.Future[None]") -> None:
        if self._over:
            return  # the client has left; the response is kept all the same
        self._is_kept = True
        error = asyncio.CancelledError() if promise.cancelled() else promise.exception()
        changes = None if error is None else self._keeper.give_up(error)
        released = self._stated.release(changes)
        if self._sink is not None:
            released += self._tell_end()
        self._write(released)
        if self._has_ended:
            super()._finish()
