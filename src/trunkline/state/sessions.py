"""Which sessions there were, and the port that tells."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct


class WantedSessions(Struct, frozen=True, kw_only=True):
    """Sessions of `path` and below, of requests that began in this time; `end_micros` is the first that is too late."""

    path: str
    start_micros: int
    end_micros: int


class UsedSession(Struct, frozen=True, kw_only=True):
    """One session of one path. `newest` is the number of its last request, `newest_id` that one's id.

    `cost` leaves out requests without a price, and is `None` when none has one.
    """

    id: str
    path: str
    newest: int
    newest_id: str
    first_micros: int
    last_micros: int
    requests: int
    failed: int
    cost: int | None


class SessionRows(Protocol):
    """Finds sessions among what was recorded."""

    async def page(self, wanted: WantedSessions, *, before: int | None, limit: int) -> Sequence[UsedSession]:
        """Up to `limit` sessions, those of the newest requests first, and one more if there is one.

        With `before`, only those that had no request of this number or a later one. Raises `Unavailable`.
        """
