"""What the way of a request asks of whoever keeps its reply, whatever kind of object that is."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from trunkline.dialects.dialect import JsonReply, Passage
from trunkline.dialects.openai_responses.stated import Changes
from trunkline.engine.envelope import Envelope
from trunkline.engine.way import Way


class Held(Protocol):
    """A passage that gives out the end of a stream when it is told to.

    `begun` is the object as the stream's beginning shows it, where that is asked for; `response` the object once all
    of it has come.
    """

    @property
    def begun(self) -> bytes | None: ...

    @property
    def response(self) -> bytes | None: ...

    def release(self, changes: Changes | None = None) -> bytes:
        """The end, with changes laid over it where they have a place."""


class Keeper(Protocol):
    """Keeps one exchange's reply. `is_background`: also its beginning, as somebody may come for it before its end."""

    @property
    def is_background(self) -> bool: ...

    def hold(self, passage: Passage) -> Held:
        """A stream's passage, with its end held back."""

    async def keep_whole(self, reply: JsonReply) -> JsonReply:
        """A whole reply, kept, as it is told."""

    async def keep_stream(self, reply: JsonReply) -> JsonReply:
        """Keep a stream that has come whole."""

    def keep(self, response: bytes) -> "asyncio.Future[None]":
        """Keep the object; done when nothing can lose it."""

    def give_up(self, error: BaseException) -> Changes | None:
        """What the caller is told where the object could not be kept."""

    def let_go(self) -> None:
        """Let go of whatever was held for the stream."""


ChooseKeeper = Callable[[Way, Envelope], Keeper | None]
"""Who keeps the reply to a request that goes out so, this way; `None` where it goes its way untouched."""
