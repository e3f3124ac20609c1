"""The chain of acts: each change of it shows, whoever holds the database."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from kept import ACT_KEYS, KEYS, make_settings
from sqlalchemy import text

from trunkline.clock import FakeClock
from trunkline.state.acts import Act, Author, Head, WantedActs
from trunkline.store.acts import ActKeys, SqlActs
from trunkline.store.cipher import Cipher
from trunkline.store.engine import Database, open_database
from trunkline.store.migrate import migrate
from trunkline.store.open import OpenStore, StoreSettings, open_store

ANA = Author("k1", "ana", "/team", "127.0.0.1:5")
EVERYTHING = WantedActs(path="/")
DETAILS = b'{"before":null,"after":{"name":"poem"}}'


def act(number: int = 1, path: str = "/team", **more: object) -> Act:
    known = {"at_micros": number, "author": ANA, "kind": "prompt.create", "object_id": f"pmpt_{number}"}
    return Act(path=path, details=DETAILS, **(known | more))  # type: ignore[arg-type]  # a test says what it changes


@pytest.fixture
async def database(settings: StoreSettings) -> AsyncIterator[Database]:
    database = open_database(settings.database_url)
    await migrate(database)
    yield database
    await database.close()


async def fill(store: OpenStore, count: int = 4) -> None:
    for number in range(1, count + 1):
        await store.ports.acts.append(act(number))


async def change(url: str, *statements: str) -> None:
    database = open_database(url)
    for statement in statements:
        await database.write(lambda connection, statement=statement: connection.execute(text(statement)).close())
    await database.close()


async def test_acts_are_kept_in_order(store: OpenStore) -> None:
    """They come back as they were, the newest first, in pages."""
    await fill(store)
    acts = store.ports.acts
    page = await acts.page(EVERYTHING, before=None, limit=2)
    assert [kept.number for kept in page] == [4, 3, 2]
    assert page[0].act == act(4)
    assert [kept.number for kept in await acts.page(EVERYTHING, before=3, limit=2)] == [2, 1]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (WantedActs(path="/team"), [3, 1]),
        (WantedActs(path="/teams"), [2]),
        (WantedActs(path="/", kind="key.create"), [3]),
        (WantedActs(path="/", object_id="pmpt_2"), [2]),
        (WantedActs(path="/", key_id="k1"), [3, 2, 1]),
        (WantedActs(path="/", start_micros=2, end_micros=3), [2]),
    ],
)
async def test_acts_are_found(store: OpenStore, wanted: WantedActs, numbers: list[int]) -> None:
    """By what they were about, and by whom."""
    acts = store.ports.acts
    for each in (act(1), act(2, "/teams"), act(3, "/team/ana", kind="key.create")):
        await acts.append(each)
    assert [kept.number for kept in await acts.page(wanted, before=None, limit=9)] == numbers


async def test_a_sound_chain_is_sound(store: OpenStore) -> None:
    """An empty one too."""
    assert (await store.ports.acts.check()).entries == 0
    await fill(store)
    checked = await store.ports.acts.check()
    assert (checked.entries, checked.broken) == (4, None)
    assert checked.head == Head(4, (await store.ports.acts.page(EVERYTHING, before=None, limit=1))[0].hash)


@pytest.mark.parametrize(
    ("statements", "broken", "why"),
    [
        (("UPDATE acts SET kind = 'key.create' WHERE number = 2",), 2, "not what was written"),
        (("UPDATE acts SET key_name = 'eve' WHERE number = 1",), 1, "not what was written"),
        (("UPDATE acts SET about = '/' WHERE number = 4",), 4, "not what was written"),
        (("DELETE FROM acts WHERE number = 2",), 2, "the next one that is there is number 3"),
        (
            ("DELETE FROM acts WHERE number = 2", "UPDATE acts SET number = number - 1 WHERE number > 2"),
            2,
            "not what was written",
        ),
        (("DELETE FROM acts WHERE number > 2",), 3, "missing at the end"),
        (
            (
                "DELETE FROM acts WHERE number > 2",
                "UPDATE act_head SET number = 2, hash = (SELECT hash FROM acts WHERE number = 2)",
            ),
            3,
            "missing at the end",
        ),
        (("DELETE FROM acts", "DELETE FROM act_head"), 1, "missing at the end"),
    ],
)
async def test_a_change_shows(
    store: OpenStore, settings: StoreSettings, statements: tuple[str, ...], broken: int, why: str
) -> None:
    """The first entry that is not sound is named."""
    await fill(store)
    await change(settings.database_url, *statements)
    checked = await store.ports.acts.check()
    assert checked.broken == broken
    assert why in checked.why
    assert checked.entries == broken - 1


async def test_a_change_of_details_shows(store: OpenStore, database: Database, tmp_path: Path) -> None:
    """Also where they are not encrypted."""
    acts = SqlActs(database, Cipher(KEYS, None), ACT_KEYS, tmp_path)
    await acts.append(act())
    changed = text("UPDATE acts SET details = :details")
    await database.write(lambda connection: connection.execute(changed, {"details": b"{}"}).close())
    checked = await acts.check()
    assert (checked.broken, checked.why) == (1, "its details are not what was written")


async def test_the_chain_cannot_be_made_anew_without_the_secret(
    store: OpenStore, database: Database, tmp_path: Path
) -> None:
    """An entry under another key is none."""
    await fill(store, 1)
    forger = SqlActs(database, Cipher(KEYS, "k0000001"), ActKeys({"k0000001": b"3" * 32}, "k0000001"), tmp_path / "x")
    await forger.append(act(2))
    assert (await store.ports.acts.check()).broken == 2


async def test_entries_under_an_earlier_secret_are_read(store: OpenStore, database: Database, tmp_path: Path) -> None:
    """As long as it is known."""
    await fill(store, 1)
    keys = {"k0000002": b"4" * 32}
    newer = SqlActs(database, Cipher(KEYS, "k0000001"), ActKeys({**ACT_KEYS.keys, **keys}, "k0000002"), tmp_path)
    await newer.append(act(2))
    assert (await newer.check()).broken is None
    forgetful = SqlActs(database, Cipher(KEYS, "k0000001"), ActKeys(keys, "k0000002"), tmp_path)
    assert "TRUNKLINE_SECRET_PREVIOUS" in (await forgetful.check()).why


async def test_what_was_cut_off_stays_missing(store: OpenStore, settings: StoreSettings) -> None:
    """Also once more has been appended: the numbers have a gap."""
    await fill(store)
    await change(settings.database_url, "DELETE FROM acts WHERE number > 2")
    await store.ports.acts.append(act(5))
    assert (await store.ports.acts.check()).broken == 3


async def test_a_head_that_was_noted_elsewhere_is_looked_for(store: OpenStore) -> None:
    """A printed one, say."""
    await fill(store)
    acts = store.ports.acts
    second = (await acts.page(EVERYTHING, before=3, limit=1))[0]
    assert (await acts.check([Head(2, second.hash)])).broken is None
    assert "another one" in (await acts.check([Head(2, "beef")])).why
    assert (await acts.check([Head(9, "beef")])).broken == 5


async def test_what_is_erased_leaves_the_chain_whole(store: OpenStore) -> None:
    """That it was done stays known, and what it was about does not."""
    await fill(store, 1)
    await store.ports.acts.append(act(2, "/teams"))
    await store.erase("/team")
    assert (await store.ports.acts.check()).broken is None
    page = await store.ports.acts.page(EVERYTHING, before=None, limit=9)
    assert [kept.act.details for kept in page] == [DETAILS, b""]


async def test_several_processes_append_to_one_chain(settings: StoreSettings, clock: FakeClock, tmp_path: Path) -> None:
    """Two stores on one database, each with acts at once."""
    other = make_settings(settings.database_url, tmp_path / "other")
    async with open_store(settings, clock, sweeps=False) as one, open_store(other, clock, sweeps=False) as two:
        kept = await asyncio.gather(*(store.ports.acts.append(act(n)) for n in range(10) for store in (one, two)))
        assert sorted(each.number for each in kept) == list(range(1, 21))
        assert (await one.ports.acts.check()).broken is None
        assert (await two.ports.acts.check()).entries == 20


async def test_without_a_file_to_note_it_in_an_act_is_kept(
    store: OpenStore, database: Database, tmp_path: Path
) -> None:
    """It is durable by then."""
    acts = SqlActs(database, Cipher(KEYS, None), ACT_KEYS, tmp_path / "nowhere")
    assert (await acts.append(act())).number == 1
    assert (await acts.check()).broken is None


def test_keys_are_not_shown() -> None:
    """Not even in a trace."""
    assert "2222" not in repr(ACT_KEYS)
