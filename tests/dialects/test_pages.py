"""Lists are cut into pages the same way everywhere."""

import pytest
from msgspec import Raw

from trunkline.dialects.pages import Listed, Page, cut_page, write_page

ALL = [Listed(id, Raw(f'"{id}"'.encode())) for id in ("a", "b", "c", "d")]


def ids(page: Page) -> list[str]:
    return [listed.id for listed in cut_page(ALL, page)]


def test_a_page_is_cut_with_one_more() -> None:
    """The newest first unless it is asked for otherwise; the one more says that there is a next page."""
    assert ids(Page(limit=2)) == ["d", "c", "b"]
    assert ids(Page(limit=2, order="asc")) == ["a", "b", "c"]
    assert ids(Page(limit=2, order="asc", after="b")) == ["c", "d"]
    assert ids(Page(limit=9, order="asc", before="c")) == ["a", "b"]
    assert ids(Page(limit=9, after="a")) == []


def test_a_page_says_where_it_begins_and_ends() -> None:
    """An empty one says nothing."""
    page = write_page(cut_page(ALL, Page(limit=3)), 3)
    assert page == {
        "object": "list",
        "data": [Raw(b'"d"'), Raw(b'"c"'), Raw(b'"b"')],
        "first_id": "d",
        "last_id": "b",
        "has_more": True,
    }
    assert write_page([], 3) == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


def test_a_place_that_is_not_in_the_list_is_told() -> None:
    """By its id."""
    with pytest.raises(KeyError, match="x"):
        cut_page(ALL, Page(after="x"))
