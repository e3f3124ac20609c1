"""Every test of the face runs on uvloop, as the gateway does."""

from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop
from doorstep import Door, FakeGateway

from trunkline.serve.limits import Limits

LIMITS = Limits(body_bytes=100_000, sweep_seconds=0.02, linger_seconds=0.2, greeting_seconds=0.1)


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], object]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def limits() -> Limits:
    """Small ones; a test file or parametrisation may say otherwise."""
    return LIMITS


@pytest.fixture
def base_path() -> str:
    return "/"


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


async def _opened(lane: str, gateway: FakeGateway, limits: Limits, base_path: str) -> AsyncIterator[Door]:
    door = Door(lane, gateway, limits, base_path)
    await door.open()
    yield door
    await door.close()


@pytest.fixture(params=["hot", "asgi"])
async def door(
    request: pytest.FixtureRequest, gateway: FakeGateway, limits: Limits, base_path: str
) -> AsyncIterator[Door]:
    """Both lanes."""
    async for opened in _opened(request.param, gateway, limits, base_path):
        yield opened


@pytest.fixture
async def hot(gateway: FakeGateway, limits: Limits, base_path: str) -> AsyncIterator[Door]:
    """The hot lane alone."""
    async for opened in _opened("hot", gateway, limits, base_path):
        yield opened
