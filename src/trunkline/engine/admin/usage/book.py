"""What was used below one path, as those see it who may: rows, one of them, sums, and all of them to take away.

The routes and the command line, where it opens the store itself, both turn the same pages.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from trunkline.clock import Clock
from trunkline.dialects.pages import make_listed, write_page
from trunkline.dialects.shapes import wrong_value
from trunkline.engine.admin.usage.query import (
    ADMIN_FILTERS,
    FILTERS,
    PAGING,
    Asked,
    check_names,
    read_aparts,
    read_asked,
)
from trunkline.engine.admin.usage.shapes import write_attempt, write_moment, write_request, write_sums
from trunkline.engine.admin.usage.sums import settle_time, sum_up
from trunkline.engine.admin.usage.tables import ATTEMPT_TABLE, REQUEST_TABLE, Table, write_json_line
from trunkline.engine.query import Query
from trunkline.errors import InvalidRequest, ObjectNotFound
from trunkline.state.usage import UsageRows, UsedRequest, WantedUsage

# Rows are made into lines on the loop: a batch takes it some milliseconds.
_AT_ONCE = 50

FORMATS = {"jsonl": "application/jsonl", "csv": "text/csv; charset=utf-8"}
_SHOWN = ("requests", "attempts")

Lines = Sequence[Mapping[str, Any]]
Show = Callable[[Sequence[UsedRequest]], Awaitable[Lines]]


class UsageBook:
    """Raises `InvalidRequest` for what cannot be asked, `ObjectNotFound` for what is not there.

    With a `key_id` it shows what this key has used, and nothing else.
    """

    def __init__(self, rows: UsageRows, top: str, clock: Clock, key_id: str | None = None) -> None:
        self._rows = rows
        self._top = top
        self._clock = clock
        self._key_id = key_id

    # --- rows -----------------------------------------------------------------------------------------------------

    async def page(self, query: Query) -> dict[str, Any]:
        """Requests, the newest first."""
        wanted = self._read(query, *PAGING).wanted
        page = query.page()
        await self._rows.hurry()
        after = None if page.after is None else await find_place(self._rows, self._top, page.after)
        found = await self._rows.page(wanted, after=after, limit=page.limit, order=page.order)
        return write_page([make_listed(each.id, write_request(each)) for each in found], page.limit)

    async def find(self, id: str) -> dict[str, Any]:
        """One request, with its attempts."""
        request = await find_request(self._rows, self._top, id)
        attempts = (await self._rows.attempts([id])).get(id, ())
        return {**write_request(request), "attempts": [write_attempt(each) for each in attempts]}

    # --- sums -----------------------------------------------------------------------------------------------------

    async def summary(self, query: Query) -> dict[str, Any]:
        """Sums, one for each value of what `group_by` names."""
        asked = settle_time(self._read(query, "group_by"), self._clock.now_micros())
        aparts = read_aparts(query)
        await self._rows.hurry()
        parts = await sum_up(self._rows, asked, aparts)
        return {
            "object": "list",
            "start": write_moment(asked.wanted.start_micros or 0),
            "end": write_moment(asked.wanted.end_micros or 0),
            "data": [
                {"object": "usage.sums", **dict(zip(aparts, part.values, strict=True)), **write_sums(part.sums)}
                for part in parts
            ],
            "has_more": False,
        }

    # --- all of it ------------------------------------------------------------------------------------------------

    async def export(self, query: Query) -> tuple[str, AsyncGenerator[bytes, None]]:
        """The media type, and lines of requests (or of attempts), the oldest first, up to the newest that is there
        now."""
        wanted = self._read(query, "format", "rows").wanted
        form = read_word(query, "format", tuple(FORMATS), "jsonl")
        shown = read_word(query, "rows", _SHOWN, "requests")
        await self._rows.hurry()
        table = REQUEST_TABLE
        show: Show = _show_requests
        if shown == "attempts":
            table, show = ATTEMPT_TABLE, partial(self._show_attempts, wanted)
        return FORMATS[form], write_lines(walk(self._rows, wanted), show, table if form == "csv" else None)

    async def _show_attempts(self, wanted: WantedUsage, batch: Sequence[UsedRequest]) -> Lines:
        ids = [request.id for request in batch]
        attempts = await self._rows.attempts(ids)
        return [
            write_attempt(attempt)
            for id in ids
            for attempt in attempts.get(id, ())
            if wanted.provider in (None, attempt.provider) and wanted.model in (None, attempt.model)
        ]

    def _read(self, query: Query, *more: str) -> Asked:
        is_own = self._key_id is not None
        check_names(query, (*(FILTERS if is_own else ADMIN_FILTERS), *more))
        asked = read_asked(query, self._top)
        return Asked(replace(asked.wanted, key_id=self._key_id), asked.day) if is_own else asked


async def _show_requests(batch: Sequence[UsedRequest]) -> Lines:
    return [write_request(request) for request in batch]


# --- what the audit does likewise -----------------------------------------------------------------------------------


async def find_request(rows: UsageRows, top: str, id: str) -> UsedRequest:
    """One request of a path and below, also one that has just ended. Raises `ObjectNotFound`."""
    wanted = WantedUsage(path=top, request_id=id)
    found = await rows.page(wanted, after=None, limit=1)
    if not found:
        await rows.hurry()
        found = await rows.page(wanted, after=None, limit=1)
    if not found:
        raise ObjectNotFound(f"Request with id '{id[:256]}' not found.")
    return found[0]


async def find_place(rows: UsageRows, top: str, id: str) -> int:
    """Where a request stands that a page is to follow. Raises `InvalidRequest`."""
    try:
        return (await find_request(rows, top, id)).number
    except ObjectNotFound as error:
        raise InvalidRequest(error.message, param="after") from None


async def walk(rows: UsageRows, wanted: WantedUsage, *, audited: bool = False) -> AsyncIterator[Sequence[UsedRequest]]:
    """All requests that are there when it begins, the oldest first, some at a time."""
    place: int | None = None
    bounds, more = await rows.bounds(wanted), True
    while more:
        found = await rows.page(wanted, after=place, limit=_AT_ONCE, order="asc", audited=audited, bounds=bounds)
        batch, more = found[:_AT_ONCE], len(found) > _AT_ONCE
        if batch:
            place = batch[-1].number
            yield batch


async def write_lines(
    batches: AsyncIterator[Sequence[UsedRequest]], show: Show, table: Table | None
) -> AsyncGenerator[bytes, None]:
    """A batch as the lines of a table, or as JSON without one."""
    if table is not None:
        yield table.head()
    async for batch in batches:
        values = await show(batch)
        yield b"".join([write_json_line(value) if table is None else table.line(value) for value in values])


def read_word(query: Query, name: str, known: Sequence[str], default: str) -> str:
    word = query.text(name) or default
    if word not in known:
        raise wrong_value(name, word, known)
    return word
