"""`trunkline usage` and `trunkline audit`, typed: over the store beside."""

import asyncio
import csv
import json
from pathlib import Path

import pytest
from typed_command import Run

from recorded_rows import START, make_attempt, put_request
from trunkline.evidence import Evidence, KeptBody, KeptEvidence, SentBody
from trunkline.store.cipher import PLAIN
from trunkline.store.engine import open_database
from trunkline.store.evidence import SqlEvidence

WHEN = ("--start", "2023-11-15", "--end", "2023-11-16")


async def fill(folder: Path) -> None:
    database = open_database(f"sqlite:///{folder}/trunkline.db")
    for number in range(1, 4):
        attempts = (make_attempt(cost=None, status=500, outcome="error"), make_attempt(cost=number, input_tokens=1500))
        await put_request(database, f"req_{number}", *attempts, path=f"/team/{number}", key="ana", key_id="k1")
    attempt = make_attempt("groq/llama", 7)
    await put_request(database, "req_4", attempt, started_at_micros=START + 1, session="chat/7")
    said = KeptEvidence(
        {},
        KeptBody('{"model":"gpt"}', 15),
        [SentBody("groq/llama", KeptBody('{"model":"llama"}', 17))],
        KeptBody("Hello", 9, is_cut=True),
    )
    evidence = SqlEvidence(database, PLAIN, lambda _: said)
    evidence.start()
    assert evidence.keep(Evidence("req_4", START, "/", "chat", {}, b"", 9))
    await evidence.settle()
    await evidence.close()
    await database.close()


@pytest.fixture
def run(trunkline: Run, data: Path) -> Run:
    """Types a command over a store with four requests and one act."""
    assert trunkline("prompts", "create", "--name", "poem", "--input", "Hi")[0] == 0
    asyncio.run(fill(data))
    return trunkline


def test_sums_are_printed(run: Run) -> None:
    """As a table, the dearest first; what has no price is said to be missing."""
    status, out, _ = run("usage", "summary", *WHEN)
    assert status == 0
    assert out.splitlines() == [
        "provider  model       requests  failed  input  cached  output           cost",
        "groq      llama              1       0      0       0       0   $0.000000007",
        "openai    gpt-5-mini         3       3  4,500       0       0  *$0.000000006",
        "* without what has no price",
    ]
    whole = json.loads(run("usage", "summary", "--by", "all", "--json", *WHEN)[1])["data"][0]
    assert (whole["requests"], whole["cost_nanos"]) == (4, 13)
    assert run("usage", "summary", "--by", "day,key", *WHEN)[1].splitlines()[1].split()[:3] == [
        "2023-11-15",
        "ana",
        "3",
    ]


def test_requests_are_listed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page for page, filtered."""
    monkeypatch.setattr("trunkline.cli.usage._MOST_AT_ONCE", 1)
    lines = run("usage", "list", "--limit", "3")[1].splitlines()
    assert [line.split()[1] for line in lines] == ["request", "req_4", "req_3", "req_2"]
    found = json.loads(run("usage", "list", "--json", "--key-name", "ana", "--path", "/team/2")[1])
    assert [each["id"] for each in found] == ["req_2"]
    assert run("audit", "log", "--limit", "1")[1].splitlines()[1].split()[1] == "req_4"
    assert run("usage", "list", "--session", "x")[1] == "there are none\n"


def test_a_request_is_shown(run: Run) -> None:
    """With its attempts."""
    out = run("usage", "show", "req_1")[1]
    assert ["cost_nanos", "1"] in [line.split() for line in out.splitlines()]
    assert "0        openai/gpt-5-mini  500     error" in out
    assert "peer" in run("audit", "show", "req_1")[1]
    assert json.loads(run("audit", "show", "req_1", "--json")[1])["trail"]["url"] == "/v1/responses"
    assert run("usage", "show", "req_9")[0] == 1


def test_sessions_are_shown(run: Run) -> None:
    """In order, with what was said where that is kept."""
    assert run("audit", "sessions", *WHEN)[1].splitlines()[1].split()[1:5] == ["chat/7", "/", "1", "0"]
    assert json.loads(run("audit", "session", "chat/7", "--json")[1])[0]["said"]["request"]["text"] == '{"model":"gpt"}'
    out = run("audit", "session", "chat/7")[1]
    assert out.startswith("── 2023-11-15T00:00:00  req_4  /  master  127.0.0.1:5  POST /v1/responses  groq/llama  200")
    assert out.endswith('request:\n{"model":"gpt"}\n\nsent to groq/llama:\n{"model":"llama"}\n\nreply (cut):\nHello\n')
    assert out.partition("\n")[2] in run("audit", "show", "req_4")[1]
    assert run("audit", "session", "chat/8")[0] == 1


def test_all_is_exported(run: Run) -> None:
    """Into a file, or where it can be piped on."""
    assert run("usage", "export", "--format", "csv", "--output", "usage.csv")[:2] == (0, "")
    with Path("usage.csv").open(newline="") as file:
        assert [row["cost_nanos"] for row in csv.DictReader(file)] == ["1", "2", "3", "7"]
    assert not Path("usage.csv.part").exists()
    assert len(run("audit", "export")[1].splitlines()) == 4
    assert len(run("usage", "export", "--rows", "attempts")[1].splitlines()) == 7
    assert run("usage", "export", "--output", "no/where.csv")[0] == 2


def test_acts_are_listed_and_verified(run: Run, tmp_path: Path) -> None:
    """Whoever was at the database is found out."""
    listed = json.loads(run("audit", "acts", "--json")[1])
    assert [(act["kind"], act["author"]["key_id"]) for act in listed] == [("prompt.create", "local")]
    assert "prompt.create" in run("audit", "acts")[1]
    status, out, _ = run("audit", "verify")
    assert (status, out.startswith("1 acts are as they were written; the last is 1:")) == (0, True)
    assert run("audit", "verify", "--head", out.split()[-1])[0] == 0
    assert run("audit", "verify", "--head", "2:beef")[0] == 1

    async def change() -> None:
        database = open_database(f"sqlite:///{tmp_path}/data/trunkline.db")
        await database.write(
            lambda connection: connection.exec_driver_sql("UPDATE acts SET key_name = 'somebody else'").close()
        )
        await database.close()

    asyncio.run(change())
    status, out, error = run("audit", "verify")
    assert (status, out) == (1, "")
    assert "act 1 is not sound: it is not what was written" in error
    assert json.loads(run("audit", "verify", "--json")[1])["broken"] == 1


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("usage", "summary", "--by", "colour"), 1, "`group_by` is 'colour'"),
        (("usage", "summary", "--start", "soon"), 1, "`start` must be seconds"),
        (("usage", "list", "--url", "http://localhost:1/v1"), 2, "add --key"),
        (("store", "erase", "/team", "--url", "http://localhost:1/v1"), 2, "add --key"),
    ],
)
def test_what_cannot_be_done_is_one_line(run: Run, words: tuple[str, ...], status: int, says: str) -> None:
    """On standard error."""
    found, out, error = run(*words)
    assert (found, out, says in error) == (status, "", True)


def test_costs_are_computed_anew(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the prices of the configuration; a dry run says what it would come to."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    (tmp_path / "trunkline.yaml").write_text('prices: {"openai/gpt-5-mini": {input: "1", output: "1"}}\n')
    said = "changed, from $0.000000013 to $0.004500007"
    assert run("usage", "recalculate", "--dry-run", *WHEN)[1] == f"4 requests, 7 attempts: 6 would {said}\n".replace(
        "changed", "change"
    )
    assert run("usage", "recalculate", *WHEN)[1] == f"4 requests, 7 attempts: 6 {said}\n"
    whole = json.loads(run("usage", "summary", "--by", "all", "--json", *WHEN)[1])["data"][0]
    assert (whole["cost_nanos"], whole["unpriced"]) == (4_500_007, 0)
    assert run("audit", "acts", "--limit", "1")[1].splitlines()[1].find("usage.recalculate") > 0
