"""Lists of kept objects, page by page, as all of OpenAI's APIs have them."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trunkline.state.conversations import Order


class Listed(Struct, frozen=True):
    """An object in a list: its id, and it as JSON."""

    id: str
    value: Raw


def make_listed(id: str, value: Mapping[str, Any]) -> Listed:
    """A list entry made of an object that is not JSON yet."""
    return Listed(id, Raw(msgspec.json.encode(value)))


class Page(Struct, frozen=True, kw_only=True):
    """Which part of a list is asked for: so many, behind or before one of them, the first as `order` says."""

    limit: int = 20
    order: Order = "desc"
    after: str | None = None
    before: str | None = None


def write_page(found: Sequence[Listed], limit: int) -> dict[str, Any]:
    """The list object of what was found behind a place: up to `limit` objects, and one more if there is one."""
    return write_list(found[:limit], has_more=len(found) > limit)


def write_list(data: Sequence[Listed], *, has_more: bool = False) -> dict[str, Any]:
    """Draw the list object with these entries."""
    return {
        "object": "list",
        "data": [listed.value for listed in data],
        "first_id": data[0].id if data else None,
        "last_id": data[-1].id if data else None,
        "has_more": has_more,
    }


def cut_page(listed: Sequence[Listed], page: Page) -> Sequence[Listed]:
    """The page of a list that is there as a whole, the oldest first, and one more if there is one.

    Raises `KeyError` with the id of a place that is not in it.
    """
    ordered = listed if page.order == "asc" else listed[::-1]
    ids = [each.id for each in ordered]
    start = 0 if page.after is None else _find(ids, page.after) + 1
    end = len(ids) if page.before is None else _find(ids, page.before)
    return ordered[start : min(end, start + page.limit + 1)]


def _find(ids: list[str], id: str) -> int:
    try:
        return ids.index(id)
    except ValueError:
        raise KeyError(id) from None
