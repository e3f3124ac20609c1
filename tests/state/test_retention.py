"""Where objects may be kept, and how long."""

import pytest

from trunkline.state.retention import Retention, read_rules

RULES = read_rules({"/legal/open/**": "always", "/legal/**": "never", "/x": "never"})


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", True),
        ("/legal", False),
        ("/legal/team/ana", False),
        ("/legalese", True),
        ("/legal/open", True),
        ("/legal/open/ana", True),
        ("/x", False),
        ("/x/y", True),
    ],
)
def test_the_nearest_rule_wins(path: str, allowed: bool) -> None:
    """A pattern without `**` is one path alone."""
    assert Retention(rules=RULES).allows(path) is allowed


def test_an_object_is_let_go_after_so_many_days() -> None:
    """Thirty, unless told otherwise."""
    assert Retention().expires_at(5) == 5 + 30 * 86_400_000_000
    assert Retention(days=1).expires_at(5) == 5 + 86_400_000_000
