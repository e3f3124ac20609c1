"""Kept at once, folded behind, visible all the while."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from trunkline.errors import ConfigError, Unavailable
from trunkline.state.responses import KeptResponse, Status, Turn
from trunkline.store.cipher import PLAIN, Cipher
from trunkline.store.journal import KEPT, Journal, open_journal
from trunkline.store.keeper import Keeper
from trunkline.store.overlay import Entry
from trunkline.store.segments import Disk

CIPHER = Cipher({"key-one_": b"1" * 32}, "key-one_")


class Database:
    """Takes entries in, when it is there."""

    def __init__(self) -> None:
        self.batches: list[list[Entry]] = []
        self.tries = 0
        self.away = False
        self.answers = asyncio.Event()
        self.answers.set()
        self.refuses: set[str] = set()

    async def fold(self, entries: Sequence[Entry]) -> None:
        self.tries += 1
        await self.answers.wait()
        if self.away:
            raise Unavailable("the database is away")
        if any(entry.response and entry.response.id in self.refuses for entry in entries):
            raise ValueError("a body that must not be logged")
        self.batches.append(list(entries))

    @property
    def entries(self) -> list[Entry]:
        return [entry for batch in self.batches for entry in batch]

    @property
    def ids(self) -> list[str]:
        return [entry.response.id for entry in self.entries if entry.response]


@asynccontextmanager
async def keeping(
    directory: Path, database: Database, *, cipher: Cipher = PLAIN, disk: Disk | None = None, **options: Any
) -> AsyncIterator[Keeper]:
    journal = open_journal(directory, disk=disk, segment_bytes=65536)
    journal.start()
    keeper = Keeper(journal, cipher, database.fold, **options)
    await keeper.start()
    try:
        yield keeper
    finally:
        await keeper.close()
        await journal.close()


def response(id: str, status: Status = "completed", **fields: Any) -> KeptResponse:
    whole = {"input": b'"hello"', "response": b'{"id":"%s"}' % id.encode(), "path": "/team"} | fields
    return KeptResponse(id=id, created_at_micros=1, expires_at_micros=2, status=status, **whole)


TURN = Turn("conv_1", [b'{"id":"msg_1"}', b'{"id":"msg_2"}'])


def in_the_journal(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.glob("*.log"))


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for is another thread's, or has no event
            await asyncio.sleep(0.002)


# --- keeping ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cipher", [PLAIN, CIPHER])
async def test_kept_whole(tmp_path: Path, cipher: Cipher) -> None:
    """What is folded is what was kept, response and turn together, every byte."""
    database, kept = Database(), response("resp_1", input=b'[{"role": "user",  "content":"\xc3\xa4"}]', native=True)
    async with keeping(tmp_path, database, cipher=cipher) as keeper:
        await keeper.keep(kept, TURN)
        await keeper.settled()
    (entry,) = database.entries
    assert entry == Entry(1, "/team", kept, TURN)


async def test_turn_alone(tmp_path: Path) -> None:
    """A turn can be kept without a response."""
    database = Database()
    async with keeping(tmp_path, database) as keeper:
        await keeper.add_turn("/team", TURN)
        await keeper.settled()
    assert database.entries == [Entry(1, "/team", None, TURN)]


async def test_found_at_once(tmp_path: Path) -> None:
    """A response is found from the moment it is kept, and under its own path alone."""
    database = Database()
    database.answers.clear()
    async with keeping(tmp_path, database) as keeper:
        promise = keeper.keep(response("resp_1"))
        assert await keeper.find("/team", "resp_1") == response("resp_1")
        await promise
        assert await keeper.find("/team", "resp_1") == response("resp_1")
        assert await keeper.find("/other", "resp_1") is None
        assert await keeper.find("/team", "resp_2") is None
        database.answers.set()


async def test_let_go_once_folded(tmp_path: Path) -> None:
    """What is in the database is not held here any more."""
    database = Database()
    async with keeping(tmp_path, database) as keeper:
        await keeper.keep(response("resp_1"))
        await keeper.settled()
        assert await keeper.find("/team", "resp_1") is None
        assert repr(keeper) == "Keeper(Overlay(0 entries, 0 bytes), up=True)"


async def test_chain(tmp_path: Path) -> None:
    """Of a chain the part that is held here is found, and where it goes on."""
    database = Database()
    database.answers.clear()
    async with keeping(tmp_path, database) as keeper:
        keeper.keep(response("resp_2", parent_id="resp_1"))
        keeper.keep(response("resp_3", parent_id="resp_2"))
        found, following = await keeper.chain("/team", "resp_3")
        assert [one.id for one in found] == ["resp_3", "resp_2"]
        assert following == "resp_1"
        assert await keeper.chain("/team", "resp_1") == ([], "resp_1")
        database.answers.set()


async def test_hidden(tmp_path: Path) -> None:
    """A response that was deleted is not found, not even when the run that makes it ends later."""
    database = Database()
    database.answers.clear()
    async with keeping(tmp_path, database) as keeper:
        keeper.keep(response("resp_1", "in_progress"))
        keeper.hide("resp_1")
        keeper.keep(response("resp_1"))
        assert await keeper.find("/team", "resp_1") is None
        database.answers.set()


async def test_read_back(tmp_path: Path) -> None:
    """What is too much for the memory is read back from the journal, and folded like the rest."""
    database = Database()
    database.away = True
    async with keeping(tmp_path, database, cipher=CIPHER, held_bytes=10_000) as keeper:
        kept = [response(f"resp_{n}", input=b'"%d"' % n * 1000) for n in range(40)]
        promises = [keeper.keep(one) for one in kept]
        assert await keeper.find("/team", "resp_39") == kept[39]
        await asyncio.gather(*promises)
        for one in kept:
            assert await keeper.find("/team", one.id) == one
        assert keeper._overlay._size_bytes <= 10_000
        database.away = False
        await keeper.settled()
    assert [entry.response for entry in database.entries] == kept


async def test_a_disk_that_refuses(tmp_path: Path) -> None:
    """What the journal could not take is neither found nor folded, and its promise fails."""

    class Broken(Disk):
        broken = False

        def flush(self, descriptor: int) -> None:
            if self.broken:
                raise OSError(5, "Input/output error")
            super().flush(descriptor)

    database, disk = Database(), Broken()
    async with keeping(tmp_path, database, disk=disk) as keeper:
        disk.broken = True
        with pytest.raises(Unavailable):
            await keeper.keep(response("resp_1"), TURN)
        assert await keeper.find("/team", "resp_1") is None
        disk.broken = False
        await keeper.keep(response("resp_2"))
        await keeper.settled()
    assert database.ids == ["resp_2"]


async def test_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for the database is bounded."""
    monkeypatch.setattr("trunkline.store.keeper._ENTRIES", 2)
    database = Database()
    database.away = True
    async with keeping(tmp_path, database) as keeper:
        await keeper.keep(response("resp_1"))
        await keeper.keep(response("resp_2"))
        with pytest.raises(Unavailable, match="too much"):
            await keeper.keep(response("resp_3"))


# --- folding ----------------------------------------------------------------------------------------------------


async def test_the_last_state_wins(tmp_path: Path) -> None:
    """States of one response come in order, one in a batch, and no turn is lost with the states that are left out."""
    database = Database()
    async with keeping(tmp_path, database) as keeper:
        keeper.keep(response("resp_1", "queued"))
        keeper.keep(response("resp_1", "in_progress"), TURN)
        keeper.keep(response("resp_2"))
        keeper.keep(response("resp_1", "completed"))
        assert await keeper.find("/team", "resp_1") == response("resp_1", "completed")
        await keeper.settled()
        keeper.keep(response("resp_1", "cancelled"))
        await keeper.settled()
    first, second = database.batches
    assert first == [
        Entry(2, "/team", None, TURN),
        Entry(3, "/team", response("resp_2"), None),
        Entry(4, "/team", response("resp_1"), None),
    ]
    assert second == [Entry(5, "/team", response("resp_1", "cancelled"), None)]


async def test_a_lone_one_is_soon_folded(tmp_path: Path) -> None:
    """Nobody has to ask for it."""
    database = Database()
    async with keeping(tmp_path, database) as keeper:
        await keeper.keep(response("resp_1"))
        await until(lambda: database.ids == ["resp_1"])


async def test_many_are_folded_together(tmp_path: Path) -> None:
    """While more keep coming they are gathered into large batches."""
    database = Database()
    async with keeping(tmp_path, database) as keeper:

        async def client(number: int) -> None:
            for turn in range(40):
                await keeper.keep(response(f"resp_{number}_{turn}"))

        await asyncio.gather(*map(client, range(32)))
        await keeper.settled()
    assert len(database.ids) == len(set(database.ids)) == 32 * 40
    assert len(database.batches) <= 32 * 40 / 128
    assert max(map(len, database.batches)) <= 512


async def test_database_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """While the database is away everything is kept and found; once it is back it is folded, in order."""
    database = Database()
    database.away = True
    async with keeping(tmp_path, database) as keeper:
        for n in range(3):
            await keeper.keep(response(f"resp_{n}"))
        await until(lambda: not keeper.up)
        await until(lambda: database.tries > 1)
        await keeper.keep(response("resp_3"))
        assert await keeper.find("/team", "resp_0") == response("resp_0")
        database.away = False
        await until(lambda: keeper.up)
        await keeper.settled()
    assert database.ids == [f"resp_{n}" for n in range(4)]
    assert [record.message for record in caplog.records] == [
        "the database is away: what is kept waits in the journal",
        "the database is back",
    ]


async def test_tries_less_and_less_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is away is left alone for longer each time, to a limit."""
    paused: list[float] = []

    async def pause(self: Keeper, seconds: float) -> None:
        paused.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(Keeper, "_pause", pause)
    database = Database()
    database.away = True
    async with keeping(tmp_path, database) as keeper:
        await keeper.keep(response("resp_1"))
        await until(lambda: len(paused) > 7)
    assert paused[:7] == [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 5.0]


async def test_settled(tmp_path: Path) -> None:
    """A barrier is passed when all that was kept before it is in the database, in as few batches as may be."""
    database = Database()
    async with keeping(tmp_path, database) as keeper:
        await keeper.settled()
        # What comes while a batch is under way is all there when the next one is made.
        database.answers.clear()
        await keeper.keep(response("resp_0"))
        await until(lambda: database.tries == 1)
        await asyncio.gather(*(keeper.keep(response(f"resp_{n}")) for n in range(1, 601)))
        settling = asyncio.ensure_future(keeper.settled())
        database.answers.set()
        await settling
        assert [len(batch) for batch in database.batches] == [1, 512, 88]


async def test_not_settled(tmp_path: Path) -> None:
    """With the database away a barrier fails, quickly; every one tries anew, so the first after its return passes."""
    database = Database()
    database.away = True
    async with keeping(tmp_path, database) as keeper:
        await keeper.keep(response("resp_1"))
        async with asyncio.timeout(1):
            for _ in range(3):
                with pytest.raises(Unavailable, match="database is away"):
                    await keeper.settled()
        database.away = False
        async with asyncio.timeout(1):
            await keeper.settled()


async def test_database_does_not_answer(tmp_path: Path) -> None:
    """A database that hangs is given up, said to be away, and tried again."""
    database = Database()
    database.answers.clear()
    async with keeping(tmp_path, database, fold_seconds=0.05, patience_seconds=0.02) as keeper:
        await keeper.keep(response("resp_1"))
        with pytest.raises(Unavailable):
            await keeper.settled()
        await until(lambda: database.tries > 1)
        assert not keeper.up
        database.answers.set()
        await until(lambda: keeper.up)
    assert database.ids == ["resp_1"]


async def test_one_that_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An entry that the database will not have keeps back no other; the log names it without its content, and the next
    start tries it again."""
    database = Database()
    database.refuses = {"resp_2"}
    async with keeping(tmp_path, database) as keeper:
        for n in range(4):
            keeper.keep(response(f"resp_{n}"))
        await keeper.settled()
        assert database.ids == ["resp_0", "resp_1", "resp_3"]
    assert "the database refused resp_2" in caplog.text
    assert "ValueError" in caplog.text
    assert "must not be logged" not in caplog.text
    database.refuses = set()
    async with keeping(tmp_path, database) as keeper:
        assert await keeper.find("/team", "resp_2") == response("resp_2")
        await keeper.settled()
    assert database.ids == ["resp_0", "resp_1", "resp_3", "resp_2"]
    async with keeping(tmp_path, database):
        pass
    assert len(database.ids) == 4


async def test_one_that_is_refused_alone(tmp_path: Path) -> None:
    """When everything is refused the fault is not in an entry: it waits, and is tried again."""
    database = Database()
    database.refuses = {"resp_1"}
    async with keeping(tmp_path, database) as keeper:
        await keeper.keep(response("resp_1"))
        with pytest.raises(Unavailable):
            await keeper.settled()
        assert not keeper.up
        assert await keeper.find("/team", "resp_1") == response("resp_1")
        database.refuses = set()
        await keeper.settled()
    assert database.ids == ["resp_1"]


async def test_a_state_under_way_is_not_set_aside(tmp_path: Path) -> None:
    """A state that was refused never comes back over a later one."""
    database = Database()
    database.refuses = {"resp_1"}
    async with keeping(tmp_path, database) as keeper:
        keeper.keep(response("resp_1", "in_progress"))
        keeper.keep(response("resp_2"))
        await keeper.settled()
        database.refuses = set()
        await keeper.keep(response("resp_1"))
    async with keeping(tmp_path, database):
        pass
    assert database.ids == ["resp_2", "resp_1"]


# --- starting and stopping --------------------------------------------------------------------------------------


@pytest.mark.parametrize("cipher", [PLAIN, CIPHER])
async def test_taken_up_again(tmp_path: Path, cipher: Cipher) -> None:
    """What was not folded when the process ended is found after the next start, and folded, once."""
    database = Database()
    database.away = True
    async with keeping(tmp_path, database, cipher=cipher) as keeper:
        for n in range(5):
            await keeper.keep(response(f"resp_{n}"), TURN)
    database.away = False
    database.answers.clear()
    async with keeping(tmp_path, database, cipher=cipher) as keeper:
        assert await keeper.find("/team", "resp_4") == response("resp_4")
        database.answers.set()
        await keeper.settled()
    async with keeping(tmp_path, database, cipher=cipher):
        pass
    assert [entry.order for entry in database.entries] == [1, 2, 3, 4, 5]


async def test_switched_on_later(tmp_path: Path) -> None:
    """What was kept before encryption was switched on is read all the same."""
    database = Database()
    database.away = True
    async with keeping(tmp_path, database) as keeper:
        await keeper.keep(response("resp_1"))
    async with keeping(tmp_path, database, cipher=CIPHER) as keeper:
        assert await keeper.find("/team", "resp_1") == response("resp_1")


async def test_key_gone(tmp_path: Path) -> None:
    """A journal that was sealed under a secret that is gone ends the start, and says which key is needed."""
    database = Database()
    database.away = True
    async with keeping(tmp_path, database, cipher=CIPHER) as keeper:
        await keeper.keep(response("resp_1"))
    journal = open_journal(tmp_path)
    try:
        keeper = Keeper(journal, PLAIN, database.fold)
        with pytest.raises(ConfigError, match=r"key-one_.*TRUNKLINE_SECRET_PREVIOUS"):
            await keeper.start()
    finally:
        journal.release()


async def test_sealed_on_the_disk(tmp_path: Path) -> None:
    """When encryption is on nothing in the journal can be read."""
    database = Database()
    database.away = True
    async with keeping(tmp_path, database, cipher=CIPHER) as keeper:
        await keeper.keep(response("resp_1", input=b'"confidential"'))
    content = in_the_journal(tmp_path)
    assert content
    assert b"confidential" not in content
    assert b"resp_1" not in content


async def test_folded_at_the_end(tmp_path: Path) -> None:
    """A stop folds what is left, and leaves nothing in the journal."""
    database = Database()
    async with keeping(tmp_path, database) as keeper:
        for n in range(700):
            keeper.keep(response(f"resp_{n}"))
    assert len(database.ids) == 700
    assert in_the_journal(tmp_path) == b""


@pytest.mark.parametrize("turns", [1, 30])
async def test_leaves_the_journal_too(tmp_path: Path, turns: int) -> None:
    """What was folded does not stay in the journal for long, whether much or little follows."""
    database = Database()
    async with keeping(tmp_path, database, scrub_seconds=0.02) as keeper:
        for n in range(turns):
            await keeper.keep(response(f"resp_{n}", input=b'"confidential"'))
            await keeper.settled()
        await until(lambda: b"confidential" not in in_the_journal(tmp_path))
        await keeper.keep(response("resp_last"))
    assert len(database.ids) == turns + 1


# --- several replicas on one database ---------------------------------------------------------------------------


async def test_waits_for_the_database(tmp_path: Path) -> None:
    """A promise is kept only when others can see the response."""
    database = Database()
    database.answers.clear()
    async with keeping(tmp_path, database, wait_for_fold=True) as keeper:
        promise = keeper.keep(response("resp_1"))
        await until(lambda: database.tries == 1)
        await asyncio.sleep(0.02)
        assert not promise.done()
        database.answers.set()
        await promise
        assert database.ids == ["resp_1"]


async def test_does_not_wait_for_a_database_that_is_away(tmp_path: Path) -> None:
    """With the database away the journal's word has to do, at once."""
    database = Database()
    database.away = True
    async with keeping(tmp_path, database, wait_for_fold=True) as keeper:
        async with asyncio.timeout(1):
            await keeper.keep(response("resp_1"))
            await keeper.keep(response("resp_2"))
        assert not keeper.up


async def test_does_not_wait_for_ever(tmp_path: Path) -> None:
    """Nor does a promise wait long for a database that hangs."""
    database = Database()
    database.answers.clear()
    async with keeping(tmp_path, database, wait_for_fold=True, patience_seconds=0.02) as keeper:
        async with asyncio.timeout(1):
            await keeper.keep(response("resp_1"))
            await keeper.keep(response("resp_2"))
        assert database.ids == []
        database.answers.set()


async def test_waits_for_the_disk_all_the_same(tmp_path: Path) -> None:
    """What the journal refuses is refused here too."""
    database = Database()
    disk = _Hanging()
    async with keeping(tmp_path, database, disk=disk, wait_for_fold=True) as keeper:
        disk.moves.clear()
        promise = keeper.keep(response("resp_1"))
        await asyncio.sleep(0.02)
        assert not promise.done()
        disk.broken = True
        disk.moves.set()
        with pytest.raises(Unavailable):
            await promise


class _Hanging(Disk):
    def __init__(self) -> None:
        self.moves = threading.Event()
        self.moves.set()
        self.broken = False

    def flush(self, descriptor: int) -> None:
        assert self.moves.wait(10)
        if self.broken:
            raise OSError(5, "Input/output error")
        super().flush(descriptor)


async def test_journal_of_others(tmp_path: Path) -> None:
    """Records of other kinds are not its business."""
    journal: Journal = open_journal(tmp_path)
    journal.start()
    await journal.append(77, b"usage").written
    await journal.close()
    database = Database()
    async with keeping(tmp_path, database) as keeper:
        await keeper.keep(response("resp_1"))
    assert database.ids == ["resp_1"]
    again = open_journal(tmp_path)
    assert [record.payload for record in again.replay(77)] == [b"usage"]
    assert list(again.replay(KEPT)) == []
    again.release()
