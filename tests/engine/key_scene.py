"""A gateway that issues keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stored_scene import StoredScene

from scripted_gateway import KEY, Answer
from trunkline.keyring import Keyring, derive
from trunkline.keyring.holders import Holders
from trunkline.state.keys import KeptKey, KeyHash, hash_key

SECRET = b"a" * 32

ADMIN = "/admin/v1/keys"


def make_keyring() -> Keyring:
    return Keyring([SECRET], hash_key(derive(SECRET, "key"), KEY), SECRET)


def declare(name: str, text: str, path: str = "/", **members: Any) -> KeptKey:
    hash = KeyHash(make_keyring().newest, hash_key(derive(SECRET, "key"), text.encode()))
    place = "trunkline.yaml, line 3"
    return KeptKey(id=name, name=name, path=path, hashes=(hash,), declared_in=place, **members)


@dataclass
class KeyScene(StoredScene):
    """A `StoredScene` whose callers have the operator's key, one of those that are `declared`, or one that is issued."""

    declared: Sequence[KeptKey] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.keys = self.key_maker = Holders(make_keyring(), self.declared, self.kept.keys, self.clock)
        super(StoredScene, self).__post_init__()

    async def issue(self, name: str = "ana", path: str = "/team", by: str = KEY.decode(), **members: Any) -> str:
        """The text of a new key."""
        answer = await self.make(name, path, by, **members)
        assert answer.status == 200, answer.body
        text: str = answer.json["key"]
        return text

    async def make(self, name: str = "ana", path: str = "/team", by: str = KEY.decode(), **members: Any) -> Answer:
        return await self.call("POST", "", {"name": name, "path": path, **members}, by)

    async def call(
        self, method: str, place: str = "", body: Any = b"", by: str = KEY.decode(), **headers: str
    ) -> Answer:
        """What a key says of the admin API's keys."""
        return await self.ask(ADMIN + place, body, method=method, authorization=f"Bearer {by}", **headers)
