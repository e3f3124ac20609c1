"""Whoever administers anything is written down, with what it was before and after."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from prompt_scene import ADMIN, PromptScene, open_scene

from memory_store import MemoryActs
from trunkline.clock import FakeClock
from trunkline.engine.admin.witness import Witness, local_author
from trunkline.state.acts import Author, KeptAct


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[PromptScene]:
    async with open_scene(tmp_path) as scene:
        yield scene


def acts(scene: PromptScene) -> list[KeptAct]:
    assert scene.store is not None
    assert isinstance(scene.store.acts, MemoryActs)
    return scene.store.acts.kept


async def test_an_act_says_who_and_what(scene: PromptScene) -> None:
    """The key, its path, where it came from; the object before and after."""
    id = await scene.create("poem", instructions="Sing")
    act = acts(scene)[0].act
    assert act.author == Author("master", "master", "/", "127.0.0.1:5")
    assert (act.kind, act.object_id, act.path) == ("prompt.create", id, "/")
    details = msgspec.json.decode(act.details)
    assert details["before"] is None
    assert details["after"]["body"] == {"instructions": "Sing"}


async def test_each_act_on_a_prompt_is_written_down(scene: PromptScene) -> None:
    """Looking is none, and neither is what is refused."""
    id = await scene.create(input="Ho")
    await scene.ask(f"{ADMIN}/{id}/versions", {"body": {"input": "Hi"}})
    await scene.ask(f"{ADMIN}/{id}", {"name": "song"})
    await scene.get(f"{ADMIN}/{id}")
    assert (await scene.ask(f"{ADMIN}/{id}", {"default_version": "9"})).status == 400
    assert (await scene.ask(f"{ADMIN}/{id}", {"name": ""})).status == 400
    await scene.ask(f"{ADMIN}/{id}", method="DELETE")
    assert (await scene.ask(f"{ADMIN}/{id}", method="DELETE")).status == 404
    kinds = ["prompt.create", "prompt_version.create", "prompt.update", "prompt.delete"]
    assert [kept.act.kind for kept in acts(scene)] == kinds
    changed = msgspec.json.decode(acts(scene)[2].act.details)
    assert (changed["before"]["name"], changed["after"]["name"]) == ("poem", "song")


async def test_no_secret_is_written_down() -> None:
    """Whatever an act's object holds, at any depth."""
    kept = MemoryActs()
    before = {"name": "ana", "hash": "aGFzaA", "deep": [{"token": "t0ken", "key": "sk-tl-abc-def"}], "key": "ben"}
    await Witness(kept, local_author("root"), FakeClock()).record("key.update", "k1", before, None)
    text = kept.kept[0].act.details.decode()
    assert not any(secret in text for secret in ("aGFzaA", "t0ken", "sk-tl"))
    assert '"name":"ana"' in text
    assert '"key":"ben"' in text


async def test_an_act_is_about_the_path_of_its_object() -> None:
    """Which an administrator of that path may read."""
    kept = MemoryActs()
    witness = Witness(kept, local_author("root"), FakeClock())
    await witness.record("key.create", "k1", None, {"path": "/team"})
    await witness.record("key.delete", "k1", {"path": "/team"}, None)
    await witness.record("settings.read", "x", None, None)
    assert [each.act.path for each in kept.kept] == ["/team", "/team", "/"]
