"""A query is read as the SDKs write it."""

import pytest

from trunkline.dialects.pages import Page
from trunkline.engine.query import Query
from trunkline.errors import InvalidRequest


def test_a_list_may_be_written_in_two_ways() -> None:
    """With brackets, as OpenAI's clients do, or without."""
    query = Query(b"include[]=a&include[]=b&include=c&metadata[k%5D]=x&metadata[team]=alpha")
    assert query.texts("include") == ["c", "a", "b"]
    assert query.members("metadata") == {"team": "alpha"}


def test_what_is_not_said_has_its_default() -> None:
    """An empty value says nothing."""
    assert Query(b"").page() == Page(limit=20, order="desc", after=None, before=None)
    assert Query(b"limit=&after=&order=").page("asc") == Page(limit=20, order="asc")
    assert Query(b"limit=100&after=msg_1&order=asc&before=msg_9").page() == Page(
        limit=100, order="asc", after="msg_1", before="msg_9"
    )
    assert Query(b"stream=true").flag("stream")
    assert not Query(b"stream=False").flag("stream")
    assert Query(b"starting_after=7").integer("starting_after") == 7


@pytest.mark.parametrize(
    ("query", "param"),
    [(b"limit=0", "limit"), (b"limit=101", "limit"), (b"limit=x", "limit"), (b"order=up", "order")],
)
def test_a_wrong_value_is_refused(query: bytes, param: str) -> None:
    """By the parameter's name."""
    with pytest.raises(InvalidRequest) as raised:
        Query(query).page()
    assert raised.value.param == param


def test_a_flag_is_a_flag() -> None:
    """And a word of another sort is refused."""
    with pytest.raises(InvalidRequest, match="stream"):
        Query(b"stream=perhaps").flag("stream")
