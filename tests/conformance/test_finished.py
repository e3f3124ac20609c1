"""An answer is over when its model has said so, though the upstream then says nothing more and stays connected."""

import asyncio

import gemini_side
import pytest
import upstreams
import upstreams_alone
from upstreams import ANSWERS

from scripted_gateway import PATHS, Client, Scene, ScriptedReply, make_call, question, stream
from trunkline.engine.reply.relay import FINISHED_LINGER, KEEP_ALIVE_AFTER

KINDS = (*upstreams.KINDS, *upstreams_alone.KINDS, "gemini")

# These end their streams by an event that says nothing else.
_CLOSED = ("chat", "native_chat", "messages", "bedrock")


def _events(kind: str, name: str) -> list[bytes]:
    answer = ANSWERS[name]
    if kind == "gemini":
        return gemini_side.write_stream(answer)
    side = upstreams_alone if kind in upstreams_alone.KINDS else upstreams
    return side.write_stream(kind, answer)


async def _begin(scene: Scene, caller: str, kind: str, events: list[bytes]) -> "asyncio.Task[None]":
    reply: ScriptedReply = stream(*events, ending="open")
    scene.upstream.answer = reply
    answer = await scene.gateway.handle(make_call(PATHS[caller], question(caller, f"{kind}-model", stream=True)))
    assert not isinstance(answer.body, bytes)
    pouring = asyncio.create_task(answer.body.pour(Client()))
    await asyncio.sleep(0)
    return pouring


async def _let_pass(scene: Scene, seconds: int) -> None:
    for _ in range(seconds):
        scene.gateway.tick()
        await asyncio.sleep(0)


@pytest.mark.parametrize("name", ["text", "calls", "cut_text"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("caller", list(PATHS))
async def test_a_finished_answer_ends_well(caller: str, kind: str, name: str) -> None:
    """Whatever the upstream's streams end with."""
    scene = Scene()
    events = _events(kind, name)
    pouring = await _begin(scene, caller, kind, events[:-1] if kind in _CLOSED else events)
    await _let_pass(scene, FINISHED_LINGER + 2)
    assert pouring.done()
    record = scene.records.only
    assert record.outcome == ("incomplete" if name == "cut_text" else "ok")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("caller", list(PATHS))
async def test_silence_alone_is_no_end(caller: str, kind: str) -> None:
    """Before the model has said that it is done."""
    scene = Scene()
    pouring = await _begin(scene, caller, kind, _events(kind, "broken"))
    await _let_pass(scene, 2 * KEEP_ALIVE_AFTER)
    assert not pouring.done()
    pouring.cancel()
    await asyncio.wait([pouring])
