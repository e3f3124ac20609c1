"""A store on each kind of database, so that the same questions are put to both."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from kept import make_settings
from sqlalchemy import Connection, text

from postgresql_server import running_postgresql
from trunkline.clock import FakeClock
from trunkline.store.engine import open_database
from trunkline.store.open import OpenStore, StoreSettings, open_store


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Any]:
    """A PostgreSQL of this worker's own, by `get_uri`, `get_pid` and `ensure_postgres_running`."""
    with running_postgresql() as server:
        yield server


def drop_everything(connection: Connection) -> None:
    connection.execute(text("DROP SCHEMA public CASCADE"))
    connection.execute(text("CREATE SCHEMA public"))


@pytest.fixture
async def postgresql_url(postgresql: Any) -> str:
    """The URL of an empty database."""
    url = str(postgresql.get_uri("postgres"))
    database = open_database(url)
    await database.write(drop_everything)
    await database.close()
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/trunkline.db"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def settings(url: str, tmp_path: Path) -> StoreSettings:
    return make_settings(url, tmp_path)


@pytest.fixture
async def store(settings: StoreSettings, clock: FakeClock) -> AsyncIterator[OpenStore]:
    """An open store that is swept only when a test says so."""
    async with open_store(settings, clock, sweeps=False) as opened:
        yield opened
