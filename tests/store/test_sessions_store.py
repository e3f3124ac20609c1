"""Sessions among recorded requests, as the port says, on each kind of database."""

from collections.abc import AsyncIterator

import pytest

from recorded_rows import HOUR, START, make_attempt, put_request
from trunkline.state.sessions import WantedSessions
from trunkline.store.engine import Database, open_database
from trunkline.store.migrate import migrate
from trunkline.store.sessions import SqlSessions


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = open_database(url)
    await migrate(database)
    await put_request(database, "req_1", make_attempt(cost=1), session="s", path="/team/a")
    await put_request(
        database, "req_2", make_attempt(cost=2), session="s", path="/team/b", started_at_micros=START + HOUR
    )
    await put_request(database, "req_3", make_attempt(cost=None), session="s", path="/team/a", outcome="error")
    await put_request(database, "req_4", make_attempt(cost=None), session="t", path="/teams")
    await put_request(database, "req_5", make_attempt(cost=5), path="/team/a")
    yield database
    await database.close()


def _wanted(path: str = "/", start: int = START, end: int = START + 2 * HOUR) -> WantedSessions:
    return WantedSessions(path=path, start_micros=start, end_micros=end)


async def test_sessions_are_summed(database: Database) -> None:
    """Those of the newest requests first, each path's apart; without a price there is no cost."""
    found = await SqlSessions(database).page(_wanted(), before=None, limit=10)
    assert [(each.id, each.path, each.newest_id, each.requests, each.failed, each.cost) for each in found] == [
        ("t", "/teams", "req_4", 1, 0, None),
        ("s", "/team/a", "req_3", 2, 1, 1),
        ("s", "/team/b", "req_2", 1, 0, 2),
    ]


async def test_sessions_of_a_subtree(database: Database) -> None:
    """Of a path and of those below it."""
    found = await SqlSessions(database).page(_wanted("/team"), before=None, limit=10)
    assert [each.path for each in found] == ["/team/a", "/team/b"]


async def test_sessions_of_a_time(database: Database) -> None:
    """By when their requests began."""
    found = await SqlSessions(database).page(_wanted(start=START + HOUR), before=None, limit=10)
    assert [each.newest_id for each in found] == ["req_2"]


async def test_sessions_come_by_page(database: Database) -> None:
    """One more than was asked for says that there are more."""
    sessions = SqlSessions(database)
    first = await sessions.page(_wanted(), before=None, limit=1)
    assert [each.id for each in first] == ["t", "s"]
    rest = await sessions.page(_wanted(), before=first[0].newest, limit=5)
    assert [each.path for each in rest] == ["/team/a", "/team/b"]
