"""Paths of teams: a tree, and patterns over it."""

import pytest

from trunkline.errors import InvalidRequest
from trunkline.paths import is_within, matches, read_path


@pytest.mark.parametrize(
    ("text", "path"), [("/", "/"), ("/team/alpha", "/team/alpha"), ("/team/", "/team"), ("/a@b.c/d-1", "/a@b.c/d-1")]
)
def test_a_path_is_read(text: str, path: str) -> None:
    """Without a slash at its end."""
    assert read_path(text, "path") == path


@pytest.mark.parametrize(
    "text", ["", "team", "//", "/team//alpha", "/..", "/team/../other", "/té", "/a b", "/" + "x" * 256]
)
def test_what_is_no_path_is_refused(text: str) -> None:
    """By the name of the field."""
    with pytest.raises(InvalidRequest) as caught:
        read_path(text, "path")
    assert caught.value.param == "path"


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("/team", "/team", True),
        ("/team/alpha", "/team", False),
        ("/team", "/team/**", True),
        ("/team/alpha", "/team/**", True),
        ("/teams", "/team/**", False),
        ("/", "/**", True),
        ("/team", "/**", True),
    ],
)
def test_a_pattern_means_a_path_or_all_below_it(path: str, pattern: str, expected: bool) -> None:
    """`**` says the latter."""
    assert matches(path, pattern) is expected


def test_a_path_is_within_itself() -> None:
    """And not within its neighbour whose name goes on."""
    assert is_within("/a", "/a")
    assert not is_within("/ab", "/a")
