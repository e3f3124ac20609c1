"""What was recorded is found again, and adds up to the nano-dollar."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest

from recorded import record
from recorded_rows import HOUR, START, make_attempt, put_request
from trunkline.clock import FakeClock
from trunkline.engine.admin.audit_book import AuditBook
from trunkline.engine.admin.usage.book import UsageBook
from trunkline.engine.admin.usage.shapes import BUCKETS
from trunkline.engine.query import Query
from trunkline.errors import Unavailable
from trunkline.state.conversations import Order
from trunkline.state.usage import By, Sums, WantedUsage
from trunkline.store.engine import Database, open_database
from trunkline.store.ledger.tables import METADATA
from trunkline.store.open import OpenStore
from trunkline.store.usage import SqlUsage
from trunkline.usage import Usage

EVERYTHING = WantedUsage(path="/")
IN_TIME = 5.0


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = open_database(url)
    await database.write(METADATA.create_all)
    yield database
    await database.close()


async def settled() -> None:
    """All is folded."""


@pytest.fixture
def usage(database: Database) -> SqlUsage:
    return SqlUsage(database, settled)


async def fill(database: Database) -> None:
    """Six requests of two teams."""
    await put_request(
        database,
        "req_1",
        make_attempt("openai/gpt-5", 7, input_tokens=10, output_tokens=1, status=500, outcome="error"),
        make_attempt("groq/llama", 3, input_tokens=5, output_tokens=2),
        path="/team",
        key_id="k1",
        key="ana",
        labels={"app": "web", 'o.d"d': "x"},
        session="s1",
    )
    await put_request(
        database,
        "req_2",
        make_attempt("groq/llama", None),
        path="/team/ben",
        key_id="k2",
        key="ben",
        labels={"app": "cli"},
        started_at_micros=START + HOUR,
        session="s1",
    )
    await put_request(
        database, "req_3", path="/teams", status=429, outcome="error", model_asked="", started_at_micros=START - 1
    )
    await put_request(database, "req_4", make_attempt(is_estimated=True), outcome="cancelled", is_audited=False)
    await put_request(database, "req_5", make_attempt(cost=0), path="/TEAM", operation="embeddings")
    await put_request(
        database,
        "req_6",
        make_attempt("openai/gpt-5", 2**40, cached_input_tokens=4, image_output_tokens=8),
        path="/team",
        started_at_micros=START + 25 * HOUR,
    )


async def find(usage: SqlUsage, **wanted: Any) -> list[str]:
    page = await usage.page(WantedUsage(**{"path": "/", **wanted}), after=None, limit=9, order="asc")
    return [request.id for request in page]


async def test_a_request_comes_back_as_it_was(usage: SqlUsage, database: Database) -> None:
    """With its attempts in order, and what the audit knows."""
    await fill(database)
    request = (await usage.page(WantedUsage(path="/", request_id="req_1"), after=None, limit=1))[0]
    assert (request.path, request.key, request.session, request.attempts) == ("/team", "ana", "s1", 2)
    assert (request.provider, request.model, request.cost) == ("groq", "llama", 10)
    assert msgspec.json.decode(request.labels) == {"app": "web", 'o.d"d': "x"}
    assert request.usage == Usage(input_tokens=15, output_tokens=3)
    attempts = (await usage.attempts(["req_1", "req_3"]))["req_1"]
    assert [(each.provider, each.outcome, each.cost) for each in attempts] == [
        ("openai", "error", 7),
        ("groq", "ok", 3),
    ]
    assert attempts[0].rates == msgspec.Raw(b"null")
    trail = (await usage.trails(["req_1", "req_4"]))["req_1"]
    assert (trail.url, trail.dropped) == ("/v1/responses", msgspec.Raw(b'["seed"]'))


async def test_pages_follow_one_another(usage: SqlUsage, database: Database) -> None:
    """In both directions, without one twice or none."""
    await fill(database)
    assert await usage.newest() == 6
    newest = await usage.page(EVERYTHING, after=None, limit=2)
    assert [request.id for request in newest] == ["req_6", "req_5", "req_4"]
    then = await usage.page(EVERYTHING, after=newest[1].number, limit=2)
    assert [request.id for request in then] == ["req_4", "req_3", "req_2"]
    forward = await usage.page(EVERYTHING, after=newest[2].number, limit=9, order="asc")
    assert [request.id for request in forward] == ["req_5", "req_6"]
    audited = await usage.page(EVERYTHING, after=None, limit=9, audited=True)
    assert "req_4" not in [request.id for request in audited]
    assert len(audited) == 5


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_what_is_rare_is_found_a_stretch_at_a_time(
    usage: SqlUsage, database: Database, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are to look at, in whichever order, from whatever place on."""
    monkeypatch.setattr("trunkline.store.usage._STRETCH", 2)
    await fill(database)
    every = [f"req_{number}" for number in range(1, 7)]
    for limit in (1, 2, 3, 9):
        found, after = list[str](), None
        while True:
            page = await usage.page(EVERYTHING, after=after, limit=limit, order=order)
            found += [request.id for request in page[:limit]]
            if len(page) <= limit:
                break
            after = page[limit - 1].number
        assert found == (every if order == "asc" else every[::-1])
    rare = WantedUsage(path="/", key_id="k1", end_micros=START + HOUR)
    assert [request.id for request in await usage.page(rare, after=None, limit=5, order=order)] == ["req_1"]


async def test_nothing_is_the_newest_where_there_is_nothing(usage: SqlUsage) -> None:
    """And a sum of nothing is nothing."""
    assert await usage.newest() == 0
    assert [group.sums for group in await usage.sums(EVERYTHING, [], 9)] == [Sums()]
    assert await usage.sums(EVERYTHING, ["model"], 9) == []


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({"path": "/team"}, [1, 2, 6]),
        ({"path": "/team/ben"}, [2]),
        ({"key": "ana"}, [1]),
        ({"key_id": "k2"}, [2]),
        ({"label": ("app", "web")}, [1]),
        ({"label": ('o.d"d', "x")}, [1]),
        ({"label": ("app", "x")}, []),
        ({"label": ("o", "x")}, []),
        ({"session": "s1"}, [1, 2]),
        ({"model": "gpt-5"}, [1, 6]),
        ({"provider": "groq"}, [1, 2]),
        ({"provider": "openai", "model": "llama"}, []),
        ({"status": 429}, [3]),
        ({"outcome": "cancelled"}, [4]),
        ({"operation": "embeddings"}, [5]),
        ({"start_micros": START, "end_micros": START + HOUR}, [1, 4, 5]),
        ({"start_micros": START + HOUR}, [2, 6]),
        ({"path": "/team", "request_id": "req_3"}, []),
        ({"of_models": True}, [1, 2, 4, 5, 6]),
    ],
)
async def test_requests_are_found(usage: SqlUsage, database: Database, wanted: dict[str, Any], ids: list[int]) -> None:
    """By whatever is known of them."""
    await fill(database)
    assert await find(usage, **wanted) == [f"req_{number}" for number in ids]


@pytest.mark.parametrize(
    ("by", "costs"),
    [
        (["path"], {("/team",): 10 + 2**40, ("/team/ben",): 0, ("/teams",): 0, ("/",): 100, ("/TEAM",): 0}),
        (["model"], {("gpt-5",): 7 + 2**40, ("llama",): 3, ("gpt-5-mini",): 100}),
        (["provider"], {("openai",): 107 + 2**40, ("groq",): 3}),
        (["provider", "path"], {("openai", "/team"): 7 + 2**40, ("groq", "/team"): 3, ("groq", "/team/ben"): 0,
                                ("openai", "/"): 100, ("openai", "/TEAM"): 0}),
        (["key"], {("ana",): 10, ("ben",): 0, ("master",): 100 + 2**40}),
        (["key_id"], {("k1",): 10, ("k2",): 0, ("master",): 100 + 2**40}),
        (["label"], {("app=web",): 10, ('o.d"d=x',): 10, ("app=cli",): 0}),
        (["session"], {("s1",): 10, ("",): 100 + 2**40}),
        (["operation"], {("generate",): 110 + 2**40, ("embeddings",): 0}),
        (["outcome"], {("ok",): 10 + 2**40, ("error",): 0, ("cancelled",): 100}),
    ],
)  # fmt: skip
async def test_sums_are_taken_apart(
    usage: SqlUsage, database: Database, by: Sequence[By], costs: dict[tuple[str, ...], int]
) -> None:
    """By what is asked, and by models and providers attempt for attempt: failed ones cost their own model."""
    await fill(database)
    assert {group.values: group.sums.cost for group in await usage.sums(EVERYTHING, by, 99)} == costs


async def test_hours_are_those_of_the_clock(usage: SqlUsage, database: Database) -> None:
    """Counted from the epoch on."""
    await fill(database)
    wanted = WantedUsage(path="/", start_micros=START, end_micros=START + 24 * HOUR)
    groups = await usage.sums(wanted, ["hour"], 99)
    first = START // HOUR
    assert sorted((group.values[0], group.sums.requests) for group in groups) == [(first, 3), (first + 1, 1)]


async def test_the_whole_is_the_sum_of_its_parts(usage: SqlUsage, database: Database) -> None:
    """Every bucket and count, whether requests or attempts are added up."""
    await fill(database)
    whole = (await usage.sums(EVERYTHING, [], 9))[0].sums
    assert whole == Sums(
        requests=6,
        attempts=6,
        failed=1,
        cancelled=1,
        unpriced=1,
        estimated=1,
        usage=Usage(input_tokens=15, output_tokens=3, cached_input_tokens=4, image_output_tokens=8),
        cost=110 + 2**40,
    )
    for by in ("model", "path"):
        parts = [group.sums for group in await usage.sums(EVERYTHING, [by], 99)]
        together = sum(parts, Sums())
        assert (together.cost, together.usage, together.attempts) == (whole.cost, whole.usage, whole.attempts)


async def test_sums_of_one_model_are_of_its_attempts(usage: SqlUsage, database: Database) -> None:
    """And not of all that its requests cost."""
    await fill(database)
    sums = (await usage.sums(WantedUsage(path="/", model="llama"), [], 9))[0].sums
    assert (sums.requests, sums.attempts, sums.cost, sums.unpriced) == (2, 2, 3, 1)


async def test_groups_have_a_limit(usage: SqlUsage, database: Database) -> None:
    """One more tells that there are more."""
    await fill(database)
    assert len(await usage.sums(EVERYTHING, ["path"], 3)) == 4


async def test_many_who_hurry_do_so_together(database: Database) -> None:
    """One hurry has begun, too early for all others; the next one is for them all."""
    settled = 0

    async def settle() -> None:
        nonlocal settled
        await asyncio.sleep(0)
        settled += 1

    usage = SqlUsage(database, settle)
    await asyncio.gather(*(usage.hurry() for _ in range(20)))
    assert settled == 2


async def test_not_everybody_waits_for_sums(usage: SqlUsage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes too late is told to come again."""
    monkeypatch.setattr("trunkline.store.usage_sums._MOST_WAITING", 4)
    found = await asyncio.gather(*(usage.sums(EVERYTHING, [], 9) for _ in range(9)), return_exceptions=True)
    assert [type(each) for each in found].count(Unavailable) == 5
    assert len(await usage.sums(EVERYTHING, [], 9)) == 1


async def test_a_hurry_is_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not folded in time is found later, and so is what cannot be folded now."""
    monkeypatch.setattr("trunkline.store.usage._HURRY_SECONDS", 0.01)

    asked = []

    async def never() -> None:
        asked.append(never)
        await asyncio.Event().wait()

    async def away() -> None:
        asked.append(away)
        raise Unavailable("the database is away")

    async with asyncio.timeout(IN_TIME):
        await SqlUsage(database, never).hurry()
        await SqlUsage(database, away).hurry()
    assert asked == [never, away]


async def test_a_record_is_found_as_soon_as_it_is_made(store: OpenStore, clock: FakeClock) -> None:
    """To the nano-dollar and the token, with all its attempts: as a caller asks for it who has just got the reply."""
    kept = record(7, labels={"app": "web"}, session="s1")
    store.ledger.record(kept)
    book = UsageBook(store.ports.usage, kept.path, clock, kept.key_id)
    row = (await book.page(Query(f"request_id={kept.request_id}".encode())))["data"][0]
    shown = msgspec.json.decode(row)
    assert (shown["id"], shown["cost_nanos"], shown["session"]) == (kept.request_id, kept.cost, "s1")
    assert {name: shown["usage"][name] for name in BUCKETS} == {name: getattr(kept.usage, name) for name in BUCKETS}
    detail = await UsageBook(store.ports.usage, "/", clock).find(kept.request_id)
    assert [each["cost_nanos"] for each in detail["attempts"]] == [attempt.cost for attempt in kept.attempts]
    assert [f"{each['provider']}/{each['model']}" for each in detail["attempts"]] == [
        attempt.target for attempt in kept.attempts
    ]
    entry = await AuditBook(store.ports.usage, store.ports.evidence, "/", clock).find(kept.request_id)
    assert (entry["trail"]["peer"], entry["trail"]["url"]) == (kept.peer, kept.url)
