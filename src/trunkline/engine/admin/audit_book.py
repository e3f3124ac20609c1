"""Who called what, as administrators see it: a log, one entry of it, all of it to take away, and what comes in live."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import msgspec

from trunkline.clock import Clock
from trunkline.dialects.pages import make_listed, write_page
from trunkline.engine.admin.session_book import write_said
from trunkline.engine.admin.usage.book import FORMATS, find_place, find_request, read_word, walk, write_lines
from trunkline.engine.admin.usage.query import ADMIN_FILTERS, PAGING, check_names, read_asked
from trunkline.engine.admin.usage.shapes import write_attempt, write_request, write_trail
from trunkline.engine.admin.usage.tables import AUDIT_TABLE
from trunkline.engine.query import Query
from trunkline.errors import InvalidRequest, Unavailable
from trunkline.state.evidence import EvidenceRows
from trunkline.state.usage import UsageRows, UsedRequest, WantedUsage

# How far back whoever comes again is told what it has missed.
MOST_REPLAYED = 10_000

_AT_ONCE = 200
_LOOK_SECONDS = 1.0
_HEARTBEAT_SECONDS = 15.0
_MOST_DIGITS = 18
_HEARTBEAT = b": still here\n\n"


class AuditBook:
    """Raises `InvalidRequest` for what cannot be asked, `ObjectNotFound` for what is not there."""

    def __init__(
        self,
        rows: UsageRows,
        evidence: EvidenceRows,
        top: str,
        clock: Clock,
    ) -> None:
        self._rows = rows
        self._evidence = evidence
        self._top = top
        self._clock = clock

    async def page(self, query: Query) -> dict[str, Any]:
        """Entries, the newest first."""
        wanted = self._read(query, *PAGING)
        page = query.page()
        await self._rows.hurry()
        after = None if page.after is None else await find_place(self._rows, self._top, page.after)
        found = await self._rows.page(wanted, after=after, limit=page.limit, order=page.order, audited=True)
        entries = await self._show(found[: page.limit])
        listed = [make_listed(entry["id"], entry) for entry in entries]
        return {**write_page(listed, page.limit), "has_more": len(found) > page.limit}

    async def find(self, id: str) -> dict[str, Any]:
        """One entry, with its attempts and with what was said. What the audit keeps is `null` once its time is over."""
        request = await find_request(self._rows, self._top, id)
        said = await self._evidence.find([id])
        trail = (await self._rows.trails([id])).get(id)
        attempts = (await self._rows.attempts([id])).get(id, ())
        return {
            **write_request(request),
            "object": "audit.entry",
            "trail": None if trail is None else write_trail(trail),
            "attempts": [write_attempt(each) for each in attempts],
            "said": write_said(said.get(id)),
        }

    async def export(self, query: Query) -> tuple[str, AsyncGenerator[bytes, None]]:
        """The media type and the lines of all entries, the oldest first, up to the newest that is there now."""
        wanted = self._read(query, "format")
        form = read_word(query, "format", tuple(FORMATS), "jsonl")
        await self._rows.hurry()
        batches = walk(self._rows, wanted, audited=True)
        return FORMATS[form], write_lines(batches, self._show, AUDIT_TABLE if form == "csv" else None)

    async def _show(self, found: Sequence[UsedRequest]) -> Sequence[dict[str, Any]]:
        trails = await self._rows.trails([request.id for request in found])
        return [
            {**write_request(request), "object": "audit.entry", **write_trail(trails[request.id])}
            for request in found
            # Swept in between.
            if request.id in trails
        ]

    # --- live -----------------------------------------------------------------------------------------------------

    async def follow(
        self, query: Query, last_event: str | None = None, is_over: Callable[[], bool] = lambda: False
    ) -> tuple[str, AsyncGenerator[bytes, None]]:
        """The media type, and entries as they come: server-sent events whose ids are places to go on from.

        Behind `last_event` (else `after`, else from now on). What is further back than `MOST_REPLAYED` is skipped, and
        said to be. It ends once it `is_over`, and never by itself.
        """
        wanted = self._read(query, "after")
        after = _read_place(last_event or query.text("after"))
        newest = await self._rows.newest()
        place = newest if after is None else min(after, newest)
        return "text/event-stream", self._follow(wanted, place, newest - place, is_over)

    async def _follow(
        self, wanted: WantedUsage, place: int, behind: int, is_over: Callable[[], bool]
    ) -> AsyncGenerator[bytes, None]:
        if behind > MOST_REPLAYED:
            skipped = behind - MOST_REPLAYED
            place += skipped
            yield _write_event("skipped", place, {"object": "audit.skipped", "numbers": skipped})
        heard = self._clock.monotonic()
        # The head of the reply waits for the first piece.
        yield _HEARTBEAT
        while not is_over():
            events, place = await self._look(wanted, place)
            if events:
                heard = self._clock.monotonic()
                yield b"".join(events)
                continue
            if self._clock.monotonic() - heard > _HEARTBEAT_SECONDS:
                heard = self._clock.monotonic()
                yield _HEARTBEAT
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self, wanted: WantedUsage, place: int) -> tuple[Sequence[bytes], int]:
        """What has come since, and the place behind it. Nothing while the database is away."""
        try:
            await self._rows.hurry()
            newest = await self._rows.newest()
            if newest <= place:
                return (), place
            found = await self._rows.page(wanted, after=place, limit=_AT_ONCE, order="asc", audited=True)
            batch = found[:_AT_ONCE]
            entries = {entry["id"]: entry for entry in await self._show(batch)}
        except Unavailable:
            return (), place
        events = [
            _write_event("entry", request.number, entries[request.id]) for request in batch if request.id in entries
        ]
        last = batch[-1].number if batch else newest
        # Behind what nobody asked for as well, unless there is more.
        return events, last if len(found) > _AT_ONCE else max(last, newest)

    def _read(self, query: Query, *more: str) -> WantedUsage:
        check_names(query, (*ADMIN_FILTERS, *more))
        return read_asked(query, self._top, of_models=False).wanted


def _read_place(text: str | None) -> int | None:
    if text is not None and not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise InvalidRequest("`Last-Event-ID` or `after` must be the id of an event of this stream", param="after")
    return None if text is None else int(text)


def _write_event(kind: str, place: int, value: dict[str, Any]) -> bytes:
    return b"event: %b\nid: %d\ndata: %b\n\n" % (kind.encode(), place, msgspec.json.encode(value))
