"""Puts what was kept into the database, entry by entry where it refuses a batch: one must not keep back all others."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from trunkline.errors import Unavailable
from trunkline.state.responses import UNDER_WAY
from trunkline.store.journal import ASIDE, Journal
from trunkline.store.overlay import Entry, Overlay

_log = logging.getLogger("trunkline.store")

Fold = Callable[[Sequence[Entry]], Awaitable[None]]
"""Puts entries into the database, all or none, in order; no two have the same response. `Unavailable`: it is away."""


class Intake:
    """Puts entries into one database by its `fold`, and back into the journal what that refuses for good."""

    def __init__(self, fold: Fold, journal: Journal, overlay: Overlay) -> None:
        self._fold = fold
        self._journal = journal
        self._overlay = overlay

    async def take(self, entries: Sequence[Entry]) -> None:
        """Fold these, and set aside what the database refuses. Raises `Unavailable` or `OSError` when it is away."""
        entries = _newest(entries)
        if entries and not await self._takes(entries):
            refused = [entry for entry in entries if not await self._takes((entry,))]
            if len(refused) == len(entries):
                # Then it is not for what is in them. A lone one waits for a second one to tell.
                raise Unavailable("the database takes nothing")
            for entry in refused:
                await self._set_aside(entry)

    async def _takes(self, entries: Sequence[Entry]) -> bool:
        try:
            await self._fold(entries)
        except (Unavailable, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - one entry that cannot be folded must not keep back all others
            # Its words may hold a body.
            _log.error("the database refused %d entries: %s", len(entries), type(error).__name__)
            return False
        return True

    async def _set_aside(self, entry: Entry) -> None:
        """Back into the journal, for the next start to try again; but no state that another one follows."""
        response = entry.response
        _log.error("the database refused %s: it is set aside", response.id if response else "a turn")
        if response is None or response.status not in UNDER_WAY:
            payload = self._overlay.write(entry.path, response, entry.turn)
            await self._journal.append(ASIDE, payload).written


def _newest(entries: Sequence[Entry]) -> list[Entry]:
    """Without the states of responses that a later one replaces; turns all stay."""
    last = {entry.response.id: entry.order for entry in entries if entry.response}
    if len(last) == sum(entry.response is not None for entry in entries):
        return list(entries)
    kept: list[Entry] = []
    for entry in entries:
        if entry.response is None or last[entry.response.id] == entry.order:
            kept.append(entry)
        elif entry.turn is not None:
            kept.append(Entry(entry.order, entry.path, None, entry.turn))
    return kept
