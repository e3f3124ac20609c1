"""What runs over sockets here runs on both event loops: uvloop as the gateway does, and the standard library's."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
import uvloop
from byteserver import ByteServer

from trunkline.upstream.http1 import HttpClient

SOCKET_FIXTURES = {"server", "connect"}


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    loops: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"uvloop": uvloop.new_event_loop}
    if SOCKET_FIXTURES.intersection(getattr(item, "fixturenames", ())):
        loops["asyncio"] = asyncio.new_event_loop
    return loops


@pytest.fixture
async def server() -> AsyncIterator[ByteServer]:
    opened = ByteServer()
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., HttpClient]]:
    """Make clients that sweep often, and close them at the end."""
    clients: list[HttpClient] = []

    def make(**settings: Any) -> HttpClient:
        clients.append(HttpClient(**{"sweep_seconds": 0.01, **settings}))
        return clients[-1]

    yield make
    for client in clients:
        await client.close()
