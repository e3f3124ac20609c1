"""What is asked of the database again and again, by nobody: no such question may read all rows of a table that grows."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kept import response
from sqlalchemy import event
from sqlalchemy.engine import Engine

from recorded import attempt, record
from trunkline.store.engine import open_database
from trunkline.store.ledger.fold import Fold
from trunkline.store.migrate import migrate
from trunkline.store.open import OpenStore

# A table as a whole, be it by way of an index. There are as few holds as there are runs under way.
_ALL_ROWS = re.compile(r"SCAN (?!holds|json_each|anon_)[a-z]")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/trunkline.db"


@pytest.fixture
def asked() -> Iterator[list[tuple[str, Any]]]:
    """All statements from here on, with what is put into them."""
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    yield statements
    event.remove(Engine, "before_cursor_execute", note)


def plans(url: str, asked: list[tuple[str, Any]], verb: str) -> dict[str, list[str]]:
    """How the statements that begin so come to their rows."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return {
            statement: [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            for statement, parameters in asked
            if statement.startswith(verb)
        }


async def test_looking_after_what_runs(store: OpenStore, url: str, asked: list[tuple[str, Any]]) -> None:
    """Every few seconds, in each process, what is under way is found by an index of that alone."""
    await store.ports.responses.keep(response("resp_1", status="queued", background=True))
    asked.clear()
    assert await store.ports.runs.orphans() == [("/", "resp_1")]
    found = plans(url, asked, "SELECT responses.path")
    assert [plan for _, plan in found.items()] == [["SEARCH responses USING INDEX ix_responses_under_way (status=?)"]]


async def test_folding(url: str, tmp_path: Path, asked: list[tuple[str, Any]]) -> None:
    """Several times a second, what attempts of new requests add to sums is found by these requests."""
    database = open_database(url)
    await migrate(database)
    asked.clear()
    await Fold(database, tmp_path / "refused")([record(1, attempts=[attempt(), attempt()])])
    await database.close()
    found = plans(url, asked, "INSERT INTO hours")
    assert any("SEARCH attempts" in line for plan in found.values() for line in plan)
    assert not [plan for plan in found.values() if any(map(_ALL_ROWS.match, plan))]


async def test_sweeping(store: OpenStore, url: str, asked: list[tuple[str, Any]]) -> None:
    """Every minute, what has expired is found where it stands."""
    await store.ports.responses.keep(response("resp_1"))
    asked.clear()
    await store.sweep()
    found = plans(url, asked, "SELECT") | plans(url, asked, "DELETE")
    assert len(found) > 5
    assert not [statement for statement, plan in found.items() if any(map(_ALL_ROWS.match, plan))]
