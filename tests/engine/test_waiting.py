"""While a summary is being made, the client of a stream hears that it is."""

import asyncio
from typing import Any

import msgspec
import pytest
from stored_scene import StoredScene

from scripted_gateway import Client, ScriptedReply, json_reply, make_call, stream
from trunkline.engine.reply import waiting
from trunkline.ports import UpstreamRequest

LONG = [{"role": "user", "content": "word " * 900}, {"type": "message", "role": "assistant", "content": "word " * 900}]
ASKED = {
    "model": "chat-model",
    "input": [*LONG, {"role": "user", "content": "And?"}],
    "stream": True,
    "context_management": [{"type": "compaction", "compact_threshold": 1000}],
}


class SlowScene(StoredScene):
    """Its upstream writes a summary when the test says so."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.may_go_on = asyncio.Event()
        self.summary: ScriptedReply = json_reply(completion("A summary."))
        send = self.upstream.send

        async def slow(request: UpstreamRequest) -> ScriptedReply:
            if len(self.upstream.requests) == 0:
                self.upstream.answer = self.summary
                reply = await send(request)
                await self.may_go_on.wait()
                return reply
            self.upstream.answer = stream(*CHUNKS)
            return await send(request)

        self.upstream.send = slow  # type: ignore[method-assign]

    async def begin(self) -> Any:
        return await self.gateway.handle(make_call("/v1/responses", ASKED))


def completion(text: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    said = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: %b\n\n" % msgspec.json.encode(said)


CHUNKS = [chunk({"role": "assistant", "content": "Hello"}), chunk({}, "stop"), b"data: [DONE]\n\n"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "COMMIT_WITHIN", 0.02)
    monkeypatch.setattr(waiting, "KEEP_ALIVE_AFTER", 0.02)


async def test_silence_is_broken_while_a_summary_is_made() -> None:
    """The head goes out, and then the answer with its compaction, as if nothing had been."""
    scene, client = SlowScene(), Client()
    reply = await scene.begin()
    assert (reply.status, dict(reply.headers)[b"content-type"]) == (200, b"text/event-stream; charset=utf-8")
    pouring = asyncio.create_task(reply.body.pour(client))
    await asyncio.sleep(0.1)
    assert len(client.writes) >= 2
    assert set(client.writes) == {b": ping\n\n"}
    scene.may_go_on.set()
    await asyncio.wait_for(pouring, 5)
    types = [line[7:] for line in client.body.decode().splitlines() if line.startswith("event: ")]
    assert types[:3] == ["response.created", "response.in_progress", "response.output_item.added"]
    assert types[3] == "response.compaction.compacting"
    assert types[-1] == "response.completed"
    assert scene.records.only.outcome == "ok"


async def test_a_summary_that_is_quick_changes_nothing() -> None:
    """Its failure is a status."""
    scene = SlowScene()
    scene.summary = json_reply({"error": {"message": "Slow down."}}, 429)
    scene.may_go_on.set()
    reply = await scene.begin()
    assert reply.status == 429
    assert scene.records.only.outcome == "error"


async def test_a_summary_that_fails_late_is_told_in_the_stream() -> None:
    """As the dialect's error event, and recorded once."""
    scene, client = SlowScene(), Client()
    scene.summary = json_reply({"error": {"message": "Slow down."}}, 429)
    reply = await scene.begin()
    scene.may_go_on.set()
    await asyncio.wait_for(reply.body.pour(client), 5)
    assert b"Slow down." in client.body
    assert b'"type":"error"' in client.body
    assert (scene.records.only.outcome, scene.records.only.status) == ("error", 200)


async def test_a_gateway_that_goes_down_meanwhile_says_so() -> None:
    """Within the stream, and lets go of what was being made."""
    scene, client = SlowScene(), Client()
    reply = await scene.begin()
    pouring = asyncio.create_task(reply.body.pour(client))
    await asyncio.sleep(0.03)
    scene.gateway.drain()
    await asyncio.wait_for(pouring, 5)
    assert b"shutting down" in client.body
    assert scene.records.only.outcome == "error"
    assert len(scene.upstream.requests) == 1


@pytest.mark.parametrize("has_begun", [False, True])
async def test_a_client_that_leaves_meanwhile_ends_it(has_begun: bool) -> None:
    """Nothing more is asked, and it is recorded as left."""
    scene = SlowScene()
    reply = await scene.begin()
    if has_begun:
        pouring = asyncio.create_task(reply.body.pour(Client()))
        await asyncio.sleep(0.03)
        pouring.cancel()
        await asyncio.wait([pouring])
    else:
        reply.body.close()
    await asyncio.sleep(0.01)
    scene.may_go_on.set()
    await asyncio.sleep(0.02)
    assert len(scene.upstream.requests) == 1
    assert scene.records.only.outcome == "cancelled"
