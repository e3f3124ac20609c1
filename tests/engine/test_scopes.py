"""Who may administer what."""

from pathlib import Path

import pytest
from usage_scene import TEAM, open_scene

from trunkline.clock import FakeClock
from trunkline.engine.caller.scopes import SCOPES_OF_KINDS, check_kind
from trunkline.errors import Forbidden
from trunkline.principal import OPERATOR, Principal


def _may(scope: str, kind: str, method: str) -> bool:
    try:
        check_kind(Principal("ana", "/", "k", scopes=frozenset({scope})), kind, method)
    except Forbidden:
        return False
    return True


@pytest.mark.parametrize("kind", SCOPES_OF_KINDS)
def test_a_scope_opens_its_kind(kind: str) -> None:
    """Whole it lets change things, with `:read` it lets look."""
    scope = SCOPES_OF_KINDS[kind]
    assert [_may(scope, kind, method) for method in ("GET", "HEAD", "POST", "DELETE")] == [True] * 4
    assert _may(f"{scope}:read", kind, "GET")


@pytest.mark.parametrize("kind", [kind for kind in SCOPES_OF_KINDS if kind != "openapi.json"])
def test_no_scope_opens_another_kind(kind: str) -> None:
    """Nor does one that may look let change anything."""
    others = set(SCOPES_OF_KINDS.values()) - {SCOPES_OF_KINDS[kind]}
    assert not any(_may(scope, kind, "GET") for scope in others)
    assert not _may(f"{SCOPES_OF_KINDS[kind]}:read", kind, "POST")


def test_a_kind_without_a_scope_is_nobodys() -> None:
    """Whoever adds one must say whose it is."""
    with pytest.raises(Forbidden):
        check_kind(OPERATOR, "unheard-of", "GET")


@pytest.mark.parametrize("path", ["/admin/v1/settings", "/admin/v1/acts/check", "/metrics"])
async def test_what_is_the_whole_gateways_is_shown_at_the_root(path: str, tmp_path: Path) -> None:
    """An administrator of a team is told that its key is too low."""
    async with open_scene(tmp_path, FakeClock()) as scene:
        answer = await scene.get(path, TEAM)
        assert (answer.status, answer.error["code"]) == (403, "path_too_low")
