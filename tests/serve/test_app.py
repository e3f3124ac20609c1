"""The ASGI lane, asked without a server."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from doorstep import FakeGateway

from trunkline.call import Call, Reply, Sink
from trunkline.serve.app import App
from trunkline.serve.face import Face

SCOPE: dict[str, Any] = {
    "type": "http",
    "http_version": "1.1",
    "method": "GET",
    "path": "/v1/models",
    "raw_path": b"/v1/models",
    "query_string": b"",
    "headers": [(b"host", b"gateway")],
    "client": ("127.0.0.1", 1),
}


class Silence:
    """A stream without an end, which knows whether it was let go of."""

    def __init__(self) -> None:
        self.is_released = False

    async def pour(self, sink: Sink) -> None:
        try:
            sink.attach(self)
            await asyncio.Event().wait()
        finally:
            self.close()

    def close(self) -> None:
        self.is_released = True

    def pause(self) -> None: ...

    def resume(self) -> None: ...


@pytest.mark.parametrize("turns", range(24))
async def test_a_stream_is_let_go_of_whenever_its_client_leaves(turns: int) -> None:
    """Before its head is out, before its body begins, and in its midst."""
    gateway, stream = FakeGateway(), Silence()
    has_answered, has_left = asyncio.Event(), asyncio.Event()
    messages = [{"type": "http.request"}]

    async def answer(call: Call) -> Reply:
        has_answered.set()
        return Reply(status=200, headers=[], body=stream)

    async def receive() -> Mapping[str, Any]:
        if messages:
            return messages.pop()
        await has_left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Mapping[str, Any]) -> None:
        for _ in range(12):
            await asyncio.sleep(0)

    gateway.answer = answer
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(App(Face(gateway))(SCOPE, receive, send))
        await has_answered.wait()
        for _ in range(turns):
            await asyncio.sleep(0)
        has_left.set()
    assert stream.is_released
