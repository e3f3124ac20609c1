"""A path is erased by a gateway that runs, for those who administer it."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace
from usage_scene import ANA, LOOKER, TEAM, UsageScene, open_scene

from memory_store import MemoryActs
from recorded_rows import START
from scripted_gateway import Answer
from trunkline.clock import FakeClock

ERASE = "/admin/v1/erase"


@pytest.fixture
def erased() -> list[str]:
    """The paths that were erased."""
    return []


@pytest.fixture
async def scene(tmp_path: Path, erased: list[str]) -> AsyncIterator[UsageScene]:
    async def erase(path: str) -> Mapping[str, int]:
        erased.append(path)
        return {"responses": 3}

    async with open_scene(tmp_path, FakeClock(START)) as scene:
        assert scene.store is not None
        scene.store = replace(scene.store, erase=erase)
        scene.__post_init__()
        yield scene


async def ask(scene: UsageScene, key: bytes, **body: object) -> Answer:
    return await scene.ask(ERASE, body, authorization="Bearer " + key.decode())


async def test_a_path_is_erased(scene: UsageScene, erased: list[str]) -> None:
    """It is said how much there was, and written down by whom."""
    answer = await ask(scene, TEAM, path="/team/ana/")
    assert answer.json == {"object": "erasure", "path": "/team/ana", "erased": {"responses": 3}}
    assert erased == ["/team/ana"]
    assert scene.store is not None
    assert isinstance(scene.store.acts, MemoryActs)
    act = scene.store.acts.kept[0].act
    assert (act.kind, act.object_id, act.path, act.author.name) == ("store.erase", "/team/ana", "/team/ana", "boss")


@pytest.mark.parametrize(
    ("key", "body", "status", "code"),
    [
        (TEAM, {"path": "/"}, 403, "path_forbidden"),
        (TEAM, {"path": "/teams"}, 403, "path_forbidden"),
        (TEAM, {"path": "team"}, 400, None),
        (TEAM, {}, 400, "missing_required_parameter"),
        (TEAM, {"path": "/team", "really": True}, 400, "unknown_parameter"),
        (ANA, {"path": "/team/ana"}, 403, "scope_missing"),
        (LOOKER, {"path": "/team"}, 403, "scope_missing"),
    ],
)
async def test_nothing_else_is(
    scene: UsageScene, erased: list[str], key: bytes, body: dict[str, object], status: int, code: str | None
) -> None:
    """Neither elsewhere, nor by whoever may only look."""
    answer = await ask(scene, key, **body)
    assert (answer.status, answer.error["code"]) == (status, code)
    assert erased == []
