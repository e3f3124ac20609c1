"""What administrators have done to the objects of one path, and whether the chain of it is whole."""

from typing import Any

from trunkline.dialects.pages import make_listed, write_page
from trunkline.engine.admin.usage.query import check_names, read_asked
from trunkline.engine.admin.usage.shapes import write_act, write_checked
from trunkline.engine.query import Query
from trunkline.errors import InvalidRequest
from trunkline.state.acts import Acts, Head, WantedActs

_FILTERS = ("start", "end", "zone", "path", "kind", "object_id", "key_id")
_PREFIX = "act_"
_MOST_DIGITS = 18


class ActBook:
    """Raises `InvalidRequest` for what cannot be asked."""

    def __init__(self, acts: Acts, top: str) -> None:
        self._acts = acts
        self._top = top

    async def page(self, query: Query) -> dict[str, Any]:
        """Acts, the newest first."""
        check_names(query, (*_FILTERS, "limit", "after"))
        asked = read_asked(query, self._top).wanted
        wanted = WantedActs(
            path=asked.path,
            kind=query.text("kind"),
            object_id=query.text("object_id"),
            key_id=asked.key_id,
            start_micros=asked.start_micros,
            end_micros=asked.end_micros,
        )
        page = query.page()
        before = None if page.after is None else _read_number(page.after)
        found = await self._acts.page(wanted, before=before, limit=page.limit)
        return write_page([make_listed(act["id"], act) for act in map(write_act, found)], page.limit)

    async def check(self, query: Query) -> dict[str, Any]:
        """Whether every entry is what was written, and `head`, if one is named, still is where it was."""
        check_names(query, ("head",))
        text = query.text("head")
        return write_checked(await self._acts.check([] if text is None else [_read_head(text)]))


def _read_number(id: str) -> int:
    digits = id.removeprefix(_PREFIX)
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS):
        raise InvalidRequest("`after` must be the id of an act, as act_12", param="after")
    return int(digits)


def _read_head(text: str) -> Head:
    number, colon, hash = text.partition(":")
    if not colon or not (number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS):
        raise InvalidRequest("`head` must be a number and a hash, as the last check said it", param="head")
    return Head(int(number), hash)
