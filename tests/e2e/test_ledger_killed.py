"""A gateway that is killed at 200 requests a second has a row of every reply that it delivered, once."""

import asyncio
import http.client
import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import text

from postgresql_server import running_postgresql
from real_gateway import KEY, Gateway, make_fakes, model_of, running, running_gateway, upstream_environment
from trunkline.store.engine import open_database

# Enough that the pace is kept with 100 ms a request.
_CLIENTS = 20
_A_SECOND = 200
_DELIVERED = 400
_WITHIN_SECONDS = 60.0
_TIMES = 3

_HEADERS = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}

# A path, a body, and what the last bytes of a stream hold.
_QUESTIONS: tuple[tuple[str, dict[str, Any], bytes], ...] = (
    (
        "/v1/chat/completions",
        {"model": model_of("chat"), "messages": [{"role": "user", "content": "Hi?"}]},
        b"data: [DONE]",
    ),
    (
        "/v1/messages",
        {"model": model_of("messages"), "max_tokens": 99, "messages": [{"role": "user", "content": "Hi?"}]},
        b'"message_stop"',
    ),
    ("/v1/responses", {"model": model_of("responses"), "input": "Hi?"}, b'"response.completed"'),
)

pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/data/trunkline.db"
        return
    with running_postgresql() as server:
        yield str(server.get_uri("postgres"))


class Load:
    """Clients that ask at a steady pace until their gateway is gone. `delivered` are the ids of the requests whose end they
    saw."""

    def __init__(self, gateway: Gateway) -> None:
        self.delivered: list[str] = []
        self.enough = threading.Event()
        self._port = gateway.port
        self._turns = zip(count(), cycle(_QUESTIONS), strict=False)
        self._taking = threading.Lock()
        self._threads = [threading.Thread(target=self._go_on) for _ in range(_CLIENTS)]

    def start(self) -> None:
        self._begun = time.monotonic()
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(_WITHIN_SECONDS)

    def _go_on(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        try:
            while True:
                with self._taking:
                    turn, (path, body, last) = next(self._turns)
                time.sleep(max(0.0, self._begun + turn / _A_SECOND - time.monotonic()))
                self._ask(connection, path, {**body, "stream": turn % 2 == 0}, last)
        except (OSError, ValueError, http.client.HTTPException):
            return
        finally:
            connection.close()

    def _ask(self, connection: http.client.HTTPConnection, path: str, body: dict[str, Any], last: bytes) -> None:
        connection.request("POST", path, json.dumps(body), _HEADERS)
        reply = connection.getresponse()
        assert reply.status == 200
        try:
            whole = reply.read()
        except http.client.IncompleteRead as broken:
            whole = broken.partial
        # A client has what it wants of a stream before its connection is closed.
        if last in whole if body["stream"] else len(whole) == int(reply.headers["content-length"]):
            self.delivered.append(reply.headers["x-request-id"])
        if len(self.delivered) >= _DELIVERED:
            self.enough.set()


class Found(NamedTuple):
    """How many rows there are of each request, of its attempts wherever they stand, and of its audit; and how many requests
    were added up by the hour."""

    requests: Counter[str]
    attempts: Counter[str]
    trails: Counter[str]
    added_up: int


async def read_ids(url: str) -> Found:
    database = open_database(url)
    try:
        return await database.read(
            lambda connection: Found(
                *(
                    Counter(connection.execute(text(f"SELECT {each}")).scalars())
                    for each in (
                        "id FROM requests",
                        "request_id FROM attempts UNION ALL SELECT id FROM requests WHERE tried_at_micros IS NOT NULL",
                        "id FROM requests WHERE trail IS NOT NULL",
                    )
                ),
                int(connection.execute(text("SELECT SUM(requests) FROM hours WHERE kind < 2")).scalar_one()),
            )
        )
    finally:
        await database.close()


def test_whatever_was_delivered_is_in_the_ledger(tmp_path: Path, database_url: str) -> None:
    """The request, its attempt and its audit, each of them once, three times over."""
    fakes = make_fakes()
    delivered: list[str] = []
    with running(fakes):
        settings = upstream_environment(fakes) | {
            "TRUNKLINE_DATABASE_URL": database_url,
            "TRUNKLINE_SECRET": "c2VjcmV0LW9mLXRoZS10ZXN0cy10aGF0LWlzLWxvbmctZW5vdWdo",
        }
        for _ in range(_TIMES):
            with running_gateway(tmp_path, **settings) as gateway:
                load = Load(gateway)
                load.start()
                assert load.enough.wait(_WITHIN_SECONDS)
                gateway.process.send_signal(signal.SIGKILL)
                load.join()
                delivered += load.delivered
        with running_gateway(tmp_path, **settings):
            pass
    found = asyncio.run(read_ids(database_url))
    assert len(set(delivered)) == len(delivered) >= _TIMES * _DELIVERED
    assert [id for id in delivered if [counted[id] for counted in found[:3]] != [1, 1, 1]] == []
    assert set(found.requests.values()) == set(found.attempts.values()) == {1}
    assert found.added_up == found.requests.total()
