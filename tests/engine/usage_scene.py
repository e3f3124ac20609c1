"""A gateway with recorded requests, in a real database, and administrators of more or less of it."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from memory_store import make_store
from recorded_rows import make_attempt, put_request
from scripted_gateway import KEY, Answer, Scene
from trunkline.clock import FakeClock
from trunkline.evidence import Evidence, KeptBody, KeptEvidence, SentBody
from trunkline.principal import OPERATOR, Principal
from trunkline.store.cipher import PLAIN
from trunkline.store.engine import Database, open_database
from trunkline.store.evidence import SqlEvidence
from trunkline.store.ledger.tables import METADATA
from trunkline.store.sessions import SqlSessions
from trunkline.store.usage import SqlUsage

ANA = b"sk-anas-key"
TEAM = b"sk-the-teams-administrator"
LOOKER = b"sk-who-may-look-at-usage"


class Keys:
    """The master's, one of a member of a team, its administrator's, and one that may only look at usage. `gone` are
    revoked."""

    def __init__(self) -> None:
        self.gone: set[bytes] = set()

    def find(self, presented: bytes) -> Principal | None:
        known: Mapping[bytes, Principal] = {
            KEY: OPERATOR,
            ANA: Principal("ana", "/team/ana", "k-ana", home="/team/ana"),
            TEAM: Principal("boss", "/team", "k-boss", home="/team", scopes=frozenset({"usage", "audit", "settings"})),
            LOOKER: Principal("looker", "/", "k-looker", scopes=frozenset({"usage:read"})),
        }
        return None if presented in self.gone else known.get(presented)


@dataclass
class UsageScene(Scene):
    """A `Scene` in front of a database."""

    keys: Any = field(default_factory=Keys)
    database: Database = field(kw_only=True)

    async def get(self, path: str, key: bytes = KEY, **headers: str) -> Answer:
        return await self.ask(path, method="GET", authorization="Bearer " + key.decode(), **headers)

    async def ids(self, path: str, key: bytes = KEY) -> list[str]:
        """The ids of a list."""
        answer = await self.get(path, key)
        assert answer.status == 200, answer.body
        return [each["id"] for each in answer.json["data"]]

    async def put(self, id: str, *attempts: Mapping[str, Any], **more: Any) -> None:
        await put_request(self.database, id, *(attempts or (make_attempt(),)), **more)


def _make(said: Evidence) -> KeptEvidence:
    """What was asked and answered, as it is."""
    reply = b"".join(said.reply)
    sent = [SentBody(target, KeptBody(body.decode(), len(body))) for target, body in said.sent]
    return KeptEvidence(
        {}, KeptBody(said.request.decode(), len(said.request)), sent, KeptBody(reply.decode(), len(reply))
    )


@contextlib.asynccontextmanager
async def open_scene(folder: Path, clock: FakeClock) -> AsyncIterator[UsageScene]:
    database = open_database(f"sqlite:///{folder}/trunkline.db")
    await database.write(METADATA.create_all)
    evidence = SqlEvidence(database, PLAIN, _make)
    evidence.start()
    store = replace(make_store(clock), usage=SqlUsage(database), evidence=evidence, sessions=SqlSessions(database))
    try:
        yield UsageScene(database=database, store=store, clock=clock)
    finally:
        await evidence.close()
        await database.close()
