"""Usage, asked for by callers and by administrators."""

import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from usage_scene import ANA, LOOKER, TEAM, UsageScene, open_scene

from recorded_rows import HOUR, START, make_attempt
from trunkline.clock import FakeClock
from trunkline.money import read_dollars

ADMIN = "/admin/v1/usage"
OWN = "/v1/usage"


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[UsageScene]:
    async with open_scene(tmp_path, FakeClock(START + 2 * HOUR)) as scene:
        yield scene


async def fill(scene: UsageScene) -> None:
    ana = {"path": "/team/ana", "key_id": "k-ana", "key": "ana"}
    await scene.put("req_1", make_attempt("openai/gpt-5", 1_234_567_890, input_tokens=9), labels={"app": "web"}, **ana)
    await scene.put("req_2", make_attempt("groq/llama", None), started_at_micros=START + HOUR, **ana)
    await scene.put("req_3", path="/team/ben", key_id="k-ben", key="ben", session="=1+1")
    await scene.put("req_4", path="/team/ana", key_id="k-boss", key="boss")
    await scene.put("req_5", make_attempt(cost=3), make_attempt("groq/llama", 4))
    await scene.put("req_6", path="/other", model_asked="")


# --- a caller's own -------------------------------------------------------------------------------------------------


async def test_a_caller_sees_its_own_usage(scene: UsageScene) -> None:
    """That of its key alone, on its path alone."""
    await fill(scene)
    assert await scene.ids(OWN, ANA) == ["req_2", "req_1"]
    assert await scene.ids(OWN, LOOKER) == []
    assert await scene.ids("/usage", ANA) == ["req_2", "req_1"]


async def test_a_request_is_found_by_its_id(scene: UsageScene) -> None:
    """What it cost, as dollars to read and as the nano-dollars they are."""
    await fill(scene)
    answer = (await scene.get(f"{OWN}?request_id=req_1", ANA)).json
    assert (answer["object"], answer["first_id"], answer["last_id"], answer["has_more"]) == (
        "list",
        "req_1",
        "req_1",
        False,
    )
    row = answer["data"][0]
    assert (row["cost"], row["cost_nanos"]) == ("1.23456789", 1_234_567_890)
    assert (row["model"], row["provider"], row["labels"]) == ("gpt-5", "openai", {"app": "web"})
    assert row["usage"]["total_input_tokens"] == 9
    assert row["started_at"] == "2023-11-15T00:00:00.000000Z"
    assert await scene.ids(f"{OWN}?request_id=req_3", ANA) == []


async def test_an_unpriced_request_has_no_cost(scene: UsageScene) -> None:
    """Which is not the same as nothing."""
    await fill(scene)
    row = (await scene.get(f"{OWN}?request_id=req_2", ANA)).json["data"][0]
    assert row["cost"] is row["cost_nanos"] is None


async def test_a_caller_sums_its_own_usage(scene: UsageScene) -> None:
    """By what it likes."""
    await fill(scene)
    answer = (await scene.get(f"{OWN}?group_by=model", ANA)).json
    assert [(each["model"], each["cost"], each["unpriced"]) for each in answer["data"]] == [
        ("gpt-5", "1.23456789", 0),
        ("llama", "0", 1),
    ]
    assert answer["data"][0]["usage"]["input_tokens"] == 9


@pytest.mark.parametrize("filter", ["path=/team/ana", "key=ben", "key_id=k-ben", "modle=x"])
async def test_a_caller_cannot_ask_for_more(scene: UsageScene, filter: str) -> None:
    """What is not known is refused: a filter that is misspelt would sum up what nobody meant."""
    assert (await scene.get(f"{OWN}?{filter}", ANA)).error["code"] == "unknown_parameter"


# --- administrators' ------------------------------------------------------------------------------------------------


async def test_an_administrator_sees_its_path(scene: UsageScene) -> None:
    """And what is below it; requests for no model are none of usage."""
    await fill(scene)
    assert await scene.ids(ADMIN) == ["req_5", "req_4", "req_3", "req_2", "req_1"]
    assert await scene.ids(ADMIN, TEAM) == ["req_4", "req_3", "req_2", "req_1"]
    assert await scene.ids(f"{ADMIN}?path=/team/ben", TEAM) == ["req_3"]
    assert await scene.ids(f"{ADMIN}?key=boss") == ["req_4"]
    assert (await scene.get(f"{ADMIN}?path=/other", TEAM)).error["code"] == "path_forbidden"


async def test_pages_follow_one_another(scene: UsageScene) -> None:
    """By the id of the last one."""
    await fill(scene)
    first = (await scene.get(f"{ADMIN}?limit=2")).json
    assert (first["has_more"], first["last_id"]) == (True, "req_4")
    assert await scene.ids(f"{ADMIN}?limit=2&after=req_4") == ["req_3", "req_2"]
    assert await scene.ids(f"{ADMIN}?order=asc&after=req_4") == ["req_5"]
    assert (await scene.get(f"{ADMIN}?after=req_5", TEAM)).error["param"] == "after"


async def test_a_request_is_shown_with_its_attempts(scene: UsageScene) -> None:
    """Also those that failed; and elsewhere it does not exist."""
    await fill(scene)
    answer = (await scene.get(f"{ADMIN}/req_5")).json
    assert [(each["provider"], each["cost_nanos"]) for each in answer["attempts"]] == [("openai", 3), ("groq", 4)]
    assert answer["cost_nanos"] == 7
    assert (await scene.get(f"{ADMIN}/req_5", TEAM)).status == 404
    assert (await scene.get(f"{ADMIN}/req_9")).status == 404


async def test_sums_are_taken_apart_by_day(scene: UsageScene) -> None:
    """Where the caller is: a day begins at another time there."""
    await fill(scene)
    utc = (await scene.get(f"{ADMIN}/summary?group_by=day")).json["data"]
    assert [(each["day"], each["requests"]) for each in utc] == [("2023-11-15", 5)]
    there = (await scene.get(f"{ADMIN}/summary?group_by=day&zone=America/New_York")).json["data"]
    assert [(each["day"], each["requests"]) for each in there] == [("2023-11-14", 5)]


async def test_sums_are_taken_apart_by_several(scene: UsageScene) -> None:
    """In the order in which they are named; hours as moments."""
    await fill(scene)
    answer = await scene.get(f"{ADMIN}/summary?group_by=hour,key&group_by[]=label")
    assert [(each["hour"], each["key"], each["label"]) for each in answer.json["data"]] == [
        ("2023-11-15T00:00:00.000000Z", "ana", "app=web")
    ]


async def test_the_whole_has_one_row(scene: UsageScene) -> None:
    """Of the last thirty days, unless it says otherwise."""
    await fill(scene)
    whole = (await scene.get(f"{ADMIN}/summary")).json
    assert [(each["requests"], each["cost_nanos"]) for each in whole["data"]] == [(5, 1_234_567_890 + 207)]
    assert (whole["start"], whole["end"]) == ("2023-10-16T00:00:00.000000Z", "2023-11-15T02:00:00.000001Z")
    later = (await scene.get(f"{ADMIN}/summary?start=2023-11-15T01:00:00Z")).json
    assert later["data"][0]["requests"] == 1
    none = (await scene.get(f"{ADMIN}/summary?start=2023-11-16&end=2023-11-15")).json
    assert none["data"][0]["requests"] == 0


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("group_by=colour", "group_by"),
        ("group_by=day,hour,path,key,model", "group_by"),
        ("start=yesterday", "start"),
        ("end=99999999999999999999", "end"),
        ("start=2019-01-01", "start"),
        ("start=0001-01-01&end=0001-01-02", "start"),
        ("end=9999-12-31", "end"),
        ("zone=Mars/Olympus", "zone"),
        ("label=app", "label"),
        ("status=teapot", "status"),
        ("path=team", "path"),
    ],
)
async def test_what_cannot_be_asked_is_named(scene: UsageScene, query: str, param: str) -> None:
    """With the parameter."""
    answer = await scene.get(f"{ADMIN}/summary?{query}")
    assert (answer.status, answer.error["param"]) == (400, param)


# --- exports --------------------------------------------------------------------------------------------------------


async def test_an_export_equals_its_rows(scene: UsageScene) -> None:
    """To the nano-dollar, in both forms, and in the sums."""
    await fill(scene)
    answer = await scene.get(f"{ADMIN}/export")
    assert answer.headers["content-type"] == "application/jsonl"
    assert answer.headers["content-disposition"] == 'attachment; filename="usage.jsonl"'
    lines = [json.loads(line) for line in answer.body.splitlines()]
    rows = (await scene.get(f"{ADMIN}?order=asc")).json["data"]
    assert lines == rows
    table = list(csv.DictReader(io.StringIO((await scene.get(f"{ADMIN}/export?format=csv")).body.decode())))
    assert [row["id"] for row in table] == [row["id"] for row in rows]
    assert [row["cost_nanos"] for row in table] == [str(row["cost_nanos"] or "") for row in rows]
    assert [row["input_tokens"] for row in table] == [str(row["usage"]["input_tokens"]) for row in rows]
    total = (await scene.get(f"{ADMIN}/summary")).json["data"][0]["cost_nanos"]
    assert sum(int(row["cost_nanos"] or 0) for row in table) == total
    assert sum(read_dollars(row["cost"] or "0") for row in table) == total


async def test_attempts_are_exported_as_well(scene: UsageScene) -> None:
    """Each in a line of its own, those of others left out."""
    await fill(scene)
    lines = (await scene.get(f"{ADMIN}/export?rows=attempts&provider=groq")).body.splitlines()
    assert [json.loads(line)["cost_nanos"] for line in lines] == [None, 4]
    table = (await scene.get(f"{ADMIN}/export?rows=attempts&format=csv")).body.decode()
    assert len(list(csv.DictReader(io.StringIO(table)))) == 6


async def test_an_export_is_made_in_pages(scene: UsageScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, nothing is left out or told twice."""
    monkeypatch.setattr("trunkline.engine.admin.usage.book._AT_ONCE", 2)
    await fill(scene)
    for key, count in (("", 5), ("&path=/team", 4), ("&path=/nowhere", 0)):
        lines = (await scene.get(f"{ADMIN}/export?format=jsonl{key}")).body.splitlines()
        assert [json.loads(line)["id"] for line in lines] == [f"req_{number}" for number in (1, 2, 3, 4, 5)][:count]


async def test_a_cell_is_no_formula(scene: UsageScene) -> None:
    """A session is whatever a client calls it."""
    await fill(scene)
    table = (await scene.get(f"{ADMIN}/export?format=csv&session==1%2B1")).body.decode()
    assert next(csv.DictReader(io.StringIO(table)))["session"] == "'=1+1"


async def test_an_unknown_format_is_refused(scene: UsageScene) -> None:
    """Before anything is sent."""
    assert (await scene.get(f"{ADMIN}/export?format=xlsx")).error["param"] == "format"


async def test_reading_takes_the_scope(scene: UsageScene) -> None:
    """To look is enough."""
    assert (await scene.get(ADMIN, LOOKER)).status == 200
    assert (await scene.get(ADMIN, ANA)).error["code"] == "scope_missing"
    assert (await scene.get("/admin/v1/audit", LOOKER)).error["code"] == "scope_missing"
