"""Sums that were added up by the hour are those of the rows, whatever has become of these."""

import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, text

from recorded import RATES, STARTED, attempt, record
from trunkline.clock import FakeClock
from trunkline.money import Nano
from trunkline.records import Record
from trunkline.state.usage import By, Group, Recost, WantedUsage
from trunkline.store import usage_sums
from trunkline.store.engine import Database, open_database
from trunkline.store.ledger.erase import erase_requests
from trunkline.store.ledger.fold import Fold
from trunkline.store.ledger.hours import merge
from trunkline.store.ledger.sums import HOUR_MICROS
from trunkline.store.ledger.sweep import LedgerSweep, Lifetimes
from trunkline.store.ledger.tables import HOURS, REQUESTS
from trunkline.store.migrate import migrate
from trunkline.store.migrations.upgrade import upgrade
from trunkline.store.usage import SqlUsage
from trunkline.usage import Usage

BEGIN = STARTED // HOUR_MICROS * HOUR_MICROS
HOURS_LONG = 6
PATHS = ("/", "/team", "/team/ana", "/teams", "")
MODELS = ("openai/gpt-5", "openai/gpt-5-mini", "groq/gpt-5", "groq/llama")
BYS: Sequence[By] = ("hour", "model", "provider", "path", "key", "key_id", "label", "session", "operation", "outcome")
EVERYTHING = WantedUsage(path="/")
MOST = 10_000


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = open_database(url)
    await migrate(database)
    yield database
    await database.close()


def make_record(chance: random.Random, number: int) -> Record:
    """A request that went somehow, with no attempt, one, or several."""
    started = BEGIN + chance.randrange(HOURS_LONG * HOUR_MICROS)
    made = [
        attempt(
            target=chance.choice(MODELS),
            started_at_micros=started + 7,
            usage=Usage(input_tokens=chance.randrange(9), image_output_tokens=chance.choice((0, 0, 3))),
            cost=chance.choice((None, Nano(0), Nano(chance.randrange(10**12)))),
            outcome=chance.choice(("ok", "ok", "error")),
            is_estimated=chance.random() < 0.2,
            duration_micros=893,
            first_byte_micros=393,
        )
        for _ in range(chance.choice((0, 1, 1, 1, 2, 3)))
    ]
    costs = [each.cost for each in made if each.cost is not None]
    who = chance.choice(("ana", "ben"))
    return record(
        number,
        started_at_micros=started,
        path=chance.choice(PATHS),
        key=who,
        key_id=f"k-{who}",
        labels=chance.choice(({}, {"app": "web"}, {"app": "cli", "team": "x"})),
        session=chance.choice(("", "s1")),
        operation=chance.choice(("generate", "embeddings")),
        model_asked=chance.choice(("fast", "fast", "")),
        status=chance.choice((200, 200, 429)),
        outcome=made[-1].outcome if len(made) == 1 else chance.choice(("ok", "error", "cancelled")),
        target=made[-1].target if made else "",
        attempts=made,
        usage=sum((each.usage for each in made), Usage()),
        cost=Nano(sum(costs)) if costs or not made else None,
    )


def wish(chance: random.Random) -> tuple[WantedUsage, Sequence[By]]:
    """A question, with a few filters and groups."""
    wanted: dict[str, Any] = {"path": chance.choice(("/", "/", "/team", "/team/ana"))}
    may_be: dict[str, Sequence[Any]] = {
        "of_models": (True,),
        "start_micros": [BEGIN + chance.randrange(HOURS_LONG * HOUR_MICROS), BEGIN + HOUR_MICROS],
        "end_micros": [BEGIN + chance.randrange(HOURS_LONG * HOUR_MICROS), BEGIN + 4 * HOUR_MICROS],
        "key": ("ana",),
        "key_id": ("k-ben",),
        "label": (("app", "web"), ("team", "x")),
        "provider": ("openai", "groq"),
        "model": ("gpt-5", "llama"),
        "operation": ("generate",),
        "status": (429,),
        "outcome": ("ok", "error"),
        "session": ("s1",),
    }
    wanted |= {name: chance.choice(values) for name, values in may_be.items() if chance.random() < 0.2}
    return WantedUsage(**wanted), chance.sample(BYS, chance.randrange(4))


async def ask(database: Database, wanted: WantedUsage, by: Sequence[By]) -> list[Group]:
    """Groups in a settled order."""
    return sorted(await usage_sums.SqlSums(database).find(wanted, by, MOST), key=lambda group: repr(group.values))


async def check(database: Database, chance: random.Random, monkeypatch: pytest.MonkeyPatch, count: int = 8) -> None:
    for wanted, by in [(EVERYTHING, ()), *(wish(chance) for _ in range(count))]:
        told = await ask(database, wanted, by)
        with monkeypatch.context() as patched:
            patched.setattr(usage_sums, "_find_hours", lambda *_: None)
            assert told == await ask(database, wanted, by), (wanted, by)


async def recost(database: Database, chance: random.Random) -> None:
    """Some requests get other prices, or none."""
    usage = SqlUsage(database)
    found = (await usage.page(EVERYTHING, after=None, limit=chance.randrange(1, 30)))[:-1]
    ids = [request.id for request in found if request.attempts]
    attempts = await usage.attempts(ids)
    cost = chance.choice((None, Nano(chance.randrange(10**9))))
    changed = [Recost(id, each.position, cost, "declared", RATES) for id in ids for each in attempts[id]]
    sums = {id: None if cost is None else Nano(cost * len(attempts[id])) for id in ids}
    if changed:
        await usage.recost(changed, sums)


@pytest.mark.parametrize("seed", range(2))
async def test_hours_are_the_sums_of_their_rows(
    database: Database, tmp_path: Path, clock: FakeClock, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After folds, also of what was folded before; other prices; paths that are erased; rows that are swept, and merges."""
    monkeypatch.setattr("trunkline.store.ledger.hours._AT_ONCE", 20)
    monkeypatch.setattr("trunkline.store.ledger.sweep._AT_ONCE", 15)
    chance, fold = random.Random(seed), Fold(database, tmp_path / "refused.jsonl")
    records = [make_record(chance, number) for number in range(240)]
    for first in range(0, len(records), 40):
        again = chance.randrange(first + 1)
        await fold(records[max(again, first - 5) : first + 40])
        match chance.randrange(4):
            case 0:
                await recost(database, chance)
            case 1:
                await erase_requests(chance.choice(("/team/ana", "/team")), database)
            case 2:
                while await database.write(lambda connection: merge(connection, BEGIN // HOUR_MICROS + 4)):
                    pass
            case _:
                clock.advance((BEGIN + chance.randrange(3 * HOUR_MICROS)) / 1e6 + 86_400 - clock.now_micros() / 1e6)
                sweep = LedgerSweep(database, clock, Lifetimes(usage_days=1, audit_days=1))
                for _ in range(chance.randrange(6)):
                    await sweep.once()
        await check(database, chance, monkeypatch)


async def test_merged_hours_are_few(database: Database, tmp_path: Path) -> None:
    """Those of requests, and those of attempts; of one that is not over nothing is merged yet."""
    fold = Fold(database, tmp_path / "refused.jsonl")
    for number in range(30):
        await fold([record(number, started_at_micros=BEGIN + number % 3 * HOUR_MICROS)])
    while await database.write(lambda connection: merge(connection, BEGIN // HOUR_MICROS + 2)):
        pass
    assert await database.read(count_hours) == [2, 2, 20]
    (everything,) = await ask(database, EVERYTHING, ())
    assert everything.sums.requests == 30


async def test_no_word_of_an_erased_path_is_left(database: Database, tmp_path: Path) -> None:
    """In no sum: neither its name nor its keys' and labels."""
    await Fold(database, tmp_path / "refused.jsonl")([record(1), record(2, path="/team")])
    await erase_requests("/team/alpha", database)
    columns = [HOURS.c[name] for name in ("path", "key_id", "key", "labels")]
    kept = await database.read(lambda connection: connection.execute(select(*columns).order_by(HOURS.c.path)).all())
    assert {tuple(row) for row in kept} == {("/team", "", "", "{}"), ("/team", "key_1", "ana", '{"app":"web"}')}


async def test_what_is_swept_leaves_no_hours(database: Database, tmp_path: Path, clock: FakeClock) -> None:
    """Once all rows of theirs are gone."""
    await Fold(database, tmp_path / "refused.jsonl")([record(number) for number in range(5)])
    clock.advance(3 * 86_400)
    sweep = LedgerSweep(database, clock, Lifetimes(usage_days=1, audit_days=1))
    for _ in range(4):
        await sweep.once()
    assert await database.read(count_hours) == []
    assert await database.read(lambda connection: connection.execute(select(func.count(REQUESTS.c.id))).scalar()) == 0


async def test_what_an_older_program_has_kept_is_summed_up(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the step that makes the table."""
    database, chance = open_database(url), random.Random(7)
    await migrate(database)
    await Fold(database, tmp_path / "refused.jsonl")([make_record(chance, number) for number in range(200)])
    await database.write(go_back)
    await database.write(lambda connection: upgrade(connection, "0011"))
    await check(database, chance, monkeypatch, count=40)
    await database.close()


def go_back(connection: Connection) -> None:
    connection.execute(text("DROP TABLE hours"))
    connection.execute(text("UPDATE alembic_version SET version_num = '0010'"))


def count_hours(connection: Connection) -> list[int]:
    """How many rows each hour has."""
    counted = select(func.count()).select_from(HOURS).group_by(HOURS.c.hour).order_by(HOURS.c.hour)
    return list(connection.execute(counted).scalars())
