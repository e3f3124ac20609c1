"""The events of responses that are made in the background, kept so that a client can come back for them."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct


class KeptEvent(Struct, frozen=True):
    """One event as its bytes on the wire; `number` is its `sequence_number`."""

    number: int
    data: bytes


class Runs(Protocol):
    """Keeps events, and knows which responses were under way when a process died."""

    async def begin(self, response_id: str, record: bytes) -> None:
        """Keep what is known of a run that an upstream makes by itself, for whoever sees its end."""

    async def begun(self, response_id: str) -> bytes | None:
        """What was kept of a run when it began."""

    async def append(self, response_id: str, events: Sequence[KeptEvent]) -> None: ...

    async def events(self, response_id: str, after: int) -> Sequence[KeptEvent]:
        """The events whose number is greater, in order."""

    async def lease(self, response_id: str, holder: str, seconds: float) -> bool:
        """Say that this holder is at work on it; `False` when another is."""

    async def orphans(self) -> Sequence[tuple[str, str]]:
        """`(path, id)` of every response under way whose holder has let its lease run out."""
