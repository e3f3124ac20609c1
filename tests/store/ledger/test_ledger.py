"""What is recorded is in the database, once, whatever happens on the way."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from full_disk import FullDisk
from sqlalchemy import Table, select, text

from recorded import RATES, STARTED, USAGE, attempt, record
from trunkline.clock import FakeClock
from trunkline.errors import Unavailable
from trunkline.money import Tariff
from trunkline.records import Attempt, Record
from trunkline.state.usage import UsedAttempt
from trunkline.store.engine import Database, Result, Work, open_database
from trunkline.store.ledger.coding import encode_record
from trunkline.store.ledger.erase import erase_requests
from trunkline.store.ledger.ledger import LedgerSettings, SqlLedger, open_ledger
from trunkline.store.ledger.register import SHEET_BYTES
from trunkline.store.ledger.sheets import HEAD_BYTES
from trunkline.store.ledger.sweep import Lifetimes
from trunkline.store.ledger.tables import ATTEMPTS, REQUESTS
from trunkline.store.migrate import migrate
from trunkline.store.usage import SqlUsage
from trunkline.usage import Usage

SAME = set(Attempt.__struct_fields__) - {"rates"}
DAY_SECONDS = 24 * 60 * 60


class Away(Database):
    """A database that answers unless a test says otherwise."""

    def __init__(self, inner: Database) -> None:
        super().__init__(inner.kind, inner._connections)
        self.is_away = False

    async def write(self, work: Work[Result], seconds: float | None = None) -> Result:
        if self.is_away:
            raise Unavailable("away")
        return await super().write(work, seconds)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Away]:
    database = Away(open_database(url))
    await migrate(database)
    yield database
    await database.close()


@pytest.fixture
def settings(url: str, tmp_path: Path) -> LedgerSettings:
    return LedgerSettings(directory=tmp_path / "ledger", database_url=url)


@asynccontextmanager
async def opened(settings: LedgerSettings, database: Database, clock: FakeClock) -> AsyncIterator[SqlLedger]:
    async with open_ledger(settings, database, clock, sweeps=False) as ledger:
        yield ledger


async def rows(database: Database, table: Table) -> Sequence[dict[str, Any]]:
    """All of them, as they lie there."""
    key = list(table.primary_key.columns)
    found = await database.read(lambda connection: connection.execute(select(table).order_by(*key)).all())
    return [dict(row._mapping) for row in found]


async def ids(database: Database) -> list[str]:
    return [row["id"] for row in await rows(database, REQUESTS)]


async def tries(database: Database) -> list[str]:
    """The ids of requests that attempts have rows of."""
    return [row["request_id"] for row in await rows(database, ATTEMPTS)]


async def trails(database: Database) -> list[str]:
    """The ids of requests that have a trail."""
    return [row["id"] for row in await rows(database, REQUESTS) if row["trail"]]


# --- strangers ------------------------------------------------------------------------------------------------------


async def test_a_flood_of_strangers_fills_nothing(settings: LedgerSettings, database: Away, clock: FakeClock) -> None:
    """Of calls without a known key some are kept, and then one every ten seconds; the others are counted."""
    nobody: dict[str, Any] = {"path": "", "key": "", "key_id": "", "status": 401, "attempts": []}
    async with opened(settings, database, clock) as ledger:
        for number in range(1_000):
            ledger.record(record(number, **nobody))
        ledger.record(record(1_000, started_at_micros=STARTED + 11_000_000, **nobody))
        ledger.record(record(1_001))
        await ledger.settle()
        assert ledger.state().left_out == 900
    assert len(await ids(database)) == 102
    assert (await ids(database))[-2:] == [f"req_{1000:032x}", f"req_{1001:032x}"]


# --- rows -----------------------------------------------------------------------------------------------------------


async def test_rows(settings: LedgerSettings, database: Away, clock: FakeClock) -> None:
    """Every fact of a request, of each of its attempts and of the audit has its place."""
    failed = attempt(
        target="groq/llama",
        status=500,
        outcome="error",
        error_code="server_error",
        usage=Usage(),
        cost=None,
        rates=None,
    )
    async with opened(settings, database, clock) as ledger:
        ledger.record(record(attempts=[failed, attempt(is_estimated=True)]))
        await ledger.settle()
    (request,) = await rows(database, REQUESTS)
    counts = {name: getattr(USAGE, name) for name in request if name in Usage.__struct_fields__}
    assert request == counts | {
        "number": 1,
        "id": f"req_{1:032x}",
        "started_at_micros": STARTED + 1,
        "path": "/team/alpha",
        "key_id": "key_1",
        "key": "ana",
        "session": "s1",
        "labels": '{"app":"web"}',
        "operation": "generate",
        "dialect": "responses",
        "is_stream": True,
        "model_asked": "fast",
        "account": "openai-eu",
        "model": "org/gpt-5-mini",
        "status": 200,
        "outcome": "ok",
        "error_code": "",
        "attempts": 2,
        "duration_micros": 900,
        "first_byte_micros": 400,
        "cost": 123_456,
        "is_estimated": True,
        "upstream_request_id": "req_up",
        "tier": "",
        "tried_at_micros": None,
        "cost_source": "",
        "rates": None,
        "trail": '["10.0.0.1","POST","/v1/responses","tee openai-eu/org/gpt-5-mini",0,"","","",["text.verbosity"],[]]',
    }
    first, second = await rows(database, ATTEMPTS)
    assert (first["account"], first["status"], first["cost"], first["rates"]) == ("groq", 500, None, None)
    assert (second["position"], second["cost"], second["cost_source"]) == (1, 123_456, "published")
    assert json.loads(second["rates"])[:2] == [RATES.input, RATES.output]


LONE = {"started_at_micros": STARTED + 41, "duration_micros": 860, "first_byte_micros": 360}
UNPRICED = {"usage": Usage(7, web_searches=2, tier="priority"), "cost": None}


@pytest.mark.parametrize(
    ("of_request", "of_attempt", "own_rows"),
    [
        ({}, {}, 0),
        ({}, {"tariff": Tariff(RATES)}, 0),
        ({"first_byte_micros": None}, {"first_byte_micros": None}, 0),
        (UNPRICED, UNPRICED | {"rates": None, "cost_source": ""}, 0),
        ({}, {"is_estimated": True}, 0),
        ({"outcome": "cancelled", "is_stream": False}, {"outcome": "cancelled"}, 0),
        ({}, {"is_aside": True}, 1),
        ({}, {"target": "groq/llama"}, 1),
        ({"status": 502}, {"status": 500}, 1),
        ({}, {"outcome": "error", "error_code": "server_error"}, 1),
        ({}, {"duration_micros": 7}, 1),
        ({}, {"first_byte_micros": 8}, 1),
        ({}, {"first_byte_micros": None}, 1),
        ({"first_byte_micros": None}, {}, 1),
        ({}, {"usage": Usage(7)}, 1),
        ({}, {"cost": 7}, 1),
        ({"upstream_request_id": ""}, {}, 1),
    ],
)
async def test_a_lone_attempt(
    settings: LedgerSettings,
    database: Away,
    clock: FakeClock,
    of_request: dict[str, Any],
    of_attempt: dict[str, Any],
    own_rows: int,
) -> None:
    """It is found as it was, whether its request's row tells it or it differs, and then has one of its own."""
    made = attempt(**LONE | of_attempt)
    kept = record(attempts=[made], **of_request)
    async with opened(settings, database, clock) as ledger:
        ledger.record(kept)
        await ledger.settle()
    assert len(await rows(database, ATTEMPTS)) == own_rows
    (found,) = (await SqlUsage(database).attempts([kept.request_id]))[kept.request_id]
    assert found == UsedAttempt(
        request_id=kept.request_id,
        position=0,
        provider=made.target.partition("/")[0],
        model=made.target.partition("/")[2],
        rates=msgspec.Raw(msgspec.json.encode(made.rates)),
        **{name: getattr(made, name) for name in UsedAttempt.__struct_fields__ if name in SAME},
    )


async def test_what_is_rarely_used(settings: LedgerSettings, database: Away, clock: FakeClock) -> None:
    """Its columns are 0 where it was not used, and the others' rows are in the same batch."""
    rare = Usage(1, audio_input_tokens=5, web_searches=2, tier="priority")
    async with opened(settings, database, clock) as ledger:
        ledger.record(record(1))
        ledger.record(record(2, usage=rare, attempts=[attempt(usage=rare)]))
        await ledger.settle()
    found = {row["id"][-1]: row for row in await rows(database, REQUESTS)}
    assert [found[id]["web_searches"] for id in "12"] == [0, 2]
    tried = {row["request_id"][-1]: row for row in await rows(database, ATTEMPTS)}
    assert [(tried[id]["audio_input_tokens"], tried[id]["tier"]) for id in "12"] == [(0, ""), (5, "priority")]


async def test_without_attempts(settings: LedgerSettings, database: Away, clock: FakeClock) -> None:
    """A request that no upstream has a part in has a row; one for a machine's health has none."""
    async with opened(settings, database, clock) as ledger:
        ledger.record(record(1, attempts=[], operation="models", target="", cost=0, usage=Usage()))
        ledger.record(record(2, attempts=[], operation="ready"))
        await ledger.settle()
    assert await ids(database) == [f"req_{1:032x}"]
    assert await rows(database, ATTEMPTS) == []


async def test_in_the_order_of_folding(settings: LedgerSettings, database: Away, clock: FakeClock) -> None:
    """Numbers grow with each batch, in the order of the records."""
    async with opened(settings, database, clock) as ledger:
        for batch in range(3):
            for number in range(600):
                ledger.record(record(batch * 600 + number))
            await ledger.settle()
    assert await ids(database) == [f"req_{number:032x}" for number in range(1800)]


# --- once -----------------------------------------------------------------------------------------------------------


async def test_twice_is_once(settings: LedgerSettings, database: Away, clock: FakeClock) -> None:
    """What is folded again after a lost checkpoint stays as it was, and what was not folded comes in."""
    async with opened(settings, database, clock) as ledger:
        ledger.record(record(1))
        await ledger.settle()
        database.is_away = True
        if database.kind == "sqlite":
            ledger.record(record(2))
    (settings.directory / "checkpoint").unlink()
    database.is_away = False
    async with opened(settings, database, clock) as ledger:
        ledger.record(record(1))
        ledger.record(record(3))
        await ledger.settle()
    assert len(set(await ids(database))) == len(await ids(database))
    assert {f"req_{1:032x}", f"req_{3:032x}"} <= set(await ids(database))
    assert len(await rows(database, ATTEMPTS)) == len(await trails(database)) == len(await ids(database))


async def test_two_processes(settings: LedgerSettings, database: Away, clock: FakeClock, tmp_path: Path) -> None:
    """Each has a folder of its own, and all their rows are there."""
    other = LedgerSettings(directory=tmp_path / "other", database_url=settings.database_url)
    async with opened(settings, database, clock) as one, opened(other, database, clock) as two:
        for number in range(0, 1000, 2):
            one.record(record(number))
            two.record(record(number + 1))
        await asyncio.gather(one.settle(), two.settle())
    assert sorted(await ids(database)) == [f"req_{number:032x}" for number in range(1000)]


async def test_what_a_database_does_not_take(settings: LedgerSettings, database: Away, clock: FakeClock) -> None:
    """The character 0, which one kind refuses, does not hold up a record nor those beside it."""
    async with opened(settings, database, clock) as ledger:
        for number in range(5):
            ledger.record(record(number, model_asked="\0" if number == 3 else "fast", url="/v1/\0"))
        await ledger.settle()
    assert len(await ids(database)) == len(await trails(database)) == 5


# --- a database that is away ------------------------------------------------------------------------------------------

SMALL = HEAD_BYTES + 100 * len(encode_record(record()))


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Away]:
    database = Away(open_database(f"sqlite:///{tmp_path}/trunkline.db"))
    await migrate(database)
    yield database
    await database.close()


def small(tmp_path: Path, limit_bytes: int = 1_000_000) -> LedgerSettings:
    return LedgerSettings(directory=tmp_path / "ledger", database_url="", limit_bytes=limit_bytes, sheet_bytes=SMALL)


async def test_a_record_that_is_refused(
    tmp_path: Path, sqlite: Away, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """It goes into a file, by its id in the log, and the others into the database."""
    refuse = "CREATE TRIGGER no BEFORE INSERT ON requests WHEN NEW.path = '/no' BEGIN SELECT RAISE(ABORT, 'no'); END"
    await sqlite.write(lambda connection: connection.execute(text(refuse)).close())
    async with opened(small(tmp_path), sqlite, clock) as ledger:
        for number in range(5):
            ledger.record(record(number, path="/no" if number == 3 else "/yes"))
        await ledger.settle()
    assert len(await ids(sqlite)) == 4
    (refused,) = (tmp_path / "ledger" / "refused.jsonl").read_text().splitlines()
    assert json.loads(refused)["request_id"] == f"req_{3:032x}"
    assert f"req_{3:032x}" in caplog.text


async def test_away_and_back(tmp_path: Path, sqlite: Away, clock: FakeClock) -> None:
    """Records wait in the register, also over a restart, and all are there in the end."""
    sqlite.is_away = True
    async with opened(small(tmp_path), sqlite, clock) as ledger:
        for first in range(0, 300, 50):
            await record_some(ledger, 50, first)
            with pytest.raises(Unavailable):
                await ledger.settle()
        assert ledger.state().records_behind == 300
        assert ledger.state().oldest_micros == STARTED + 900
    async with opened(small(tmp_path), sqlite, clock) as ledger:
        ledger.record(record(300))
        sqlite.is_away = False
        await ledger.settle()
        assert ledger.state().records_behind == ledger.state().bytes_behind == 0
    assert await ids(sqlite) == [f"req_{number:032x}" for number in range(301)]


async def test_full(tmp_path: Path, sqlite: Away, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """It slows down before it refuses, recovers once the database is back, and says so."""
    sqlite.is_away = True
    size = len(encode_record(record())) + 28
    async with opened(small(tmp_path, limit_bytes=100 * size), sqlite, clock) as ledger:
        await record_some(ledger, 89, 0)
        assert (ledger.is_short, ledger.check()) == (False, 0.0)
        await record_some(ledger, 6, 89)
        assert ledger.is_short
        assert 0 < ledger.check() < 2
        await record_some(ledger, 5, 95)
        with pytest.raises(Unavailable) as refused:
            ledger.check()
        assert refused.value.retry_after_seconds
        assert ledger.state().refused == 1
        # What was under way is kept all the same.
        await record_some(ledger, 5, 100)
        sqlite.is_away = False
        await ledger.settle()
        assert ledger.check() == 0.0
        await look(ledger)
        assert not ledger.is_short
    assert len(await ids(sqlite)) == 105
    assert [line for line in caplog.messages if "ledger is full" in line or "has room" in line] == [
        "the ledger is full: nothing is begun that costs money",
        "the ledger has room again",
    ]


async def test_a_full_disk(tmp_path: Path, sqlite: Away, clock: FakeClock) -> None:
    """Without a next file it slows down, and refuses while there is still room for what is under way."""
    sqlite.is_away = True
    disk = FullDisk(1)
    settings = LedgerSettings(directory=tmp_path / "ledger", database_url="", sheet_bytes=SMALL, disk=disk)
    async with opened(settings, sqlite, clock) as ledger:
        await record_some(ledger, 50, 0)
        assert ledger.is_short
        assert 0 < ledger.check() < 2
        await record_some(ledger, 30, 50)
        with pytest.raises(Unavailable):
            ledger.check()
        await record_some(ledger, 40, 80)
        assert ledger.state().records_behind == 120
        disk.room = 2
        for _ in range(2):
            await look(ledger)
            await asyncio.sleep(0)
        assert ledger.check() == 0.0
        sqlite.is_away = False
        await ledger.settle()
    assert await ids(sqlite) == [f"req_{number:032x}" for number in range(120)]


async def record_some(ledger: SqlLedger, count: int, first: int) -> None:
    """So many, and have the thread look at them."""
    for number in range(first, first + count):
        ledger.record(record(number))
    await look(ledger)


async def look(ledger: SqlLedger) -> None:
    """Have the thread do what it does four times a second."""

    async def look() -> None:
        ledger._bookkeeper.tend()
        await ledger._bookkeeper.look()

    await ledger._apart.do(look)


# --- whoever listens ------------------------------------------------------------------------------------------------


async def test_listeners(tmp_path: Path, sqlite: Away, clock: FakeClock) -> None:
    """They are told of everything since the start once, also while the database is away; a bug in one is its own."""
    heard: list[Record] = []
    sqlite.is_away = True
    async with opened(small(tmp_path), sqlite, clock) as ledger:
        ledger.record(record(0))
    async with opened(small(tmp_path), sqlite, clock) as ledger:
        ledger.listen(lambda records: 1 / 0)
        ledger.listen(heard.extend)
        await record_some(ledger, 3, 1)
        sqlite.is_away = False
        await ledger.settle()
        await record_some(ledger, 2, 4)
    assert len(heard) == 5
    assert len(await ids(sqlite)) == 6


async def test_changed(tmp_path: Path, sqlite: Away, clock: FakeClock) -> None:
    """Whoever waits for more to be in the database is told, or gives up in its time."""
    async with opened(small(tmp_path), sqlite, clock) as ledger:
        await ledger.changed(0.01)
        waiting = asyncio.create_task(ledger.changed(30))
        await asyncio.sleep(0)
        ledger.record(record(1))
        await asyncio.wait_for(waiting, 10)
    assert len(await ids(sqlite)) == 1


# --- the end of it ----------------------------------------------------------------------------------------------------


async def test_lifetimes(settings: LedgerSettings, database: Away, clock: FakeClock) -> None:
    """What the audit adds goes first, the accounts much later, and nothing before its time."""
    settings = LedgerSettings(
        directory=settings.directory,
        database_url=settings.database_url,
        lifetimes=Lifetimes(usage_days=100, audit_days=10),
    )
    async with opened(settings, database, clock) as ledger:
        for number in range(500):
            ledger.record(record(number))
        ledger.record(record(900, started_at_micros=STARTED + 95 * DAY_SECONDS * 1_000_000))
        await ledger.settle()
        counts = []
        for days in (9, 2, 88, 3):
            clock.advance(days * DAY_SECONDS)
            await ledger.sweep()
            counts.append([len(await found(database)) for found in (ids, tries, trails)])
    assert counts == [[501, 501, 501], [501, 501, 1], [501, 501, 1], [1, 1, 1]]


async def test_erased(settings: LedgerSettings, database: Away, clock: FakeClock) -> None:
    """The audit of a path is gone, and what it spent is the path's above, in nobody's name."""
    async with opened(settings, database, clock) as ledger:
        for number, path in enumerate(["/team/alpha", "/team/alpha/ana"] * 150 + ["/team/alphabet", "/"]):
            ledger.record(record(number, path=path))
        await ledger.settle()
        assert await erase_requests("/team/alpha", database) == 300
        assert await erase_requests("/team/alpha", database) == 0
        await ledger.scrub()
    erased = [row for row in await rows(database, REQUESTS) if row["path"] == "/team"]
    assert len(erased) == 300
    assert {(row["key"], row["key_id"], row["session"], row["labels"], row["cost"]) for row in erased} == {
        ("", "", "", "{}", 123_456)
    }
    kept = [row["id"] for row in await rows(database, REQUESTS) if row["path"] != "/team"]
    assert await trails(database) == kept
    for table, id in ((REQUESTS, "id"), (ATTEMPTS, "request_id")):
        assert [row[id] for row in await rows(database, table) if row["upstream_request_id"]] == kept


def test_one_file_holds_many() -> None:
    """A second's worth of a busy gateway is a small part of a file: the next one is made in time."""
    assert SHEET_BYTES / len(encode_record(record())) > 5_000
