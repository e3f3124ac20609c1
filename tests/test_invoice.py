"""The invoice: what requests cost is the same number in records, headers, sums, exports and rows, and the right one."""

import csv
import io
import itertools
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from invoice import LINES, PRICES, Line
from scripted_gateway import UPSTREAM_KEY, Answer, Records, Scene, make_call
from trunkline.catalog.prices import PriceBook
from trunkline.clock import FakeClock
from trunkline.config.prices import read_prices
from trunkline.config.yaml_file import parse_yaml
from trunkline.log.both import Both
from trunkline.money import DECLARED, TOLD, Tariff, fill_rates, write_dollars
from trunkline.providers.account import Account, make_account
from trunkline.providers.directory import load_provider
from trunkline.records import Record
from trunkline.store.acts import ActKeys
from trunkline.store.engine import open_database
from trunkline.store.ledger.tables import REQUESTS
from trunkline.store.ledger.tried import select_attempts
from trunkline.store.open import OpenStore, StoreSettings, open_store

PROVIDERS = {
    "openai": ("responses", "chat"),
    "anthropic": ("messages",),
    "gemini": ("gemini",),
    "bedrock": ("bedrock",),
    "cohere": ("cohere",),
    "openrouter": ("chat",),
    "xai": ("chat",),
    "groq": ("chat",),
}
TOTAL = sum(line.nano or 0 for line in LINES)
EXPECTED = {
    "requests": {f"req_{number}": [line.nano] for number, line in enumerate(LINES, 1)},
    "attempts": {f"req_{number}": list(line.attempts or (line.nano,)) for number, line in enumerate(LINES, 1)},
}


def make_accounts() -> list[Account]:
    return [
        make_account(
            load_provider(name), name=name, base_url=f"https://{name}.test/v1", api_key=UPSTREAM_KEY, speaks=speaks
        )
        for name, speaks in PROVIDERS.items()
    ]


def make_prices() -> PriceBook:
    document = parse_yaml(PRICES, "trunkline.yaml")
    return PriceBook(read_prices(document, document.mapping(document.root, "the file")["prices"]))


@dataclass
class Invoiced:
    """What came of all lines: the answers in their order, the records, and the gateway with what it keeps."""

    scene: Scene
    store: OpenStore
    records: list[Record]
    answers: list[Answer]
    url: str

    async def get(self, path: str) -> Answer:
        return await self.scene.ask(path, method="GET")


@pytest.fixture
async def invoiced(tmp_path: Path) -> AsyncIterator[Invoiced]:
    folder = tmp_path
    clock, numbers, records = FakeClock(), itertools.count(1), Records()
    settings = StoreSettings(
        database_url=f"sqlite:///{folder}/trunkline.db",
        data_dir=folder,
        act_keys=ActKeys({"k0000001": bytes(32)}, "k0000001"),
    )
    async with open_store(settings, clock, sweeps=False) as store:
        scene = Scene(
            accounts=make_accounts(),
            clock=clock,
            records=Both(store.ledger, records),
            store=store.ports,
            mint_request_id=lambda: f"req_{next(numbers)}",
        )
        scene.catalog.tariff = make_prices()
        answers = [await ask(scene, line) for line in LINES]
        await store.settled()
        yield Invoiced(scene, store, records.kept[: len(LINES)], answers, settings.database_url)


async def ask(scene: Scene, line: Line) -> Answer:
    reply = line.reply()
    scene.upstream.answer = reply
    if not line.leaves:
        return await scene.ask(line.path, line.body)
    begun = await scene.gateway.handle(make_call(line.path, line.body))
    assert not isinstance(begun.body, bytes)
    begun.body.close()
    return Answer(begun.status, {name.decode(): value.decode() for name, value in begun.headers}, b"")


async def test_records_hold_the_prices(invoiced: Invoiced) -> None:
    """Those of the requests, and those of their attempts."""
    records = dict(zip((line.about for line in LINES), invoiced.records, strict=True))
    assert {about: record.cost for about, record in records.items()} == {line.about: line.nano for line in LINES}
    for line in LINES:
        record = records[line.about]
        assert (record.outcome, record.status) == (line.outcome, line.status), line.about
        costs = [attempt.cost for attempt in record.attempts]
        assert costs == list(line.attempts or (line.nano,)), line.about
        assert {attempt.cost_source for attempt in record.attempts} == {line.source}, line.about
        assert any(attempt.is_estimated for attempt in record.attempts) == line.is_estimated, line.about


async def test_headers_hold_the_prices(invoiced: Invoiced) -> None:
    """On replies in JSON, errors too, and nothing where nobody knows."""
    for line, answer, record in zip(LINES, invoiced.answers, invoiced.records, strict=True):
        is_told = "json" in answer.headers["content-type"] and line.nano is not None
        cost = write_dollars(line.nano or 0) if is_told else None
        assert answer.headers.get("x-trunkline-cost") == cost, line.about
        assert answer.headers["x-trunkline-attempts"] == str(max(1, len(line.attempts))), line.about
        assert answer.headers["x-trunkline-model"] == record.target, line.about


async def test_callers_are_told_what_was_counted(invoiced: Invoiced) -> None:
    """Where less is billed, all the same; and so are those who ask what was used."""
    whole, streamed = invoiced.answers[-2:]
    counted = whole.json["usage"]
    assert (counted["prompt_tokens"], counted["completion_tokens"]) == (507, 10)
    assert counted["prompt_tokens_details"]["cached_tokens"] == 448
    ended = json.loads(streamed.body.split(b"data: ")[-2])["response"]["usage"]
    assert (ended["input_tokens"], ended["output_tokens"]) == (507, 10)
    (sums,) = (await invoiced.get("/admin/v1/usage/summary?provider=cohere")).json["data"]
    used = sums["usage"]
    assert (used["total_input_tokens"], used["cached_input_tokens"], used["total_output_tokens"]) == (1014, 896, 20)
    assert (used["billed_input_tokens"], used["billed_output_tokens"]) == (24, 14)


async def test_the_sum_is_the_sum(invoiced: Invoiced) -> None:
    """Of what was rounded; what has no price is counted apart."""
    (sums,) = (await invoiced.get("/admin/v1/usage/summary")).json["data"]
    assert (sums["cost_nanos"], sums["requests"], sums["unpriced"], sums["estimated"]) == (TOTAL, len(LINES), 1, 2)
    by_provider = (await invoiced.get("/admin/v1/usage/summary?group_by=provider")).json["data"]
    assert sum(each["cost_nanos"] for each in by_provider) == TOTAL
    assert {each["provider"] for each in by_provider} == set(PROVIDERS)


@pytest.mark.parametrize("rows", ["requests", "attempts"])
async def test_exports_hold_the_prices(invoiced: Invoiced, rows: str) -> None:
    """As JSON lines, and as a table."""
    lines = (await invoiced.get(f"/admin/v1/usage/export?rows={rows}")).body.splitlines()
    assert group(map(json.loads, lines)) == EXPECTED[rows]
    table = (await invoiced.get(f"/admin/v1/usage/export?rows={rows}&format=csv")).body.decode()
    told = list(csv.DictReader(io.StringIO(table)))
    assert group({**row, "cost_nanos": int(row["cost_nanos"] or -1)} for row in told) == {
        id: [-1 if nano is None else nano for nano in costs] for id, costs in EXPECTED[rows].items()
    }
    assert all(row["cost"] == (write_dollars(int(row["cost_nanos"])) if row["cost_nanos"] else "") for row in told)


async def test_costs_come_out_the_same_when_they_are_computed_anew(invoiced: Invoiced) -> None:
    """And with other prices only those change that no provider told."""
    recalculate = "/admin/v1/usage/recalculate"
    again = (await invoiced.scene.ask(recalculate)).json
    assert (again["requests"], again["changed_attempts"], again["cost_after_nanos"]) == (len(LINES), 0, TOTAL)
    free = Tariff(fill_rates({"input": 0, "output": 0}), source=DECLARED)
    invoiced.scene.catalog.tariff = lambda account, provider, model: free
    told = sum(line.nano or 0 for line in LINES if line.source == TOLD)
    assert (await invoiced.scene.ask(recalculate)).json["cost_after_nanos"] == told
    (sums,) = (await invoiced.get("/admin/v1/usage/summary")).json["data"]
    assert (sums["cost_nanos"], sums["unpriced"]) == (told, 0)


def group(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The costs of each request."""
    costs: dict[str, list[Any]] = {}
    for row in rows:
        costs.setdefault(row.get("request_id") or row["id"], []).append(row["cost_nanos"])
    return costs


async def test_rows_hold_the_prices(invoiced: Invoiced) -> None:
    """Those in the database itself."""
    database = open_database(invoiced.url)
    try:
        for name, wanted in (
            ("requests", select(REQUESTS.c.id, REQUESTS.c.cost)),
            ("attempts", select_attempts(["request_id", "cost", "position"], []).order_by("request_id", "position")),
        ):
            rows = await database.read(lambda connection, wanted=wanted: connection.execute(wanted).all())
            assert group({"id": row[0], "cost_nanos": row[1]} for row in rows) == EXPECTED[name]
    finally:
        await database.close()


def test_the_lines_are_worked_out() -> None:
    """Some of them, once more and as plain numbers."""
    by_place = {0: 855_000, 2: 132_012, 4: 15_245_000, 5: 1_072_500_000, 8: 27_480_000, 13: 29_070_000, 15: 2_550_000}
    assert {place: LINES[place].nano for place in by_place} == by_place
    assert len({line.body["model"].partition("/")[0] for line in LINES if "model" in line.body}) >= 6
