"""Who holds which key, told from memory."""

import asyncio
import timeit
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from memory_keys import MemoryKeys
from trunkline.clock import FakeClock
from trunkline.errors import ConfigError
from trunkline.keyring import Keyring, derive, open_keyring
from trunkline.keyring import holders as module
from trunkline.keyring.holders import Holders
from trunkline.principal import OPERATOR, Principal
from trunkline.state.keys import KeptKey, MadeKey, hash_key

MASTER = "sk-the-operators-own-key"


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes are looked for as soon as there is time."""
    monkeypatch.setattr(module, "_LOOK_EVERY_SECONDS", 0.001)


async def wait_for(is_so: Callable[[], bool]) -> None:
    for _ in range(1000):
        if is_so():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came about")


def keyring(tmp: Any, secret: bytes = b"a" * 32, *previous: bytes) -> Keyring:
    return open_keyring(tmp, secret=secret, previous_secrets=previous, master_key=MASTER)[0]


class Scene:
    """Holders with a store of their own."""

    def __init__(self, keys: Keyring, kept: MemoryKeys | None = None, declared: Sequence[KeptKey] = ()) -> None:
        self.kept = kept or MemoryKeys()
        self.clock = FakeClock()
        self.holders = Holders(keys, declared, self.kept, self.clock)

    async def issue(self, name: str = "ana", **members: Any) -> MadeKey:
        """Make a key, and know of it."""
        made = self.holders.make()
        await self.kept.add(KeptKey(id=made.id, name=name, hashes=(made.hash,), **{"path": "/team", **members}))
        await self.holders.refresh()
        return made

    def find(self, made: MadeKey) -> Principal | None:
        return self.holders.find(made.text.encode())

    async def known(self, made: MadeKey) -> KeptKey:
        found = await self.kept.find(made.id)
        assert found is not None
        return found


@pytest.fixture
def scene(tmp_path: Any) -> Scene:
    return Scene(keyring(tmp_path))


async def test_an_issued_key_says_what_it_was_issued_with(scene: Scene) -> None:
    """Its path is where its holder is at home."""
    made = await scene.issue(labels={"app": "web"}, models=("openai/*",), scopes=("usage",))
    assert scene.find(made) == Principal(
        "ana", "/team", made.id, "/team", {"app": "web"}, ("openai/*",), frozenset({"usage"})
    )


async def test_the_operators_key_is_known_too(scene: Scene) -> None:
    """With everything that it may do."""
    assert scene.holders.find(MASTER.encode()) is OPERATOR


@pytest.mark.parametrize("change", ["x", "", "é"])
async def test_nothing_but_the_whole_key_opens(scene: Scene, change: str) -> None:
    """A letter less or more, or another one, is another key."""
    made = await scene.issue()
    for wrong in (made.text[:-1] + change, made.text + change + "x", made.text[:17], made.id, ""):
        assert scene.holders.find(wrong.encode()) is None


async def test_a_key_expires(scene: Scene) -> None:
    """To the microsecond, whether it was used before or not."""
    used, unused = await scene.issue(), await scene.issue("ben")
    for made in (used, unused):
        known = await scene.known(made)
        await scene.kept.replace(known, replace(known, expires_at_micros=scene.clock.now_micros() + 1_000_000))
    await scene.holders.refresh()
    assert scene.find(used) is not None
    scene.clock.advance(0.999999)
    assert scene.find(used) is not None
    scene.clock.advance(0.000001)
    assert scene.find(used) is scene.find(unused) is None


async def test_a_rotated_key_overlaps_with_the_new_one(scene: Scene) -> None:
    """Both open as the same key, until the old one's time is over."""
    old = await scene.issue()
    known, new = await scene.known(old), scene.holders.make(old.id)
    until = scene.clock.now_micros() + 60_000_000
    await scene.kept.replace(known, replace(known, hashes=(new.hash, replace(old.hash, until_micros=until))))
    await scene.holders.refresh()
    assert scene.find(old) == scene.find(new) != None  # noqa: E711 - both are somebody
    scene.clock.advance(60)
    assert scene.find(old) is None
    assert scene.find(new) is not None


async def test_a_revoked_key_is_refused_without_being_asked(tmp_path: Any, scene: Scene) -> None:
    """Another replica that shares the database sees it by itself."""
    made = await scene.issue()
    other = Scene(keyring(tmp_path), scene.kept)
    await other.holders.start()
    assert other.find(made) is not None
    known = await scene.known(made)
    await scene.kept.replace(known, replace(known, revoked_at_micros=1))
    await wait_for(lambda: other.find(made) is None)
    await other.holders.close()


async def test_a_deleted_key_is_gone(scene: Scene) -> None:
    """As if it had never been."""
    made = await scene.issue()
    assert scene.find(made) is not None
    await scene.kept.delete(await scene.known(made))
    await scene.holders.refresh()
    assert scene.find(made) is None


async def test_a_restored_database_is_read_whole(scene: Scene) -> None:
    """Keys that an older state does not know open nothing, though no change tells of it."""
    first = await scene.issue()
    second = await scene.issue("ben")
    scene.kept.restore(1)
    await scene.holders.refresh()
    assert scene.find(second) is None
    assert scene.find(first) is not None


async def test_with_the_store_away_the_known_keys_stay(scene: Scene) -> None:
    """Looking goes on, and what was changed meanwhile is known when it is back."""
    made = await scene.issue()
    await scene.holders.start()
    scene.kept.away = True
    await asyncio.sleep(0.01)
    assert scene.find(made) is not None
    scene.kept.away = False
    await scene.kept.delete(await scene.known(made))
    await wait_for(lambda: scene.find(made) is None)
    await scene.holders.close()


async def test_a_key_of_before_a_rotation_is_hashed_anew(tmp_path: Any, scene: Scene) -> None:
    """At its next use, behind the request; then the old secret is not needed any more."""
    made, unused = await scene.issue(), await scene.issue("ben")
    rotated = Scene(keyring(tmp_path, b"b" * 32, b"a" * 32), scene.kept)
    await rotated.holders.start()
    scene.kept.away = True
    assert rotated.find(made) is not None
    await asyncio.sleep(0.01)
    scene.kept.away = False
    await wait_for(lambda: scene.kept.now(made.id).hashes[0].root == rotated.holders.newest)
    await rotated.holders.close()
    assert (await rotated.known(unused)).hashes == (unused.hash,)
    without = Scene(keyring(tmp_path, b"b" * 32), scene.kept)
    await without.holders.refresh()
    assert without.find(made) is not None
    assert without.find(unused) is None


def declare(name: str, text: str, secret: bytes = b"a" * 32, **members: Any) -> KeptKey:
    root = Keyring([secret], None, secret).newest
    hash = module.KeyHash(root, hash_key(derive(secret, "key"), text.encode()))
    place = {"path": "/team", "declared_in": "trunkline.yaml, line 3"}
    return KeptKey(id=name, name=name, hashes=(hash,), **(place | members))


async def test_a_declared_key_is_known_by_its_name(tmp_path: Any) -> None:
    """Whatever text the operator has chosen for it, without any store; until it expires."""
    scene = Scene(keyring(tmp_path))
    declared = declare("ana", "any text", models=("fast",), expires_at_micros=scene.clock.now_micros() + 1)
    holders = Holders(keyring(tmp_path), [declared], None, scene.clock)
    await holders.start()
    assert holders.find(b"any text") == Principal("ana", "/team", "ana", "/team", models=("fast",))
    assert holders.find(b"any texts") is None
    scene.clock.advance(1)
    assert holders.find(b"any text") is None


async def test_a_declared_key_of_before_a_rotation_works_as_long_as_its_secret_is_there(tmp_path: Any) -> None:
    """Without it the start is refused, and says what to do."""
    declared = declare("ana", "any text")
    with_old = Scene(keyring(tmp_path, b"b" * 32, b"a" * 32), declared=[declared])
    await with_old.holders.start()
    assert with_old.holders.find(b"any text") is not None
    await with_old.holders.close()
    with pytest.raises(ConfigError, match=r"line 3: the hash of the key `ana` .* TRUNKLINE_SECRET_PREVIOUS"):
        await Scene(keyring(tmp_path, b"b" * 32), declared=[declared]).holders.start()


async def test_a_name_lives_in_the_file_or_in_the_store(tmp_path: Any, scene: Scene) -> None:
    """A start with both is refused."""
    await scene.issue("ana")
    with pytest.raises(ConfigError, match="`ana` was issued already"):
        await Scene(keyring(tmp_path), scene.kept, [declare("ana", "any text")]).holders.start()


async def test_nothing_secret_shows(scene: Scene) -> None:
    """Neither in what the holders say of themselves nor in a key that was just made."""
    made = await scene.issue()
    assert scene.find(made) is not None
    assert made.text not in repr(made) + repr(scene.holders)


async def test_a_key_in_use_costs_next_to_nothing(scene: Scene) -> None:
    """Less than a microsecond, where a hash alone takes three; this allows for a busy machine."""
    made = await scene.issue(expires_at_micros=2**60)
    find = scene.holders.find
    for presented in (made.text.encode(), MASTER.encode()):
        assert find(presented) is not None
        assert min(timeit.repeat(partial(find, presented), number=1000, repeat=5)) / 1000 < 3e-6
