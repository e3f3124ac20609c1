"""Hosts with several addresses."""

import asyncio
import socket
import time
from typing import Any

import pytest

from trunkline.upstream.dial import AddressInfo, dial, interleave

V4, V6 = socket.AF_INET, socket.AF_INET6


def info(family: socket.AddressFamily, host: str, port: int = 1) -> AddressInfo:
    return (family, socket.SOCK_STREAM, 6, "", (host, port) if family == V4 else (host, port, 0, 0))


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the name service answers in this test."""

    def say(*addresses: AddressInfo) -> asyncio.AbstractEventLoop:
        class Loop:
            """The running loop with a name service of ours."""

            def __init__(self) -> None:
                self.loop = asyncio.get_running_loop()

            def __getattr__(self, name: str) -> Any:
                return getattr(self.loop, name)

            async def getaddrinfo(self, *asked: Any, **how: Any) -> list[AddressInfo]:
                return list(addresses)

        return Loop()  # type: ignore[return-value]

    return say


@pytest.fixture
def listener() -> Any:
    opened = socket.create_server(("127.0.0.1", 0))
    yield opened
    opened.close()


@pytest.fixture
def full() -> Any:
    """A server that neither accepts nor refuses: its queue is full."""
    opened = socket.create_server(("127.0.0.1", 0), backlog=0)
    held = []
    for _ in range(3):
        held.append(socket.socket())
        held[-1].setblocking(False)
        held[-1].connect_ex(opened.getsockname())
    yield opened
    for each in [*held, opened]:
        each.close()


def test_families_alternate() -> None:
    """The system's first choice leads, the other family follows at once."""
    one, two, three = info(V6, "::1"), info(V6, "::2"), info(V6, "::3")
    four = info(V4, "127.0.0.1")
    assert interleave([one, two, three, four]) == [one, four, two, three]


async def test_refused_address_is_passed_over(names: Any, listener: socket.socket) -> None:
    """An address that refuses costs no delay."""
    port = listener.getsockname()[1]
    began = time.monotonic()
    opened = await dial(names(info(V4, "127.0.0.2", port), info(V4, "127.0.0.1", port)), "two.example", 1)
    assert opened.getpeername() == ("127.0.0.1", port)
    assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert time.monotonic() - began < 0.2
    opened.close()


async def test_silent_address_is_overtaken(names: Any, full: socket.socket, listener: socket.socket) -> None:
    """An address that does not answer costs a quarter of a second, and leaves no socket behind."""
    silent = info(V4, "127.0.0.1", full.getsockname()[1])
    good = info(V4, "127.0.0.1", listener.getsockname()[1])
    began = time.monotonic()
    opened = await dial(names(silent, good), "two.example", 1)
    assert opened.getpeername() == listener.getsockname()
    assert 0.2 < time.monotonic() - began < 1
    opened.close()
    await asyncio.sleep(0)


async def test_every_address_refuses(names: Any) -> None:
    """The last failure is told."""
    with pytest.raises(ConnectionRefusedError):
        await dial(names(info(V4, "127.0.0.1", 1), info(V4, "127.0.0.2", 1)), "two.example", 1)
