"""Prompts are made, shown, changed and deleted by whoever holds the master key."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from prompt_scene import ADMIN, PromptScene, open_scene
from stored_scene import NEIGHBOUR, bearer

from scripted_gateway import Scene

BODY = {"model": "chat-model", "instructions": "Write in {{style}}."}


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[PromptScene]:
    async with open_scene(tmp_path) as scene:
        yield scene


async def test_a_prompt_is_made_with_its_first_version(scene: PromptScene) -> None:
    """Its id cannot be guessed."""
    made = (await scene.ask(ADMIN, {"name": " poem ", "body": BODY})).json
    id = made["id"]
    assert made == {
        "id": id,
        "object": "prompt",
        "name": "poem",
        "created_at": 1_700_000_000,
        "default_version": "1",
    }
    assert id.startswith("pmpt_")
    assert len(id) == len("pmpt_") + 48
    assert (await scene.get(f"{ADMIN}/{id}")).json == made
    assert (await scene.get(f"{ADMIN}/{id}/versions/1")).json == {
        "object": "prompt.version",
        "prompt_id": id,
        "version": "1",
        "created_at": 1_700_000_000,
        "body": BODY,
    }


async def test_a_new_version_is_the_default_one(scene: PromptScene) -> None:
    """Unless it is said not to be."""
    id = await scene.create(**BODY)
    added = await scene.ask(f"{ADMIN}/{id}/versions", {"body": {"input": "Hi"}})
    assert (added.json["version"], added.json["body"]) == ("2", {"input": "Hi"})
    quiet = await scene.ask(f"{ADMIN}/{id}/versions", {"body": {"input": "Ho"}, "is_default": False})
    assert quiet.json["version"] == "3"
    assert (await scene.get(f"{ADMIN}/{id}")).json["default_version"] == "2"
    listed = (await scene.get(f"{ADMIN}/{id}/versions")).json
    assert [version["version"] for version in listed["data"]] == ["3", "2", "1"]
    assert (listed["first_id"], listed["last_id"], listed["has_more"]) == ("3", "1", False)


async def test_name_and_default_version_are_changed(scene: PromptScene) -> None:
    """Each alone or both."""
    id = await scene.create(**BODY)
    await scene.ask(f"{ADMIN}/{id}/versions", {"body": BODY})
    answer = await scene.ask(f"{ADMIN}/{id}", {"default_version": "1"})
    assert (answer.json["name"], answer.json["default_version"]) == ("poem", "1")
    answer = await scene.ask(f"{ADMIN}/{id}", {"name": "verse", "default_version": "2"})
    assert (answer.json["name"], answer.json["default_version"]) == ("verse", "2")
    assert (await scene.ask(f"{ADMIN}/{id}", {})).json == answer.json


async def test_prompts_are_listed_page_by_page(scene: PromptScene) -> None:
    """The newest first."""
    ids = [await scene.create(f"poem {number}", **BODY) for number in range(3)]
    page = (await scene.get(f"{ADMIN}?limit=2")).json
    assert ([prompt["id"] for prompt in page["data"]], page["has_more"]) == ([ids[2], ids[1]], True)
    rest = (await scene.get(f"{ADMIN}?limit=2&after={page['last_id']}")).json
    assert ([prompt["id"] for prompt in rest["data"]], rest["has_more"]) == ([ids[0]], False)
    assert (await scene.get(f"{ADMIN}?after=pmpt_9")).status == 404


async def test_a_deleted_prompt_is_gone(scene: PromptScene) -> None:
    """With its versions."""
    id = await scene.create(**BODY)
    answer = await scene.ask(f"{ADMIN}/{id}", method="DELETE")
    assert answer.json == {"id": id, "object": "prompt.deleted", "deleted": True}
    assert (await scene.ask(f"{ADMIN}/{id}", method="DELETE")).status == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", b""),
        ("POST", "", {"name": "x"}),
        ("DELETE", "", b""),
        ("GET", "/versions", b""),
        ("POST", "/versions", {"body": BODY}),
        ("GET", "/versions/1", b""),
    ],
)
async def test_a_prompt_that_is_not_there_is_unknown(scene: PromptScene, method: str, path: str, body: Any) -> None:
    """Whatever is done to it."""
    answer = await scene.ask(f"{ADMIN}/pmpt_1{path}", body, method=method)
    assert (answer.status, answer.error["message"]) == (404, "Prompt with id 'pmpt_1' not found.")


async def test_a_version_that_is_not_there_is_unknown(scene: PromptScene) -> None:
    """And cannot become the default one."""
    id = await scene.create(**BODY)
    assert (await scene.get(f"{ADMIN}/{id}/versions/2")).status == 404
    answer = await scene.ask(f"{ADMIN}/{id}", {"name": "verse", "default_version": "2"})
    assert (answer.status, answer.error["param"]) == (400, "default_version")
    assert (await scene.get(f"{ADMIN}/{id}")).json["name"] == "poem"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": "x"}, "body"),
        ({"name": "", "body": BODY}, "name"),
        ({"name": "x" * 257, "body": BODY}, "name"),
        ({"name": "a\nb", "body": BODY}, "name"),
        ({"name": "x", "body": {**BODY, "modle": "m"}}, "modle"),
        ({"name": "x", "body": BODY, "path": "/team"}, "path"),
    ],
)
async def test_what_is_wrong_with_a_new_prompt_is_named(scene: PromptScene, body: Any, param: str) -> None:
    """Nothing is kept of it."""
    answer = await scene.ask(ADMIN, body)
    assert (answer.status, answer.error["param"]) == (400, param)
    assert (await scene.get(ADMIN)).json["data"] == []


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_others_administer_no_prompts(scene: PromptScene, method: str) -> None:
    """However they ask."""
    answer = await scene.ask(ADMIN, {"name": "x", "body": BODY}, method=method, authorization=bearer(NEIGHBOUR))
    assert (answer.status, answer.error["code"]) == (403, "scope_missing")


async def test_a_gateway_that_keeps_nothing_keeps_no_prompts() -> None:
    """And says so."""
    answer = await Scene().ask(ADMIN, {"name": "x", "body": BODY})
    assert (answer.status, answer.error["code"]) == (400, "storage_off")
