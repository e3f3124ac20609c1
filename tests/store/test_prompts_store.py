"""Prompts and their versions in the database."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from trunkline.state.prompts import KeptPrompt, KeptVersion
from trunkline.store.cipher import Cipher
from trunkline.store.engine import Database, open_database
from trunkline.store.gone import were_here
from trunkline.store.prompts import SqlPrompts
from trunkline.store.tables import METADATA, PROMPT_VERSIONS


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = open_database(url)
    await database.write(METADATA.create_all)
    yield database
    await database.close()


@pytest.fixture
def prompts(database: Database) -> SqlPrompts:
    return SqlPrompts(database, Cipher({"k0000001": bytes(32)}, "k0000001"))


async def create(prompts: SqlPrompts, id: str = "pmpt_1", path: str = "/", body: bytes = b'{"a":1}') -> KeptPrompt:
    prompt = KeptPrompt(id=id, path=path, name="poem", created_at_micros=5, default_version="1")
    await prompts.create(prompt, KeptVersion(prompt_id=id, version="1", created_at_micros=5, body=body))
    return prompt


async def test_a_prompt_is_found_with_its_first_version(prompts: SqlPrompts) -> None:
    """As it was made."""
    prompt = await create(prompts)
    version = KeptVersion(prompt_id="pmpt_1", version="1", created_at_micros=5, body=b'{"a":1}')
    assert await prompts.find("/", "pmpt_1") == prompt
    assert await prompts.version("/", "pmpt_1", None) == version
    assert await prompts.version("/", "pmpt_1", "1") == version
    assert await prompts.versions("/", "pmpt_1") == [version]


async def test_versions_are_counted_up(prompts: SqlPrompts) -> None:
    """Also beyond nine; a new one is the default only where it is said."""
    await create(prompts)
    for number in range(2, 12):
        version = await prompts.add_version("/", "pmpt_1", b"%d" % number, number, is_default=number == 3)
        assert version == KeptVersion(
            prompt_id="pmpt_1", version=str(number), created_at_micros=number, body=b"%d" % number
        )
    kept = await prompts.versions("/", "pmpt_1")
    assert kept is not None
    assert [version.version for version in kept] == [str(number) for number in range(11, 0, -1)]
    default = await prompts.version("/", "pmpt_1", None)
    assert default is not None
    assert default.body == b"3"


async def test_no_version_is_counted_twice(prompts: SqlPrompts) -> None:
    """However many are added at once."""
    await create(prompts)
    adding = [prompts.add_version("/", "pmpt_1", b"{}", 6, is_default=False) for _ in range(8)]
    added = await asyncio.gather(*adding)
    assert sorted(version.version for version in added if version is not None) == [str(n) for n in range(2, 10)]


@pytest.mark.parametrize("version", ["3", "0", "01", "-1", "x", "", "9" * 40, "²"])
async def test_a_version_that_is_not_there_is_none(prompts: SqlPrompts, version: str) -> None:
    """Nor can it become the default one."""
    await create(prompts)
    assert await prompts.version("/", "pmpt_1", version) is None
    assert not await prompts.set_default("/", "pmpt_1", version)


async def test_name_and_default_can_be_changed(prompts: SqlPrompts) -> None:
    """The versions cannot."""
    await create(prompts)
    await prompts.add_version("/", "pmpt_1", b"{}", 6, is_default=True)
    assert await prompts.set_default("/", "pmpt_1", "1")
    assert await prompts.rename("/", "pmpt_1", "verse")
    found = await prompts.find("/", "pmpt_1")
    assert found is not None
    assert (found.name, found.default_version) == ("verse", "1")


async def test_another_path_finds_nothing(prompts: SqlPrompts) -> None:
    """Nor changes anything."""
    prompt = await create(prompts, path="/team/a")
    assert await prompts.find("/", "pmpt_1") is None
    assert await prompts.version("/", "pmpt_1", None) is None
    assert await prompts.versions("/", "pmpt_1") is None
    assert await prompts.add_version("/", "pmpt_1", b"{}", 6, is_default=True) is None
    assert not await prompts.set_default("/", "pmpt_1", "1")
    assert not await prompts.rename("/", "pmpt_1", "mine")
    assert not await prompts.delete("/", "pmpt_1")
    assert await prompts.page("/", after=None, limit=5) == []
    assert await prompts.find("/team/a", "pmpt_1") == prompt


async def test_prompts_are_listed_the_newest_first(prompts: SqlPrompts) -> None:
    """Page by page, with one more where there is one."""
    for number in range(5):
        await create(prompts, f"pmpt_{number}")
    first = await prompts.page("/", after=None, limit=2)
    assert [prompt.id for prompt in first] == ["pmpt_4", "pmpt_3", "pmpt_2"]
    last = await prompts.page("/", after="pmpt_1", limit=2)
    assert [prompt.id for prompt in last] == ["pmpt_0"]
    with pytest.raises(KeyError):
        await prompts.page("/", after="pmpt_9", limit=2)


async def test_a_deleted_prompt_stays_known_as_gone(prompts: SqlPrompts, database: Database) -> None:
    """With all its versions."""
    await create(prompts)
    assert await prompts.delete("/", "pmpt_1")
    assert await prompts.find("/", "pmpt_1") is None
    assert await prompts.versions("/", "pmpt_1") is None
    assert not await prompts.delete("/", "pmpt_1")
    assert await database.read(lambda connection: were_here(connection, ["pmpt_1"]))
    assert not await database.read(lambda connection: were_here(connection, ["pmpt_2"]))


async def test_bodies_are_sealed_at_rest(prompts: SqlPrompts, database: Database) -> None:
    """Where the store has a key for it."""
    await create(prompts, body=b'{"instructions":"a secret recipe"}')
    [body] = await database.read(lambda connection: connection.execute(select(PROMPT_VERSIONS.c.body)).scalars().all())
    assert b"recipe" not in body
