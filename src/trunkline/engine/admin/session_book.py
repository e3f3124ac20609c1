"""Sessions, and what was said in one: the requests of it in order, with their texts where the audit keeps bodies."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from trunkline.clock import Clock
from trunkline.dialects.pages import make_listed, write_page
from trunkline.engine.admin.usage.book import find_place
from trunkline.engine.admin.usage.query import PAGING, check_names, read_asked
from trunkline.engine.admin.usage.shapes import write_cost, write_moment, write_request, write_trail
from trunkline.engine.admin.usage.sums import settle_time
from trunkline.engine.query import Query
from trunkline.errors import ObjectNotFound
from trunkline.evidence import KeptBody, KeptEvidence
from trunkline.state.evidence import EvidenceRows
from trunkline.state.sessions import SessionRows, UsedSession, WantedSessions
from trunkline.state.usage import UsageRows, UsedRequest

_ASKED = ("start", "end", "zone", "path")
# Each with all that was said in it.
_MOST_ENTRIES = 50


class SessionBook:
    """Raises `InvalidRequest` for what cannot be asked, `ObjectNotFound` for what is not there."""

    def __init__(self, rows: UsageRows, sessions: SessionRows, evidence: EvidenceRows, top: str, clock: Clock) -> None:
        self._rows = rows
        self._sessions = sessions
        self._evidence = evidence
        self._top = top
        self._clock = clock

    async def page(self, query: Query) -> dict[str, Any]:
        """Sessions, those of the newest requests first; of the last thirty days unless it says otherwise."""
        check_names(query, (*_ASKED, "limit", "after"))
        page = query.page()
        wanted = settle_time(read_asked(query, self._top), self._clock.now_micros()).wanted
        await self._rows.hurry()
        before = None if page.after is None else await find_place(self._rows, self._top, page.after)
        found = await self._sessions.page(
            WantedSessions(path=wanted.path, start_micros=wanted.start_micros or 0, end_micros=wanted.end_micros or 0),
            before=before,
            limit=page.limit,
        )
        listed = [make_listed(each.newest_id, write_session(each)) for each in found]
        return write_page(listed, page.limit)

    async def find(self, id: str, query: Query) -> dict[str, Any]:
        """The requests of one session, the oldest first, with what was said."""
        check_names(query, (*_ASKED, *PAGING))
        page = query.page("asc", _MOST_ENTRIES)
        wanted = replace(read_asked(query, self._top, of_models=False).wanted, session=id)
        await self._rows.hurry()
        after = None if page.after is None else await find_place(self._rows, self._top, page.after)
        found = await self._rows.page(wanted, after=after, limit=page.limit, order=page.order)
        if not found and after is None:
            raise ObjectNotFound(f"No session '{id[:128]}' found.")
        entries = await self._show(found[: page.limit])
        listed = [make_listed(entry["id"], entry) for entry in entries]
        return {**write_page(listed, page.limit), "has_more": len(found) > page.limit}

    async def _show(self, found: Sequence[UsedRequest]) -> Sequence[dict[str, Any]]:
        ids = [request.id for request in found]
        trails, said = await self._rows.trails(ids), await self._evidence.find(ids)
        return [
            {
                **write_request(request),
                "object": "audit.entry",
                "trail": write_trail(trails[request.id]) if request.id in trails else None,
                "said": write_said(said.get(request.id)),
            }
            for request in found
        ]


def write_session(session: UsedSession) -> dict[str, Any]:
    return {
        "id": session.id,
        "object": "audit.session",
        "path": session.path,
        "first_at": write_moment(session.first_micros),
        "last_at": write_moment(session.last_micros),
        "last_request_id": session.newest_id,
        "requests": session.requests,
        "failed": session.failed,
        **write_cost(session.cost),
    }


def write_said(said: KeptEvidence | None) -> Mapping[str, Any] | None:
    """What was said in a request; `None` where it was not kept, or is no more."""
    if said is None:
        return None
    return {
        "headers": said.headers,
        "request": _write_body(said.request),
        "sent": [
            {"target": sent.target, "as_it_came": sent.body is None, "body": sent.body and _write_body(sent.body)}
            for sent in said.sent
        ],
        "reply": _write_body(said.reply),
    }


def _write_body(body: KeptBody) -> dict[str, Any]:
    return {"text": body.text, "bytes": body.size_bytes, "cut": body.is_cut, "folded": body.is_folded}
