"""What was said is kept, as the port says, on each kind of database."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from kept import DAY_SECONDS, KEYS, NOW
from sqlalchemy import select

from trunkline.clock import FakeClock
from trunkline.errors import Unavailable
from trunkline.evidence import Evidence, KeptBody, KeptEvidence, SentBody
from trunkline.store.cipher import Cipher
from trunkline.store.engine import Database, open_database
from trunkline.store.evidence import SqlEvidence
from trunkline.store.ledger.sweep import LedgerSweep, Lifetimes
from trunkline.store.migrate import migrate
from trunkline.store.tables import EVIDENCE

_SAID = KeptEvidence({"user-agent": "x"}, KeptBody("secret question", 15), [SentBody("a/m", None)], KeptBody("yes", 3))


def _evidence(id: str, size: int = 10) -> Evidence:
    return Evidence(id, NOW, "/team", "chat", {}, b"x" * size, 100)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = open_database(url)
    await migrate(database)
    yield database
    await database.close()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkline.store.evidence._GATHER_SECONDS", 0.01)
    monkeypatch.setattr("trunkline.store.evidence._RETRY_SECONDS", 0.01)


@pytest.fixture
async def evidence(database: Database) -> AsyncIterator[SqlEvidence]:
    evidence = SqlEvidence(database, Cipher(KEYS, "k0000001"), lambda _: _SAID, waiting_bytes=1000)
    evidence.start()
    yield evidence
    await evidence.close()


async def test_what_was_said_is_found(evidence: SqlEvidence) -> None:
    """By the id of its request; of others there is none."""
    assert evidence.keep(_evidence("req_1"))
    await evidence.settle()
    assert await evidence.find(["req_1", "req_2"]) == {"req_1": _SAID}


async def test_what_was_said_is_sealed(evidence: SqlEvidence, database: Database) -> None:
    """Nobody reads it in the database."""
    evidence.keep(_evidence("req_1"))
    await evidence.settle()
    row = await database.read(lambda connection: connection.execute(select(EVIDENCE)).one())
    assert b"question" not in row.said
    assert row.said.startswith(b"\xd9tl1")


async def test_there_is_room_for_so_much(evidence: SqlEvidence) -> None:
    """What is more is not taken in, and counted; once there is room again, it is."""
    assert evidence.keep(_evidence("req_1", 900))
    assert not evidence.keep(_evidence("req_2", 200))
    assert evidence.lost == 1
    await evidence.settle()
    assert evidence.keep(_evidence("req_3", 200))
    await evidence.settle()
    assert set(await evidence.find(["req_1", "req_2", "req_3"])) == {"req_1", "req_3"}


async def test_many_are_written_in_batches(evidence: SqlEvidence) -> None:
    """However many come at once."""
    ids = [f"req_{number}" for number in range(90)]
    for id in ids:
        assert evidence.keep(_evidence(id))
    await evidence.settle()
    assert set(await evidence.find(ids)) == set(ids)


async def test_a_database_that_is_away_is_waited_for(
    evidence: SqlEvidence, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was taken in stays in memory until it can be written."""
    write = database.write

    async def refuse(*_: object) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(database, "write", refuse)
    evidence.keep(_evidence("req_1"))
    await asyncio.sleep(0.05)
    monkeypatch.setattr(database, "write", write)
    await evidence.settle()
    assert set(await evidence.find(["req_1"])) == {"req_1"}


async def test_what_the_database_refuses_holds_up_nothing(
    evidence: SqlEvidence, database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is lost, counted and said; what comes later is kept."""
    write = database.write

    async def refuse(*_: object) -> None:
        raise ValueError("secret")

    monkeypatch.setattr(database, "write", refuse)
    evidence.keep(_evidence("req_1"))
    await evidence.settle()
    monkeypatch.setattr(database, "write", write)
    evidence.keep(_evidence("req_2"))
    await evidence.settle()
    assert set(await evidence.find(["req_1", "req_2"])) == {"req_2"}
    assert evidence.lost == 1
    assert "the bodies of 1 requests could not be kept: ValueError" in caplog.text
    assert "secret" not in caplog.text


async def test_what_cannot_be_made_costs_no_other(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """A bug with one body is logged, without a word of it."""

    def make(said: Evidence) -> KeptEvidence:
        if said.request_id == "req_1":
            raise ValueError("secret")
        return _SAID

    evidence = SqlEvidence(database, Cipher(KEYS, None), make)
    evidence.start()
    evidence.keep(_evidence("req_1"))
    evidence.keep(_evidence("req_2"))
    await evidence.settle()
    assert set(await evidence.find(["req_1", "req_2"])) == {"req_2"}
    assert "req_1 could not be kept: ValueError" in caplog.text
    assert "secret" not in caplog.text
    await evidence.close()


async def test_it_goes_with_the_audit(evidence: SqlEvidence, database: Database, clock: FakeClock) -> None:
    """When that is old enough, it is removed."""
    evidence.keep(_evidence("req_1"))
    await evidence.settle()
    now = clock.now_micros()
    sweep = LedgerSweep(database, clock, Lifetimes(audit_days=30))
    clock.advance((NOW - now) / 1e6 + 29 * DAY_SECONDS)
    await sweep.once()
    assert await evidence.find(["req_1"])
    clock.advance(2 * DAY_SECONDS)
    await sweep.once()
    assert not await evidence.find(["req_1"])
