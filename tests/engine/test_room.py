"""What cannot be recorded is not begun."""

import asyncio

import pytest

from scripted_gateway import Scene, json_reply
from trunkline.errors import Unavailable

CHAT = {"id": "c", "object": "chat.completion", "choices": [{"index": 0, "message": {"content": "Hi."}}]}
COSTLY = {
    "/v1/chat/completions": {"model": "native_chat-model", "messages": [{"role": "user", "content": "Hi?"}]},
    "/v1/embeddings": {"model": "native_chat-model", "input": "Hi?"},
}


@pytest.mark.parametrize("path", COSTLY)
async def test_no_room(path: str) -> None:
    """A full ledger refuses with 503 and a time to come again, and no upstream is asked."""
    scene = Scene()
    scene.records.is_short, scene.records.refusal = True, Unavailable("full", retry_after_seconds=5)
    answer = await scene.ask(path, COSTLY[path])
    assert answer.status == 503
    assert answer.headers["retry-after"] == "5"
    assert not scene.upstream.requests
    assert [record.status for record in scene.records.kept] == [503]


async def test_free_without_room() -> None:
    """What costs nothing is served by a ledger that is full."""
    scene = Scene()
    scene.records.is_short, scene.records.refusal = True, Unavailable("full")
    assert (await scene.ask("/v1/models", method="GET")).status == 200


async def test_little_room() -> None:
    """Before it is full, what is begun waits as long as the ledger says."""
    scene = Scene()
    scene.upstream.answer = json_reply(CHAT)
    scene.records.is_short, scene.records.wait_seconds = True, 0.05
    began = asyncio.get_running_loop().time()
    assert (await scene.ask("/v1/chat/completions", COSTLY["/v1/chat/completions"])).status == 200
    assert asyncio.get_running_loop().time() - began >= 0.04
