"""A gateway that keeps prompts, in a real database."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from stored_scene import TwoKeys

from memory_store import make_store
from scripted_gateway import Answer, Scene
from trunkline.store.cipher import PLAIN
from trunkline.store.engine import open_database
from trunkline.store.prompts import SqlPrompts
from trunkline.store.tables import METADATA

ADMIN = "/admin/v1/prompts"


@dataclass
class PromptScene(Scene):
    """A `Scene` with prompts, and two callers."""

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask(path, method="GET", **headers)

    async def create(self, name: str = "poem", **body: Any) -> str:
        """The id of a new prompt."""
        answer = await self.ask(ADMIN, {"name": name, "body": body})
        assert answer.status == 200, answer.body
        id: str = answer.json["id"]
        return id


@contextlib.asynccontextmanager
async def open_scene(folder: Path, **members: Any) -> AsyncIterator[PromptScene]:
    database = open_database(f"sqlite:///{folder}/trunkline.db")
    await database.write(METADATA.create_all)
    scene = PromptScene(keys=TwoKeys(), **members)
    scene.store = replace(make_store(scene.clock), prompts=SqlPrompts(database, PLAIN))
    scene.__post_init__()
    try:
        yield scene
    finally:
        await database.close()
