"""What attempts cost, written anew."""

from collections.abc import AsyncIterator

import pytest

from recorded_rows import make_attempt, put_request
from trunkline.money import Nano, fill_rates
from trunkline.state.usage import Recost, WantedUsage
from trunkline.store.engine import Database, open_database
from trunkline.store.ledger.tables import METADATA
from trunkline.store.usage import SqlUsage

RATES = fill_rates({"input": 1, "output": 2})


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = open_database(url)
    await database.write(METADATA.create_all)
    yield database
    await database.close()


async def test_costs_are_written_over(database: Database) -> None:
    """Of the attempts that are named, and of their requests; nothing else changes."""
    for number in (1, 2, 3):
        await put_request(database, f"req_{number}", make_attempt(cost=5), make_attempt(cost=6, input_tokens=7))
    rows = SqlUsage(database)
    await rows.recost(
        [Recost("req_1", 1, Nano(8), "declared", RATES), Recost("req_2", 0, None, "", None)],
        {"req_1": Nano(13), "req_2": Nano(6)},
    )
    requests = await rows.page(WantedUsage(path="/"), after=None, limit=9, order="asc")
    assert [request.cost for request in requests] == [13, 6, 11]
    attempts = await rows.attempts(["req_1", "req_2", "req_3"])
    assert [[attempt.cost for attempt in attempts[f"req_{number}"]] for number in (1, 2, 3)] == [
        [5, 8],
        [None, 6],
        [5, 6],
    ]
    changed = attempts["req_1"][1]
    assert (changed.cost_source, bytes(changed.rates)[:6], changed.usage.input_tokens) == ("declared", b"[1,2,1", 7)
    assert bytes(attempts["req_2"][0].rates) == b"null"
