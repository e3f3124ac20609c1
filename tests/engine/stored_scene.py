"""A gateway that keeps things, and two callers who may not see each other's."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from memory_store import make_store
from scripted_gateway import KEY, Answer, Scene
from trunkline.principal import OPERATOR, Principal
from trunkline.state.responses import KeptResponse
from trunkline.state.store import Store

NEIGHBOUR = b"sk-the-neighbours-key"


class TwoKeys:
    """The master's key, and one of a team."""

    def find(self, presented: bytes) -> Principal | None:
        return {KEY: OPERATOR, NEIGHBOUR: Principal("ana", "/team/ana")}.get(presented)


@dataclass
class StoredScene(Scene):
    """A `Scene` with a store: a new one, unless it is given another's."""

    keys: Any = field(default_factory=TwoKeys)

    def __post_init__(self) -> None:
        self.store = self.store or make_store(self.clock)
        super().__post_init__()

    @property
    def kept(self) -> Store:
        assert self.store is not None
        return self.store

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask(path, method="GET", **headers)

    async def delete(self, path: str, **headers: str) -> Answer:
        return await self.ask(path, method="DELETE", **headers)

    async def keep(self, id: str, input_: Any, *output: Any, **members: Any) -> KeptResponse:
        """A response as the engine would keep it."""
        named = {name: members.pop(name) for name in ("previous_response_id",) if name in members}
        status = members.get("status", "completed")
        response = {"id": id, "object": "response", "status": status, "output": output, **named}
        known: dict[str, Any] = {
            "path": "/",
            "created_at_micros": self.clock.now_micros(),
            "expires_at_micros": self.clock.now_micros() + 1_000_000_000,
            "status": "completed",
            "parent_id": named.get("previous_response_id"),
        }
        kept = KeptResponse(
            id=id,
            input=msgspec.json.encode(input_),
            response=msgspec.json.encode(response),
            **(known | members),
        )
        await self.kept.responses.keep(kept)
        return kept


def bearer(key: bytes) -> str:
    return "Bearer " + key.decode()
