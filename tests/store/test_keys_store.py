"""Keys in the database."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from trunkline.clock import FakeClock, SystemClock
from trunkline.keyring import open_keyring
from trunkline.keyring.holders import Holders
from trunkline.state.keys import KeptKey, KeyHash, NameTaken
from trunkline.store.engine import Database, open_database
from trunkline.store.keys import SqlKeys
from trunkline.store.tables import METADATA

HASH = KeyHash("root", b"\x00\xff" * 16)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = open_database(url)
    await database.write(METADATA.create_all)
    yield database
    await database.close()


@pytest.fixture
def keys(database: Database) -> SqlKeys:
    return SqlKeys(database, FakeClock())


def key(id: str, path: str = "/", **members: object) -> KeptKey:
    named = {"name": f"name of {id}", "hashes": (HASH,), "created_at_micros": 5, "created_by": "master", **members}
    return KeptKey(id=id, path=path, **named)  # type: ignore[arg-type]  # tests give what fits


async def add(keys: SqlKeys, id: str, path: str = "/", **members: object) -> KeptKey:
    await keys.add(key(id, path, **members))
    found = await keys.find(id)
    assert found is not None
    return found


async def ids(keys: SqlKeys, path: str, after: str | None = None, limit: int = 10) -> list[str]:
    return [found.id for found in await keys.page(path, after=after, limit=limit)]


async def test_a_key_is_found_as_it_was_added(keys: SqlKeys) -> None:
    """By its id or its name, with all that is known of it."""
    whole = key(
        "a",
        "/team",
        labels={"app": "web"},
        models=("openai/*",),
        scopes=("usage:read",),
        hashes=(HASH, KeyHash("older", b"x" * 32, 7)),
        expires_at_micros=9,
    )
    await keys.add(whole)
    assert await keys.find("a") == await keys.find("name of a") == replace(whole, revision=1)
    assert await keys.find("b") is None


async def test_no_models_are_not_all_models(keys: SqlKeys) -> None:
    """A list without an entry stays one."""
    assert (await add(keys, "a", models=())).models == ()
    assert (await add(keys, "b", models=None)).models is None


async def test_an_id_comes_before_a_name(keys: SqlKeys) -> None:
    """Whoever calls a key by another one's id does not get into its place."""
    await add(keys, "a")
    await add(keys, "b", name="a")
    found = await keys.find("a")
    assert found is not None
    assert found.id == "a"


async def test_a_name_is_given_once(keys: SqlKeys) -> None:
    """Neither a new key nor a change takes another one's; a deleted key leaves it to others."""
    first = await add(keys, "a", name="ana")
    with pytest.raises(NameTaken):
        await keys.add(key("b", name="ana"))
    other = await add(keys, "c")
    with pytest.raises(NameTaken):
        await keys.replace(other, replace(other, name="ana"))
    assert await keys.delete(first)
    await keys.add(key("d", name="ana"))


async def test_only_what_is_known_is_changed(keys: SqlKeys) -> None:
    """Of two changes to the same key the second has to look again."""
    known = await add(keys, "a")
    assert await keys.replace(known, replace(known, revoked_at_micros=8))
    assert not await keys.replace(known, replace(known, name="other"))
    assert not await keys.delete(known)
    found = await keys.find("a")
    assert found is not None
    assert (found.revoked_at_micros, found.name) == (8, "name of a")


async def test_a_key_hashed_anew_has_not_changed(keys: SqlKeys) -> None:
    """Others need not hear of it, but whoever knows its old hash must look before he replaces it."""
    known = await add(keys, "a")
    fresh = (KeyHash("newer", b"y" * 32),)
    assert await keys.hash_anew(known, fresh)
    assert not await keys.hash_anew(known, fresh)
    assert not await keys.replace(known, replace(known, name="other"))
    assert await keys.find("a") == replace(known, hashes=fresh)
    assert list((await keys.changes(known.revision)).keys) == []


async def test_pages_are_those_of_a_path_and_below(keys: SqlKeys) -> None:
    """The newest first, behind a place that is there; a neighbour whose name begins alike is not below."""
    for id, path in (("a", "/team"), ("b", "/team/x"), ("c", "/teams"), ("d", "/"), ("e", "/team")):
        await add(keys, id, path)
    assert await ids(keys, "/team") == ["e", "b", "a"]
    assert await ids(keys, "/") == ["e", "d", "c", "b", "a"]
    assert await ids(keys, "/team", after="e") == ["b", "a"]
    assert await ids(keys, "/team", limit=1) == ["e", "b"]
    for elsewhere in ("d", "nobody"):
        with pytest.raises(KeyError):
            await keys.page("/team", after=elsewhere, limit=10)


async def test_changes_are_told_since_a_revision(keys: SqlKeys) -> None:
    """All keys at first, then those that are new, different or gone."""
    assert (await keys.changes(0)).revision == 0
    first, second = await add(keys, "a"), await add(keys, "b")
    told = await keys.changes(0)
    assert (told.revision, list(told.keys), list(told.gone)) == (2, [first, second], [])
    await keys.replace(first, replace(first, name="ana"))
    await keys.delete(second)
    told = await keys.changes(2)
    assert told.revision == 4
    assert [changed.name for changed in told.keys] == ["ana"]
    assert list(told.gone) == ["b"]
    assert await keys.find("b") is None


async def test_a_change_is_known_at_every_replica_within_a_second(url: str, database: Database, tmp_path: Path) -> None:
    """Each asks for itself, and nobody tells it."""
    keyring, _ = open_keyring(tmp_path / "keyring", master_key="sk-the-operators-key")
    elsewhere = open_database(url)
    here, there = (Holders(keyring, (), SqlKeys(each, SystemClock()), SystemClock()) for each in (database, elsewhere))
    await there.start()
    made, kept = here.make(), SqlKeys(database, SystemClock())
    await kept.add(key(made.id, hashes=(made.hash,)))
    assert await comes_about(lambda: there.find(made.text.encode()) is not None)
    known = await kept.find(made.id)
    assert known is not None
    await kept.replace(known, replace(known, revoked_at_micros=1))
    assert await comes_about(lambda: there.find(made.text.encode()) is None)
    await there.close()
    await elsewhere.close()


async def comes_about(is_so: Callable[[], bool]) -> bool:
    """Whether something is so within a second."""
    for _ in range(100):
        if is_so():
            return True
        await asyncio.sleep(0.01)
    return False
